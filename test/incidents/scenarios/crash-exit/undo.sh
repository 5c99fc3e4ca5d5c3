#!/bin/bash
drop newsletter.service
rm -rf /srv/newsletter
