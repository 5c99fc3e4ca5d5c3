#!/bin/bash
restore
systemctl restart orders
