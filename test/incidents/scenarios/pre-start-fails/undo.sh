#!/bin/bash
drop gallery.service
rm -rf /srv/gallery
