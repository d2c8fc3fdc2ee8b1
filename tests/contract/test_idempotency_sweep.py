"""Every POST either gives its first answer again or refuses the header: none ignores it."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.archive.models import Article
from app.main import create_app
from app.settings import Settings
from tests.conftest import Newsroom, Response

KEY = '"8e03978e-40d5-43dd-bc93-6894a57f9324"'
HEADER = "Idempotency-Key"
PATHS = create_app(Settings(database_url="sqlite:///never-opened.db")).openapi()["paths"]
POSTS = {
    operations["post"]["operationId"]: (path, operations["post"])
    for path, operations in PATHS.items()
    if "post" in operations
}
TAKING = {
    name
    for name, (_, operation) in POSTS.items()
    if any(one["name"] == HEADER for one in operation.get("parameters", []))
}
REQUESTS: dict[str, tuple[str, Any]] = {
    "create_article": ("", {"headline": "New"}),
    "publish_article": ("draft", {}),
    "withdraw_article": ("published", {"reason": "Wrong"}),
    "restore_article": ("withdrawn", None),
    "add_correction": ("published", {"kind": "update", "note": "It is longer."}),
    "restore_revision": ("edited", None),
    "create_author": ("", {"name": "New"}),
    "merge_author": ("first", {"into": "second"}),
    "create_tag": ("", {"name": "New"}),
    "merge_tag": ("first", {"into": "second"}),
}
"""For each POST that takes the header: what it is about, and a body that it accepts."""


@pytest.fixture
def town(newsroom: Newsroom) -> Newsroom:
    """One of everything that a POST may name, in a state in which it is accepted."""
    for kind in ("authors", "tags"):
        newsroom.make(kind, name="First")
        newsroom.make(kind, name="Second")
    newsroom.make("articles", headline="Draft")
    newsroom.article("Published")
    newsroom.article("Edited")
    newsroom.send("PATCH", "/v1/articles/edited", {"summary": "More."})
    newsroom.article("Withdrawn")
    newsroom.send("POST", "/v1/articles/withdrawn/withdraw", {})
    return newsroom


def send(town: Newsroom, name: str, ref: str, body: Any) -> Response:
    place = POSTS[name][0].replace("{ref}", ref).replace("{version}", "1")
    return town.send("POST", place, body, {**town.key("admin"), HEADER: KEY})


def dump(town: Newsroom) -> list[Any]:
    tables = Article.metadata.sorted_tables
    with town.database.reading() as session:
        return [session.connection().execute(sa.select(table)).all() for table in tables]


def test_every_post_that_takes_the_header_is_tried_here() -> None:
    assert set(REQUESTS) == TAKING


@pytest.mark.parametrize("name", sorted(TAKING))
def test_it_is_done_once_and_answered_every_time(town: Newsroom, name: str) -> None:
    town.key("admin")
    untouched = dump(town)
    first = send(town, name, *REQUESTS[name])
    after = dump(town)
    assert first.status_code in (200, 201), first.text
    assert after != untouched
    town.clock.move(minutes=1)
    again = send(town, name, *REQUESTS[name])
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers.pop("x-request-id") != first.headers.pop("x-request-id")
    assert again.headers == first.headers
    assert dump(town) == after


@pytest.mark.parametrize("name", sorted(TAKING))
def test_its_problems_are_kept_and_its_key_is_for_one_request(town: Newsroom, name: str) -> None:
    ref, body = REQUESTS[name]
    if ref:
        missing = send(town, name, "nothing", body)
        assert missing.status_code == 404
        assert send(town, name, "nothing", body).content == missing.content
    else:
        assert send(town, name, ref, body).status_code == 201
        body = {**body, "slug": "another"}
    before = dump(town)
    other = send(town, name, ref, body)
    assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (
        422,
        "idempotency-key-reused",
    )
    assert dump(town) == before


@pytest.mark.parametrize("name", sorted(set(POSTS) - TAKING))
def test_every_other_post_refuses_it(town: Newsroom, name: str) -> None:
    town.key("admin")
    before = dump(town)
    answer = send(town, name, "first", {})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == HEADER
    assert "cannot be used here" in answer.json()["detail"]
    assert HEADER in POSTS[name][1]["description"]
    assert dump(town) == before


@pytest.mark.parametrize("name", sorted(TAKING))
def test_it_is_documented(name: str) -> None:
    operation = POSTS[name][1]
    (header,) = [one for one in operation["parameters"] if one["name"] == HEADER]
    assert (header["in"], header["required"]) == ("header", False)
    for word in ("24 hours", "double quotes", "422", "400", "waits"):
        assert word in header["description"]
    assert header["schema"]["type"] == "string"
    assert {"400", "422", "503"} <= set(operation["responses"])


def test_no_other_method_takes_it() -> None:
    for operations in PATHS.values():
        for method, operation in operations.items():
            named = [one["name"] for one in operation.get("parameters", [])]
            assert HEADER not in named or method == "post"
