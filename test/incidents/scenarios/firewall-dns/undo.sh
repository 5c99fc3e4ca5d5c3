#!/bin/bash
iptables -D OUTPUT -p udp --dport 53 -j DROP
nft delete table ip filter 2>/dev/null || true
