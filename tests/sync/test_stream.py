"""`GET /v1/changes/stream` against a real server: events as they happen, and how a stream ends."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from app.access.caller import Caller
from app.access.visibility import ArticleFilter, Visibility
from app.articles.queries import view_of
from app.sync import queries, routes
from app.sync.models import StreamQuery
from tests.conftest import Newsroom, serving, wait_until


@pytest.fixture
def newsroom(database_url: str, open_newsroom: Callable[..., Newsroom]) -> Newsroom:
    """One whose streams last."""
    return open_newsroom(database_url, stream_seconds_max=60)


class Events:
    """The events of one stream, as a browser reads them: dispatched with the last id seen."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._lines = answer.iter_lines()
        self.last_id = ""

    def next(self) -> tuple[str, Any]:
        """The next event that has data: its name and the data."""
        name, data = "message", ""
        for line in self._lines:
            if not line and data:
                return name, json.loads(data)
            key, _, value = line.partition(": ")
            if key == "id":
                self.last_id = value
            elif key == "data":
                data = value
            elif key == "event":
                name = value
        return "end", None

    def heartbeats(self, count: int) -> None:
        """Reads on until so many have come."""
        while count:
            count -= next(self._lines).startswith(": still here")

    def articles(self, count: int) -> list[str]:
        return [self.next()[1]["article"]["headline"] for _ in range(count)]


@contextmanager
def stream(served: str, query: str = "", headers: Any = None) -> Iterator[Events]:
    with httpx2.stream(
        "GET", f"{served}/v1/changes/stream{query}", headers=headers or {}, timeout=20
    ) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Events(answer)


def test_events_come_as_things_happen(newsroom: Newsroom, served: str) -> None:
    newsroom.article("Before")
    with stream(served) as events:
        assert events.articles(1) == ["Before"]
        article = newsroom.article("During")
        assert events.articles(1) == ["During"]
        began = time.monotonic()
        newsroom.send("POST", "/v1/articles/during/withdraw")
        removed = {
            "type": "article",
            "op": "remove",
            "id": article["id"],
            "reason": "withdrawn",
        }
        assert events.next() == ("message", removed)
        assert time.monotonic() - began < 2


def test_what_others_write_moves_no_heartbeat(
    newsroom: Newsroom, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "HEARTBEAT_SECONDS", 0.4)
    is_over = threading.Event()

    def write() -> None:
        while not is_over.wait(0.1):
            newsroom.make("articles", headline="A draft")

    newsroom.key("publish")
    writer = threading.Thread(target=write)
    with stream(served, "?tag=nowhere") as events:
        writer.start()
        began = time.monotonic()
        events.heartbeats(3)
        taken = time.monotonic() - began
    is_over.set()
    writer.join()
    assert 0.8 < taken < 3


def test_who_was_cut_off_goes_on_from_the_last_id(newsroom: Newsroom, served: str) -> None:
    newsroom.article("One")
    with stream(served) as events:
        events.articles(1)
        newsroom.article("Two")
        events.articles(1)
        cursor = events.last_id
    newsroom.article("Three")
    with stream(served, headers={"Last-Event-ID": cursor}) as events:
        assert events.articles(1) == ["Three"]
    with stream(served, f"?since={cursor}") as events:
        assert events.articles(1) == ["Three"]
    page = newsroom.get(f"/v1/changes?since={cursor}").json()
    assert [one["article"]["headline"] for one in page["data"]] == ["Three"]


def test_a_stream_has_its_filter_and_rights(newsroom: Newsroom, served: str) -> None:
    newsroom.make("tags", name="Sport")
    rights = newsroom.key("read", entitlement={"articles": {"tag": ["sport"]}})
    with stream(served, "?language=en", rights) as events:
        newsroom.article("News")
        newsroom.article("Sport in German", tags=["sport"], language="de")
        newsroom.article("Sport", tags=["sport"])
        assert events.articles(1) == ["Sport"]


@pytest.mark.parametrize("path", ["/v1/changes/stream?", "/v1/changes?wait=20&"])
def test_a_write_is_read_once_for_all_whom_it_wakes(
    newsroom: Newsroom, served: str, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    newsroom.article("Before")
    keys: list[dict[str, str]] = [{}] * 9 + [newsroom.key("read", "preview")] * 2
    ends = [newsroom.get("/v1/changes", key).json()["page"]["next"] for key in keys]
    read, seats = queries.read_changes, newsroom.app.state.seats
    made: list[bool] = []

    def slowly(session: Any, caller: Any, *rest: Any) -> Any:
        made.append(caller.visibility.previews)
        time.sleep(0.3)  # until all have asked
        return read(session, caller, *rest)

    def follow(place: int) -> str:
        address, key = f"{served}{path}since={ends[place]}", keys[place]
        with httpx2.stream("GET", address, headers=key, timeout=20) as answer:
            told = ""
            for some in answer.iter_text():
                told += some
                if "During" in told:
                    break
            return told

    with ThreadPoolExecutor(len(keys)) as followers:
        all_told = [followers.submit(follow, place) for place in range(len(keys))]
        wait_until(lambda: seats.taken == len(keys))
        time.sleep(0.3)  # until the first reads of streams, which find nothing, are over
        monkeypatch.setattr(routes, "read_changes", slowly)
        newsroom.article("Draft", publish=False)
        newsroom.article("During")
        for place, one in enumerate(all_told):
            assert ("Draft" in one.result()) == bool(keys[place])
    assert 1 <= made.count(False) <= 4
    assert made.count(True)


def test_who_is_shown_other_fields_is_not_read_for_together(
    newsroom: Newsroom, served: str
) -> None:
    newsroom.article("Before")
    end = newsroom.get("/v1/changes").json()["page"]["next"]
    views = ("", "&fields=slug", "&fields=slug,headline", "&body=text&fields=headline")
    with ExitStack() as stack:
        follow = [stack.enter_context(stream(served, f"?since={end}{view}")) for view in views]
        newsroom.article("During")
        shown = [sorted(events.next()[1]["article"]) for events in follow]
    assert len(shown[0]) > 20
    assert shown[1:] == [["slug"], ["headline", "slug"], ["body", "headline"]]


def test_who_may_other_things_is_not_read_for_together() -> None:
    query = StreamQuery(tag=["sport"])
    following = queries.Following(query, view_of(None, None), b"", "/v1/changes?tag=sport", "")
    now = datetime.now(UTC)
    callers = [
        Caller(Visibility(now), frozenset({"read"})),
        Caller(Visibility(now), frozenset({"read", "write"})),
        Caller(Visibility(now, previews=True, embargoed=True), frozenset({"read"})),
        Caller(Visibility(now, embargoed=True), frozenset({"read"})),
        Caller(Visibility(now, entitlement=ArticleFilter(tag=["sport"])), frozenset({"read"})),
    ]
    keys = [following.key(caller, "place", 100) for caller in callers]
    assert len(set(keys)) == len(keys)
    later = callers[0].at(now + timedelta(seconds=1))
    assert following.key(later, "place", 100) == keys[0]
    assert following.key(later, "later", 100) != keys[0] != following.key(later, "place", 99)


def test_a_revoked_key_ends_its_stream(newsroom: Newsroom, served: str) -> None:
    admin = newsroom.key("admin")
    made = newsroom.client.post("/v1/keys", json={"name": "p", "scopes": ["read"]}, headers=admin)
    with stream(served, headers={"Authorization": f"Bearer {made.json()['key']}"}) as events:
        newsroom.article("One")
        events.articles(1)
        newsroom.send("DELETE", f"/v1/keys/{made.json()['id']}", headers=admin)
        newsroom.article("Two")
        name, problem = events.next()
        assert (name, problem["status"]) == ("problem", 401)
        assert events.next() == ("end", None)


def test_a_wrong_cursor_is_a_plain_problem(newsroom: Newsroom, served: str) -> None:
    for headers in ({"Last-Event-ID": "nothing"}, {}):
        answer = httpx2.get(f"{served}/v1/changes/stream?since=nothing", headers=headers)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


def test_head_ends_with_the_headers(newsroom: Newsroom, served: str) -> None:
    for _ in range(20):
        answer = httpx2.head(f"{served}/v1/changes/stream", timeout=10)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
    wait_until(lambda: newsroom.app.state.seats.taken == 0)


def test_no_more_clients_than_there_are_seats(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    newsroom = open_newsroom(database_url, stream_clients_max=2, stream_seconds_max=60)
    with serving(newsroom.app) as served:
        with stream(served), stream(served):
            wait_until(lambda: newsroom.app.state.seats.taken == 2)
            refused = httpx2.get(f"{served}/v1/changes/stream")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert httpx2.get(f"{served}/v1/changes").status_code == 200
            assert httpx2.get(f"{served}/v1/changes?wait=1").status_code == 503
        wait_until(lambda: newsroom.app.state.seats.taken == 0)
        with stream(served):
            pass


def test_a_client_that_does_not_read_is_dropped(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    newsroom = open_newsroom(database_url, stream_timeout_seconds=0.5, stream_seconds_max=60)
    body = {"format": "text", "source": "word " * 40_000}
    for number in range(40):
        newsroom.article(f"Long {number}", body=body)
    with serving(newsroom.app) as served, socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        address = urlsplit(served)
        lazy.connect((address.hostname, address.port))
        lazy.sendall(b"GET /v1/changes/stream?body=html HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: newsroom.app.state.seats.taken == 1)
        wait_until(lambda: newsroom.app.state.seats.taken == 0)
        received = read_all(lazy)
        # Cut off, not ended (RFC 9112, section 7.1), with what the kernel had taken already.
        assert not received.endswith(b"0\r\n\r\n")
        assert len(received) < 40 * len(body["source"])


def test_a_stream_ends_in_time(open_newsroom: Callable[..., Newsroom], database_url: str) -> None:
    newsroom = open_newsroom(database_url, stream_seconds_max=0.5)
    newsroom.article("One")
    with serving(newsroom.app) as served, stream(served) as events:
        assert events.articles(1) == ["One"]
        assert events.next() == ("end", None)


def test_a_long_poll_answers_when_there_is_news(newsroom: Newsroom, served: str) -> None:
    cursor = newsroom.get("/v1/changes?tag=sport").json()["page"]["next"]
    newsroom.make("tags", name="Sport")
    began = time.monotonic()
    empty = httpx2.get(f"{served}/v1/changes?tag=sport&wait=1&since={cursor}", timeout=20)
    assert empty.json()["data"] == []
    assert 0.9 < time.monotonic() - began < 5
    writer = threading.Timer(0.5, newsroom.article, ["At last"], {"tags": ["sport"]})
    writer.start()
    began = time.monotonic()
    answer = httpx2.get(f"{served}/v1/changes?tag=sport&wait=20&since={cursor}", timeout=30)
    writer.join()
    assert [one["article"]["headline"] for one in answer.json()["data"]] == ["At last"]
    assert time.monotonic() - began < 5


def read_all(client: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionError):
        while chunk := client.recv(65536):
            received += chunk
    return received
