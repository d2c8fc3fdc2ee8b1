"""Borders that somebody once got across: each test is a way that is closed."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Newsroom

LOCAL = {"articles": {"tag": ["local"]}}
PATH = "/v1/articles/harbour-bridge-opens"


@pytest.mark.parametrize(
    ("method", "end", "body"),
    [
        ("POST", "/merge", {"into": "local"}),
        ("PUT", "", {"name": "x"}),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
    ],
)
@pytest.mark.parametrize("kind", ["tags", "authors"])
def test_an_entitled_key_cannot_move_articles_by_their_tags_and_authors(
    newsroom: Newsroom, kind: str, method: str, end: str, body: Any
) -> None:
    for name in ("Local", "Secret"):
        newsroom.make(kind, name=name)
    key = newsroom.key("write", entitlement=LOCAL)
    assert newsroom.send(method, f"/v1/{kind}/secret{end}", body, key).status_code == 403
    assert newsroom.get(f"/v1/{kind}/secret").status_code == 200


def test_what_was_over_before_it_came_was_never_public(newsroom: Newsroom) -> None:
    newsroom.article(published_at="2001-01-01T00:00:00Z", expires_at="2005-01-01T00:00:00Z")
    assert newsroom.get(PATH).status_code == 404
    newsroom.send("POST", f"{PATH}/withdraw", {"reason": "secret"})
    assert newsroom.get(PATH).status_code == 404
    newsroom.send("DELETE", PATH)
    assert newsroom.get(PATH).status_code == 404


def test_dates_written_later_do_not_make_a_public_past(newsroom: Newsroom) -> None:
    newsroom.article(published_at="2030-01-01T00:00:00Z")
    newsroom.clock.move(hours=2)
    past = {"published_at": "2020-01-01T00:00:00Z", "expires_at": newsroom.clock.at(hours=-1)}
    newsroom.send("PATCH", PATH, past)
    newsroom.send("POST", f"{PATH}/withdraw", {"reason": "secret"})
    assert newsroom.get(PATH).status_code == 404


def test_what_is_restored_after_its_date_is_public_from_then_on(newsroom: Newsroom) -> None:
    newsroom.article(published_at=newsroom.clock.at(hours=1))
    newsroom.send("POST", f"{PATH}/withdraw")
    newsroom.clock.move(hours=5)
    restored = newsroom.send("POST", f"{PATH}/restore").json()
    assert restored["published_at"] < restored["first_published_at"] <= newsroom.clock.at()


def test_true_is_not_one(newsroom: Newsroom) -> None:
    newsroom.article(metadata={"flag": 1})
    newsroom.send("PATCH", PATH, {"metadata": {"flag": True}})
    article = newsroom.get(PATH).json()
    assert (article["metadata"]["flag"], article["version"]) == (True, 2)
    assert article["metadata"]["flag"] is True


def test_credentials_that_are_no_ascii_are_401(newsroom: Newsroom) -> None:
    answer = newsroom.client.get("/v1/me", headers={b"Authorization": b"Basic \xc3\xa9"})
    assert answer.status_code == 401


def test_an_entitlement_to_an_empty_list_is_refused(newsroom: Newsroom) -> None:
    wanted = {"name": "x", "scopes": ["read"], "entitlement": {"articles": {"tag": []}}}
    answer = newsroom.send("POST", "/v1/keys", wanted, newsroom.key("admin"))
    assert answer.status_code == 422


def test_a_refused_preflight_is_a_problem(newsroom: Newsroom) -> None:
    headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "TRACE"}
    answer = newsroom.client.options("/v1/articles", headers=headers)
    assert answer.status_code == answer.json()["status"] == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_longest_filter_can_be_paged(newsroom: Newsroom) -> None:
    ids = [newsroom.article(f"H{number}")["id"] for number in range(2)]
    unknown = [f"01a20c95-fd9f-710b-8f03-{number:012d}" for number in range(98)]
    page = newsroom.get(f"/v1/articles?limit=1&ids={','.join(ids + unknown)}").json()["page"]
    following = newsroom.get(f"/v1/articles?cursor={page['next']}")
    assert [one["id"] for one in following.json()["data"]] == ids[:1]


def test_fields_are_exactly_those_asked_for(newsroom: Newsroom) -> None:
    every = set(newsroom.article()) - {"summary"}
    shown = newsroom.get(f"{PATH}?fields={','.join(sorted(every))}").json()
    assert set(shown) == every - {"body"} | {"body"}
    assert "summary" not in shown


def test_a_default_spelled_out_is_the_same_list(newsroom: Newsroom) -> None:
    for _ in range(2):
        newsroom.article()
    cursor = newsroom.get("/v1/articles?limit=1").json()["page"]["next"]
    assert newsroom.get(f"/v1/articles?sort=-published_at&cursor={cursor}").status_code == 200


def test_addresses_begin_where_clients_reach_the_site(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    site = "https://news.example.org/api"
    newsroom = open_newsroom(database_url, base_url=site)
    answer = newsroom.send("POST", "/v1/articles?publish=true", {"headline": "Storm"})
    assert answer.headers["location"] == f"{site}/v1/articles/storm"
    newsroom.send("PATCH", "/v1/articles/storm", {"slug": "gale"})
    moved = newsroom.get("/v1/articles/storm")
    assert moved.headers["location"] == f"{site}/v1/articles/gale"
