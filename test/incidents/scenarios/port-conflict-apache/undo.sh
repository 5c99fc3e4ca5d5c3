#!/bin/bash
systemctl disable -q --now apache2
systemctl reset-failed apache2
