#!/bin/bash
drop suggest.service
rm -rf /srv/suggest
