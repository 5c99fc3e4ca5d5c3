#!/bin/bash
drop statistics.service
