"""Who is calling: how a key is sent, what its scopes allow, and what nobody may do without one."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.access.models import SCOPES
from tests.conftest import Newsroom


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


def key_of(newsroom: Newsroom, *scopes: str) -> str:
    return newsroom.key(*scopes)["Authorization"].removeprefix("Bearer ")


def test_a_key_works_as_bearer_token_and_as_basic_password(newsroom: Newsroom) -> None:
    key = key_of(newsroom, "admin")
    ways = [
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer   {key} "},
        {"Authorization": f"BEARER {key}"},
        basic("feed-reader", key),
        basic("", key),
        {"Authorization": basic("", key)["Authorization"].replace("Basic", "basic")},
    ]
    answers = [newsroom.get("/v1/keys", way) for way in ways]
    assert [answer.status_code for answer in answers] == [200] * len(ways)


NO_KEYS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer unknown",
    "Bearer byline_" + "x" * 43,
    "Bearer byline_one byline_two",
    "Bearer sch\u00f6n",
    "Token byline_x",
    "byline_x",
    "Basic",
    "Basic !!!",
    "Basic YWJj",
    "Basic /w==",
    "Basic OmJ5bGluZV94",
    "Digest username=x",
    "Bearer " + "x" * 20_000,
]


def test_credentials_that_are_no_key_are_refused_even_where_none_is_needed(
    newsroom: Newsroom,
) -> None:
    for header in NO_KEYS:
        answer = newsroom.client.get("/v1/articles", headers={b"Authorization": header.encode()})
        assert answer.status_code == 401, header
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == 401
        challenge = answer.headers["WWW-Authenticate"]
        assert "Bearer" in challenge
        assert "Basic" in challenge


def test_a_refusal_does_not_repeat_the_key(newsroom: Newsroom) -> None:
    answer = newsroom.get("/v1/articles", {"Authorization": "Bearer byline_mistyped"})
    assert "mistyped" not in answer.text + str(answer.headers)


DEEDS: dict[str, tuple[str, str, Any]] = {
    "read": ("GET", "/v1/articles", None),
    "preview": ("GET", "/v1/articles?status=draft", None),
    "write": ("POST", "/v1/articles", {"headline": "New"}),
    "publish": ("POST", "/v1/articles?publish=true", {"headline": "New"}),
    "admin": ("GET", "/v1/keys", None),
}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_includes_those_before_it_and_no_other(newsroom: Newsroom, scope: str) -> None:
    headers = newsroom.key(scope)
    allowed = [
        needed
        for needed, (method, path, body) in DEEDS.items()
        if newsroom.send(method, path, body, headers).status_code in (200, 201)
    ]
    assert tuple(allowed) == SCOPES[: SCOPES.index(scope) + 1]


def test_a_missing_scope_is_403_and_named(newsroom: Newsroom) -> None:
    answer = newsroom.send("POST", "/v1/tags", {"name": "Sport"}, newsroom.key("preview"))
    assert answer.status_code == 403
    assert "`write`" in answer.json()["detail"]


def test_writing_without_a_key_is_401_and_changes_nothing(newsroom: Newsroom) -> None:
    article = newsroom.article()
    path = f"/v1/articles/{article['slug']}"
    attempts = [
        newsroom.client.post("/v1/articles", json={"headline": "Mine"}),
        newsroom.client.patch(path, json={"headline": "Mine"}, headers={"If-Match": "*"}),
        newsroom.client.delete(path, headers={"If-Match": "*"}),
        newsroom.client.post(f"{path}/withdraw"),
        newsroom.client.post("/v1/keys", json={"name": "Mine", "scopes": ["admin"]}),
        newsroom.client.get("/v1/keys"),
    ]
    assert [answer.status_code for answer in attempts] == [401] * len(attempts)
    data = newsroom.get("/v1/articles", newsroom.key("preview")).json()["data"]
    assert [one["headline"] for one in data] == [article["headline"]]


def test_me_without_a_key_is_what_anybody_may(newsroom: Newsroom) -> None:
    answer = newsroom.get("/v1/me")
    assert answer.json() == {
        "anonymous": True,
        "id": None,
        "name": None,
        "scopes": ["read"],
        "entitlement": None,
        "expires_at": None,
    }
    assert answer.headers["Cache-Control"].startswith("private")


def test_me_says_what_the_key_may(newsroom: Newsroom) -> None:
    wanted = {
        "name": "Partner",
        "scopes": ["publish"],
        "expires_at": "2027-01-01T00:00:00Z",
        "entitlement": {"articles": {"tag": ["sport"]}, "embargoed": True},
    }
    made = newsroom.send("POST", "/v1/keys", wanted, newsroom.key("admin")).json()
    me = newsroom.get("/v1/me", {"Authorization": f"Bearer {made['key']}"}).json()
    assert me["anonymous"] is False
    assert (me["id"], me["name"]) == (made["id"], "Partner")
    assert me["scopes"] == ["read", "preview", "write", "publish"]
    assert me["expires_at"] == "2027-01-01T00:00:00Z"
    assert me["entitlement"] == made["entitlement"]


def test_where_reading_needs_a_key_every_route_does(
    database_url: str, open_newsroom: Callable[..., Newsroom], tmp_path: Path
) -> None:
    closed = open_newsroom(database_url, public_read=False, search=True, data_dir=tmp_path)
    author, tag = closed.make("authors", name="Mara Lind"), closed.make("tags", name="Sport")
    article = closed.article(authors=[author["id"]], tags=[tag["id"]])
    key = closed.send("GET", "/v1/keys", headers=closed.key("admin")).json()["data"][0]
    known = {"articles": article["id"], "authors": author["id"], "tags": tag["id"]}
    paths = [
        path.replace("{ref}", known.get(path.split("/")[2], ""))
        .replace("{key_id}", key["id"])
        .replace("{version}", "1")
        .replace("{suffix}", "ninjs")
        for path, methods in closed.app.openapi()["paths"].items()
        if path.startswith("/v1/") and "get" in methods
    ]
    paths[paths.index("/v1/suggest")] += "?q=m"
    closed.indexed()
    assert len(paths) >= 9
    assert {path: closed.get(path).status_code for path in paths} == dict.fromkeys(paths, 401)
    with_key = {path: closed.get(path, closed.key("admin")).status_code for path in paths}
    assert with_key == dict.fromkeys(paths, 200)
    readable = closed.get(f"/v1/articles/{article['slug']}", closed.key("read"))
    assert readable.status_code == 200


def test_where_reading_needs_a_key_no_condition_tells_more(
    database_url: str, open_newsroom: Callable[..., Newsroom]
) -> None:
    closed = open_newsroom(database_url, public_read=False)
    path = f"/v1/articles/{closed.article()['slug']}"
    tag = closed.get(path, closed.key("read")).headers["ETag"]
    assert closed.get(path, {"If-None-Match": tag}).status_code == 401
    assert closed.get("/v1/articles/never-there").status_code == 401
    assert closed.client.head(path).status_code == 401
