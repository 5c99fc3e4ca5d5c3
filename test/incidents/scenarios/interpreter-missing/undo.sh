#!/bin/bash
drop coupons.service
rm -rf /srv/coupons
