#!/bin/bash
drop interface.service
rm -rf /etc/interface /srv/interface
