#!/bin/bash
drop warehouse.service picking.service licence-check.service
