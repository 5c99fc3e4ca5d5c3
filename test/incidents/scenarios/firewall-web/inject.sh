#!/bin/bash
nft add table inet hardening
nft add chain inet hardening input '{ type filter hook input priority 0; policy accept; }'
nft add rule inet hardening input tcp dport 443 drop
soon not status https://shop.example/ 200
