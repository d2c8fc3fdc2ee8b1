"""One filter, two languages: search without words gives exactly what the list gives."""

from itertools import product
from random import Random
from typing import Any

import pytest

from tests.conftest import Newsroom

TAGS = ("local", "sport", "world", "climate", "chess")
AUTHORS = ("mara-lind", "otto-berg", "ida-holm")
STATUSES = ("draft", "scheduled", "published", "expired", "withdrawn")
LANGUAGES = ("en", "en-GB", "de")


@pytest.fixture
def archive(searching: Newsroom) -> Newsroom:
    """Articles of every state, language, tag and author."""
    random, at = Random(7), searching.clock.at
    for name in ("Mara Lind", "Otto Berg", "Ida Holm"):
        searching.make("authors", name=name)
    for name in TAGS:
        kind = "section" if name in ("local", "sport", "world") else "topic"
        searching.send("POST", "/v1/tags", {"name": name, "kind": kind})
    for number in range(40):
        dates: dict[str, Any] = random.choice(
            [
                {}, {}, {"published_at": at(days=-random.randint(1, 900))},
                {"published_at": at(hours=random.randint(1, 30))},
                {"embargoed_until": at(hours=random.randint(1, 30))},
                {"published_at": at(days=-3), "expires_at": at(days=-1)},
                {"expires_at": at(hours=random.randint(1, 30))},
                {"embargoed_until": at(hours=5), "expires_at": at(hours=20)},
            ]
        )  # fmt: skip
        made = searching.article(
            f"Ferry {number}",
            publish=random.random() < 0.8,
            language=random.choice(LANGUAGES),
            tags=random.sample(TAGS, random.randint(0, 3)),
            authors=random.sample(AUTHORS, random.randint(0, 2)),
            **dates,
        )
        if made["status"] != "draft" and random.random() < 0.15:
            searching.send("POST", f"/v1/articles/{made['id']}/withdraw", {})
    return searching


def some_filter(random: Random, archive: Newsroom, ids: list[str]) -> dict[str, Any]:
    def some(values: Any, at_most: int = 2) -> str:
        return ",".join(random.sample(list(values), random.randint(1, at_most)))

    choices: dict[str, Any] = {
        "tag": [some(TAGS)] if random.random() < 0.7 else [some(TAGS), some(TAGS)],
        "section": some(TAGS),
        "author": some([*AUTHORS, "nobody"]),
        "language": some([*LANGUAGES, "EN-gb", "fr"]),
        "exclude_tag": some([*TAGS, "nowhere"]),
        "ids": some(ids, 8),
        "published_since": archive.clock.at(days=-random.randint(0, 500)),
        "published_until": archive.clock.at(hours=random.randint(-5000, 30)),
        "updated_since": archive.clock.at(seconds=-random.random()),
    }
    return {name: choices[name] for name in random.sample(sorted(choices), random.randint(0, 3))}


CALLERS: dict[str, tuple[str, dict[str, Any] | None] | None] = {
    "anonymous": None,
    "early": ("read", {"embargoed": True}),
    "entitled": ("read", {"articles": {"tag": ["sport"], "exclude_tag": ["chess"]}}),
    "entitled to a section, early": (
        "read", {"articles": {"section": ["local"]}, "embargoed": True},
    ),
    "entitled to a language": ("read", {"articles": {"language": ["en,de"], "author": ["ida-holm"]}}),
    "preview": ("preview", None),
    "preview sport": ("preview", {"articles": {"tag": ["sport"]}}),
}  # fmt: skip


def test_search_without_words_is_the_list(archive: Newsroom) -> None:
    archive.indexed()
    ids = [
        one["id"]
        for one in archive.get("/v1/articles?limit=100", archive.key("preview")).json()["data"]
    ]
    random = Random(1)
    found_some = 0
    for hours, caller in product((0, 12, 28), CALLERS.values()):
        if caller is None:
            archive.clock.move(hours=hours)  # and nobody ticks
        key = archive.key(caller[0], entitlement=caller[1]) if caller else {}
        for _ in range(20):
            wanted = some_filter(random, archive, ids)
            if caller and caller[0] == "preview" and random.random() < 0.4:
                wanted["status"] = ",".join(random.sample(STATUSES, 2))
            asked = {**wanted, "limit": 100}
            listed = archive.client.get("/v1/articles", params=asked, headers=key).json()["data"]
            for typed in ("", "ferry", "-nowhere"):
                found = archive.client.get(
                    "/v1/search", params={**asked, "q": typed}, headers=key
                ).json()
                names = {one["headline"] for one in listed}
                assert {one["headline"] for one in found["data"]} == names, (caller, wanted)
                assert found["page"]["total"] == len(names), (caller, wanted)
            found_some += bool(listed)
    assert found_some > 50
