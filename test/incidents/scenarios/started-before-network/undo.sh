#!/bin/bash
drop partners.service
ip addr del 10.77.0.5/24 dev eth0
