#!/bin/sh
# Writes a line to its log again and again. TERM stops it, HUP makes it read its settings anew.
cd /workspace/service || exit 1

log() { echo "$(date +%H:%M:%S) $1" >> heartbeat.log; }
settings() { . ./heartbeat.conf; log "settings: every $EVERY s, say $SAY"; }
stop() { log "stopped"; rm -f heartbeat.pid; exit 0; }

trap settings HUP
trap stop TERM INT

echo $$ > heartbeat.pid
log "started"
settings
while true; do
  log "$SAY"
  sleep "$EVERY"
done
