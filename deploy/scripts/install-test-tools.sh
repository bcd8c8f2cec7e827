#!/usr/bin/env bash
# Installs what the tests use besides the compiler: real MQTT clients, a real browser, cargo-deny. Does nothing where it
# is all there. Debian or Ubuntu, as root or with sudo; elsewhere it says what is missing.
set -euo pipefail

packages=()
has() { command -v "$1" >/dev/null 2>&1; }
has mosquitto_pub || packages+=(mosquitto-clients)
has mosquitto || packages+=(mosquitto)
has chromium || packages+=(chromium fonts-dejavu-core)
has strace || packages+=(strace)
python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || packages+=(python3 python3-venv)

if [ "${#packages[@]}" -gt 0 ] && has apt-get; then
    sudo=""
    [ "$(id -u)" -eq 0 ] || sudo="sudo"
    echo "installing: ${packages[*]}"
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

cache="${XDG_CACHE_HOME:-$HOME/.cache}/ioc-test"
mkdir -p "$cache"
if ! "$cache/paho/bin/python" -c 'import paho.mqtt.client' >/dev/null 2>&1; then
    python3 -m venv "$cache/paho"
    "$cache/paho/bin/pip" install --quiet --disable-pip-version-check 'paho-mqtt==2.1.0'
fi

cargo deny --version >/dev/null 2>&1 || cargo install --locked --quiet cargo-deny

"$(dirname "$0")/need.sh" test
