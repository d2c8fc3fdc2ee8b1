"""Measures pages of changes on a large archive, one request after the other, and prints a table.

`uv run python -m benchmarks.changes [--articles 1000000] [--database URL …] [--plans]`

The articles are short. A twentieth of them is withdrawn after the followers have caught up, so that
there is something to remove. About one article in a hundred has the tag that is followed.
"""

import argparse
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from starlette.testclient import TestClient

from app.access.caller import newsroom
from app.archive.former_states import end_states
from app.archive.tables import article, article_author, article_tag
from app.changes.actions import take_numbers
from app.db.database import Database
from app.db.migrate import migrate
from app.main import create_app
from app.settings import Settings
from benchmarks.cases import watched
from benchmarks.generated_archive import NEWEST, fill, tidy
from benchmarks.servers import own_databases, served

TAG = "tag-50"
LIMIT = 500
REPEATS = 60
BODY_CHARACTERS = 300
WITHDRAWN_ONE_OF = 20
CHANGES = f"/v1/changes?limit={LIMIT}"


def main() -> None:
    options = _options()
    print(
        f"{options.articles:,} articles, pages of {LIMIT}, {REPEATS} requests each, one by one\n\n"
        "| | entries | p50 ms | p99 ms | SQL statements |\n|---|---:|---:|---:|---:|"
    )
    with TemporaryDirectory(prefix="byline-benchmark-") as folder, ExitStack() as stack:
        for url in options.database or own_databases(Path(folder), stack):
            _measure(url, Path(folder), options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures pages of changes.")
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--database", action="append", metavar="URL", help="an empty one")
    parser.add_argument("--plans", action="store_true", help="prints the plans of the first page")
    return parser.parse_args()


def _measure(url: str, folder: Path, options: argparse.Namespace) -> None:
    database = Database(url)
    migrate(database)
    fill(database, options.articles, BODY_CHARACTERS)
    settings = Settings(database_url=url, log_level="error", ticker=False)
    with TestClient(create_app(settings)) as client:
        middle = options.articles // 100 // 2
        cursors = {
            "tagged": _walk(client, f"&tag={TAG}", middle),
            "all": _walk(client, "", options.articles // 2),
            "tagged, caught up": _walk(client, f"&tag={TAG}", options.articles),
        }
        _withdraw_some(database)
        tidy(database)
        caught_up = _walk(client, f"&tag={TAG}", options.articles)
        paths = {
            f"first page, one tag ({TAG})": f"{CHANGES}&tag={TAG}",
            "a page from the middle, one tag": f"{CHANGES}&tag={TAG}&since={cursors['tagged']}",
            "a page from the middle, everything": f"{CHANGES}&since={cursors['all']}",
            "removals for one tag": f"{CHANGES}&tag={TAG}&since={cursors['tagged, caught up']}",
            "nothing new for one tag": f"{CHANGES}&tag={TAG}&since={caught_up}",
        }
        counted = {name: _watch(client, path) for name, path in paths.items()}
        if options.plans:
            _print_plans(database, client, paths["a page from the middle, one tag"])
    database.close()
    byline = [str(Path(sys.executable).with_name("byline")), "serve", "--port"]
    name = "SQLite" if database.is_sqlite else "PostgreSQL"
    environment = {"BYLINE_DATABASE_URL": url, "BYLINE_LOG_LEVEL": "error"}
    with served(byline, folder, environment=environment) as (port, _pid):
        for case, path in paths.items():
            p50, p99 = _timed(f"http://127.0.0.1:{port}{path}")
            entries, statements = counted[case]
            print(
                f"| {name}: {case} | {entries} | {p50:.1f} | {p99:.1f} | {statements} |", flush=True
            )


def _walk(client: TestClient, query: str, entries: int) -> str:
    """Reads so many entries, or to the end; the cursor there."""
    cursor, read, more = "", 0, True
    while more and read < entries:
        since = f"&since={cursor}" if cursor else ""
        answer = client.get(f"{CHANGES}{query}&fields=slug{since}").raise_for_status().json()
        read += len(answer["data"])
        cursor, more = answer["page"]["next"], answer["page"]["has_more"]
    return cursor


def _withdraw_some(database: Database) -> None:
    """Withdraws a twentieth of the articles, straight through SQL."""
    at = newsroom(NEWEST + timedelta(days=1)).visibility.now
    with database.writing() as session:
        connection = session.connection()
        chosen = article.c.sequence % WITHDRAWN_ONE_OF == 0
        ids = sa.select(article.c.id.label("article_id")).where(chosen).subquery()
        count = connection.execute(sa.select(sa.func.count()).select_from(ids)).scalar_one()
        before = take_numbers(session, count, at=at) - 1
        number = before + sa.func.row_number().over(order_by=ids.c.article_id)
        numbered = sa.select(ids.c.article_id, number.label("number")).cte("numbered")
        end_states(session, numbered, at, sa.literal("withdrawn"))
        connection.execute(
            sa.update(article)
            .values(
                sequence=numbered.c.number,
                state_sequence=numbered.c.number,
                state_at=at,
                live=False,
                withdrawn_at=at,
            )
            .where(article.c.id == numbered.c.article_id)
        )
        for links in (article_author, article_tag):
            its = sa.select(article.c.sequence).where(article.c.id == links.c.article_id)
            connection.execute(sa.update(links).values(sequence=its.scalar_subquery()))


def _watch(client: TestClient, path: str) -> tuple[int, int]:
    """How many entries a page has, and how many SQL statements it takes."""
    with watched() as statements:
        answer = client.get(path).raise_for_status()
    return len(answer.json()["data"]), len(statements)


def _timed(address: str) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds, over HTTP."""
    taken = []
    for _ in range(REPEATS + 5):
        began = time.perf_counter()
        with urllib.request.urlopen(address) as answer:
            answer.read()
        taken.append((time.perf_counter() - began) * 1000)
    steady = sorted(taken[5:])
    return statistics.median(steady), steady[int(len(steady) * 0.99)]


def _print_plans(database: Database, client: TestClient, path: str) -> None:
    noted: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        noted.append((statement, parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    client.get(path)
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    for statement, parameters in noted:
        if statement.startswith("SELECT"):
            print("\n".join(_plan(database, statement, parameters)), end="\n\n")


def _plan(database: Database, statement: str, parameters: Any) -> Iterator[str]:
    yield " ".join(statement[statement.index("FROM") :].split())[:200]
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.reading() as session:
        for row in session.connection().exec_driver_sql(f"{explain} {statement}", parameters):
            yield f"    {row[3] if database.is_sqlite else row[0]}"


if __name__ == "__main__":
    main()
