#!/bin/bash
drop lookbook.service
rm -rf /srv/lookbook
