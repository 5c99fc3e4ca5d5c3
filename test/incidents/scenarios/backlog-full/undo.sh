#!/bin/bash
drop payment.service tills.service
rm -rf /srv/payment
