"""A server killed at random moments under writes: what was acknowledged is there, whole, and followed."""

import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import sqlalchemy as sa

from app.access.actions import create_key
from app.access.models import KeyCreate
from app.db.database import Database
from app.main import utc_now

KILLS = 50
WRITERS = 3
ROOT = Path(__file__).parents[2]
Copy = dict[str, Any]


class Server:
    """A real server process on a free port that can be killed and started again."""

    def __init__(self, url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._forker = subprocess.Popen(
            [sys.executable, "-m", "tests.sync.forking_server", url, str(self.port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self) -> None:
        self._say("start")
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx2.get(f"{self.address}/healthz", timeout=5)
                return
            except httpx2.HTTPError:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.02)

    def kill(self) -> None:
        self._say("kill")

    def close(self) -> None:
        assert self._forker.stdin
        self._forker.stdin.close()
        self._forker.wait(30)

    def _say(self, word: str) -> None:
        assert self._forker.stdin
        assert self._forker.stdout
        self._forker.stdin.write(f"{word}\n")
        self._forker.stdin.flush()
        assert self._forker.stdout.readline() == "done\n"


@contextmanager
def server_on(url: str) -> Iterator[Server]:
    server = Server(url)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        server.close()


@dataclass
class Writer:
    """Writes articles of its own, one request after the other, and notes what was acknowledged.

    `known` has each article as it was last acknowledged, None once deleted; `attempted` is the one
    whose request had no answer: either form of it is right.
    """

    name: str
    headers: dict[str, str]
    random: random.Random
    known: dict[str, Copy | None] = field(default_factory=dict)
    attempted: str | None = None
    count: int = 0
    acknowledged: int = 0

    def write_until_killed(self, address: str) -> None:
        with httpx2.Client(base_url=address, headers=self.headers, timeout=30) as client:
            while True:
                try:
                    self._write(client)
                except httpx2.HTTPError:
                    return

    def _write(self, client: httpx2.Client) -> None:
        alive = [slug for slug, copy in self.known.items() if copy]
        if not alive or self.random.random() < 0.4:
            self.count += 1
            slug = f"{self.name}-{self.count}"
            body = {"headline": slug, "slug": slug, "tags": ["news"], "authors": ["mara"]}
            self._send(client, slug, "POST", "/v1/articles?publish=true", body)
            return
        slug = self.random.choice(alive)
        path = f"/v1/articles/{slug}"
        match self.random.choice(["PATCH", "PATCH", "withdraw", "DELETE"]):
            case "PATCH":
                self._send(client, slug, "PATCH", path, {"summary": str(self.count)})
            case "withdraw":
                done = (self.known[slug] or {})["status"] == "withdrawn"
                self._send(client, slug, "POST", f"{path}/{'restore' if done else 'withdraw'}")
            case "DELETE":
                self._send(client, slug, "DELETE", path)

    def _send(
        self, client: httpx2.Client, slug: str, method: str, path: str, body: Any = None
    ) -> None:
        self.attempted = slug
        answer = client.request(method, path, json=body, headers={"If-Match": "*"})
        assert answer.status_code in (200, 201, 204), answer.text
        self.known[slug] = None if method == "DELETE" else answer.json()
        self.attempted = None
        self.acknowledged += 1

    def check(self, client: httpx2.Client, *, everything: bool) -> None:
        """Compares what is there with what was acknowledged, and learns what became of the last try."""
        slugs = list(self.known) if everything else list(self.known)[-10:]
        for slug in {*slugs, *([self.attempted] if self.attempted else [])}:
            answer = client.get(f"/v1/articles/{slug}", headers=self.headers)
            now = answer.json() if answer.status_code == 200 else None
            if slug == self.attempted:
                before = self.known.get(slug)
                versions = (
                    {None, 1}
                    if before is None
                    else {None, before["version"], before["version"] + 1}
                )
                assert (now and now["version"]) in versions
                self.known[slug] = now
            else:
                assert now == self.known[slug]
        self.attempted = None


def follow(client: httpx2.Client, copy: Copy, cursor: str | None) -> str | None:
    """Applies pages until there are no more, or the server is gone."""
    try:
        while True:
            since = {"since": cursor} if cursor else {}
            page = client.get("/v1/changes", params={"limit": 20, **since}).json()
            for entry in page["data"]:
                if entry["op"] == "remove":
                    copy.pop(entry["id"], None)
                else:
                    copy[entry["id"]] = entry["article"]
            cursor = page["page"]["next"]
            if not page["page"]["has_more"]:
                return cursor
    except httpx2.HTTPError:
        return cursor


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(database_url: str) -> None:
    chance = random.Random(20261124)
    database = Database(database_url)
    with database.writing() as session:
        wanted = KeyCreate(name="writer", scopes=["publish"])
        key = create_key(session, wanted, utc_now())[1]
    headers = {"Authorization": f"Bearer {key}"}
    writers = [Writer(f"w{n}", headers, random.Random(n)) for n in range(WRITERS)]
    copy: Copy = {}
    cursor: str | None = None
    with server_on(database_url) as server:
        with httpx2.Client(base_url=server.address, timeout=30) as client:
            for path in ("/v1/tags", "/v1/authors"):
                body = {"name": "News"} if path == "/v1/tags" else {"name": "Mara", "slug": "mara"}
                assert client.post(path, json=body, headers=headers).status_code == 201
        for _kill in range(KILLS):
            threads = [
                threading.Thread(target=one.write_until_killed, args=(server.address,))
                for one in writers
            ]
            for thread in threads:
                thread.start()
            enough = acknowledged(writers) + chance.randint(2, 8)
            with httpx2.Client(base_url=server.address, timeout=30) as client:
                while acknowledged(writers) < enough:
                    cursor = follow(client, copy, cursor)
            time.sleep(chance.uniform(0, 0.05))
            server.kill()
            for thread in threads:
                thread.join()
            assert_whole(database)
            server.start()
            with httpx2.Client(base_url=server.address, timeout=30) as client:
                for one in writers:
                    one.check(client, everything=False)
        with httpx2.Client(base_url=server.address, timeout=30) as client:
            for one in writers:
                one.check(client, everything=True)
            follow(client, copy, cursor)
            assert copy == listed(client)
    database.close()


def acknowledged(writers: list[Writer]) -> int:
    return sum(one.acknowledged for one in writers)


def listed(client: httpx2.Client) -> Copy:
    found: Copy = {}
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/v1/articles", params={"limit": 100, **cursor}).json()
        found |= {one["id"]: one for one in page["data"]}
        if page["page"]["next"] is None:
            return found
        cursor = {"cursor": page["page"]["next"]}


HALF_DONE = {
    "numbers without a revision": "SELECT (SELECT value FROM sequence_counter)"
    " - (SELECT count(*) FROM revision)",
    "articles without their revision": "SELECT count(*) FROM article a WHERE NOT EXISTS (SELECT 1"
    " FROM revision r WHERE r.sequence = a.sequence AND r.entity_id = a.id"
    " AND r.version = a.version)",
    "articles without their tag": "SELECT count(*) FROM article a WHERE NOT EXISTS (SELECT 1 FROM"
    " article_tag t WHERE t.article_id = a.id AND t.sequence = a.sequence)",
    "articles without their author": "SELECT count(*) FROM article a WHERE NOT EXISTS (SELECT 1 FROM"
    " article_author t WHERE t.article_id = a.id AND t.sequence = a.sequence)",
    "deleted articles without a former state": "SELECT count(*) FROM revision r WHERE"
    " r.operation = 'remove' AND NOT EXISTS (SELECT 1 FROM former_state f"
    " WHERE f.sequence = r.sequence)",
    "former states without their refs": "SELECT count(*) FROM former_state f WHERE NOT EXISTS"
    " (SELECT 1 FROM former_state_ref t WHERE t.sequence = f.sequence AND t.kind = 'tag')",
}


def assert_whole(database: Database) -> None:
    with database.reading() as session:
        connection = session.connection()
        found = {
            what: connection.execute(sa.text(sql)).scalar_one() for what, sql in HALF_DONE.items()
        }
    assert found == dict.fromkeys(HALF_DONE, 0)
