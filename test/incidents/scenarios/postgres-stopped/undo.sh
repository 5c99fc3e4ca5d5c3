#!/bin/bash
systemctl start postgresql@15-main
