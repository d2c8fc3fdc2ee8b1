"""Sends many new articles as one NDJSON stream and prints how many a second became durable.

`uv run python -m benchmarks.bulk [--articles 50000] [--database URL …]`

One server with one worker, one connection, an empty database; commits are as durable as they are
by default. The server's memory is its own, without the pages of SQLite's file that it has mapped;
the most after the first fifth and at the end show that it does not grow with the stream.
"""

import argparse
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from app.access.actions import create_key
from app.access.caller import newsroom
from app.access.models import KeyCreate
from app.authors.actions import create_author
from app.authors.models import AuthorCreate
from app.db.database import Database
from app.db.migrate import migrate
from app.main import utc_now
from app.tags.actions import create_tag
from app.tags.models import TagCreate
from benchmarks.cases import get
from benchmarks.generated_archive import words
from benchmarks.load import Reader
from benchmarks.servers import cpu_seconds, memory, own_databases, served

CHUNK_BYTES = 65_536
READ_PAUSE_SECONDS = 0.1


def main() -> None:
    options = _options()
    print(
        "| | articles/s | server CPU µs/article | most MB by a fifth | most MB by the end | a reader's p50 ms | p99 ms |\n"
        "|---|---:|---:|---:|---:|---:|---:|"
    )
    with TemporaryDirectory(prefix="byline-benchmark-") as folder, ExitStack() as stack:
        for url in options.database or own_databases(Path(folder), stack):
            _measure(url, Path(folder), options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures bulk creation of small articles.")
    parser.add_argument("--articles", type=int, default=50_000)
    parser.add_argument("--database", action="append", metavar="URL", help="an empty one")
    parser.add_argument("--path", default="/v1/articles/bulk?publish=true")
    return parser.parse_args()


def _measure(url: str, folder: Path, options: argparse.Namespace) -> None:
    key = _prepare(url)
    byline = [str(Path(sys.executable).with_name("byline")), "serve", "--port"]
    settings = {"BYLINE_DATABASE_URL": url, "BYLINE_LOG_LEVEL": "error"}
    with served(byline, folder, environment=settings) as (port, process_id):
        with Reader(port, [get("/v1/articles?limit=5")], READ_PAUSE_SECONDS) as reader:
            stream = Stream(port, key, options.path, options.articles)
            began_cpu = cpu_seconds(process_id)
            took, peaks = stream.run(process_id)
            cpu = (cpu_seconds(process_id) - began_cpu) / options.articles * 1e6
        rate = options.articles / took
        print(
            f"| {url.partition(':')[0]} | {rate:,.0f} | {cpu:,.0f} | {peaks[0]:.0f} | {peaks[1]:.0f} "
            f"| {reader.percentile(50):.1f} | {reader.percentile(99):.1f} |",
            flush=True,
        )


def _prepare(url: str) -> str:
    """Makes the schema, an author, two tags and a key."""
    database = Database(url)
    migrate(database)
    with database.writing() as session:
        editor = newsroom(utc_now())
        create_author(session, editor, AuthorCreate(name="Mara Lind"))
        for name in ("Local", "Transport"):
            create_tag(session, editor, TagCreate(name=name))
        wanted = KeyCreate(name="Benchmark", scopes=["publish"])
        key = create_key(session, wanted, utc_now())[1]
    database.close()
    return key


@dataclass(frozen=True)
class Sender:
    """Who sends articles, under which ids of its own, and the refs that are on each of them."""

    name: str = "wire"
    author: str = "mara-lind"
    tags: tuple[str, ...] = ("local", "transport")


WIRE = Sender()


def _lines(articles: int, sender: Sender) -> Iterator[bytes]:
    random = Random(3)
    for number in range(articles):
        yield json.dumps(_article(random, number, sender)).encode() + b"\n"


def _article(random: Random, number: int, sender: Sender) -> dict[str, Any]:
    source = f"{words(random, 12)}, *{words(random, 3)}*.\n\n{words(random, 15)}."
    return {
        "external_id": f"{sender.name}-{number}",
        "headline": words(random, 5),
        "body": {"format": "markdown", "source": source},
        "authors": [sender.author],
        "tags": list(sender.tags),
    }


class Stream:
    """One request whose answers are read by another thread while it is sent."""

    def __init__(
        self, port: int, key: str, path: str, articles: int, sender: Sender = WIRE
    ) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._chunks = list(_chunks(_lines(articles, sender)))
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: benchmark\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        ).encode()
        self._articles = articles

    def run(self, process_id: int) -> tuple[float, list[float]]:
        """The seconds until all is answered, and the server's peak memory on the way, in MB."""
        began, peaks = time.perf_counter(), list[float]()
        sender = threading.Thread(target=self._send)
        sender.start()
        answers = self._connection.makefile("rb")
        done, most = 0, 0.0
        for line in answers:
            if line.startswith(b'{"line"'):
                if b'"created"' not in line:
                    raise RuntimeError(line.decode())
                done += 1
                if done % 250 == 0:
                    most = max(most, memory(process_id).own)
                if done in (self._articles // 5, self._articles):
                    peaks.append(most)
                if done == self._articles:
                    break
        took = time.perf_counter() - began
        sender.join()
        return took, peaks

    def _send(self) -> None:
        self._connection.sendall(self._head)
        for chunk in self._chunks:
            self._connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self._connection.sendall(b"0\r\n\r\n")


def _chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    some = bytearray()
    for line in lines:
        some += line
        if len(some) >= CHUNK_BYTES:
            yield bytes(some)
            some.clear()
    yield bytes(some)


if __name__ == "__main__":
    main()
