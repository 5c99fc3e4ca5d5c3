#!/bin/bash
drop prices.service
