#!/bin/bash
ip route add default via 10.77.0.1
