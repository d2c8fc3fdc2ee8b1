"""Every error of every route, made from the OpenAPI document: one shape, the right status, no trace."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import httpx2
import pytest

from app.db.database import Database, DatabaseBusy
from app.main import create_app
from app.settings import Settings
from tests.conftest import Lend, Newsroom, Response

PATHS = create_app(Settings(database_url="sqlite:///never-opened.db")).openapi()["paths"]
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, operations in PATHS.items()
    for method, operation in operations.items()
}
OF_API = [name for name in OPERATIONS if OPERATIONS[name][1].startswith("/v1/")]
# A bulk request may have any length, and its lines are refused one by one: tests/articles/test_bulk.py.
STREAMED = {"bulk_articles"}
WITH_BODY = [name for name in OF_API if "requestBody" in OPERATIONS[name][2]]
NEED_NO_DATABASE = {"get_health", "get_blocks_schema"}
BOUNDED = [name for name in WITH_BODY if name not in STREAMED]
SCOPES = ("read", "preview", "write", "publish", "admin")
NEEDED = {
    "read": {
        "list_articles", "get_article", "list_authors", "get_author", "list_tags", "get_tag",
        "get_me", "list_revisions", "get_revision", "diff_revisions", "list_changes",
        "stream_changes", "search_articles", "list_suggestions", "list_related_articles",
        "list_articles_as", "search_articles_as", "get_article_as", "list_related_articles_as",
    },
    "write": {
        "create_article", "replace_article", "update_article", "delete_article", "add_correction",
        "restore_revision",
        "bulk_articles",
        "create_author", "replace_author", "update_author", "delete_author", "merge_author",
        "create_tag", "replace_tag", "update_tag", "delete_tag", "merge_tag",
    },
    "publish": {"publish_article", "withdraw_article", "restore_article"},
    "admin": {"list_keys", "create_key", "get_key", "update_key", "revoke_key"},
}  # fmt: skip
READ_ONLY = {
    "article": [
        "id", "url", "status", "version", "created_at", "updated_at", "first_published_at",
        "corrections", "section", "word_count", "reading_minutes",
    ],
    "author": ["id", "version", "created_at", "updated_at", "article_count"],
    "tag": ["id", "version", "created_at", "updated_at", "article_count"],
    "key": ["id", "hint", "key", "version", "created_at", "revoked_at"],
}  # fmt: skip
LEAST: dict[str, dict[str, Any]] = {
    "article": {"headline": "x"},
    "author": {"name": "x"},
    "tag": {"name": "x"},
    "key": {"name": "x", "scopes": ["read"]},
}
each_operation = pytest.mark.parametrize("name", OF_API)
each_body = pytest.mark.parametrize("name", WITH_BODY)
each_bounded = pytest.mark.parametrize("name", BOUNDED)


@pytest.fixture
def newsroom(lend: Lend) -> Newsroom:
    """Nothing is written but keys; next to all that is asked of it is refused."""
    return lend(Newsroom.make_keys)


def place(name: str) -> str:
    unknown = "01a20c95-fd9f-710b-8f03-e27cdf1368f0"
    path: str = OPERATIONS[name][1]
    path = path.replace("{suffix}", "ninjs").replace("{number}", "1")
    return path.replace("{ref}", "first").replace("{key_id}", unknown).replace("{version}", "1")


def send(newsroom: Newsroom, name: str, headers: dict[str, str], **request: Any) -> Response:
    """One request for this operation, with as little in it as may be."""
    if name in WITH_BODY and not request:
        request = {"json": [{"headline": "x"}] if name in STREAMED else {}}
    return newsroom.client.request(
        OPERATIONS[name][0],
        request.pop("path", place(name)),
        headers={"If-Match": "*", **headers},
        follow_redirects=False,
        **request,
    )


def problem_of(answer: Response, status: int, path: str | None = None) -> dict[str, Any]:
    """The problem document that the answer must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["title"] == HTTPStatus(status).phrase
    assert problem["type"].startswith("urn:byline:problem:")
    assert problem["detail"].strip()
    if path is not None:
        assert problem["instance"] == path
    return problem


def test_the_sweep_knows_what_each_route_needs() -> None:
    assert set.union(*NEEDED.values()) == set(OF_API)


@each_operation
def test_a_parameter_that_takes_one_value_is_refused_when_given_twice(
    newsroom: Newsroom, name: str
) -> None:
    values = {
        "with": "1",
        "limit": "5",
        "sort": "updated_at",
        "count": "exact",
        "body": "html",
        "parent": "x",
    }
    for one in OPERATIONS[name][2].get("parameters", []):
        if one["in"] == "query" and one["schema"].get("type") != "array":
            value = values.get(one["name"], "true")
            path = f"{place(name)}?{one['name']}={value}&{one['name']}={value}"
            answer = send(newsroom, name, newsroom.key("admin"), path=path)
            errors = problem_of(answer, 422, place(name))["errors"]
            assert [error["parameter"] for error in errors] == [one["name"]]


@pytest.mark.parametrize(
    "name",
    [name for name in WITH_BODY if name.partition("_")[0] in ("create", "replace", "update")],
)
def test_what_only_the_server_writes_is_refused_in_a_body(newsroom: Newsroom, name: str) -> None:
    thing = name.partition("_")[2]
    for field in READ_ONLY[thing]:
        answer = send(newsroom, name, newsroom.key("admin"), json={**LEAST[thing], field: None})
        errors = problem_of(answer, 422, place(name))["errors"]
        assert [error["pointer"] for error in errors] == [f"/{field}"]


def test_a_pointer_is_escaped_as_rfc_6901_says(newsroom: Newsroom) -> None:
    body = {"headline": "x", "a/b~c": 1}
    answer = send(newsroom, "create_article", newsroom.key("admin"), json=body)
    assert problem_of(answer, 422)["errors"][0]["pointer"] == "/a~1b~0c"


@pytest.mark.parametrize("path", [*PATHS, "/openapi.json", "/docs"])
def test_every_other_method_is_refused_and_hears_which_are_not(
    newsroom: Newsroom, path: str
) -> None:
    here = re.sub(r"\{(ref|key_id|version|suffix)\}", "first", path).replace("{number}", "1")
    # `bulk` is a slug too, so that two templates name its address.
    templates = {path, "/v1/articles/{ref}"} if path == "/v1/articles/bulk" else {path}
    methods = {
        method.upper() for template in templates for method in PATHS.get(template, {"get": {}})
    }
    allowed = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "BREW"):
        if method not in allowed:
            answer = newsroom.client.request(method, here)
            problem_of(answer, 405, here)
            assert set(answer.headers["allow"].split(", ")) == allowed
    options = newsroom.client.options(here)
    assert set(options.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v2/articles", "/v1/articles/", "/v1/Articles", "/v1/articles/a/b", "/v1//articles",
     "/v1/article", "/index.html", "/v1/articles/first/publish/", "/.env", "/docs/assets/none.js"],
)  # fmt: skip
def test_an_address_of_nothing_is_a_404(newsroom: Newsroom, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        if not (path.startswith("/docs") and method != "GET"):
            problem_of(newsroom.client.request(method, path), 404, path)


def test_an_instance_is_a_valid_reference_whatever_was_asked(newsroom: Newsroom) -> None:
    answer = newsroom.get("/v1/articles/%C3%BC%20%22%3Cx%3E%25")
    assert problem_of(answer, 404)["instance"] == "/v1/articles/%C3%BC%20%22%3Cx%3E%25"


@pytest.fixture
def bad_keys(newsroom: Newsroom) -> list[str]:
    """Authorization headers of keys that are no keys, are over, and are revoked."""
    admin = newsroom.key("admin")
    revoked = newsroom.client.post(
        "/v1/keys", json={"name": "Old", "scopes": ["admin"]}, headers=admin
    ).json()
    newsroom.client.delete(f"/v1/keys/{revoked['id']}", headers={**admin, "If-Match": "*"})
    wanted = {"name": "Old", "scopes": ["admin"], "expires_at": newsroom.clock.at(hours=1)}
    over = newsroom.client.post("/v1/keys", json=wanted, headers=admin).json()
    newsroom.clock.move(hours=1)
    return [
        "", "Bearer", "Bearer ", "Bearer nonsense", "Basic", "Basic ???", "Basic bm9uc2Vuc2U=",
        "Digest a=b", admin["Authorization"] + "x", admin["Authorization"].removeprefix("Bearer "),
        f"Bearer {revoked['key']}", f"Bearer {over['key']}",
    ]  # fmt: skip


def test_a_key_that_is_not_valid_is_refused_on_every_route(
    newsroom: Newsroom, bad_keys: list[str]
) -> None:
    for name in OF_API:
        for bad in bad_keys:
            answer = send(newsroom, name, {"Authorization": bad})
            problem_of(answer, 401, place(name))
            assert "Bearer" in answer.headers["www-authenticate"]


@each_operation
def test_a_key_with_less_than_the_scope_is_refused(newsroom: Newsroom, name: str) -> None:
    needed = next(scope for scope, names in NEEDED.items() if name in names)
    for scope in SCOPES:
        answer = send(newsroom, name, newsroom.key(scope))
        if SCOPES.index(scope) < SCOPES.index(needed):
            assert needed in problem_of(answer, 403, place(name))["detail"]
        else:
            assert answer.status_code not in (401, 403)


@each_body
def test_what_is_said_to_be_no_json_is_not_read(newsroom: Newsroom, name: str) -> None:
    for media_type in ("text/plain", "application/xml", "multipart/form-data; boundary=x", ""):
        headers = {**newsroom.key("admin"), "Content-Type": media_type}
        problem_of(send(newsroom, name, headers, content=b"{}"), 415, place(name))


@each_bounded
def test_a_body_over_the_bound_is_refused_by_its_length(newsroom: Newsroom, name: str) -> None:
    headers = {**newsroom.key("admin"), "Content-Type": "application/json"}
    problem_of(send(newsroom, name, headers, content=b" " * 2_000_001), 413, place(name))


@each_bounded
def test_a_body_over_the_bound_is_refused_while_it_comes(newsroom: Newsroom, name: str) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(21):
            yield b" " * 100_000

    headers = {**newsroom.key("admin"), "Content-Type": "application/json"}
    problem_of(send(newsroom, name, headers, content=pieces()), 413, place(name))


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in NEED_NO_DATABASE])
def test_what_breaks_inside_is_a_500_and_says_nothing_of_it(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    headers = newsroom.key("admin") if name in OF_API else {}

    def broken(_database: Database) -> Any:
        raise RuntimeError("swordfish")

    newsroom.forget_answers()
    for session in ("reading", "writing"):
        monkeypatch.setattr(Database, session, broken)
    answer = send(newsroom, name, headers)
    problem_of(answer, 500, place(name))
    assert "swordfish" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in NEED_NO_DATABASE])
def test_a_busy_database_is_a_503_that_says_when_to_come_back(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    @contextmanager
    def busy(_database: Database) -> Iterator[Any]:
        raise DatabaseBusy("swordfish")
        yield

    headers = newsroom.key("admin") if name in OF_API else {}
    newsroom.forget_answers()
    for session in ("reading", "writing"):
        monkeypatch.setattr(Database, session, busy)
    answer = send(newsroom, name, headers)
    problem_of(answer, 503, place(name))
    assert int(answer.headers["retry-after"]) >= 1
    assert "swordfish" not in answer.text


def test_a_writer_who_waits_too_long_for_another_hears_503(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    newsroom = open_newsroom(database_url, database_wait_seconds=0.2)
    key = newsroom.key("write")
    other = Database(database_url)
    with other.writing() as session:
        session.connection()
        answer = newsroom.client.post("/v1/articles", json={"headline": "x"}, headers=key)
        problem_of(answer, 503, "/v1/articles")
        assert answer.headers["retry-after"]
        assert newsroom.get("/v1/articles").status_code == 200
    again = newsroom.client.post("/v1/articles", json={"headline": "x"}, headers=key)
    assert again.status_code == 201
    other.close()


def test_a_reader_who_waits_too_long_for_a_connection_hears_503(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    newsroom = open_newsroom(database_url, database_wait_seconds=0.2, database_pool_size=1)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with newsroom.database.reading() as session:
            session.connection()
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    problem_of(newsroom.get("/v1/articles"), 503, "/v1/articles")
    problem_of(newsroom.get("/readyz"), 503, "/readyz")
    assert newsroom.get("/healthz").status_code == 200
    done.set()
    holder.join(10)
    assert newsroom.get("/v1/articles").status_code == 200


@pytest.mark.parametrize("name", [name for name in OF_API if OPERATIONS[name][0] == "GET"])
def test_head_of_an_error_has_its_headers_and_no_body(newsroom: Newsroom, name: str) -> None:
    path = f"{place(name)}?no_such=1"
    get, head = newsroom.get(path), newsroom.client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for header in ("content-type", "content-length", "cache-control"):
        assert head.headers[header] == get.headers[header]


NO_HTTP = [
    b"hello\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00\x00\x00\x00\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n : y\r\n\r\n",
    b"POST /v1/articles HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /v1/articles HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    b"POST /v1/articles HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
]


def test_what_is_no_http_is_answered_with_a_problem_too(served: str) -> None:
    host, port = served.removeprefix("http://").split(":")
    for garbage in NO_HTTP:
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        assert status_line.startswith("HTTP/1.1 400"), garbage
        headers = dict(line.lower().split(": ", 1) for line in lines)
        answer = httpx2.Response(400, headers=headers, content=body)
        problem_of(answer, 400)
        assert int(headers["content-length"]) == len(body)
    assert httpx2.get(f"{served}/healthz").status_code == 200


@pytest.mark.parametrize("name", ["create_article", "update_article", "create_tag"])
def test_a_chunked_body_that_breaks_off_changes_nothing(
    newsroom: Newsroom, served: str, name: str
) -> None:
    host, port = served.removeprefix("http://").split(":")
    key = newsroom.key("write")["Authorization"]
    head = (
        f"{OPERATIONS[name][0]} {place(name)} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
        "If-Match: *\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for end in (b"", b"ZZ\r\n", b"5\r\nab"):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head.encode() + b'e\r\n{"headline":"x\r\n' + end)
            connection.shutdown(socket.SHUT_WR)
            connection.makefile("rb").read()
    for kind in ("articles", "tags"):
        assert newsroom.get(f"/v1/{kind}", newsroom.key("preview")).json()["data"] == []
