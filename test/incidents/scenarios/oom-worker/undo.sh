#!/bin/bash
drop render.service
rm -rf /srv/render
