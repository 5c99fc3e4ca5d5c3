#!/bin/bash
restore
systemctl restart shop
