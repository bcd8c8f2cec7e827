#!/usr/bin/env bash
# Installs what the tests use besides the compiler and the real servers (services.sh): a real browser, a Python with an
# MQTT client, cargo-deny. Does nothing where it is all there. Debian or Ubuntu, as root or with sudo; elsewhere it says
# what is missing.
set -euo pipefail
cd "$(dirname "$0")"
source ./packages.sh

has() { command -v "$1" >/dev/null 2>&1; }

has chromium || packages chromium fonts-dejavu-core
has strace || packages strace
services/mosquitto/install.sh
services/python/install.sh
cargo deny --version >/dev/null 2>&1 || cargo install --locked --quiet cargo-deny

./need.sh test
