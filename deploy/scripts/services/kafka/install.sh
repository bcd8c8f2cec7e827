#!/usr/bin/env bash
# Kafka's jars from Maven. `install.sh path` prints where they are.
set -euo pipefail
source "$(dirname "$0")/../cache.sh"

kafka=$(entry kafka 4.4.0 kafka/install.sh kafka/pom.xml)

build() {
    mvn -B -q -f "$services/kafka/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$1/libs"
    java -cp "$1/libs/*" kafka.tools.StorageTool random-uuid
}

if [ "${1:-}" = path ]; then
    echo "$kafka/libs"
    exit
fi
command -v java >/dev/null 2>&1 || packages default-jdk-headless
[ -d "$kafka" ] || command -v mvn >/dev/null 2>&1 || packages maven
fill "$kafka" build
