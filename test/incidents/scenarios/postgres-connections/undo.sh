#!/bin/bash
drop insight.service
rm -rf /srv/insight
soon status http://127.0.0.1:3100/health 200
