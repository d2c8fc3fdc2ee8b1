"""Measures the rename of an author whom every article of an archive names.

`uv run python -m benchmarks.renaming [--articles 100000] [--engine SQLite] [--folder F]`

Told are the time of the request itself; from its start, when an article shows the new name, when a follower
of the changes that caught up before has all articles with it, and when a search for it finds all
of them, one asked after the other; and how long a reader and a writer of drafts wait meanwhile,
beside how long when nothing happens.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

from benchmarks.archives import ENGINES, Archive, on_each
from benchmarks.cases import ARTICLE, Case, byline_cases, get, sent
from benchmarks.generated_archive import words
from benchmarks.importing import READ_PAUSE_SECONDS
from benchmarks.load import NUMBER, WAIT_SECONDS_MAX, Reader, ask
from benchmarks.pictures import number, table
from benchmarks.servers import BYLINE, LOAD_CORE, SERVER_CORE, UNKEPT, pin, served, wait_until_quiet

AUTHOR = "author-0"
CHANGES_LIMIT = 500


def main() -> None:
    options = _options()
    measure = partial(_measure, options=options)
    rows = on_each(measure, options.engine, [options.articles], options.folder, authors=1)
    heads = ["", "the request s", "an article s", "changes s", "search s"]
    for one in ("read", "write"):
        heads += [f"a {one}'s p50 ms", "p99 ms", "most ms", "idle p50 ms", "p99 ms"]
    print(table(heads, rows), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures the rename of an author.")
    parser.add_argument("--articles", type=int, default=100_000, help="that name the author")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="both when not given")
    parser.add_argument("--seconds", type=int, default=10, help="of reading when nothing happens")
    parser.add_argument("--folder", type=Path, help="where the archives are kept")
    return parser.parse_args()


def _measure(archive: Archive, options: argparse.Namespace) -> list[str]:
    asked, key = byline_cases(archive)[ARTICLE], archive.key()
    settings = archive.environment(database_wait_seconds=WAIT_SECONDS_MAX / 2)
    draft = json.dumps({"headline": f"Draft {NUMBER}"}).encode()
    written = [sent("POST", "/v1/articles", {"Authorization": f"Bearer {key}"}, draft)]
    with served(BYLINE, archive.folder, cores=SERVER_CORE, log=UNKEPT, environment=settings) as (
        port,
        server,
    ):
        pin(os.getpid(), LOAD_CORE)
        cursor = _follow(port, "")[0]
        wait_until_quiet([server])

        def reader() -> Reader:
            return Reader(port, asked.requests, READ_PAUSE_SECONDS)

        def writer() -> Reader:
            return Reader(port, written, READ_PAUSE_SECONDS, status=201)

        with reader() as idle_reader, writer() as idle_writer:
            time.sleep(options.seconds)
        with reader() as busy_reader, writer() as busy_writer:
            times = _renamed(port, key, cursor, asked)
    waits: list[float] = []
    for busy, idle in ((busy_reader, idle_reader), (busy_writer, idle_writer)):
        waits += [busy.percentile(50), busy.percentile(99), max(busy.took_ms)]
        waits += [idle.percentile(50), idle.percentile(99)]
    return [archive.engine, *(f"{seconds:.2f}" for seconds in times), *map(number, waits)]


def _renamed(port: int, key: str, cursor: str, case: Case) -> list[float]:
    """Renames the author, and waits until all that follows is right; the seconds from the start."""
    name = words(Random(), 2)
    expected = int(_json(port, f"/v1/authors/{AUTHOR}?article_count=true")["article_count"])
    body = json.dumps({"name": name}).encode()
    headers = {"Authorization": f"Bearer {key}", "If-Match": "*"}
    request = sent("PATCH", f"/v1/authors/{AUTHOR}", headers, body)
    began = time.perf_counter()
    status, answer = ask(port, request, WAIT_SECONDS_MAX)
    if status != 200:
        raise RuntimeError(answer.decode())
    times = [time.perf_counter() - began]
    article = case.requests[0]
    _wait_until(lambda: name in ask(port, article)[1].decode())
    times.append(time.perf_counter() - began)
    moved: set[str] = set()

    def has_all() -> bool:
        nonlocal cursor
        cursor, some = _follow(port, cursor, name)
        moved.update(some)
        return len(moved) >= expected

    _wait_until(has_all)
    times.append(time.perf_counter() - began)
    query = quote(f'author:"{name}"')
    asked = f"/v1/search?limit=1&fields=slug&q={query}"
    _wait_until(lambda: int(_json(port, asked)["page"]["total"]) >= expected)
    return [*times, time.perf_counter() - began]


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError("what follows a rename is not right after all this time")
        time.sleep(0.05)


def _follow(port: int, cursor: str, name: str = "") -> tuple[str, list[str]]:
    """Reads the changes of articles to the end; the cursor there, and who came with that name."""
    ids: list[str] = []
    while True:
        since = f"&since={cursor}" if cursor else ""
        page = _json(port, f"/v1/changes?limit={CHANGES_LIMIT}&types=article&fields=authors{since}")
        ids += [
            one["id"]
            for one in page["data"]
            if name and name in (author["name"] for author in one["article"]["authors"])
        ]
        cursor = page["page"]["next"]
        if not page["page"]["has_more"]:
            return cursor, ids


def _json(port: int, path: str) -> Any:
    status, answer = ask(port, get(path))
    if status != 200:
        raise RuntimeError(f"{path}: {answer.decode()}")
    return json.loads(answer)


if __name__ == "__main__":
    main()
