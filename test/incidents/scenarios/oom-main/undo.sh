#!/bin/bash
drop importer.service
rm -rf /srv/importer
