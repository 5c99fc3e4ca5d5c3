#!/bin/bash
drop rates.service
rm -rf /srv/rates
