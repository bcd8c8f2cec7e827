#!/usr/bin/env bash
# Checks that what a step needs is there, and says how to get it. The few libraries that the build links come from Debian
# by themselves where that is possible. Usage: need.sh build|test
set -euo pipefail
source "$(dirname "$0")/packages.sh"

missing=()

need() { # command, what it is, how to install it
    command -v "$1" >/dev/null 2>&1 || missing+=("$2 ($1): $3")
}

need cargo "Rust 1.95 or newer" "install rustup, then: rustup toolchain install 1.95.0"
need node "Node.js 20 or newer" "apt-get install nodejs npm"
need npm "npm" "apt-get install npm"
need cc "a C compiler" "apt-get install build-essential"

if command -v node >/dev/null 2>&1; then
    major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
    [ "$major" -ge 20 ] || missing+=("Node.js 20 or newer (found $(node --version)): apt-get install nodejs")
fi

headers() { pkg-config --exists openssl zlib 2>/dev/null; }

headers || packages build-essential pkg-config libssl-dev zlib1g-dev || true
headers || missing+=("the headers of OpenSSL and zlib: apt-get install build-essential pkg-config libssl-dev zlib1g-dev")

if [ "${1:-build}" = test ]; then
    need go "Go 1.23 or newer" "https://go.dev/dl"
    need java "Java 17 or newer" "apt-get install default-jdk-headless"
    need mosquitto_pub "the mosquitto clients" "apt-get install mosquitto-clients"
    need python3 "Python 3" "apt-get install python3 python3-venv"
    need chromium "Chromium" "apt-get install chromium"
    need strace "strace" "apt-get install strace"
fi

if [ "${#missing[@]}" -gt 0 ]; then
    echo "Missing on this machine:" >&2
    printf '  - %s\n' "${missing[@]}" >&2
    exit 1
fi
