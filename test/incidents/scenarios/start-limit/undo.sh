#!/bin/bash
drop invoices.service
