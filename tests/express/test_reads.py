"""The short way reads what the long way reads, byte for byte."""

from collections.abc import Callable
from typing import Any

import pytest

from app.express.reads import Reads
from tests.conftest import Newsroom

LONG = {"Prefer": "wait=0"}


def test_first(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.article("Harbour bridge opens", authors=["mara-lind"], body={"format": "html", "source": "<p>Hello</p>"})
    made = []
    answer = Reads.answer
    async def noted(self, *a, **k):
        one = await answer(self, *a, **k)
        made.append(one)
        return one
    monkeypatch.setattr(Reads, "answer", noted)
    for path in ("/v1/articles/harbour-bridge-opens", "/v1/articles", "/v1/articles?limit=1&fields=headline,authors&body=text","/v1/articles?published_until=2027-01-01T00:00:00Z"):
        a = newsroom.get(path)
        b = newsroom.get(path, {"Content-Length": "0"})
        assert made.pop() is not None, path
        assert a.headers.raw[:-1] == b.headers.raw[:-1]
        assert a.content == b.content
