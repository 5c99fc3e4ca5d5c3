#!/bin/bash
drop price-list.timer price-list.service
