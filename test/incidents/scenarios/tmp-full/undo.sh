#!/bin/bash
drop brochure.service
umount -l /tmp
rm -rf /srv/brochure
