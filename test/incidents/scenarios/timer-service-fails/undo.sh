#!/bin/bash
restore
systemctl reset-failed shop-report
