#!/usr/bin/env bash
# Runs toxiproxy in the foreground: serve.sh PORT (of its API). The proxies are made over the API.
set -euo pipefail
exec env LOG_LEVEL=warn "$("$(dirname "$0")/install.sh" path)" -host 127.0.0.1 -port "$1"
