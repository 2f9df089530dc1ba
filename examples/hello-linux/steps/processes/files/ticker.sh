#!/bin/sh
# Counts the seconds until it is asked to stop.
cd /workspace || exit 1
count=0
trap 'echo "stopped after $count" >> ticker.log; exit 0' TERM INT
echo "started" > ticker.log
while true; do
  count=$((count + 1))
  echo "tick $count" >> ticker.log
  sleep 1
done
