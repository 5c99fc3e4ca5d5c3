#!/bin/bash
drop translate.service
