#!/bin/bash
drop basket.service
rm -rf /srv/basket
