#!/usr/bin/env bash
# Runs influxd in the foreground: serve.sh DATA PORT. The same folder and port again: a restart with its data.
set -euo pipefail
data=$1 port=$2
influxd=$("$(dirname "$0")/install.sh" path)

mkdir -p "$data"
exec "$influxd" --http-bind-address "127.0.0.1:$port" --bolt-path "$data/influxd.bolt" \
    --sqlite-path "$data/influxd.sqlite" --engine-path "$data/engine" --reporting-disabled --log-level warn
