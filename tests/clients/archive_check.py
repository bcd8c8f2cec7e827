#!/usr/bin/env python3
"""Reads an archive folder with DuckDB and with pandas, without any of our code, and compares it with given figures.

    archive_check.py ARCHIVE EXPECTED.json [--exact] [--with duckdb,pandas,polars]

EXPECTED is a list of {"entity", "measure", "count", "sum", "min", "max"} over the values that are actual and good; one that
is left out of an entry is not compared. Every series of the list must be there, and with --exact no other may be.
Prints one line of JSON for each reader with what it found; exits with 1 when anything differs.
"""

import argparse
import json
import math
import pathlib
import sys

FIGURES = ("count", "sum", "min", "max")


def by_duckdb(archive):
    import duckdb

    points = str(archive / "points" / "**" / "*.parquet")
    rows = duckdb.sql(
        f"""
        select entity, measure, count(*), sum(value), min(value), max(value)
        from read_parquet('{points}', hive_partitioning = true)
        where status = 'actual' and quality = 0 and value is not null
        group by entity, measure
        """
    ).fetchall()
    return {(row[0], row[1]): dict(zip(FIGURES, row[2:])) for row in rows}


def by_pandas(archive):
    import pandas

    columns = ["entity", "measure", "value", "status", "quality"]
    points = pandas.read_parquet(archive / "points", columns=columns)
    points = points[(points.status == "actual") & (points.quality == 0) & points.value.notna()]
    figures = points.groupby(["entity", "measure"], observed=True).value.agg(["count", "sum", "min", "max"])
    return {key: row.to_dict() for key, row in figures.iterrows()}


def by_polars(archive):
    import polars

    points = polars.scan_parquet(archive / "points" / "**" / "*.parquet", hive_partitioning=True)
    value = polars.col("value")
    figures = (
        points.filter((polars.col("status") == "actual") & (polars.col("quality") == 0) & value.is_not_null())
        .group_by("entity", "measure")
        .agg(value.count().alias("count"), value.sum().alias("sum"), value.min().alias("min"), value.max().alias("max"))
        .collect()
    )
    return {(row["entity"], row["measure"]): {name: row[name] for name in FIGURES} for row in figures.to_dicts()}


def differences(found, expected, exact):
    for entry in expected:
        key = (entry["entity"], entry["measure"])
        series = found.get(key)
        if series is None:
            yield f"{key} is missing"
            continue
        for figure in FIGURES:
            if figure not in entry:
                continue
            wanted, got = float(entry[figure]), float(series[figure])
            # Sums are added in another order.
            if not math.isclose(wanted, got, rel_tol=1e-9, abs_tol=1e-9):
                yield f"{key} {figure}: {got} instead of {wanted}"
    if exact:
        wanted = {(entry["entity"], entry["measure"]) for entry in expected}
        for key in found.keys() - wanted:
            yield f"{key} is there and should not be"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=pathlib.Path)
    parser.add_argument("expected", type=pathlib.Path)
    parser.add_argument("--exact", action="store_true", help="no other series may be there")
    parser.add_argument("--with", dest="readers", default="duckdb,pandas", help="duckdb, pandas, polars")
    arguments = parser.parse_args()
    expected = json.loads(arguments.expected.read_text())
    readers = {"duckdb": by_duckdb, "pandas": by_pandas, "polars": by_polars}
    failed = False
    for name in arguments.readers.split(","):
        found = readers[name](arguments.archive)
        wrong = list(differences(found, expected, arguments.exact))
        failed |= bool(wrong)
        points = sum(int(series["count"]) for series in found.values())
        print(json.dumps({"reader": name, "series": len(found), "points": points, "differences": wrong[:20]}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
