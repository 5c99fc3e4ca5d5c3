#!/bin/bash
restore
systemctl reset-failed postgresql@15-main
systemctl start postgresql@15-main
