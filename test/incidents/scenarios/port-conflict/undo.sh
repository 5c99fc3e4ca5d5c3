#!/bin/bash
drop metrics.service legacy-metrics.service
