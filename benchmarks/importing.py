"""Measures how long a reader waits while many articles come in, beside how long when nothing does.

`uv run python -m benchmarks.importing [--articles 100000] [--new 20000] [--engine SQLite] [--folder F]`

The articles come as one stream over one connection, published; the reader asks for one article and
for the newest 20 in turn, a hundred times a second. Server and database are on one core.
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path

from benchmarks.archives import ENGINES, Archive, on_each
from benchmarks.bulk import Sender, Stream
from benchmarks.cases import ARTICLE, LIST_HOT, byline_cases
from benchmarks.load import Reader
from benchmarks.pictures import number, table
from benchmarks.servers import BYLINE, LOAD_CORE, SERVER_CORE, UNKEPT, pin, served

READ_PAUSE_SECONDS = 0.01


def main() -> None:
    options = _options()
    measure = partial(_measure, options=options)
    figures = on_each(measure, options.engine, [options.articles], options.folder)
    rows = [row for rows in figures for row in rows]
    heads = ["", "new articles/s", "reads", "a read's p50 ms", "p99 ms", "most ms"]
    print(table(heads, rows), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures reads while articles come in.")
    parser.add_argument("--articles", type=int, default=100_000, help="that are there before")
    parser.add_argument("--new", type=int, default=20_000, help="that come in")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="both when not given")
    parser.add_argument("--seconds", type=int, default=10, help="of reading when nothing comes in")
    parser.add_argument("--folder", type=Path, help="where the archives are kept")
    return parser.parse_args()


def _measure(archive: Archive, options: argparse.Namespace) -> list[list[object]]:
    cases, key = byline_cases(archive), archive.key()
    # Another name each time: the archive may have the articles of an earlier run.
    sender = Sender(f"import-{time.time_ns()}", "author-0", ("tag-0", "tag-1"))
    asked = [one for each in cases[ARTICLE].requests for one in (each, cases[LIST_HOT].requests[0])]
    with served(
        BYLINE, archive.folder, cores=SERVER_CORE, log=UNKEPT, environment=archive.environment()
    ) as (
        port,
        process_id,
    ):
        stream = Stream(port, key, "/v1/articles/bulk?publish=true", options.new, sender)
        pin(os.getpid(), LOAD_CORE)
        with Reader(port, asked, READ_PAUSE_SECONDS) as idle:
            time.sleep(options.seconds)
        with Reader(port, asked, READ_PAUSE_SECONDS) as busy:
            took, _peaks = stream.run(process_id)
    rate = f"{options.new / took:,.0f}"
    name = archive.engine
    return [_row(f"{name}, idle", "", idle), _row(f"{name}, importing", rate, busy)]


def _row(name: str, rate: str, reader: Reader) -> list[object]:
    times = [reader.percentile(50), reader.percentile(99), max(reader.took_ms)]
    return [name, rate, f"{len(reader.took_ms):,}", *map(number, times)]


if __name__ == "__main__":
    main()
