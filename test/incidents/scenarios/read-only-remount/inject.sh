#!/bin/bash
mount -o remount,ro /srv/uploads
soon said shop EROFS
