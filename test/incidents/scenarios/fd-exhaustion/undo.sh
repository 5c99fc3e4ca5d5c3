#!/bin/bash
drop tracking.service
rm -rf /srv/tracking
