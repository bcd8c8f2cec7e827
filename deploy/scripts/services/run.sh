# Sourced by services.sh: starting and ending one server, and knowing whether it is the one that was started.
# shellcheck shell=bash

# A pid alone may be somebody else's by now: with the moment of its start it is one process for ever.
born() { # pid
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The name in brackets may hold anything; what follows it does not.
    set -- ${stat##*) }
    [ "$1" != Z ] || return 1
    echo "${20}"
}

alive() { # name
    local pid birth
    read -r pid birth 2>/dev/null <"$folder/$1/pid" || return 1
    [ "$(born "$pid")" = "$birth" ]
}

# Below the range the system takes from for outgoing connections: nobody gets it between the look and the bind.
free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM << 15 | RANDOM) % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

launch() { # name, then the command
    local name=$1
    shift
    mkdir -p "$folder/$name"
    # A session of its own: the terminal's Ctrl-C is for the tests, which then stop it.
    setsid "$@" </dev/null >"$folder/$name/log" 2>&1 9>&- &
    echo "$! $(born $!)" >"$folder/$name/pid"
}

# Name, seconds, then the probe.
await() {
    local name=$1 limit=$2 end=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ! alive "$name"; then
            echo "$name ended at its start:" >&2
        elif [ "$SECONDS" -ge "$end" ]; then
            echo "$name is not ready after $limit s:" >&2
        else
            sleep 0.1
            continue
        fi
        tail -n 30 "$folder/$name/log" >&2
        return 1
    done
}

end() { # name
    local pid birth end=$((SECONDS + 20))
    alive "$1" || return 0
    read -r pid birth <"$folder/$1/pid"
    # It may be frozen.
    kill -CONT "$pid" 2>/dev/null || true
    kill -TERM "$pid" 2>/dev/null || true
    while alive "$1"; do
        [ "$SECONDS" -lt "$end" ] || kill -KILL "$pid" 2>/dev/null || true
        sleep 0.05
    done
}
