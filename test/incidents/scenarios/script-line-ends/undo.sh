#!/bin/bash
drop gifts.service
rm -rf /srv/gifts
