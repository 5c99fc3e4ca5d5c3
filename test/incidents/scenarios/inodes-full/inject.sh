#!/bin/bash
mkdir /srv/uploads/sessions
(cd /srv/uploads/sessions && seq 1000 | xargs touch) 2>/dev/null || true
rm -f /srv/uploads/thumbnail.tmp
touch /srv/uploads/sessions/one-more 2>/dev/null || true
soon said shop ENOSPC
