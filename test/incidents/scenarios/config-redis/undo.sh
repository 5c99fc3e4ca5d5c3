#!/bin/bash
restore
systemctl reset-failed redis-server
systemctl start redis-server
