#!/bin/bash
restore
systemctl reset-failed ssh
systemctl start ssh
