#!/bin/bash
restore
systemctl daemon-reload
systemctl start mailer
