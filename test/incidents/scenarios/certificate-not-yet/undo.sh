#!/bin/bash
restore
systemctl restart nginx
