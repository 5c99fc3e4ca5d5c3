#!/bin/bash
systemctl disable -q --now shop-report.timer
soon is ActiveState shop-report.timer inactive
