#!/bin/bash
systemctl start redis-server
