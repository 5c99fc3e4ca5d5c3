#!/bin/bash
keep /etc/resolv.conf
printf 'nameserver 10.77.0.250\noptions timeout:1 attempts:1\n' >/etc/resolv.conf
not timeout 1 getent hosts payments.example
