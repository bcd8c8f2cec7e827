#!/usr/bin/env bash
# toxiproxy from its Go module. `install.sh path` prints where it is.
set -euo pipefail
source "$(dirname "$0")/../cache.sh"

toxiproxy=$(entry toxiproxy 2.5.0 toxiproxy/install.sh)

build() {
    GOBIN="$1" go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0
    mv "$1/server" "$1/toxiproxy-server"
    "$1/toxiproxy-server" -version
}

if [ "${1:-}" = path ]; then
    echo "$toxiproxy/toxiproxy-server"
    exit
fi
fill "$toxiproxy" build
