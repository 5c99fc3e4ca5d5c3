#!/bin/bash
drop exporter.service
umount /srv/exports
rm -rf /srv/exports /srv/exporter
