#!/bin/bash
restore
systemctl start nginx
