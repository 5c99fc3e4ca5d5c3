#!/bin/bash
systemctl kill --signal=STOP shop
soon not status http://127.0.0.1:3000/ 200
