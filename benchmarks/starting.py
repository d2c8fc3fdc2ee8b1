"""Measures the time from a server's start to its first answer, and its memory then and later.

`uv run python -m benchmarks.starting [--articles 100000] [--starts 5] [--engine SQLite] [--folder F]`

The database and the search index are there. The memory under load is that after some seconds of
different articles and pages, with the default cache.
"""

import argparse
import statistics
import time
from functools import partial
from pathlib import Path

from benchmarks.archives import ENGINES, Archive, on_each
from benchmarks.cases import ARTICLE, DEEP, LIST, byline_cases, get
from benchmarks.load import ask, measure
from benchmarks.pictures import table
from benchmarks.servers import (
    BYLINE,
    SERVER_CORE,
    START_SECONDS_MAX,
    UNKEPT,
    Memory,
    launched,
    memory,
)

FIRST = get("/v1/articles")
POLL_SECONDS = 0.005


def main() -> None:
    options = _options()
    measure = partial(_measure, options=options)
    rows = on_each(measure, options.engine, [options.articles], options.folder)
    heads = ["", "first 200 s", "slowest s", "resident MB", "own MB"]
    print(table([*heads, "under load: resident MB", "own MB"], rows), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures a server's start.")
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--engine", choices=ENGINES, action="append", help="both when not given")
    parser.add_argument("--seconds", type=int, default=5, help="of load for each kind of request")
    parser.add_argument("--folder", type=Path, help="where the archives are kept")
    return parser.parse_args()


def _measure(archive: Archive, options: argparse.Namespace) -> list[str]:
    cases = byline_cases(archive)
    took: list[float] = []
    at_first = later = Memory(0, 0)
    settings = archive.environment()
    for place in range(options.starts):
        began = time.perf_counter()
        with launched(
            BYLINE, archive.folder, cores=SERVER_CORE, log=UNKEPT, environment=settings
        ) as server:
            port, process = server
            _wait_for_200(port)
            took.append(time.perf_counter() - began)
            at_first = memory(process.pid)
            if place == options.starts - 1:
                for name in (ARTICLE, LIST, DEEP):
                    measure(port, cases[name].requests, seconds=options.seconds)
                later = memory(process.pid)
    times = [f"{statistics.median(took):.2f}", f"{max(took):.2f}"]
    figures = (at_first.resident, at_first.own, later.resident, later.own)
    name = f"{archive.engine}, {archive.articles:,} articles"
    return [name, *times, *(f"{one:.0f}" for one in figures)]


def _wait_for_200(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            if ask(port, FIRST)[0] == 200:
                return
        except OSError:
            time.sleep(POLL_SECONDS)
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    main()
