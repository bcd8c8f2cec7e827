# Sourced by the recipes. What they build is kept outside the checkout, one folder a version and recipe; an entry is
# complete or absent: it is built beside its place and renamed there when its own check has passed.
# shellcheck shell=bash

services="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$services/../packages.sh"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/ioc-test"

# Name, version, then every file whose change makes another thing: the folder of that entry.
entry() {
    local name=$1 version=$2
    shift 2
    local hash
    hash=$(cd "$services" && cat "$@" | sha256sum | cut -c1-12)
    echo "$cache/$name-$version-$hash"
}

# Entry, then the function that fills the folder it is given. One builder at a time; what a killed one left is removed.
fill() {
    local entry=$1 build=$2
    [ -d "$entry" ] && return
    mkdir -p "$cache"
    (
        flock 9
        [ -d "$entry" ] && exit
        local started=$SECONDS
        # What a killed builder left. One of its children may write there still: a name that was never used before.
        chmod -R u+w "$entry".part.* 2>/dev/null || true
        rm -rf "$entry".part.*
        local part
        part=$(mktemp -d "$entry.part.XXXXXX")
        # Not with `||` behind it, where bash ignores -e: the first command that fails has to end the recipe.
        set +e
        (set -euo pipefail; "$build" "$part" 9>&-) >"$entry.log" 2>&1
        if [ "$?" -ne 0 ]; then
            echo "cannot install $(basename "$entry"); the end of $entry.log:" >&2
            tail -n 30 "$entry.log" >&2
            exit 1
        fi
        chmod 755 "$part"
        mv "$part" "$entry"
        echo "installed $(basename "$entry") in $((SECONDS - started)) s"
    ) 9>"$entry.lock"
}
