#!/bin/bash
rm /etc/sudoers.d/deployment
