#!/bin/bash
systemctl unmask -q mailer
restore
systemctl daemon-reload
systemctl start mailer
