#!/usr/bin/env bash
# A Python of the tests' own: the MQTT client, the readers of the archive, the judge of the schemas. `install.sh path` prints where it is.
set -euo pipefail
source "$(dirname "$0")/../cache.sh"

python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || packages python3 python3-venv
# Named by the system's Python, for which the packages are made.
python=$(entry python "$(python3 -c 'import platform; print(platform.python_version())')" \
    python/install.sh python/requirements.txt)

build() {
    # A virtual environment knows its own place and cannot be renamed; the packages can.
    python3 -m venv "$1/venv"
    "$1/venv/bin/pip" install --quiet --disable-pip-version-check --target "$1/packages" -r "$services/python/requirements.txt"
    rm -rf "$1/venv"
    printf '#!/bin/sh\nPYTHONPATH="%s/packages" exec python3 "$@"\n' "${1%.part.*}" >"$1/python"
    chmod +x "$1/python"
    PYTHONPATH="$1/packages" python3 -c 'import duckdb, jsonschema_rs, pandas, polars, pyarrow, paho.mqtt.client'
}

if [ "${1:-}" = path ]; then
    echo "$python/python"
    exit
fi
fill "$python" build
