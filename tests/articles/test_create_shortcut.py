"""A create by the shortcut is answered as by the route's own way, and no key outlives its rights there."""

from typing import Any

import pytest

from app.articles import create_shortcut
from app.articles.group_commit import Create
from tests.articles.test_group_commit import good_and_bad, shown
from tests.conftest import Newsroom

OWN_WAY = {"Content-Type": "application/json;charset=utf-8"}
"""JSON as well, in a spelling that the shortcut leaves to the route."""
BROKEN = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"headline":NaN}',
    b'{"headline":1}',
    b'{"headline":"x","such":1}',
    b'{"headline":"\xff"}',
    b'{"headline":"x","published_at":"yesterday"}',
    b'{"headline":"x","body":{"format":"html","source":"<p>1</p>","more":1}}',
)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Create]:
    """What the shortcut hands on to be written."""
    creates: list[Create] = []

    def noting(*arguments: Any) -> Create:
        creates.append(Create(*arguments))
        return creates[-1]

    monkeypatch.setattr(create_shortcut, "Create", noting)
    return creates


def post(newsroom: Newsroom, query: str, content: bytes, headers: dict[str, str]) -> Any:
    all_headers = {"Content-Type": "application/json", **headers}
    return newsroom.client.post(f"/v1/articles{query}", content=content, headers=all_headers)


def test_an_article_is_answered_as_by_the_routes_own_way(
    newsroom: Newsroom, taken: list[Create]
) -> None:
    newsroom.make("authors", name="Mara")
    newsroom.make("tags", name="Harbour")
    newsroom.send("POST", "/v1/tags", {"name": "Sea", "kind": "section"})
    newsroom.make("articles", headline="Taken", slug="taken", external_id="known")
    answers: dict[str, list[Any]] = {}
    for run, more in (("known", OWN_WAY), ("short", {}), ("strict", OWN_WAY)):
        taken.clear()
        for query, headers, body in good_and_bad(newsroom, run):
            all_headers = {**headers, **more}
            made = newsroom.client.post(f"/v1/articles{query}", headers=all_headers, json=body)
            answers.setdefault(run, []).append(shown(made, run))
        assert len(taken) == (0 if more else len(answers[run]))
    assert answers["short"] == answers["strict"]
    assert [status for status, *_ in answers["short"]].count(201) == 5


@pytest.mark.parametrize("query", ["", "?publish=true", "?publish=yes", "?publish=2", "?such=1"])
def test_an_error_is_the_one_of_the_routes_own_way(newsroom: Newsroom, query: str) -> None:
    for key in (newsroom.key("write"), newsroom.key("read"), {"Authorization": "Bearer none"}):
        for content in BROKEN:
            short, own = (post(newsroom, query, content, {**key, **more}) for more in ({}, OWN_WAY))
            assert short.status_code == own.status_code
            assert short.status_code >= 400
            assert without_id(short) == without_id(own)


def without_id(answer: Any) -> dict[str, Any]:
    return {name: one for name, one in answer.json().items() if name != "request_id"}


def test_a_key_that_is_revoked_writes_no_more(newsroom: Newsroom) -> None:
    made = newsroom.send(
        "POST", "/v1/keys", {"name": "Desk", "scopes": ["write"]}, newsroom.key("admin")
    ).json()
    key = {"Authorization": f"Bearer {made['key']}"}
    for number in range(3):
        assert post(newsroom, "", b'{"headline":"%d"}' % number, key).status_code == 201
    gone = newsroom.send("DELETE", f"/v1/keys/{made['id']}", None, newsroom.key("admin"))
    assert gone.status_code < 300
    refused = [
        post(newsroom, "", b'{"headline":"Late"}', {**key, **more}) for more in ({}, OWN_WAY)
    ]
    assert [one.status_code for one in refused] == [401, 401]
    assert refused[0].json()["detail"] == refused[1].json()["detail"]
    shown = newsroom.get("/v1/articles/late", newsroom.key("preview"))
    assert shown.status_code == 404


def test_a_key_that_is_over_writes_no_more(newsroom: Newsroom) -> None:
    wanted = {"name": "Desk", "scopes": ["write"], "expires_at": newsroom.clock.at(hours=1)}
    made = newsroom.send("POST", "/v1/keys", wanted, newsroom.key("admin")).json()
    key = {"Authorization": f"Bearer {made['key']}"}
    assert post(newsroom, "", b'{"headline":"In time"}', key).status_code == 201
    newsroom.clock.move(hours=1)
    assert post(newsroom, "", b'{"headline":"Late"}', key).status_code == 401
