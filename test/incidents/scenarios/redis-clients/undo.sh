#!/bin/bash
drop visitors.service
systemctl restart redis-server
