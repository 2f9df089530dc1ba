#!/bin/sh
# As the public image does: an empty data folder is made into a cluster of POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB.
set -e
export PATH=/usr/lib/postgresql/15/bin:$PATH
data=/var/lib/postgresql/data
if [ "$(id -u)" = 0 ]; then chown postgres "$data"; exec setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"; fi
if [ ! -s $data/PG_VERSION ]; then
  printf %s "$POSTGRES_PASSWORD" > /tmp/pw
  initdb -D $data -U "$POSTGRES_USER" --pwfile /tmp/pw -A scram-sha-256 -E UTF8 --locale C.UTF-8 > /dev/null
  echo "host all all all scram-sha-256" >> $data/pg_hba.conf
  pg_ctl -D $data -o '-c listen_addresses= -c unix_socket_directories=/tmp' -w start > /dev/null
  PGPASSWORD="$POSTGRES_PASSWORD" psql -h /tmp -U "$POSTGRES_USER" -d postgres -c "create database \"$POSTGRES_DB\""
  pg_ctl -D $data -w stop > /dev/null
fi
exec postgres -D $data -c 'listen_addresses=*' -c unix_socket_directories=/tmp
