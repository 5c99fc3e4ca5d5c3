#!/bin/bash
drop preview.service
systemctl start nginx
