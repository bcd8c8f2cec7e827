#!/usr/bin/env bash
# From Debian: mosquitto and its clients, kcat, and curl to set servers up with.
set -euo pipefail
source "$(dirname "$0")/../cache.sh"

packages mosquitto mosquitto-clients kcat curl
