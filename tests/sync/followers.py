"""A follower as clients write one: it applies pages of changes to its copy, and keeps the cursor."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.conftest import Newsroom, Response

Filter = dict[str, list[str]]


@dataclass
class Follower:
    """One copy of the articles of a filter, and all that its owner was ever told."""

    newsroom: Newsroom
    chosen: Filter = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    copy: dict[str, Any] = field(default_factory=dict)
    cursor: str | None = None
    told: list[dict[str, Any]] = field(default_factory=list)

    def read(self, limit: int = 100, **more: Any) -> dict[str, Any]:
        """Reads and applies one page; the answer."""
        since = {"since": self.cursor} if self.cursor else {}
        answer = self.get("/v1/changes", limit=limit, **since, **more)
        if answer.status_code == 410:
            self.copy, self.cursor = {}, None
            return dict(answer.json())
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        self.apply(page["data"])
        self.cursor = page["page"]["next"]
        # Offline-first clients stop at a short page.
        assert len(page["data"]) == limit or not page["page"]["has_more"]
        assert len({(one["type"], one["id"]) for one in page["data"]}) == len(page["data"])
        return page

    def apply(self, entries: list[dict[str, Any]]) -> None:
        self.told += entries
        for entry in entries:
            if entry["op"] == "remove":
                self.copy.pop(entry["id"], None)
            else:
                assert entry["article"]["version"] == entry["version"]
                self.copy[entry["id"]] = entry["article"]

    def catch_up(self, limit: int = 100) -> "Follower":
        while True:
            page = self.read(limit)
            if "page" in page and not page["page"]["has_more"]:
                return self

    def listed(self) -> dict[str, Any]:
        """What `GET /v1/articles` gives with the same filters: every page of it."""
        found: dict[str, Any] = {}
        cursor: dict[str, Any] = {}
        while True:
            page = self.get("/v1/articles", limit=100, **cursor).json()
            found |= {one["id"]: one for one in page["data"]}
            if page["page"]["next"] is None:
                return found
            cursor = {"cursor": page["page"]["next"]}

    def get(self, path: str, **more: Any) -> Response:
        return self.newsroom.get(
            f"{path}?{urlencode(self.chosen | more, doseq=True)}", self.headers
        )
