#!/bin/bash
iptables -D INPUT -p tcp --dport 3100 -j DROP
nft delete table ip filter 2>/dev/null || true
