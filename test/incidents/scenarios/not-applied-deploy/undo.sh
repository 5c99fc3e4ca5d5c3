#!/bin/bash
restore
