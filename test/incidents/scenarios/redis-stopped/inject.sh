#!/bin/bash
systemctl stop redis-server
soon status http://127.0.0.1:3000/health 500
