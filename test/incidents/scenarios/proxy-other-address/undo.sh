#!/bin/bash
systemctl disable -q --now haproxy
restore
drop seats.service
