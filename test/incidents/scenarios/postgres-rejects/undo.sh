#!/bin/bash
restore
systemctl reload postgresql@15-main
