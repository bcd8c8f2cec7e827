#!/usr/bin/env bash
# Runs mosquitto in the foreground: serve.sh DATA PORT. The same folder and port again: a restart with its sessions (it
# writes its store for up to a second when it is told to stop: wait for its end first).
set -euo pipefail
here="$(dirname "$0")"
data=$1 port=$2

mkdir -p "$data"
sed -e "s|@DATA@|$data|; s|@PORT@|$port|" "$here/mosquitto.conf" >"$data/mosquitto.conf"
# Debian's default is a user of its own, who may not enter the folder.
[ "$(id -u)" -ne 0 ] || echo "user root" >>"$data/mosquitto.conf"
# Not in every user's PATH.
PATH="$PATH:/usr/sbin" exec mosquitto -c "$data/mosquitto.conf"
