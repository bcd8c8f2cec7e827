#!/usr/bin/env bash
# The real servers of the tests: Kafka, InfluxDB and mosquitto on loopback, on free ports, with their data in
# target/services. Usage:
#   services.sh install         brings what is not in the cache yet (services/*/install.sh), all at once
#   services.sh start           a fresh set, unless one is running and well; writes target/services.env
#   services.sh status          0 if all run and answer
#   services.sh stop            ends exactly what `start` started
#   services.sh path NAME       where an installed one is: influxd, kafka, python, toxiproxy
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts=$PWD/deploy/scripts/services
folder=$PWD/target/services
variables=$PWD/target/services.env
servers=(kafka influxd mosquitto)
org=ioc bucket=ioc token=ioc-test-token
source "$scripts/run.sh"

timed() { # words, then the command
    local words=$1 started=${EPOCHREALTIME/[.,]/}
    shift
    "$@" || return
    local took=$((${EPOCHREALTIME/[.,]/} - started))
    printf '%s: %d.%d s\n' "$words" $((took / 1000000)) $((took / 100000 % 10))
}

# The slow one in the background of the others.
install_all() {
    local jobs=() name failed=0
    for name in influxd kafka toxiproxy mosquitto python; do
        timed "install $name" "$scripts/$name/install.sh" &
        jobs+=($!)
    done
    for name in "${jobs[@]}"; do
        wait "$name" || failed=1
    done
    return "$failed"
}

port_of() { cat "$folder/$1/port" 2>/dev/null; }

kafka_ready() { timeout 5 kcat -b "127.0.0.1:$(port_of kafka)" -L -m 2; }
influxd_ready() { curl -fsS --max-time 2 "http://127.0.0.1:$(port_of influxd)/health"; }
mosquitto_ready() { timeout 2 mosquitto_pub -p "$(port_of mosquitto)" -q 1 -t probe -n; }

well() {
    local name
    [ -s "$variables" ] || return 1
    for name in "${servers[@]}"; do
        alive "$name" && "${name}_ready" >/dev/null 2>&1 || return 1
    done
}

set_up_influxdb() {
    curl -fsS --max-time 20 -o /dev/null -X POST "http://127.0.0.1:$(port_of influxd)/api/v2/setup" --data-binary \
        "{\"username\":\"ioc\",\"password\":\"ioc-test-password\",\"org\":\"$org\",\"bucket\":\"$bucket\",\"token\":\"$token\",\"retentionPeriodSeconds\":0}"
}

await_influxd() { await influxd 60 influxd_ready && set_up_influxdb; }

start_all() {
    local name failed=0
    stop_all
    rm -rf "$folder"
    for name in "${servers[@]}"; do
        mkdir -p "$folder/$name"
        free_port >"$folder/$name/port"
    done
    launch kafka "$scripts/kafka/serve.sh" "$folder/kafka/data" "$(port_of kafka)" "$(free_port)"
    launch influxd "$scripts/influxd/serve.sh" "$folder/influxd/data" "$(port_of influxd)"
    launch mosquitto "$scripts/mosquitto/serve.sh" "$folder/mosquitto/data" "$(port_of mosquitto)"
    timed "mosquitto ready" await mosquitto 20 mosquitto_ready || failed=1
    timed "influxd ready" await_influxd || failed=1
    timed "kafka ready" await kafka 120 kafka_ready || failed=1
    if [ "$failed" -ne 0 ]; then
        stop_all
        return 1
    fi
    # The names that `ioc run` reads; whole or not there.
    cat >"$variables.part" <<END
IOC__KAFKA__BROKERS=127.0.0.1:$(port_of kafka)
IOC__INFLUXDB__URL=http://127.0.0.1:$(port_of influxd)
IOC__INFLUXDB__ORG=$org
IOC__INFLUXDB__BUCKET=$bucket
IOC__INFLUXDB__TOKEN=$token
IOC__BROKER__URL=mqtt://127.0.0.1:$(port_of mosquitto)
END
    mv "$variables.part" "$variables"
}

stop_all() {
    local name
    rm -f "$variables"
    for name in "${servers[@]}"; do
        end "$name"
    done
}

mkdir -p target
exec 9>target/services.lock
case "${1:-}" in
install)
    exec 9>&-
    install_all
    ;;
start)
    flock 9
    if well; then
        echo "the servers run already"
    else
        timed "all started" start_all
    fi
    echo "their addresses: ${variables#"$PWD"/}"
    ;;
status)
    for name in "${servers[@]}"; do
        alive "$name" && echo "$name: runs on port $(port_of "$name")" || echo "$name: does not run"
    done
    well
    ;;
stop)
    flock 9
    stop_all
    ;;
path)
    "$scripts/$2/install.sh" path
    ;;
*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
