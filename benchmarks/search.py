"""Measures search on a large archive: making the index, asking it, and when a write is found.

`uv run python -m benchmarks.search [--articles 1000000] [--words 300] [--keep FOLDER]`

The index is made on one core, and for comparison a plain one of Tantivy's, with one stemmed field,
of the same texts. Queries are asked in the process, one after the other, by an anonymous caller,
each with other words of its class. Writes go over HTTP, on this machine. What `--keep` names has
the database and the index afterwards; where they are there already they are taken as they are.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session
from tantivy import Document, Filter, Index, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

from app.access.actions import create_key, database_id
from app.access.models import KeyCreate
from app.access.visibility import Visibility
from app.archive.tables import article
from app.articles.queries import view_of
from app.db.database import Database
from app.db.migrate import migrate
from app.main import utc_now
from app.search.follower import Keeper, Progress
from app.search.index import PLACE_FILE, SearchIndex, View, read_place
from app.search.languages import terms
from app.search.matching import Limits
from app.search.models import SearchQuery
from app.search.queries import Asked, search
from app.search.related import related_articles
from app.search.suggestions import suggest
from app.settings import Settings
from benchmarks.generated_archive import NEWEST
from benchmarks.generated_text import AUTHORS, TAGS, fill, names, vocabulary
from benchmarks.servers import served

LANGUAGE = "en"
RUNS, WARM_UP = 200, 5
PLAIN_ARTICLES_MAX = 200_000
WRITES, POLL_SECONDS, FOUND_SECONDS_MAX = 20, 0.005, 30
COMMON, MIDDLE, RARE = 0.1, 0.001, 10
SUGGESTED = 10
Ask = Callable[[Session, View, int], object]


def main() -> None:
    options = _options()
    with TemporaryDirectory(prefix="byline-benchmark-") as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{folder.resolve() / 'byline.db'}"
        database = Database(url)
        _prepare(database, options)
        settings = Settings(database_url=url, data_dir=folder, log_level="error")
        index = SearchIndex(settings.search_dir, database_id(database))
        if not (index.folder / PLACE_FILE).exists():
            _measure_build(database, index, settings, Path(scratch))
        if options.queries:
            _measure_queries(database, index, settings, options)
        database.close()
        if options.writes:
            _measure_writes(url, folder.resolve())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures search.")
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--words", type=int, default=300, help="of a body")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keeps what it makes there")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each query")
    parser.add_argument("--only", default="", help="measures the queries with this in their name")
    parser.add_argument("--no-queries", dest="queries", action="store_false")
    parser.add_argument("--no-writes", dest="writes", action="store_false")
    return parser.parse_args()


def _prepare(database: Database, options: argparse.Namespace) -> None:
    migrate(database)
    with database.reading() as session:
        is_there = session.connection().execute(sa.select(article.c.id).limit(1)).first()
    if is_there:
        return
    began = time.perf_counter()
    fill(database, options.articles, options.words)
    print(
        f"{options.articles:,} articles written in {time.perf_counter() - began:.0f} s", flush=True
    )


def _measure_build(
    database: Database, index: SearchIndex, settings: Settings, scratch: Path
) -> None:
    keeper = Keeper(index, database, utc_now, settings.search_memory_bytes)
    with _one_core(), keeper.locked():
        began = time.perf_counter()
        keeper.open(_told())
        taken = time.perf_counter() - began
        keeper.close()
        merged = time.perf_counter() - began
        place = read_place(index.folder)
        if place is None:
            raise RuntimeError("no index was made")
        with database.reading() as session:
            count = (
                session.connection().execute(sa.select(sa.func.count(article.c.id))).scalar_one()
            )
        plain = _plain_rate(database, scratch / "plain", settings.search_memory_bytes)
    size = sum(one.stat().st_size for one in (index.folder / place.generation).rglob("*"))
    print(
        f"\nIndex of {count:,} articles on one core: {count / taken:,.0f} articles/s "
        f"({taken:.0f} s; {merged:.0f} s until all merges had ended), "
        f"{size / 1e6:,.0f} MB, {size / count:,.0f} bytes an article; "
        f"plain Tantivy, one stemmed field: {plain:,.0f} articles/s, ratio {count / taken / plain:.2f}\n",
        flush=True,
    )


def _told() -> Callable[[Progress], None]:
    shown = sys.stderr.isatty()

    def tell(progress: Progress) -> None:
        if shown:
            print(f"\r{progress} ", end="", file=sys.stderr, flush=True)

    return tell


@contextmanager
def _one_core() -> Iterator[None]:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _plain_rate(database: Database, folder: Path, memory_bytes: int) -> float:
    """Articles that Tantivy itself takes in a second, on the same core with the same memory."""
    columns = article.c.headline, article.c.summary, article.c.body_text
    with database.reading() as session:
        some = sa.select(*columns).order_by(article.c.id).limit(PLAIN_ARTICLES_MAX)
        texts = [tuple(row) for row in session.connection().execute(some)]
    schema = SchemaBuilder().add_text_field("text", tokenizer_name="english").build()
    folder.mkdir()
    index = Index(schema, str(folder))
    words = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase())
    index.register_tokenizer("english", words.filter(Filter.stemmer("english")).build())
    began = time.perf_counter()
    writer = index.writer(memory_bytes, 1)
    for headline, summary, body in texts:
        writer.add_document(Document(text=[headline, summary, body]))
    writer.commit()
    taken = time.perf_counter() - began
    writer.wait_merging_threads()
    shutil.rmtree(folder)
    return len(texts) / taken


@dataclass(frozen=True)
class _Words:
    """Words of some classes, by how many articles have them."""

    commonest: str
    common: list[str]
    middle: list[str]
    rare: list[str]
    starts: list[str]

    @classmethod
    def of(cls, view: View, articles: int, starts: list[str]) -> "_Words":
        counted = _counted(view, [*vocabulary(), *names(max(1, articles // RARE))[:5_000]])
        telling = [(count, word) for count, word in counted if len(word) > 4]
        return cls(
            telling[-1][1],
            _nearest(telling, round(articles * COMMON), RUNS),
            _nearest(telling, round(articles * MIDDLE), 2 * RUNS),
            _nearest(telling, RARE, RUNS),
            starts,
        )


def _counted(view: View, words: Sequence[str]) -> list[tuple[int, str]]:
    """How many articles have each word, the rarest first."""
    count = view.public.doc_freq
    return sorted(
        (count(f"text_{LANGUAGE}", term), word)
        for word in words
        for term in terms(word, LANGUAGE)[:1]
    )


def _nearest(counted: Sequence[tuple[int, str]], wanted: int, words: int) -> list[str]:
    at = bisect_left(counted, (wanted, ""))
    near = sorted(counted[max(0, at - words) : at + words], key=lambda one: abs(one[0] - wanted))
    chosen = [word for _, word in near[:words]]
    Random(5).shuffle(chosen)
    return chosen


def _measure_queries(
    database: Database, index: SearchIndex, settings: Settings, options: argparse.Namespace
) -> None:
    view = index.view()
    rows, starts = _some_articles(database)
    words = _Words.of(view, view.size, starts)
    print("| query | finds | p50 ms | p99 ms |\n|---|---:|---:|---:|")
    for name, ask in (*_searches(words, settings), *_others(words, rows)):
        if options.only in name:
            _print_row(name, *_timed(database, view, ask, options.runs))
    print(flush=True)


def _some_articles(database: Database) -> tuple[list[Any], list[str]]:
    """Some articles as a whole, and the beginnings of other headlines."""
    sparse = sa.select(article.c.id, article.c.headline_key).order_by(sa.func.random()).limit(RUNS)
    with database.reading() as session:
        connection = session.connection()
        chosen = list(connection.execute(sparse))
        ids = [one.id for one in chosen]
        rows = list(connection.execute(sa.select(article).where(article.c.id.in_(ids))))
    return rows, [one.headline_key for one in chosen]


def _searches(words: _Words, settings: Settings) -> Iterator[tuple[str, Ask]]:
    common, middle, rare = words.common, words.middle, words.rare
    pairs = list(zip(middle, middle[RUNS:], strict=False))
    commons = list(zip(common, [*common[1:], common[0]], strict=True))
    asked: list[tuple[str, list[str], dict[str, Any]]] = [
        ("a rare word", rare, {}),
        ("a middle word", middle, {}),
        ("a common word", common, {}),
        ("the most common word", [words.commonest], {}),
        ("two middle words", [f"{one} {two}" for one, two in pairs], {}),
        ("two common words", [f"{one} {two}" for one, two in commons], {}),
        ("a phrase of two middle words", [f'"{one} {two}"' for one, two in pairs], {}),
        ("a phrase of two common words", [f'"{one} {two}"' for one, two in commons], {}),
        ("a sentence of ten words", _sentences(words), {}),
        ("a common word, with a tag", common, {"tag": ["tag-5"]}),
        ("a common word, newest first", common, {"sort": "-published_at"}),
        ("the most common word, newest first", [words.commonest], {"sort": "-published_at"}),
        ("the most common word, three facets", [words.commonest], {"facets": "tag,section,year"}),
        ("a middle word, three facets", middle, {"facets": "tag,section,year"}),
        ("a common prefix*", [f"{one[:4]}*" for one in common], {}),
        ("a rare prefix*", [f"{one[:6]}*" for one in middle], {}),
        ("a misspelt word", [f"{one[:-2]}{one[-1]}{one[-2]}" for one in middle], {}),
        ("nothing, newest first", [""], {}),
    ]
    for name, typed, filters in asked:
        yield name, _search(typed, settings, filters)


def _sentences(words: _Words) -> list[str]:
    """Two stop words, two common words and six middle ones each."""
    random = Random(6)
    return [
        " ".join(["the", *random.sample(words.common, 2), "of", *random.sample(words.middle, 6)])
        for _ in range(RUNS)
    ]


def _search(typed: Sequence[str], settings: Settings, filters: dict[str, Any]) -> Ask:
    limits = Limits(
        settings.search_words_max,
        settings.search_prefix_terms_max,
        settings.search_fuzzy_terms_max,
    )
    view, now = view_of(None, None), NEWEST + timedelta(hours=1)

    def ask(session: Session, index: View, run: int) -> object:
        query = SearchQuery(q=typed[run % len(typed)], limit=20, **filters)
        asked = Asked(Visibility(now), query, view, limits, settings.article_url_template, 0, None)
        return search(session, index, asked).total

    return ask


def _others(words: _Words, rows: Sequence[Any]) -> Iterator[tuple[str, Ask]]:
    visibility = Visibility(NEWEST + timedelta(hours=1))
    for letters in (1, 3, 6):

        def complete(session: Session, index: View, run: int, letters: int = letters) -> object:
            typed = words.starts[run % len(words.starts)][:letters]
            return len(suggest(session, index, visibility, typed, SUGGESTED))

        yield f"suggest, {letters} letters", complete

    def relate(session: Session, index: View, run: int) -> object:
        row = rows[run % len(rows)]
        return len(related_articles(session, index, visibility, row, view_of(None, None), 5))

    yield "related", relate


def _timed(database: Database, view: View, ask: Ask, runs: int) -> tuple[object, float, float]:
    """What the queries find in the middle, and the median and 99th percentile in milliseconds."""
    taken, found = [], []
    for run in range(-WARM_UP, runs):
        began = time.perf_counter()
        with database.reading() as session:
            found.append(ask(session, view, run))
        taken.append((time.perf_counter() - began) * 1000)
    steady = sorted(taken[WARM_UP:])
    finds = statistics.median_high(found[WARM_UP:])  # type: ignore[type-var]
    return finds, statistics.median(steady), steady[int(len(steady) * 0.99)]


def _print_row(name: str, finds: object, p50: float, p99: float) -> None:
    print(f"| {name} | {finds:,} | {p50:.1f} | {p99:.1f} |", flush=True)


def _measure_writes(url: str, folder: Path) -> None:
    database = Database(url)
    with database.writing() as session:
        key = create_key(session, KeyCreate(name="Benchmark", scopes=["publish"]), utc_now())[1]
    database.close()
    byline = [str(Path(sys.executable).with_name("byline")), "serve", "--port"]
    settings = {"DATABASE_URL": url, "DATA_DIR": str(folder), "LOG_LEVEL": "error"}
    environment = {f"BYLINE_{name}": value for name, value in settings.items()}
    with served(byline, folder, environment=environment) as (port, _pid):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=FOUND_SECONDS_MAX)
        _wait_until_it_answers(connection)
        print("| a write is found after | p50 ms | max ms |\n|---|---:|---:|")
        for prefer in ("", "wait=5"):
            taken = [_found_after(connection, key, prefer) * 1000 for _ in range(WRITES)]
            name = f"with `Prefer: {prefer}`, its answer as well" if prefer else "its answer"
            print(f"| {name} | {statistics.median(taken):.0f} | {max(taken):.0f} |", flush=True)


def _wait_until_it_answers(connection: http.client.HTTPConnection) -> None:
    until = time.monotonic() + FOUND_SECONDS_MAX
    while _request(connection, "GET", "/v1/search?q=the")[0] != 200:
        if time.monotonic() > until:
            raise RuntimeError("the search does not answer")
        time.sleep(0.1)


def _found_after(connection: http.client.HTTPConnection, key: str, prefer: str) -> float:
    """Seconds until a search finds it: from the answer on, or from the request where that waits."""
    word = "unique" + "".join(chr(97 + int(digit)) for digit in str(time.time_ns()))
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps(
        {
            "headline": f"Harbour {word}",
            "summary": "A summary.",
            "authors": [f"author-{time.time_ns() % AUTHORS}"],
            "tags": [f"tag-{time.time_ns() % TAGS}"],
        }
    )
    began = time.perf_counter()
    status, answer = _request(
        connection,
        "POST",
        "/v1/articles?publish=true",
        body,
        headers | ({"Prefer": prefer} if prefer else {}),
    )
    if status != 201:
        raise RuntimeError(f"{status} {answer}")
    began = began if prefer else time.perf_counter()
    while time.perf_counter() < began + FOUND_SECONDS_MAX:
        if _request(connection, "GET", f"/v1/search?q={word}")[1]["page"]["total"]:
            return time.perf_counter() - began
        if prefer:
            raise RuntimeError("the answer came before it could be found")
        time.sleep(POLL_SECONDS)
    raise RuntimeError("it is not found")


def _request(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, Any]:
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


if __name__ == "__main__":
    main()
