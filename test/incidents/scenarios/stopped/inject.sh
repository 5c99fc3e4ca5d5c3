#!/bin/bash
systemctl stop orders
soon status https://shop.example/orders/ 502
