#!/bin/bash
systemctl kill --signal=CONT shop
systemctl restart shop
