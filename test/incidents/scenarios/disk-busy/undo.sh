#!/bin/bash
drop archiver.service
rm -rf /srv/archiver
