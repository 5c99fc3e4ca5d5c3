#!/bin/bash
systemctl reset-failed redis-server
systemctl start redis-server
