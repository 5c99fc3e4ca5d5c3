#!/bin/bash
drop recommend.service
