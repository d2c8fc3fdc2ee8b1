"""Copies: validators, 304, content codings, HEAD, who may keep what, browsers."""

import pytest

from tests.conftest import Lend, Newsroom

PATHS = [
    "/v1/articles",
    "/v1/articles/harbour-bridge-opens",
    "/v1/authors",
    "/v1/tags",
    "/v1/me",
    "/openapi.json",
]


@pytest.fixture
def town(lend: Lend) -> Newsroom:
    return lend(furnish)


def furnish(newsroom: Newsroom) -> None:
    newsroom.article(body={"format": "text", "source": "At dawn. " * 200})
    newsroom.make("authors", name="Mara Lind")
    newsroom.make_keys()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("coding", ["identity", "gzip", "br", "zstd"])
def test_a_copy_is_checked_by_its_own_tag(town: Newsroom, path: str, coding: str) -> None:
    headers = {"Accept-Encoding": coding}
    answer = town.get(path, headers)
    assert "accept-encoding" in answer.headers["vary"].lower()
    etag = answer.headers["etag"]
    for known in (etag, f'"x", {etag}', "W/" + etag, "*"):
        again = town.get(path, {**headers, "If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert {"etag", "cache-control", "vary"} <= set(again.headers)
    assert town.get(path, {**headers, "If-None-Match": '"x"'}).status_code == 200


def test_each_coding_has_its_own_strong_tag_that_also_guards_writes(town: Newsroom) -> None:
    path = "/v1/articles/harbour-bridge-opens"
    tags = [
        town.get(path, {"Accept-Encoding": coding}).headers["etag"]
        for coding in ("identity", "gzip", "br", "zstd")
    ]
    assert len(set(tags)) == 4
    for etag in tags:
        same = town.send("PATCH", path, {}, {"If-Match": etag})
        assert same.status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(town: Newsroom, path: str) -> None:
    get, head = town.get(path), town.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "content-type", "cache-control", "vary"):
        assert head.headers[name] == get.headers[name]


def test_what_depends_on_a_key_is_private(town: Newsroom) -> None:
    assert town.get("/v1/articles").headers["cache-control"] == "public, no-cache"
    with_key = town.get("/v1/articles", town.key("read"))
    assert with_key.headers["cache-control"] == "private, no-cache"
    assert "authorization" in with_key.headers["vary"].lower()


def test_a_rename_is_seen_through_every_copy(town: Newsroom) -> None:
    town.send("PATCH", "/v1/articles/harbour-bridge-opens", {"authors": ["mara-lind"]})
    path = "/v1/articles/harbour-bridge-opens"
    etag = town.get(path).headers["etag"]
    town.send("PATCH", "/v1/authors/mara-lind", {"name": "Mara Lindqvist"})
    again = town.get(path, {"If-None-Match": etag})
    assert (again.status_code, again.json()["byline"]) == (200, "Mara Lindqvist")


def test_a_browser_may_ask_from_elsewhere(town: Newsroom) -> None:
    preflight = town.client.options(
        "/v1/articles",
        headers={
            "Origin": "https://news.example.org",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, if-match",
        },
    )
    assert preflight.status_code == 200
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    answer = town.get("/v1/articles", {"Origin": "https://news.example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "ETag" in answer.headers["access-control-expose-headers"]


def test_a_request_has_an_id_of_its_own_or_the_proxys(town: Newsroom) -> None:
    assert town.get("/v1/articles", {"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    made = town.get("/v1/articles", {"X-Request-ID": "not plain"}).headers["x-request-id"]
    assert len(made) == 36


@pytest.mark.parametrize("path", PATHS)
def test_the_tag_of_any_coding_is_known_to_a_request_for_any_other(
    town: Newsroom, path: str
) -> None:
    codings = ("identity", "gzip", "br", "zstd")
    tags = [town.get(path, {"Accept-Encoding": coding}).headers["etag"] for coding in codings]
    for coding in codings:
        for etag in tags:
            headers = {"Accept-Encoding": coding, "If-None-Match": etag}
            assert town.get(path, headers).status_code == 304, (coding, etag)


def test_a_tag_without_its_quotes_is_said_to_be_none(town: Newsroom) -> None:
    path = "/v1/articles/harbour-bridge-opens"
    tag = town.get(path).headers["etag"]
    for given in (tag.strip('"'), "abc", f"W/{tag}"):
        refused = town.send("PATCH", path, {"summary": "Newer"}, {"If-Match": given})
        assert (refused.status_code, refused.json()["type"][-6:]) == (412, ":stale")
        assert "in its quotes" in refused.json()["detail"]


def test_a_stale_tag_of_any_coding_does_not_guard_a_write(town: Newsroom) -> None:
    path = "/v1/articles/harbour-bridge-opens"
    codings = ("identity", "gzip", "br", "zstd")
    tags = [town.get(path, {"Accept-Encoding": coding}).headers["etag"] for coding in codings]
    assert town.send("PATCH", path, {"summary": "Newer"}).status_code == 200
    for etag in tags:
        stale = town.send("PATCH", path, {"summary": "Older"}, {"If-Match": etag})
        assert stale.status_code == 412
    assert town.get(path).json()["summary"] == "Newer"
