#!/bin/bash
keep /var/www/docs
chmod 700 /var/www/docs
soon status http://docs.example:8080/ 403
