#!/bin/bash
drop catalogue.service srv-catalogue.mount
rm -rf /srv/catalogue /srv/catalogue-bin
