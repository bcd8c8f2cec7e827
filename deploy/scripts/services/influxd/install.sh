#!/usr/bin/env bash
# InfluxDB OSS (no page of its own) from its Go module. It links libflux, which is Rust: 6 minutes on two cores.
set -euo pipefail
source "$(dirname "$0")/../cache.sh"

version=2.7.12
influxd=$(entry influxd "$version" influxd/install.sh)

build() {
    local into=$1 work=$1/work module
    mkdir -p "$work/bin"
    # Its go.mod has a replace line, which `go install` refuses: built inside a copy of the module instead.
    module=$(cd "$work" && go mod download -json "github.com/influxdata/influxdb/v2@v$version" |
        sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p')
    cp -r "$module" "$work/module"
    chmod -R u+w "$work/module"
    # libflux pins an old Rust, and newer lints break its build; it has to be built quickly, not to run quickly.
    printf '#!/bin/sh\nexec "$@" --cap-lints warn\n' >"$work/bin/rustc-quiet"
    chmod +x "$work/bin/rustc-quiet"
    local toolchain
    toolchain=$(cd "$services" && rustup show active-toolchain 2>/dev/null | cut -d' ' -f1) || true
    [ -z "$toolchain" ] || export RUSTUP_TOOLCHAIN=$toolchain
    unset CARGO_TARGET_DIR RUSTFLAGS CARGO_BUILD_TARGET
    export RUSTC_WORKSPACE_WRAPPER=$work/bin/rustc-quiet
    export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1
    # 2.5 GB while it builds: in the entry's own folder, so that it goes with it.
    export GOCACHE=$work/go-build XDG_CACHE_HOME=$work/cache GOFLAGS=-buildvcs=false CGO_ENABLED=1
    cd "$work/module"
    # A wrapper of theirs, at the version their go.mod pins, first in PATH: it builds libflux when cgo asks for it.
    go build -o "$work/bin/pkg-config" github.com/influxdata/pkg-config
    PATH="$work/bin:$PATH" go build -tags sqlite_foreign_keys,sqlite_json -ldflags '-s -w' -o "$into/influxd" ./cmd/influxd
    "$into/influxd" version
    cd "$into"
    chmod -R u+w "$work"
    rm -rf "$work"
}

if [ "${1:-}" = path ]; then
    echo "$influxd/influxd"
    exit
fi
[ -d "$influxd" ] || packages pkg-config build-essential
fill "$influxd" build
