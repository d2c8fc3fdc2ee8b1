"""What is hidden moves nothing that the public is answered: no find, order, score, count or word."""

import json
import string
from collections.abc import Callable, Iterator
from itertools import product
from random import Random
from typing import Any
from urllib.parse import urlencode

from app.search.ranking import RECENT_WINDOW, WINDOW
from tests.conftest import Newsroom

WORDS = [
    f"{start}{end}"
    for start, end in product(
        ("har", "hab", "fer", "bri", "bra", "sto"), ("bour", "bit", "ry", "dge", "vel", "m", "nik")
    )
]
HIDDEN_WORDS = [f"{word}x" for word in WORDS] + ["zentrika", "zentrixa", "harbor", "the", "der"]
HAN = "京都東大阪橋港市長新聞社会"
LANGUAGES = ("en", "de", "ja")
HIDDEN_LANGUAGES = (*LANGUAGES, "fi", "hu", "fr")
QUERIES = 150
PUBLIC, HIDDEN = WINDOW + RECENT_WINDOW + 40, 120
"""Articles; more public ones than are looked at one by one, so that the order of the index counts."""


def _text(random: Random, words: list[str], language: str, length: int) -> str:
    if language == "ja":
        return "".join(random.choices(HAN, k=length))
    # Some are far more frequent than others, as in any language.
    weights = [1 / (rank + 1) for rank in range(len(words))]
    return " ".join(random.choices(words, weights, k=length))


def _article(random: Random, number: int, words: list[str], languages: Any) -> dict[str, Any]:
    language = random.choice(languages)
    return {
        "headline": f"{_text(random, words, language, random.randint(1, 6))} {number}",
        "summary": _text(random, words, language, 10),
        "body": {"format": "text", "source": _text(random, words, language, random.randint(5, 60))},
        "language": language,
        "tags": random.sample(["harbour", "bridge", "ferry"], 2),
        "authors": ["harriet-lind"],
    }


def _write(newsroom: Newsroom, articles: list[dict[str, Any]], *, publish: bool = True) -> None:
    lines = "\n".join(map(json.dumps, articles))
    headers = {"Content-Type": "application/x-ndjson", **newsroom.key("publish")}
    path = f"/v1/articles/bulk?publish={'true' if publish else 'false'}"
    answer = newsroom.client.post(path, content=lines, headers=headers)
    assert answer.text.count('"created"') == len(articles), answer.text
    newsroom.indexed()


def _write_public(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Harriet Lind")
    for name in ("Harbour", "Bridge", "Ferry"):
        newsroom.send("POST", "/v1/tags", {"name": name, "kind": "topic"})
    random, at = Random(1), newsroom.clock.at
    _write(
        newsroom,
        [
            _article(random, number, WORDS, LANGUAGES) | {"published_at": at(hours=-number - 1)}
            for number in range(PUBLIC)
        ],
    )


def _write_hidden(newsroom: Newsroom) -> None:
    """Drafts, and what comes later or is under embargo; and languages that nothing public has."""
    random, later = Random(2), newsroom.clock.at(days=2)
    for fields, publish in (
        ({}, False),
        ({"published_at": later}, True),
        ({"embargoed_until": later}, True),
    ):
        some = [
            _article(random, number, HIDDEN_WORDS * 2 + WORDS, HIDDEN_LANGUAGES) | fields
            for number in range(HIDDEN // 3)
        ]
        _write(newsroom, some, publish=publish)


def _queries(random: Random, ids: list[str]) -> Iterator[str]:
    """What the public may ask."""
    known = [
        *WORDS,
        *HIDDEN_WORDS,
        "und",
        "les",
        "on",
        "京",
        "京都",
        "harbuor",
        "ferrry",
        "zentrik",
    ]
    parts: list[Callable[[], str]] = [
        lambda: random.choice(known),
        lambda: f"{random.choice(known)[: random.randint(2, 4)]}*",
        lambda: f"{random.choice(known)}~",
        lambda: f'"{random.choice(WORDS)} {random.choice(WORDS)}"',
        lambda: f"-{random.choice(known)}",
        lambda: f"headline:{random.choice(known)[:3]}*",
        lambda: "author:harriet",
        lambda: "OR",
    ]
    for _ in range(QUERIES):
        asked = {"q": " ".join(random.choice(parts)() for _ in range(random.randint(1, 4)))}
        asked["limit"] = "100"
        asked |= random.choice([{}, {}, {"language": random.choice(HIDDEN_LANGUAGES)}])
        asked |= random.choice([{}, {"facets": "tag,author,language,kind,year"}])
        asked |= random.choice([{}, {}, {"sort": "-published_at"}, {"recent": "false"}])
        yield f"/v1/search?{urlencode(asked)}"
    for word in ["h", "ha", *known]:
        yield f"/v1/suggest?{urlencode({'q': word})}"
    for one in ids[:10]:
        yield f"/v1/articles/{one}/related"


def _answers(newsroom: Newsroom, paths: list[str]) -> dict[str, Any]:
    return {path: newsroom.long_way(path).content for path in paths}


def test_nothing_that_is_hidden_changes_an_answer_to_the_public(searching: Newsroom) -> None:
    _write_public(searching)
    ids = [one["id"] for one in searching.get("/v1/articles?limit=10").json()["data"]]
    paths = list(_queries(Random(3), ids))
    before = _answers(searching, paths)
    assert sum(b'did_you_mean":null' not in answer for answer in before.values()) > 20
    _write_hidden(searching)
    after = _answers(searching, paths)
    assert [path for path in paths if before[path] != after[path]] == []
    editor = searching.key("preview")
    assert searching.search("zentri*", editor)["page"]["total"] > 0


def test_what_was_withdrawn_neither_takes_a_place_of_a_word_nor_a_language(
    searching: Newsroom,
) -> None:
    """The index still has the words of what it has lost, until it puts its files together."""
    searching.article("Der Harbour opens", language="en")
    asked = ["harb*", "harboux~", "harboux", "der", "der harbour"]
    paths = [f"/v1/search?{urlencode({'q': q})}" for q in asked]
    searching.indexed()
    before = _answers(searching, paths)
    _write(
        searching,
        [
            {"headline": f"Harbou{one} harbo{one} der", "language": "de"}
            for one in string.ascii_lowercase * 2
        ],
    )
    for one in searching.get("/v1/articles?language=de&limit=100").json()["data"]:
        searching.send("POST", f"/v1/articles/{one['id']}/withdraw", {"reason": "Wrong."})
    searching.indexed()
    assert _answers(searching, paths) == before


def test_who_may_see_more_finds_by_the_words_of_that(searching: Newsroom) -> None:
    later = searching.clock.at(days=1)
    searching.article("Harbour opens")
    searching.article("Harvest fails", embargoed_until=later)
    searching.article("Harbinger", publish=False)
    partner = searching.key("read", entitlement={"embargoed": True})
    assert searching.found("har*") == ["Harbour opens"]
    assert sorted(searching.found("har*", partner)) == ["Harbour opens", "Harvest fails"]
    assert len(searching.found("har*", searching.key("preview"))) == 3
    assert searching.search("harbingr")["did_you_mean"] is None
    assert searching.search("harvst", partner)["did_you_mean"] == "harvest"


def test_what_the_clock_has_published_is_found_before_the_index_hears_of_it(
    searching: Newsroom,
) -> None:
    searching.article("Harbour opens")
    searching.article("Harvest fails", published_at=searching.clock.at(hours=1))
    assert searching.found("har*") == ["Harbour opens"]
    searching.clock.move(hours=2)
    assert sorted(searching.found("har*", sort="published_at")) == [
        "Harbour opens",
        "Harvest fails",
    ]
    searching.tick()
    assert sorted(searching.found("har*")) == ["Harbour opens", "Harvest fails"]
