#!/bin/bash
drop auction.service
rm -rf /srv/auction
