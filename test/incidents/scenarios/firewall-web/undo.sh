#!/bin/bash
nft delete table inet hardening
