#!/bin/bash
ip route del default
not ip route get 192.0.2.1
