"""Measures Byline over HTTP beside raw uvicorn and a tutorial's application, and prints tables.

`uv run python -m benchmarks.run [--articles 100000] [--engine SQLite] [--picture FILE] [--folder F]`

The servers, PostgreSQL's with them, share one core, and the load has another. In each round all
contenders are measured on one case before the next case, so that what else the machine does
meets them alike; a figure is the median of the rounds. A share is of what raw uvicorn gives in the
same round when it answers the bytes of Byline's answer from memory: its processor time for a request
by that of the contender, PostgreSQL's with it, which on a core that is busy all the time are the
requests a second, and does not change with what the other core has to do besides. With `--folder` the
archives are kept there and used again. All traffic stays on this machine.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from benchmarks.archives import ENGINES, Archive, durability, hold, kept, prepared
from benchmarks.cases import (
    ARTICLES,
    CASES,
    COLD,
    CREATE,
    INDEX_SECONDS_MAX,
    OTHERS,
    SEARCHED,
    UNCHANGED,
    Case,
    byline_cases,
    tutorial_cases,
)
from benchmarks.counted import statements_of
from benchmarks.load import CONNECTIONS, GENERATOR, Measured, ask, measure
from benchmarks.pictures import bars, number, table
from benchmarks.servers import (
    BYLINE,
    RAW,
    SERVER_CORE,
    UNKEPT,
    Memory,
    cpu_seconds,
    memory,
    served,
    wait_until_quiet,
)

TUTORIAL = [sys.executable, "-m", "benchmarks.contenders.tutorial"]
COUNTED_REQUESTS = 20


@dataclass(frozen=True)
class Contender:
    """One server, and the requests that it is measured with."""

    name: str
    port: int
    process_id: int
    cases: dict[str, Case]
    database_id: int | None = None

    @property
    def process_ids(self) -> list[int]:
        return [one for one in (self.process_id, self.database_id) if one is not None]


@dataclass(frozen=True)
class Taken:
    """One measurement: processor time of a request, and its share of raw uvicorn."""

    who: Contender
    case: str
    measured: Measured
    processor_us: float
    share: float
    memory: Memory


@dataclass(frozen=True)
class Figure:
    """What a contender made of a case: medians of the rounds. Memory is in MB, at the end of it."""

    articles: int
    contender: str
    case: str
    requests_a_second: float
    processor_us: float
    share: float
    p50_ms: float
    p99_ms: float
    statements: float | None
    resident_mb: float
    own_mb: float


def main() -> None:
    options = _options()
    with kept(options.folder) as folder:
        figures: list[Figure] = []
        for articles in options.articles or [100_000]:
            some = _measure(articles, folder, options)
            figures += some
            print(f"\n{summary(some)}\n\n{details(some)}", flush=True)
            (folder / "results.json").write_text(
                json.dumps([asdict(figure) for figure in figures], indent=1)
            )
        if options.picture:
            options.picture.write_text(picture(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures Byline on a generated archive.")
    parser.add_argument("--articles", type=int, action="append", help="100000 when not given")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="both when not given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="for each figure of a round")
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="an SVG file to write")
    parser.add_argument("--folder", type=Path, help="where the archives are kept, with the results")
    return parser.parse_args()


def _measure(articles: int, folder: Path, options: argparse.Namespace) -> list[Figure]:
    with ExitStack() as stack:
        archives = [
            prepared(engine, articles, folder, stack, tutorial=True)
            for engine in options.engine or ENGINES
        ]
        is_held = hold(archives, folder, stack)
        print(_conditions(articles, archives, options, is_held), flush=True)
        cases = {archive.engine: byline_cases(archive) for archive in archives}
        counts: dict[tuple[str, str], float] = {}
        for archive in archives:
            counts |= _statements(archive, cases[archive.engine], folder)
        raw = _raw(next(iter(cases.values())), folder, stack)
        others = [one for each in archives for one in _contenders(each, cases[each.engine], stack)]
        taken = _rounds(raw, others, options)
        return list(_figures(articles, taken, counts))


def _conditions(
    articles: int, archives: list[Archive], options: argparse.Namespace, is_held: bool
) -> str:
    databases = "; ".join(map(durability, archives))
    where = "held in memory" if is_held else "on disk, and in memory as far as the system keeps it"
    return (
        f"{articles:,} articles, {where}; {databases}; {options.connections} connections from {GENERATOR}; "
        f"{options.rounds} rounds of {options.seconds} s; Python {platform.python_version()}; "
        f"{os.cpu_count()} cores, servers and database on one of them"
    )


def _raw(cases: dict[str, Case], folder: Path, stack: ExitStack) -> Contender:
    """Raw uvicorn, which answers each case with the bytes that Byline answers it with."""
    files, asked = [], {}
    for place, case in enumerate(cases.values()):
        file = folder / f"answer-{place}.json"
        file.write_bytes(b"" if case.name == UNCHANGED else case.answer)
        files.append(str(file))
        requests = [_at(one, f"/{place}") for one in case.requests[:1_000]]
        status = case.status if case.name == UNCHANGED else 200
        asked[case.name] = Case(case.name, requests, status, case.answer)
    port, process_id = stack.enter_context(served(RAW, folder, *files, cores=SERVER_CORE))
    return Contender("raw uvicorn", port, process_id, asked)


def _at(request: bytes, path: str) -> bytes:
    method, _, rest = request.split(b" ", 2)
    return b" ".join((method, path.encode(), rest))


def _contenders(archive: Archive, cases: dict[str, Case], stack: ExitStack) -> Iterator[Contender]:
    """Byline with nothing cached, Byline as it is by default, and the tutorial's application."""
    for is_cold in (True, False):
        settings = archive.environment(**{"response_cache_bytes": 0} if is_cold else {})
        port, process_id = stack.enter_context(
            served(BYLINE, archive.folder, cores=SERVER_CORE, log=UNKEPT, environment=settings)
        )
        own = {name: case for name, case in cases.items() if (name in COLD) == is_cold}
        name = f"Byline, {archive.engine}"
        yield Contender(name, port, process_id, own, archive.server_id)
    port, process_id = stack.enter_context(
        served(TUTORIAL, archive.folder, archive.tutorial_url, cores=SERVER_CORE)
    )
    name = f"FastAPI tutorial, {archive.engine}"
    yield Contender(name, port, process_id, tutorial_cases(archive), archive.server_id)


def _rounds(raw: Contender, others: list[Contender], options: argparse.Namespace) -> list[Taken]:
    taken: list[Taken] = []
    for contender in (raw, *others):
        _check(contender)
    # A search index of another version is made anew first, and would take the core.
    wait_until_quiet([one.process_id for one in others], INDEX_SECONDS_MAX)
    for _ in range(options.rounds):
        for name in CASES:
            base = 0.0
            for one in (raw, *others):
                if name not in one.cases:
                    continue
                case = one.cases[name]
                connections = min(options.connections, case.connections_max)
                # A writer goes on with what a warm-up has left behind.
                if name != CREATE:
                    measure(one.port, case.requests, connections, 1, warm_up=False)
                before = sum(map(cpu_seconds, one.process_ids))
                measured = measure(
                    one.port, case.requests, connections, options.seconds, warm_up=False
                )
                took_seconds = sum(map(cpu_seconds, one.process_ids)) - before
                took_us = took_seconds / max(1, measured.requests) * 1e6
                base = base or took_us
                used = memory(one.process_id)
                taken.append(Taken(one, name, measured, took_us, base / took_us, used))
                if name == CREATE:
                    wait_until_quiet([other.process_id for other in others])
    return taken


def _check(contender: Contender) -> None:
    for case in contender.cases.values():
        status, _ = ask(contender.port, case.requests[0])
        if status != case.status:
            raise RuntimeError(f"{contender.name}: {case.name} was answered {status}")


def _figures(
    articles: int,
    taken: list[Taken],
    counts: dict[tuple[str, str], float],
) -> Iterator[Figure]:
    for who, case in dict.fromkeys((one.who.name, one.case) for one in taken):
        same = [one for one in taken if (one.who.name, one.case) == (who, case)]
        yield Figure(
            articles,
            who,
            case,
            statistics.median(one.measured.requests_a_second for one in same),
            statistics.median(one.processor_us for one in same),
            statistics.median(one.share for one in same),
            statistics.median(one.measured.p50_ms for one in same),
            statistics.median(one.measured.p99_ms for one in same),
            counts.get((who, case)),
            same[-1].memory.resident,
            same[-1].memory.own,
        )


def _statements(
    archive: Archive, cases: dict[str, Case], folder: Path
) -> dict[tuple[str, str], float]:
    """How many SQL statements a request takes, beside those that begin and end a transaction."""
    quiet = {"ticker": False, "search": False}
    cold = archive.environment(response_cache_bytes=0, **quiet)
    hot = archive.environment(**quiet)
    tutorial = ["benchmarks.contenders.tutorial"]
    byline = ["app.cli:main", "serve", "--port"]
    answered = tutorial_cases(archive)
    # What follows the sequence for search asks as well.
    counted = [name for name in cases if name not in SEARCHED]
    counts: dict[tuple[str, str], float] = {}
    for program, arguments, settings, name, chosen in (
        (byline, [], cold, "Byline", {one: cases[one] for one in counted if one in COLD}),
        (byline, [], hot, "Byline", {one: cases[one] for one in counted if one not in COLD}),
        (tutorial, [archive.tutorial_url], {}, "FastAPI tutorial", answered),
    ):
        lines = folder / "statements"
        lines.write_bytes(b"")
        _log_statements(archive, "all")
        command = [sys.executable, "-m", "benchmarks.counted", str(lines), *program]
        log = folder / "counted.log"
        with served(command, archive.folder, *arguments, log=log, environment=settings) as (
            port,
            _,
        ):
            watched = lines if archive.is_sqlite else folder / "postgres" / "log"
            for case in chosen.values():
                each = _statements_a_request(port, case, watched, archive.is_sqlite)
                counts[f"{name}, {archive.engine}", case.name] = each
        _log_statements(archive, "none")
    return counts


def _statements_a_request(port: int, case: Case, file: Path, is_sqlite: bool) -> float:
    requests = case.requests[: COUNTED_REQUESTS + 3]
    for request in (requests * 3)[:3]:
        ask(port, request)  # what a connection asks for when it is new is not the request's
    before = statements_of(file, is_sqlite)
    for place in range(COUNTED_REQUESTS):
        ask(port, requests[(place + 3) % len(requests)])
    return (statements_of(file, is_sqlite) - before) / COUNTED_REQUESTS


def _log_statements(archive: Archive, which: str) -> None:
    """Says what PostgreSQL logs of the connections that are opened from now on."""
    if archive.is_sqlite:
        return
    with psycopg.connect(archive.url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE \"{name}\" SET log_statement = '{which}'")


def summary(figures: list[Figure]) -> str:
    """Shares of raw uvicorn, a row for each contender; what is created, a second. What is asked of
    articles alone is in a table of its own, for the others have nothing like the rest."""
    return "\n\n".join(_shares(figures, cases) for cases in (ARTICLES, OTHERS))


def _shares(figures: list[Figure], cases: Sequence[str]) -> str:
    rows = []
    for name in dict.fromkeys(figure.contender for figure in figures if figure.case in cases):
        own = {figure.case: figure for figure in figures if figure.contender == name}
        cells = [_cell(own[case]) if case in own else "" for case in cases]
        rows.append([name, *cells])
    return table(["share of raw uvicorn", *cases], rows)


def _cell(figure: Figure) -> str:
    if figure.contender == "raw uvicorn":
        return f"1 = {figure.processor_us:.0f} µs"
    if figure.case == CREATE:
        return f"{figure.requests_a_second:,.0f}/s"
    return f"{figure.share:.3f}"


def details(figures: list[Figure]) -> str:
    rows = [
        [
            f"{one.contender}: {one.case}",
            f"{one.requests_a_second:,.0f}",
            f"{one.processor_us:,.0f}",
            f"{one.share:.3f}",
            number(one.p50_ms),
            number(one.p99_ms),
            "" if one.statements is None else f"{one.statements:g}",
            f"{one.resident_mb:.0f}",
            f"{one.own_mb:.0f}",
        ]
        for one in figures
    ]
    heads = [
        "",
        "requests/s",
        "processor µs",
        "share",
        "p50 ms",
        "p99 ms",
        "SQL statements",
        "resident MB",
        "own MB",
    ]
    return table(heads, rows)


def picture(figures: list[Figure]) -> str:
    """The shares of the smallest archive as bars."""
    smallest = min(figure.articles for figure in figures)
    groups: dict[str, dict[str, float]] = {}
    for one in sorted(figures, key=lambda figure: "Byline" not in figure.contender):
        is_shown = one.case in ARTICLES and one.case != CREATE
        if one.articles == smallest and one.contender != "raw uvicorn" and is_shown:
            groups.setdefault(one.case, {})[one.contender] = one.share
    title = f"Requests a second as a share of raw uvicorn, {smallest:,} articles"
    return bars(title, groups, "1 = raw uvicorn with the same bytes from memory")


if __name__ == "__main__":
    main()
