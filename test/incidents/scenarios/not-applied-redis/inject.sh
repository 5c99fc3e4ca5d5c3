#!/bin/bash
keep /etc/redis/redis.conf
sleep 1
echo 'maxmemory 512mb' >>/etc/redis/redis.conf
grep -q 512mb /etc/redis/redis.conf
