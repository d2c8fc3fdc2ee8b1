"""Every error has one shape, and bad input changes nothing."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from app.archive.models import Article
from app.articles import queries
from app.main import create_app
from app.settings import Settings
from tests.conftest import Lend, Newsroom, Response

DOCUMENT = create_app(Settings(database_url="sqlite:///never-opened.db")).openapi()
OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
OF_API = [one for one in OPERATIONS if one[1].startswith("/v1/")]
GUARDED = [one for one in OF_API if {} not in one[2]["security"]]
# A bulk request may have any length, and its lines are refused one by one: tests/articles/test_bulk.py.
STREAMED = {"/v1/articles/bulk"}
WITH_BODY = [one for one in OF_API if "requestBody" in one[2] and one[1] not in STREAMED]
INJECTION = "' OR 1=1; DROP TABLE article; --"


def name_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def address(path: str) -> str:
    named = path.replace("{ref}", "harbour-bridge-opens").replace("{version}", "1")
    named = named.replace("{suffix}", "ninjs")
    return named.replace("{key_id}", "01a20c95-fd9f-710b-8f03-e27cdf1368f0")


def is_problem(answer: Response, status: int) -> bool:
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert {"type", "title", "status", "detail", "instance"} <= set(problem)
    return bool(answer.status_code == problem["status"] == status)


def dump(newsroom: Newsroom) -> list[Any]:
    """Every row of every table but the keys of the tests themselves."""
    tables = [table for table in Article.metadata.sorted_tables if table.name != "api_key"]
    with newsroom.database.reading() as session:
        return [session.connection().execute(sa.select(table)).all() for table in tables]


@pytest.fixture
def newsroom(lend: Lend) -> Newsroom:
    """With search, of which the same is asked as of everything else."""
    return lend(Newsroom.make_keys, search=True)


@pytest.mark.parametrize(("method", "path", "_operation"), OF_API, ids=name_of)
def test_an_unknown_parameter_is_refused_by_name(
    newsroom: Newsroom, method: str, path: str, _operation: Any
) -> None:
    answer = newsroom.send(method, address(path) + "?no_such=1", {}, newsroom.key("admin"))
    assert is_problem(answer, 422)
    assert answer.json()["errors"][0]["parameter"] == "no_such"


@pytest.mark.parametrize(("method", "path", "_operation"), WITH_BODY, ids=name_of)
def test_an_unknown_field_is_refused_by_pointer(
    newsroom: Newsroom, method: str, path: str, _operation: Any
) -> None:
    before = dump(newsroom)
    answer = newsroom.send(method, address(path), {"no_such": 1}, newsroom.key("admin"))
    assert is_problem(answer, 422)
    assert "/no_such" in [error.get("pointer") for error in answer.json()["errors"]]
    assert dump(newsroom) == before


@pytest.mark.parametrize(("method", "path", "operation"), WITH_BODY, ids=name_of)
def test_a_field_that_is_only_read_is_refused_by_pointer(
    newsroom: Newsroom, method: str, path: str, operation: Any
) -> None:
    kind = operation["tags"][0]
    if kind == "access":
        read_only = {"id", "created_at"}
    else:
        read_only = {"id", "version", "created_at", "updated_at"}
    if kind == "articles":
        read_only |= {"url", "status", "first_published_at", "section", "word_count"}
    wanted = dict.fromkeys(read_only, "x")
    answer = newsroom.send(method, address(path), wanted, newsroom.key("admin"))
    assert is_problem(answer, 422)
    pointers = {error.get("pointer") for error in answer.json()["errors"]}
    assert {f"/{name}" for name in read_only} <= pointers


@pytest.mark.parametrize(("method", "path", "_operation"), WITH_BODY, ids=name_of)
def test_every_body_is_json_whole_and_of_bounded_size(
    newsroom: Newsroom, method: str, path: str, _operation: Any
) -> None:
    before = dump(newsroom)
    for body, content_type, status in (
        (b"{}", "text/plain", 415),
        (b"{", "application/json", 400),
        (b" " * 2_000_001, "application/json", 413),
    ):
        headers = {**newsroom.key("admin"), "If-Match": "*", "Content-Type": content_type}
        answer = newsroom.client.request(method, address(path), content=body, headers=headers)
        assert is_problem(answer, status)
    assert dump(newsroom) == before


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/articles/", "/v2/articles", "/docs/assets/no"])
def test_an_address_that_leads_nowhere_is_a_problem(newsroom: Newsroom, path: str) -> None:
    assert is_problem(newsroom.get(path), 404)


@pytest.mark.parametrize(("method", "path", "_operation"), GUARDED, ids=name_of)
def test_a_key_with_the_scope_is_needed(
    newsroom: Newsroom, method: str, path: str, _operation: Any
) -> None:
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        (newsroom.key("read"), 403),
    ):
        answer = newsroom.client.request(
            method, address(path), json={}, headers={"If-Match": "*", **headers}
        )
        assert is_problem(answer, status)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"headline": ', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"headline": "\\ud800"}', "application/json", 400),
        (b'{"headline": "\xff"}', "application/json", 400),
        (b'{"headline": NaN}', "application/json", 400),
        (b'{"headline": "x", "metadata": {"n": 1e400}}', "application/json", 422),
        (b'"x"', "application/json", 422),
        (b"", "application/json", 422),
        (b"headline=x", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b" " * 10_000_000, "application/json", 413),
    ],
    ids=str,
)
def test_a_body_that_cannot_be_read_changes_nothing(
    newsroom: Newsroom, body: bytes, content_type: str, status: int
) -> None:
    before = dump(newsroom)
    headers = {**newsroom.key("publish"), "Content-Type": content_type}
    answer = newsroom.client.post("/v1/articles", content=body, headers=headers)
    assert is_problem(answer, status)
    assert dump(newsroom) == before


def test_a_long_body_is_refused_while_it_comes(newsroom: Newsroom, served: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    headers = {**newsroom.key("publish"), "Content-Type": "application/json"}
    try:
        answer = httpx2.post(f"{served}/v1/articles", content=endless(), headers=headers)
    except httpx2.TransportError:
        return  # the server hung up while we still wrote
    assert is_problem(answer, 413)


@pytest.mark.parametrize("path", [path for path in DOCUMENT["paths"] if path.startswith("/v1/")])
def test_a_wrong_method_hears_all_the_right_ones(newsroom: Newsroom, path: str) -> None:
    # `bulk` is a slug too, so that two templates name its address.
    templates = {path, "/v1/articles/{ref}"} if path == "/v1/articles/bulk" else {path}
    allowed = {method.upper() for one in templates for method in DOCUMENT["paths"][one]}
    allowed |= {"OPTIONS"}
    allowed |= {"HEAD"} if "GET" in allowed else set()
    wrong = newsroom.client.request("TRACE", address(path))
    assert is_problem(wrong, 405)
    assert set(wrong.headers["allow"].split(", ")) == allowed
    options = newsroom.client.options(address(path))
    assert (options.status_code, set(options.headers["allow"].split(", "))) == (204, allowed)


def test_sql_in_a_parameter_is_only_text(newsroom: Newsroom) -> None:
    newsroom.article()
    before = dump(newsroom)
    for method, path, operation in OF_API:
        for one in operation.get("parameters", []):
            if method == "GET" and one["in"] == "query":
                answer = newsroom.client.get(
                    address(path), params={one["name"]: INJECTION}, headers=newsroom.key("admin")
                )
                assert answer.status_code in (200, 404, 422)
    assert newsroom.get(f"/v1/articles/{INJECTION}").status_code == 404
    assert dump(newsroom) == before


def test_an_id_of_another_type_is_no_article(newsroom: Newsroom) -> None:
    author = newsroom.make("authors", name="Mara Lind")
    tag = newsroom.make("tags", name="Sea")
    assert is_problem(newsroom.get(f"/v1/articles/{author['id']}"), 404)
    wanted = {"headline": "x", "authors": [tag["id"]], "tags": [author["id"]]}
    assert is_problem(newsroom.send("POST", "/v1/articles", wanted), 422)


@pytest.mark.parametrize(
    "path", ["/v1/articles/%00", "/v1/articles?tag=%00", "/v1/articles?tag=%FF"]
)
def test_an_address_that_is_no_text_is_refused(newsroom: Newsroom, path: str) -> None:
    assert newsroom.get(path).json()["status"] in (400, 422)


def test_what_breaks_inside_is_a_problem_without_a_word_of_it(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(queries, "list_articles", broken)
    answer = newsroom.long_way("/v1/articles")
    assert is_problem(answer, 500)
    assert "swordfish" not in answer.text


def test_what_is_no_http_is_answered_with_a_problem(served: str) -> None:
    host, port = served.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01 not http\r\n\r\n")
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert b"400 Bad Request" in head
    assert json.loads(body)["status"] == 400


def test_the_commit_comes_before_the_answer(
    newsroom: Newsroom, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_session: Any) -> None:
        raise RuntimeError("the disk is full")

    headers = newsroom.key("write")
    monkeypatch.setattr("sqlmodel.Session.commit", fail)
    answer = httpx2.post(f"{served}/v1/articles", json={"headline": "x"}, headers=headers)
    monkeypatch.undo()
    assert is_problem(answer, 500)
    assert newsroom.get("/v1/articles/x", newsroom.key("preview")).status_code == 404
