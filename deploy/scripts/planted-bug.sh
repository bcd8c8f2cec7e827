#!/usr/bin/env bash
# Shows that the crash test can fail: runs it against a node that acknowledges before it writes. Succeeds only if the
# test fails because acknowledged ids are lost, and prints that line.
set -euo pipefail
cd "$(dirname "$0")/../.."

deploy/scripts/need.sh build
deploy/scripts/install-test-tools.sh
make --no-print-directory ui
CARGO_TARGET_DIR=target/planted cargo build --locked -p ioc --features planted-ack-before-write
cargo test --locked -p ioc-tests --test crash --no-run

log=target/planted/crash.log
if IOC_BINARY="$PWD/target/planted/debug/ioc" IOC_CRASH_KILLS="${IOC_CRASH_KILLS:-5}" \
    cargo test --locked -p ioc-tests --test crash >"$log" 2>&1; then
    echo "the crash test passed although the node acknowledges before it writes: it proves nothing" >&2
    exit 1
fi
if ! grep -E '^[0-9]+ acknowledged ids are lost' "$log"; then
    echo "the crash test failed, but not for lost acknowledged ids:" >&2
    tail -n 40 "$log" >&2
    exit 1
fi
echo "the crash test finds the planted bug"
