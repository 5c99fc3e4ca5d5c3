#!/bin/bash
drop supply.service
rm -rf /srv/supply
restore
