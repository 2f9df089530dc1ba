#!/bin/sh
echo "Hello, Linux"
