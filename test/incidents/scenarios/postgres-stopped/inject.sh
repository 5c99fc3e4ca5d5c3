#!/bin/bash
systemctl stop postgresql@15-main
soon status http://127.0.0.1:3100/health 500
