#!/bin/bash
drop gateway.service
rm -rf /srv/gateway
