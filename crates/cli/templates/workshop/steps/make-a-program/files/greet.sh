#!/bin/sh
cat /workspace/hello.txt
