#!/bin/bash
rm -rf /srv/uploads/sessions
