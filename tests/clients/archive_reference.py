"""DuckDB on the files that `measure` (crates/archive/examples) left: the three questions of the benchmark, in milliseconds.

archive_reference.py FOLDER; prints one line of JSON. Asked like our own side is: a day of one series of many, the same
number of tries, the first one told apart. DuckDB gets what a person would write who knows the layout: partition columns in
the WHERE clause.
"""

import json
import sys
import time
from datetime import UTC, datetime, timedelta

import duckdb

MEAN = """
select epoch_ms(time_bucket(interval 10 minutes, observed::timestamptz)) as step, avg(value) as mean
from points
where entity = $entity and measure = 'water_level' and quality = 0 and status = 'actual'
  and date between $from_date::date and $to_date::date and observed >= $from::timestamptz_ns and observed < $to::timestamptz_ns
group by step order by step
"""

# A person would bound the time: nothing older than a day counts as latest.
LATEST = """
select entity, measure, epoch_ms(max(observed)::timestamptz) as at, arg_max(value, observed) as value
from points
where quality = 0 and status = 'actual' and entity < $entity
  and date >= $to_date::date and hour >= $hour
group by entity, measure order by entity, measure limit 1000
"""

TOP = """
select entity, max(value) as highest
from points
where measure = 'water_level' and quality = 0 and status = 'actual'
  and date between $from_date::date and $to_date::date and observed >= $from::timestamptz_ns and observed < $to::timestamptz_ns
group by entity order by highest desc limit 10
"""


def timed(connection, tries, query, parameters):
    all_ms, rows = [], []
    for number in range(tries):
        wanted = parameters(number)
        began = time.perf_counter()
        rows = connection.execute(query, wanted).fetchall()
        all_ms.append((time.perf_counter() - began) * 1e3)
        assert rows
    ordered = sorted(all_ms)
    times = {"first": all_ms[0], "median": ordered[len(ordered) // 2], "worst": ordered[-1]}
    return times, len(rows)


def main():
    folder = sys.argv[1]
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(
        f"create view points as select * from read_parquet('{folder}/points/*/*/*/*.parquet', hive_partitioning = true)"
    )
    # As text and numbers: a time with a zone would need a package of its own on the way to Python.
    (last_ms,) = connection.execute("select epoch_ms(max(observed)::timestamptz) from points").fetchone()
    end = datetime.fromtimestamp(last_ms / 1e3, UTC)
    (entities,) = connection.execute("select count(distinct entity) from points where date = $1::date", [str(end.date())]).fetchone()

    def span(**back):
        start = end - timedelta(**back)
        return {"from": str(start), "to": str(end), "from_date": str(start.date()), "to_date": str(end.date())}

    def mean(number):
        return {"entity": f"wl-{number * 191 % entities:05}", **span(hours=24)}

    latest = {"entity": "wl-00500", "to_date": str(end.date()), "hour": f"{end.hour:02}"}
    mean_ms, _ = timed(connection, 11, MEAN, mean)
    latest_ms, found = timed(connection, 11, LATEST, lambda _: latest)
    assert found == 1000, found
    top_ms, found = timed(connection, 5, TOP, lambda _: span(hours=1))
    assert found == 10, found
    print(json.dumps({"mean_10min_day_ms": mean_ms, "latest_1000_ms": latest_ms, "top10_hour_ms": top_ms}))


main()
