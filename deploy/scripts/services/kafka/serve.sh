#!/usr/bin/env bash
# Runs Kafka in the foreground: serve.sh DATA PORT CONTROLLER-PORT [ADVERTISED-PORT]. The last is the port that clients are
# sent to (a proxy in front). The same folder and ports again: a restart with its data.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
data=$1 port=$2 controller=$3 advertised=${4:-$2}
libs=$("$here/install.sh" path)

mkdir -p "$data"
sed -e "s|@DATA@|$data|; s|@PORT@|$port|; s|@CONTROLLER@|$controller|g; s|@ADVERTISED@|$advertised|" \
    "$here/server.properties" >"$data/server.properties"
if [ ! -e "$data/logs/meta.properties" ]; then
    java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$libs/*" kafka.tools.StorageTool format \
        -t wqKPqSkJTLqZ5n0Qk6dE2g -c "$data/server.properties" >"$data/format.log" 2>&1 || {
        cat "$data/format.log" >&2
        exit 1
    }
fi
exec java -Xmx512m -Xms256m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$libs/*" kafka.Kafka "$data/server.properties"
