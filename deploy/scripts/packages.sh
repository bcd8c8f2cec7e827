# Sourced: `packages NAME…` installs the Debian packages that are not there yet, as root or with sudo, one apt at a time.
# shellcheck shell=bash

packages() {
    local wanted=() package sudo="" lock="${XDG_CACHE_HOME:-$HOME/.cache}/ioc-test/apt.lock"
    if ! command -v apt-get >/dev/null 2>&1; then
        # Elsewhere what is really missing says so when it is used.
        echo "not a Debian: cannot see whether these are installed: $*" >&2
        return 0
    fi
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || wanted+=("$package")
    done
    [ "${#wanted[@]}" -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] || sudo="sudo"
    mkdir -p "$(dirname "$lock")"
    (
        flock 9
        echo "installing: ${wanted[*]}"
        $sudo apt-get update -qq 9>&- || exit 1
        DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${wanted[@]}" 9>&- >/dev/null
    ) 9>"$lock"
}
