#!/usr/bin/env bash
# The whole suite, in the order in which a mistake is cheapest to learn. `make test` and `.ci/run` call this.
set -euo pipefail
cd "$(dirname "$0")/../.."
# One build from start to end gains nothing from it, and it is gigabytes.
export CARGO_INCREMENTAL=0

step() {
    local started=$SECONDS name=$1
    shift
    echo "== $name"
    "$@"
    echo "== $name: done in $((SECONDS - started)) s"
}

browser_tests() {
    local here=tests/browser
    [ "$here/node_modules/.package-lock.json" -nt "$here/package-lock.json" ] ||
        (cd "$here" && npm ci --no-audit --no-fund --silent)
    # Files, not the folder: what `node --test FOLDER` means differs between versions. One at a time: they measure.
    IOC_BINARY="$PWD/target/debug/ioc" node --test --test-concurrency=1 "$here"/*.test.mjs
}

ui_tests() { (cd crates/console/ui && npm test --silent); }

# influxd takes minutes to build on a fresh machine: it starts first and has the compilation of the project to finish in.
install_log=target/services-install.log
stop_after=yes
finish() {
    [ -z "$installing" ] || kill -TERM -- "-$installing" 2>/dev/null || true
    # One that somebody had started before stays.
    [ "$stop_after" = no ] || deploy/scripts/services.sh stop
}

services() {
    local job=$installing
    installing=
    wait "$job" || { cat "$install_log" && return 1; }
    cat "$install_log"
    deploy/scripts/services.sh start
}

mkdir -p target
! deploy/scripts/services.sh status >/dev/null 2>&1 || stop_after=no
setsid deploy/scripts/services.sh install >"$install_log" 2>&1 &
installing=$!
trap finish EXIT

deploy/scripts/need.sh build
step "test tools" deploy/scripts/install-test-tools.sh
step "page" make --no-print-directory ui
step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
step "dependencies" cargo deny --locked check bans licenses sources
step "build" cargo build --locked --workspace --bins
step "services" services
# Every test binary runs, whatever another says: one run tells all that is wrong.
step "tests" cargo test --locked --workspace --no-fail-fast
# Of the whole workspace, so that nothing is built again with other features.
step "InfluxDB itself" cargo test --locked --workspace --test real_server -- --ignored
step "page units" ui_tests
step "browser" browser_tests
echo "all tests passed"
