#!/bin/bash
drop chat.service
rm -rf /srv/chat
