"""Measures what a request costs as the archive grows, and draws it.

`uv run python -m benchmarks.growth [--size 10000 …] [--engine SQLite] [--picture FILE] [--folder F]`

The cost is processor time of the server, and of PostgreSQL with it, for each request of a load of 32
connections: what else the machine does changes it less than it changes the rate. Nothing is cached.
"""

import argparse
from pathlib import Path

from benchmarks.archives import ENGINES, Archive, on_each
from benchmarks.cases import ARTICLE, CREATE, DEEP, LIST, byline_cases, filtered_requests
from benchmarks.load import measure
from benchmarks.pictures import lines, table
from benchmarks.servers import BYLINE, SERVER_CORE, UNKEPT, cpu_seconds, served, wait_until_quiet

TAGGED = "newest 20 with a tag"
SIZES = (10_000, 100_000, 1_000_000)
Costs = dict[str, dict[int, float]]


def main() -> None:
    options = _options()
    sizes = options.size or SIZES
    costs: Costs = {}

    def note_costs(archive: Archive) -> None:
        for name, cost_us in _costs_us(archive, options.seconds).items():
            costs.setdefault(f"{archive.engine}: {name}", {})[archive.articles] = cost_us

    on_each(note_costs, options.engine, sizes, options.folder)
    print(_table(costs), flush=True)
    if options.picture:
        title = "Processor time of a request as the archive grows"
        each = len(costs) // len(options.engine or ENGINES)
        options.picture.write_text(lines(title, costs, "µs a request", colours=each))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures requests as the archive grows.")
    parser.add_argument("--size", type=int, action="append", help="10000, 100000 and 1000000")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="both when not given")
    parser.add_argument("--seconds", type=int, default=5, help="for each figure")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="an SVG file to write")
    parser.add_argument("--folder", type=Path, help="where the archives are kept")
    return parser.parse_args()


def _costs_us(archive: Archive, seconds: int) -> dict[str, float]:
    """Microseconds of processor time for a request of each kind."""
    cases = byline_cases(archive)
    asked = {name: cases[name].requests for name in (ARTICLE, LIST, DEEP)}
    asked |= {TAGGED: filtered_requests(), CREATE: cases[CREATE].requests}
    settings = archive.environment(response_cache_bytes=0)
    with served(BYLINE, archive.folder, cores=SERVER_CORE, log=UNKEPT, environment=settings) as (
        port,
        server,
    ):
        processes = [server] + ([archive.server_id] if archive.server_id else [])
        costs = {}
        for name, requests in asked.items():
            wait_until_quiet(processes)
            measure(port, requests, seconds=1, warm_up=False)
            before = sum(map(cpu_seconds, processes))
            answered = measure(port, requests, seconds=seconds, warm_up=False).requests
            costs[name] = (sum(map(cpu_seconds, processes)) - before) / max(answered, 1) * 1e6
    return costs


def _table(costs: Costs) -> str:
    sizes = sorted({size for values in costs.values() for size in values})
    rows = [
        [
            name,
            *(f"{values[size]:,.0f}" for size in sizes),
            f"{values[sizes[-1]] / values[sizes[0]]:.2f}",
        ]
        for name, values in costs.items()
    ]
    heads = ["µs of processor time", *(f"{size:,}" for size in sizes), "largest by smallest"]
    return table(heads, rows)


if __name__ == "__main__":
    main()
