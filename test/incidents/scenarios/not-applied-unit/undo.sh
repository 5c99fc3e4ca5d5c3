#!/bin/bash
restore
systemctl daemon-reload
