#!/bin/bash
drop loyalty.service
