#!/bin/bash
drop scanner.service
