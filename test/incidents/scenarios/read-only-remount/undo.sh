#!/bin/bash
mount -o remount,rw /srv/uploads
