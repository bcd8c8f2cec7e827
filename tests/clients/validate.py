#!/usr/bin/env python3
"""Holds every line of standard input (one JSON value each) against a JSON Schema. The judge is not ours (jsonschema-rs)."""

import json
import sys

import jsonschema_rs

SHOWN_MAX = 3

with open(sys.argv[1], encoding="utf-8") as file:
    judge = jsonschema_rs.validator_for(json.load(file), validate_formats=True)
lines = bad = 0
for line in sys.stdin:
    lines += 1
    for error in judge.iter_errors(json.loads(line)):
        bad += 1
        if bad <= SHOWN_MAX:
            print(f"line {lines}: {error.message} at {'/'.join(map(str, error.instance_path))}\n{line}", file=sys.stderr)
print(lines)
sys.exit(1 if bad else 0)
