"""Validators and cache headers of every read, made from the OpenAPI document."""

import gzip
from collections.abc import Callable
from typing import Any

import brotli  # type: ignore[import-untyped]
import httpx2
import pytest
import zstandard

from app.main import create_app
from app.settings import Settings
from tests.conftest import Lend, Newsroom, Response

PATHS = create_app(Settings(database_url="sqlite:///never-opened.db")).openapi()["paths"]
STREAM = "/v1/changes/stream"
"""No answer to keep: tests/sync/test_stream.py."""
RUNNING = {"/healthz", "/readyz", "/metrics"}
PUBLIC = {"/openapi.json", "/schemas/blocks-1.json"}
"""The same for whoever asks."""
READS = [path for path in PATHS if "get" in PATHS[path] and path not in {STREAM, *RUNNING}]
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda packed: zstandard.ZstdDecompressor().decompressobj().decompress(packed),
}
CODINGS = tuple(UNPACK)
KEPT = ("etag", "cache-control", "vary")
ADDRESSES = {
    "/v1/articles": ["", "?limit=1", "?body=html&count=exact", "?sort=headline", "?fields=slug"],
    "/v1/articles/{ref}": ["", "?body=text", "?fields=headline"],
    "/v1/articles/{ref}/revisions": ["", "?limit=1"],
    "/v1/articles/{ref}/revisions/{version}": [""],
    "/v1/articles/{ref}/revisions/{version}/diff": ["", "?with=1"],
    "/v1/articles/{ref}/related": ["", "?limit=1&body=html"],
    "/v1/search": ["", "?q=dawn&facets=tag&body=html", "?q=nowhere"],
    "/v1/suggest": ["?q=f"],
    "/v1/changes": ["", "?limit=1", "?types=author,tag", "?fields=slug&body=text"],
    "/v1/authors": ["", "?article_count=true"],
    "/v1/authors/{ref}": ["", "?article_count=true"],
    "/v1/tags": ["", "?article_count=true", "?limit=1"],
    "/v1/tags/{ref}": ["", "?article_count=true"],
    "/v1/me": [""],
    "/v1/keys": ["", "?limit=1"],
    "/v1/keys/{key_id}": [""],
    "/v1/articles.{suffix}": [".rss", ".atom?limit=1", ".feed.json?content=summary", ".ninjs"],
    "/v1/articles/{ref}/related.{suffix}": [".rss", ".ninjs?limit=1"],
    "/v1/search.{suffix}": [".rss?q=dawn", ".atom", ".feed.json?q=nowhere", ".ninjs?ninjs=2.2"],
    "/v1/articles/{ref}.{suffix}": [".html", ".md", ".txt", ".jsonld", ".ninjs?ninjs=2.2"],
    "/sitemap.xml": [""],
    "/sitemap-news.xml": [""],
    "/sitemap-{number}.xml": [""],
    "/schemas/blocks-1.json": [""],
    "/openapi.json": [""],
}


@pytest.fixture
def newsroom(lend: Lend) -> Newsroom:
    """With search, of which the same is asked as of everything else."""
    return lend(furnish, search=True)


@pytest.fixture
def town(newsroom: Newsroom) -> Newsroom:
    return newsroom


def furnish(newsroom: Newsroom) -> None:
    """Enough of everything that each answer is worth compressing."""
    newsroom.make("authors", name="First", bio="Writes. " * 100)
    newsroom.send("POST", "/v1/tags", {"name": "First", "description": "Water. " * 100})
    newsroom.make("tags", name="Second")
    body = {"format": "text", "source": "At dawn. " * 200}
    newsroom.article("First", body=body, authors=["first"], tags=["first"])
    newsroom.article("Second")
    newsroom.make_keys()


def addresses(town: Newsroom, path: str) -> list[str]:
    """The addresses to try of one path of the document."""
    key_id = town.get("/v1/keys", town.key("admin")).json()["data"][0]["id"]
    here = path.replace("{ref}", "first").replace("{key_id}", key_id).replace("{version}", "1")
    here = here.replace(".{suffix}", "").replace("{number}", "1")
    return [here + query for query in ADDRESSES[path]]


def get(town: Newsroom, path: str, **headers: str) -> Response:
    """An answer with an admin's key, not compressed unless the headers ask for it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return town.get(path, {"Accept-Encoding": "identity", **town.key("admin"), **named})


def kept(answer: Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in KEPT}


def names_in(header: str) -> set[str]:
    return {name.strip().lower() for name in header.split(",")}


def test_the_sweep_knows_every_read() -> None:
    assert set(ADDRESSES) == {*READS, "/openapi.json"}


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_read_has_a_validator_and_says_what_it_depends_on(town: Newsroom, path: str) -> None:
    for address in addresses(town, path):
        answer = get(town, address)
        assert answer.status_code == 200
        assert answer.headers["etag"].startswith('"')
        assert answer.headers["etag"].endswith('"')
        assert {"accept-encoding", "authorization"} <= names_in(answer.headers["vary"])
        private = "public" if path in PUBLIC else "private"
        assert answer.headers["cache-control"] == f"{private}, no-cache"


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_known_copy_is_a_304_with_the_same_headers_and_no_body(town: Newsroom, path: str) -> None:
    for address in addresses(town, path):
        answer = get(town, address)
        etag = answer.headers["etag"]
        others = f'"other", W/"another", {etag}, "last"'
        for known in (etag, f"W/{etag}", others, f'"a,b",{etag}', f"  {etag}  ", "*"):
            again = get(town, address, If_None_Match=known)
            assert (again.status_code, again.content) == (304, b""), known
            assert kept(again) == kept(answer)
            assert "content-type" not in again.headers
            head = town.client.head(
                address,
                headers={
                    **town.key("admin"),
                    "Accept-Encoding": "identity",
                    "If-None-Match": known,
                },
            )
            assert (head.status_code, head.content, kept(head)) == (304, b"", kept(answer))


@pytest.mark.parametrize("path", ADDRESSES)
def test_another_tag_is_no_reason_for_a_304(town: Newsroom, path: str) -> None:
    for address in addresses(town, path):
        etag = get(town, address).headers["etag"]
        cut, bare = etag[:-2] + '"', etag.strip('"')
        for unknown in ('"other"', cut, bare, etag.upper() + "x", f'"{bare}-deflate"', '""', ""):
            assert get(town, address, If_None_Match=unknown).status_code == 200, unknown


@pytest.mark.parametrize("path", ADDRESSES)
def test_each_content_coding_has_its_own_tag_that_is_taken_back(town: Newsroom, path: str) -> None:
    for address in addresses(town, path):
        plain = get(town, address)
        tags = {plain.headers["etag"]}
        for coding in CODINGS:
            coded = get(town, address, Accept_Encoding=coding)
            if "content-encoding" in coded.headers:
                assert coded.headers["content-encoding"] == coding
                assert coded.headers["etag"] not in tags
                assert not coded.headers["etag"].startswith("W/")
                tags.add(coded.headers["etag"])
            for known in (coded.headers["etag"], f'"x", {coded.headers["etag"]}'):
                again = get(town, address, Accept_Encoding=coding, If_None_Match=known)
                assert (again.status_code, kept(again)) == (304, kept(coded))
        assert len(tags) in (1, 1 + len(CODINGS))


@pytest.mark.parametrize("path", ["/v1/articles/first", "/v1/authors", "/openapi.json"])
def test_a_long_answer_is_compressed_as_asked(town: Newsroom, served: str, path: str) -> None:
    plain = httpx2.get(served + path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for coding, unpacked in UNPACK.items():
        headers = {"Accept-Encoding": coding}
        with httpx2.stream("GET", served + path, headers=headers) as coded:
            packed = b"".join(coded.iter_raw())
        assert coded.headers["content-encoding"] == coding
        assert unpacked(packed) == plain.content
        assert len(packed) < len(plain.content)


@pytest.mark.parametrize("refused", ["identity;q=1, gzip;q=0", "", "nonsense", "gzip;q=0"])
def test_a_coding_that_is_not_wanted_is_not_used(town: Newsroom, refused: str) -> None:
    answer = get(town, "/v1/articles/first", Accept_Encoding=refused)
    assert "content-encoding" not in answer.headers
    assert answer.json()["slug"] == "first"


@pytest.mark.parametrize("kind", ["articles", "authors", "tags"])
def test_the_tag_of_any_coding_and_selection_guards_a_write(town: Newsroom, kind: str) -> None:
    path = f"/v1/{kind}/first"
    query = "?fields=headline" if kind == "articles" else "?article_count=true"
    for address in (path, path + query):
        for coding in ("identity", *CODINGS):
            etag = get(town, address, Accept_Encoding=coding).headers["etag"]
            for if_match in (etag, f'"99-x", {etag}'):
                assert town.send("PATCH", path, {}, {"If-Match": if_match}).status_code == 200
            weak = town.send("PATCH", path, {}, {"If-Match": f"W/{etag}"})
            assert weak.status_code == 412


@pytest.mark.parametrize("kind", ["articles", "authors", "tags"])
def test_a_stale_tag_is_refused_for_every_write(town: Newsroom, kind: str) -> None:
    path, field = f"/v1/{kind}/first", "headline" if kind == "articles" else "name"
    stale = [get(town, path, Accept_Encoding=coding).headers["etag"] for coding in CODINGS]
    assert town.send("PATCH", path, {field: "Changed"}).status_code == 200
    for etag in stale:
        for method, body in (("PUT", {field: "x"}), ("PATCH", {field: "x"}), ("DELETE", None)):
            assert town.send(method, path, body, {"If-Match": etag}).status_code == 412
    for method, body in (("PUT", {field: "x"}), ("PATCH", {field: "x"}), ("DELETE", None)):
        absent = town.client.request(method, path, json=body, headers=town.key("admin"))
        assert absent.status_code == 428
    assert town.get(path).json()[field] == "Changed"


def test_the_tag_of_a_write_is_the_tag_of_the_read_that_follows(town: Newsroom) -> None:
    for kind in ("articles", "authors", "tags"):
        field = "headline" if kind == "articles" else "name"
        written = town.send("PATCH", f"/v1/{kind}/first", {field: "Changed"})
        read = town.get(f"/v1/{kind}/first", town.key("publish"))
        assert written.headers["etag"] == read.headers["etag"]
        assert written.json() == read.json()


@pytest.mark.parametrize(
    "path", [path for path in ADDRESSES if "keys" not in path and path != "/v1/me"]
)
def test_without_a_key_an_answer_is_public_and_with_one_private(town: Newsroom, path: str) -> None:
    for address in addresses(town, path):
        assert town.get(address).headers["cache-control"] == "public, no-cache"
        if path not in PUBLIC:
            keyed = town.get(address, town.key("read"))
            assert keyed.headers["cache-control"] == "private, no-cache"


def test_what_is_about_the_caller_is_private_for_anybody(town: Newsroom) -> None:
    for headers in ({}, town.key("read")):
        assert town.get("/v1/me", headers).headers["cache-control"] == "private, no-cache"


def test_a_site_may_let_shared_caches_answer_but_never_for_a_key(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    town = open_newsroom(database_url, cache_max_age_seconds=60)
    assert town.get("/v1/articles").headers["cache-control"] == "public, max-age=60"
    assert town.get("/v1/articles", town.key("read")).headers["cache-control"].startswith("private")
    assert town.get("/v1/articles/none").headers["cache-control"] == "no-store"


def test_a_key_that_is_shown_once_is_never_stored(town: Newsroom) -> None:
    wanted = {"name": "App", "scopes": ["read"]}
    made = town.client.post("/v1/keys", json=wanted, headers=town.key("admin"))
    assert made.headers["cache-control"] == "no-store"


def test_what_may_not_be_seen_is_a_404_before_any_condition(town: Newsroom) -> None:
    town.make("articles", headline="Draft")
    etag = get(town, "/v1/articles/draft").headers["etag"]
    for known in (etag, "*"):
        answer = town.get("/v1/articles/draft", {"If-None-Match": known})
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


def test_a_moved_address_is_checked_again_each_time(town: Newsroom) -> None:
    town.send("PATCH", "/v1/articles/first", {"slug": "moved"})
    for headers in ({}, {"If-None-Match": "*"}):
        moved = town.get("/v1/articles/first?fields=slug", headers)
        assert (moved.status_code, moved.headers["location"]) == (
            301,
            "/v1/articles/moved?fields=slug",
        )
        assert moved.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", [*PATHS, "/openapi.json"])
def test_a_browser_may_ask_on_every_address(town: Newsroom, path: str) -> None:
    here = path.replace("{ref}", "first").replace("{key_id}", "first").replace("{version}", "1")
    for method in PATHS.get(path, {"get": {}}):
        preflight = town.client.options(
            here,
            headers={
                "Origin": "https://news.example.org",
                "Access-Control-Request-Method": method.upper(),
                "Access-Control-Request-Headers": "authorization, content-type, if-match",
            },
        )
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert method.upper() in preflight.headers["access-control-allow-methods"].split(", ")
        allowed = names_in(preflight.headers["access-control-allow-headers"])
        assert {"authorization", "content-type", "if-match"} <= allowed


@pytest.mark.parametrize("path", ["/v1/articles", "/v1/articles/none", "/v1/keys", "/none"])
def test_a_browser_sees_the_headers_that_matter_on_errors_too(town: Newsroom, path: str) -> None:
    answer = town.get(path, {"Origin": "https://news.example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = names_in(answer.headers["access-control-expose-headers"])
    assert {"etag", "link", "location", "retry-after", "x-request-id"} <= exposed
    assert "access-control-allow-credentials" not in answer.headers


def test_a_site_may_name_whose_pages_may_call(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    town = open_newsroom(database_url, cors_origins=["https://news.example.org"])
    ours = town.get("/v1/articles", {"Origin": "https://news.example.org"})
    assert ours.headers["access-control-allow-origin"] == "https://news.example.org"
    assert "origin" in names_in(ours.headers["vary"])
    theirs = town.get("/v1/articles", {"Origin": "https://evil.example.org"})
    assert "access-control-allow-origin" not in theirs.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/articles"), ("HEAD", "/v1/articles"), ("OPTIONS", "/v1/articles"),
     ("GET", "/none"), ("TRACE", "/v1/articles"), ("POST", "/v1/articles"), ("GET", "/healthz"),
     ("GET", "/openapi.json"), ("GET", "/docs")],
)  # fmt: skip
def test_every_answer_has_a_request_id(town: Newsroom, method: str, path: str) -> None:
    given = town.client.request(method, path, headers={"X-Request-ID": "proxy-1.a_B"})
    assert given.headers["x-request-id"] == "proxy-1.a_B"
    made = [town.client.request(method, path).headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1]
    for unfit in ("a b", "", "x" * 101, "a;b", "<script>", "é"):
        headers = {b"X-Request-ID": unfit.encode()}
        answer = town.client.request(method, path, headers=headers)
        assert answer.headers["x-request-id"] not in (unfit, "")


def test_a_304_has_a_request_id_of_its_own(town: Newsroom) -> None:
    first, again = (get(town, "/v1/articles", If_None_Match="*") for _ in range(2))
    assert first.status_code == again.status_code == 304
    assert first.headers["x-request-id"] != again.headers["x-request-id"]


@pytest.mark.parametrize("path", [*ADDRESSES, "/healthz", "/readyz", "/docs"])
def test_head_has_the_headers_of_get_and_no_body(town: Newsroom, served: str, path: str) -> None:
    tried: list[Any] = addresses(town, path) if path in ADDRESSES else [path]
    for address in tried:
        for coding in ("identity", "gzip"):
            headers = {**town.key("admin"), "Accept-Encoding": coding, "X-Request-ID": "same"}
            both = [
                httpx2.request(method, served + address, headers=headers)
                for method in ("GET", "HEAD")
            ]
            for answer in both:
                answer.headers.pop("date", None)
            assert both[0].status_code == both[1].status_code == 200
            assert dict(both[1].headers) == dict(both[0].headers)
            assert both[1].content == b""
