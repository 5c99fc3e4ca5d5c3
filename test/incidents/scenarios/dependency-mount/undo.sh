#!/bin/bash
drop archive.service srv-archive.mount
rm -rf /srv/archive
