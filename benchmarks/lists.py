"""Measures lists under every filter and sort, near and deep, beside the unfiltered first page.

`uv run python -m benchmarks.lists [--articles 1000000] [--engine SQLite] [--folder F]`

In this process, from the request to the bytes, nothing kept. Each list is asked for with several
values of its filter; each of those is asked for a few times and counts with its fastest, so that a
list costs what it takes and not what the disk takes. A list's figure is the median of its values.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import httpx2
import sqlalchemy as sa
from fastapi import FastAPI

from app.access.visibility import Visibility
from app.archive.selection import SORT_COLUMNS
from app.archive.tables import article
from app.articles.models import ArticleQuery
from app.express.reads import LIST
from app.main import create_app
from app.web.pages import Paging, Position
from benchmarks.archives import ENGINES, Archive, hold, kept, prepared
from benchmarks.generated_archive import AUTHORS, NEWEST, TAGS
from benchmarks.pictures import number, table

SORTS = ("-published_at", "published_at", "-updated_at", "updated_at", "headline")
VALUES, TRIES = 5, 3
RATIO_MAX = 1.5
WORST = 20
Filter = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Result:
    """How long a list takes, in microseconds; `is_short`: the short way answered it."""

    name: str
    microseconds: float
    is_short: bool


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures every list of a generated archive.")
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=ENGINES, action="append", help="both when not given")
    parser.add_argument("--folder", type=Path, help="where the archives are kept")
    options = parser.parse_args()
    with kept(options.folder) as folder:
        for engine in options.engine or ENGINES:
            with ExitStack() as stack:
                archive = prepared(engine, options.articles, folder, stack)
                hold([archive], folder, stack)
                results = asyncio.run(_measure(archive))
                print(
                    f"\n{engine}, {options.articles:,} articles\n\n{summary(results)}", flush=True
                )


async def _measure(archive: Archive) -> list[Result]:
    settings = archive.settings().model_copy(update={"response_cache_bytes": 0})
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://benchmark") as client:
            middles = {sort: _middle(app, sort, archive.articles) for sort in SORTS}
            results = []
            for name, filters in _filters(archive.articles):
                for sort in SORTS:
                    for depth in ("first", "deep"):
                        paths = [
                            _path(app, (*one, ("sort", sort)), middles[sort], depth)
                            for one in filters
                        ]
                        times = [await _time(app, client, path) for path in paths]
                        results.append(
                            Result(
                                f"{name or 'no filter'}, sort={sort}, {depth} page",
                                statistics.median(taken for taken, _ in times),
                                all(is_short for _, is_short in times),
                            )
                        )
            return results


def _filters(articles: int) -> Iterator[tuple[str, list[Filter]]]:
    """Every filter, every two of them, and some threes: a name and several values of each."""
    random = Random(4)

    def some(name: str, *values: str) -> list[Filter]:
        return [((name, value),) for value in values]

    def ago(share: float, spread: int) -> list[str]:
        at = NEWEST - timedelta(minutes=articles * share)
        moments = (at - timedelta(minutes=random.randrange(spread)) for _ in range(VALUES))
        return [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in moments]

    def tags(first: int) -> list[str]:
        return [f"tag-{place}" for place in range(first, first + VALUES)]

    numbers = [random.randrange(TAGS // 4) for _ in range(VALUES)]
    single: dict[str, list[Filter]] = {
        "a common tag": some("tag", *tags(0)),
        "a middle tag": some("tag", *tags(30)),
        "a rare tag": some("tag", *tags(TAGS - VALUES)),
        "two tags": [(("tag", f"tag-{place}"), ("tag", f"tag-{place + 1}")) for place in numbers],
        "any of three tags": some("tag", *(f"tag-{n},tag-{n + 20},tag-{n + 90}" for n in numbers)),
        "a section": some("section", *(f"tag-{place * 20}" for place in range(VALUES))),
        "an author": some(
            "author", *(f"author-{n}" for n in random.sample(range(AUTHORS), VALUES))
        ),
        "any of two authors": some(
            "author", *(f"author-{n},author-{n + 1}" for n in range(VALUES))
        ),
        "the language of all": some("language", *["en", "EN", "en,de", "en,fr", "en,it"]),
        "a language of none": some("language", *["de", "fr", "it", "es", "nl"]),
        "without a common tag": some("exclude_tag", *tags(0)),
        "without a rare tag": some("exclude_tag", *tags(TAGS - VALUES)),
        "published since lately": some("published_since", *ago(0.002, 500)),
        "published since long ago": some("published_since", *ago(0.9, 5_000)),
        "published until lately": some("published_until", *ago(0.002, 500)),
        "published until long ago": some("published_until", *ago(0.9, 5_000)),
        "updated since lately": some("updated_since", *ago(0.002, 500)),
        "updated since long ago": some("updated_since", *ago(0.9, 5_000)),
    }
    yield "", [(("limit", str(limit)),) for limit in (20, 20, 20, 20, 20)]
    yield from single.items()
    names = list(single)
    for several in [*combinations(names, 2), *random.sample(list(combinations(names, 3)), 100)]:
        parts = zip(*(single[name] for name in several), strict=True)
        merged = [tuple(pair for part in one for pair in part) for one in parts]
        if all(_is_asked_once(one) for one in merged):
            yield " + ".join(several), merged


def _is_asked_once(wanted: Filter) -> bool:
    many = {"tag", "section", "author", "language"}
    names = [name for name, _ in wanted if name not in many]
    return len(names) == len(set(names)) and len(wanted) == len(set(wanted))


def _middle(app: FastAPI, sort: Any, articles: int) -> Position:
    """The place in the middle of the whole archive, in this order."""
    key = article.c[SORT_COLUMNS[sort]]
    middle = sa.select(key, article.c.id).order_by(key, article.c.id)
    with app.state.database.reading() as session:
        row = session.connection().execute(middle.offset(articles // 2).limit(1)).one()
    value = row[0].astimezone(UTC).isoformat() if isinstance(row[0], datetime) else row[0]
    return Position((value, row[1]), backwards=False)


def _path(app: FastAPI, wanted: Filter, middle: Position, depth: str) -> str:
    if depth == "first":
        return f"{LIST}?{urlencode(wanted)}"
    many = {"tag", "section", "author", "language", "exclude_tag", "status", "ids"}
    given: dict[str, Any] = {}
    for name, value in wanted:
        if name in many:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    view = Visibility(NEWEST).fingerprint
    paging = Paging(app.state, LIST, ArticleQuery.model_validate(given), "articles", view)
    page = paging.between(None, middle)
    return f"{LIST}?cursor={page['next']}"


async def _time(app: FastAPI, client: httpx2.AsyncClient, path: str) -> tuple[float, bool]:
    """The fastest of some tries, and whether the short way took it."""
    base, _, query = path.partition("?")
    tries = []
    for _ in range(TRIES):
        scope = {"type": "http", "method": "GET", "path": base, "headers": []}
        began = time.perf_counter()
        ready = app.state.express.at_once(scope | {"query_string": query.encode()})
        if ready is None and not app.state.reads.are_immediate:
            asked = app.state.express.asked(scope | {"query_string": query.encode()})
            ready = await app.state.express.made_once(asked)
        if ready is None:
            began = time.perf_counter()
            answer = await client.get(path, timeout=60)
            answer.raise_for_status()
        tries.append(((time.perf_counter() - began) * 1e6, ready is not None))
        await asyncio.sleep(0)  # the next one is another turn
    return min(tries)


def summary(results: list[Result]) -> str:
    base = results[0].microseconds
    ratios = sorted(((one.microseconds / base, one) for one in results), key=lambda one: -one[0])
    over = sum(ratio > RATIO_MAX for ratio, _ in ratios)
    long = sum(not one.is_short for one in results)
    rows = [
        [one.name, number(one.microseconds), f"{ratio:.2f}", "" if one.is_short else "long way"]
        for ratio, one in ratios[:WORST]
    ]
    spread = ", ".join(
        f"{share:.0%} under {ratios[int((1 - share) * (len(ratios) - 1))][0]:.2f}"
        for share in (0.5, 0.9, 0.99)
    )
    return (
        f"{len(results):,} lists; the unfiltered first page takes {base:.0f} µs; {over} take more "
        f"than {RATIO_MAX} times that, {long} go the long way; {spread}\n\n"
        + table(["the slowest", "µs", "ratio", ""], rows)
    )


if __name__ == "__main__":
    main()
