#!/bin/bash
rm /etc/nginx/sites-enabled/search
systemctl reload nginx
