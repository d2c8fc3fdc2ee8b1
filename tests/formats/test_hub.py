"""A hub hears of what is public, once, and of nothing else."""

import itertools
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from lxml import etree

from app.formats.hub import FEEDS, Hub
from app.settings import Settings
from tests.conftest import Newsroom


class RealHub(HTTPServer):
    """A hub that notes which topics it is told of, and answers as it is asked to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Notes)
        self.topics: list[str] = []
        self.status = 202

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hub"


class Notes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        hub: Any = self.server
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        assert form["hub.mode"] == ["publish"]
        hub.topics += form["hub.url"]
        if hub.status == 0:
            self.wfile.write(b"nothing of HTTP\r\n\r\n")
            return
        self.send_response(hub.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[RealHub]:
    server = RealHub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


TOPICS = [f"https://api.example.org/v1/articles.{suffix}" for suffix in FEEDS]


def teller(newsroom: Newsroom, hub: RealHub) -> Hub:
    return Hub(newsroom.database, newsroom.clock, hub.url, "https://api.example.org")


def test_the_hub_is_told_once_of_each_change_that_readers_see(
    newsroom: Newsroom, hub: RealHub
) -> None:
    newsroom.article("There before")
    one, other = teller(newsroom, hub), teller(newsroom, hub)

    def told() -> list[str]:
        hub.topics.clear()
        for process in (one, other, one):
            assert process.tell() is False
        return list(hub.topics)

    assert told() == []  # what was there before is no news
    newsroom.article("A draft", publish=False)
    newsroom.send("PATCH", "/v1/articles/a-draft", {"summary": "x"})
    newsroom.make("tags", name="Sea")
    newsroom.article("Later", published_at=newsroom.clock.at(hours=1))
    newsroom.article("Embargoed", embargoed_until=newsroom.clock.at(hours=2))
    assert told() == []
    newsroom.send("POST", "/v1/articles/a-draft/publish")
    assert told() == TOPICS
    newsroom.send("PATCH", "/v1/articles/a-draft", {"summary": "y"})
    assert told() == TOPICS
    newsroom.send("POST", "/v1/articles/a-draft/withdraw")
    assert told() == TOPICS
    newsroom.clock.move(hours=1, minutes=1)  # no ticker, no worker: the clock alone
    assert told() == TOPICS
    newsroom.clock.move(hours=1)
    assert told() == TOPICS
    assert told() == []


@pytest.mark.parametrize("status", [503, 404, 0])
def test_a_hub_that_fails_is_told_again_after_a_while(
    newsroom: Newsroom, hub: RealHub, status: int
) -> None:
    process = teller(newsroom, hub)
    process.tell()
    newsroom.article("News")
    hub.status = status
    process.tell()
    assert hub.topics == TOPICS[:1]
    hub.status = 202
    process.tell()  # too early
    assert hub.topics == TOPICS[:1]
    newsroom.clock.move(seconds=2)
    process.tell()
    assert hub.topics == [TOPICS[0], *TOPICS]
    newsroom.clock.move(seconds=2)
    process.tell()
    assert len(hub.topics) == 4


def test_feeds_name_their_hub(open_newsroom: Any, database_url: str) -> None:
    plain = open_newsroom(database_url)
    for suffix in FEEDS:
        assert "hub" not in plain.get(f"/v1/articles.{suffix}").links
    town = open_newsroom(database_url, websub_hub="https://hub.example.org/?a=1&b=2", ticker=False)
    for suffix, query in (
        ("rss", "?tag=x"),
        ("rss", "?limit=5"),
        ("ninjs", ""),
    ):  # nobody tells it of these
        assert "hub" not in town.get(f"/v1/articles.{suffix}{query}").links
    for suffix in FEEDS:
        answer = town.get(f"/v1/articles.{suffix}")
        assert answer.links["hub"]["url"] == "https://hub.example.org/?a=1&b=2"
        assert answer.links["self"]["url"] == f"http://127.0.0.1:8000/v1/articles.{suffix}"
    for suffix in ("rss", "atom"):
        feed = etree.fromstring(town.get(f"/v1/articles.{suffix}").content)
        (link,) = feed.xpath("//*[local-name()='link'][@rel='hub']")
        assert link.get("href") == "https://hub.example.org/?a=1&b=2"
    hubs = town.get("/v1/articles.feed.json").json()["hubs"]
    assert hubs == [{"type": "WebSub", "url": "https://hub.example.org/?a=1&b=2"}]


def test_a_running_server_tells_the_hub_by_itself(
    open_newsroom: Any, database_url: str, hub: RealHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.main.LOOK_SECONDS", 0.05)
    town = open_newsroom(database_url, websub_hub=hub.url, ticker=True)
    deadline = time.monotonic() + 20
    for number in itertools.count():  # its first look is at what was there before
        if len(hub.topics) >= len(FEEDS):
            break
        assert time.monotonic() < deadline
        town.article(f"News {number}")
        time.sleep(0.2)
    assert hub.topics[:3] == [f"http://127.0.0.1:8000/v1/articles.{suffix}" for suffix in FEEDS]


@pytest.mark.parametrize("wrong", ["hub.example.org", "ftp://hub.example.org", "https://"])
def test_what_is_no_address_of_a_hub_stops_the_start(wrong: str) -> None:
    with pytest.raises(ValueError, match="must be an address"):
        Settings(websub_hub=wrong)
