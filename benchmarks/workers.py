"""Measures what more workers give, and what each of them takes in memory.

`uv run python -m benchmarks.workers [--articles 100000] [--workers 4] [--engine SQLite] [--folder F]`

The load generator has the last core. The workers have first the cores that are left, then all of them: on
two cores the first shows what more workers than cores lose, and the second what a second core
gives, less what the load generator takes of it: of small answers much, of searches and of pages of
changes hardly anything. Memory is counted so that what processes
share is shared out among them.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.archives import ENGINES, Archive, on_each
from benchmarks.cases import ARTICLE, ARTICLE_HOT, CHANGES, SEARCH, Case, byline_cases
from benchmarks.load import measure
from benchmarks.pictures import table
from benchmarks.servers import (
    BYLINE,
    CORES,
    SERVER_CORES,
    START_SECONDS_MAX,
    UNKEPT,
    family,
    pin,
    served,
    shared_memory,
    wait_until_quiet,
)

NOTHING_KEPT, KEPT = (ARTICLE, CHANGES, SEARCH), (ARTICLE_HOT,)
"""What is asked of servers that keep no answers, and of such as are by default."""


def main() -> None:
    options = _options()
    measured = on_each(
        partial(_measure, options=options), options.engine, [options.articles], options.folder
    )
    rows = [row for rows in measured for row in rows]
    heads = ["", "workers", "cores"]
    for name in (*NOTHING_KEPT, *KEPT):
        heads += [f"{name}: requests/s", "of one worker"]
    print(table([*heads, "MB in all", "MB a worker"], rows), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures workers.")
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=max(2, len(CORES)), help="most of them")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="both when not given")
    parser.add_argument("--seconds", type=int, default=5, help="for each figure")
    parser.add_argument("--folder", type=Path, help="where the archives are kept")
    return parser.parse_args()


def _measure(archive: Archive, options: argparse.Namespace) -> list[list[object]]:
    cases, rows = byline_cases(archive), list[list[object]]()
    for cores in (SERVER_CORES, CORES):
        if archive.server_id:
            pin(archive.server_id, cores)
        rows += _rows(archive, cases, cores, options)
    return rows


def _rows(
    archive: Archive, cases: dict[str, Case], cores: list[int], options: argparse.Namespace
) -> Iterator[list[object]]:
    single: dict[str, float] = {}
    for workers in range(1, options.workers + 1):
        row: list[object] = [archive.engine, workers, len(cores)]
        for settings, measured in ({"response_cache_bytes": 0}, NOTHING_KEPT), ({}, KEPT):
            with _serving(archive, workers, cores, settings) as (port, server):
                for name in measured:
                    case = cases[name]
                    rate = measure(port, case.requests, case.connections_max, options.seconds)
                    first = single.setdefault(name, rate.requests_a_second)
                    row += [
                        f"{rate.requests_a_second:,.0f}",
                        f"{rate.requests_a_second / first:.2f}",
                    ]
                total = sum(map(shared_memory, family(server)))
        yield [*row, f"{total:.0f}", f"{total / workers:.0f}"]


@contextmanager
def _serving(
    archive: Archive, workers: int, cores: list[int], settings: dict[str, int]
) -> Iterator[tuple[int, int]]:
    command = [*BYLINE[:-1], "--workers", str(workers), BYLINE[-1]]
    environment = archive.environment(**settings)
    with served(command, archive.folder, cores=cores, log=UNKEPT, environment=environment) as (
        port,
        server,
    ):
        _wait_for_workers(server, workers)
        yield port, server


def _wait_for_workers(server: int, workers: int) -> None:
    """A server listens before its workers are there."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while len(family(server)) < (workers if workers > 1 else 0) and time.monotonic() < deadline:
        time.sleep(0.1)
    wait_until_quiet([server])


if __name__ == "__main__":
    main()
