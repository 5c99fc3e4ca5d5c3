#!/bin/bash
iptables -I INPUT -p tcp --dport 3100 -j DROP
soon not status http://127.0.0.1:3100/ 200
