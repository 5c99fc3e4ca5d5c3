#!/bin/bash
restore
systemctl restart redis-server
