#!/bin/bash
drop stock.service
