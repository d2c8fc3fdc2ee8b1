"""API keys over HTTP: made, listed, changed and revoked, in force from the next request on."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from tests.conftest import Newsroom


def make_key(newsroom: Newsroom, **fields: Any) -> dict[str, Any]:
    """A new key as the answer shows it, the key itself included."""
    body = {"name": "Mobile app", "scopes": ["read"], **fields}
    answer = newsroom.send("POST", "/v1/keys", body, newsroom.key("admin"))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def change_key(newsroom: Newsroom, key: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    answer = newsroom.send("PATCH", f"/v1/keys/{key['id']}", changes, newsroom.key("admin"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def revoke(newsroom: Newsroom, key: dict[str, Any]) -> None:
    answer = newsroom.send("DELETE", f"/v1/keys/{key['id']}", headers=newsroom.key("admin"))
    assert (answer.status_code, answer.content) == (204, b"")


def bearer(key: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['key']}"}


def status_with(newsroom: Newsroom, key: dict[str, Any], path: str = "/v1/articles") -> int:
    return int(newsroom.get(path, bearer(key)).status_code)


def test_a_new_key_is_shown_once_and_nowhere_else(newsroom: Newsroom) -> None:
    admin = newsroom.key("admin")
    answer = newsroom.send("POST", "/v1/keys", {"name": "App", "scopes": ["read"]}, admin)
    made = answer.json()
    secret = made["key"]
    assert answer.headers["Location"] == f"/v1/keys/{made['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert status_with(newsroom, made) == 200

    shown = newsroom.get(answer.headers["Location"], admin)
    listed = newsroom.get("/v1/keys", admin)
    assert shown.json() == {name: value for name, value in made.items() if name != "key"}
    assert shown.json() in listed.json()["data"]
    assert secret not in shown.text + listed.text
    assert secret.startswith(shown.json()["hint"])


def test_no_table_holds_a_key_in_clear(newsroom: Newsroom) -> None:
    made = make_key(newsroom, scopes=["admin"])
    newsroom.send("POST", "/v1/articles", {"headline": "Written with it"}, bearer(made))
    with newsroom.database.reading() as session:
        names = sa.inspect(session.connection()).get_table_names()
        dump = {
            name: str(session.connection().execute(sa.text(f'SELECT * FROM "{name}"')).all())
            for name in names
        }
    assert "Mobile app" in dump["api_key"]
    random_part = made["key"].removeprefix(made["hint"])
    assert len(random_part) > 30
    assert [name for name, rows in dump.items() if random_part in rows] == []


def test_a_new_key_has_the_fields_that_it_was_made_with(newsroom: Newsroom) -> None:
    made = make_key(
        newsroom, name="Partner", scopes=["write"], expires_at="2027-01-01T01:00:00+01:00"
    )
    assert made["name"] == "Partner"
    assert made["scopes"] == ["write"]
    assert made["expires_at"] == "2027-01-01T00:00:00Z"
    assert (made["entitlement"], made["revoked_at"], made["version"]) == (None, None, 1)


def test_keys_are_listed_the_newest_first_page_by_page(newsroom: Newsroom) -> None:
    names = [f"Key {number}" for number in range(5)]
    for name in names:
        make_key(newsroom, name=name)
    seen: list[str] = []
    path: str | None = "/v1/keys?limit=2"
    while path is not None:
        answer = newsroom.get(path, newsroom.key("admin")).json()
        seen += [key["name"] for key in answer["data"]]
        cursor = answer["page"]["next"]
        path = cursor and f"/v1/keys?limit=2&cursor={cursor}"
    assert [name for name in seen if name != "test"] == names[::-1]
    assert len(seen) == 5 + len(newsroom.keys)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": " "}, "/name"),
    ({"name": "x" * 201}, "/name"),
    ({"scopes": []}, "/scopes"),
    ({"scopes": ["read", "read"]}, "/scopes"),
    ({"scopes": ["everything"]}, "/scopes/0"),
    ({"scopes": "read"}, "/scopes"),
    ({"expires_at": "2027-01-01T00:00:00"}, "/expires_at"),
    ({"expires_at": "tomorrow"}, "/expires_at"),
    ({"id": "1"}, "/id"),
    ({"key": "byline_mine"}, "/key"),
]


def test_a_key_that_cannot_be_is_refused(newsroom: Newsroom) -> None:
    for wrong, pointer in REFUSED:
        body = {"name": "App", "scopes": ["read"], **wrong}
        answer = newsroom.send("POST", "/v1/keys", body, newsroom.key("admin"))
        assert answer.status_code == 422, wrong
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], wrong


def test_a_changed_scope_counts_from_the_next_request_on(newsroom: Newsroom) -> None:
    key = make_key(newsroom, scopes=["read"])

    def write() -> int:
        headline = {"headline": "By the app"}
        return int(newsroom.send("POST", "/v1/articles", headline, bearer(key)).status_code)

    assert write() == 403
    changed = change_key(newsroom, key, {"scopes": ["write"]})
    assert (changed["scopes"], changed["version"]) == (["write"], 2)
    assert write() == 201
    change_key(newsroom, key, {"scopes": ["read"]})
    assert write() == 403


def test_a_changed_entitlement_counts_from_the_next_request_on(newsroom: Newsroom) -> None:
    newsroom.make("tags", name="Sport")
    newsroom.article("Cup final", tags=["sport"])
    newsroom.article("Budget passed")
    key = make_key(newsroom)

    def headlines() -> set[str]:
        data = newsroom.get("/v1/articles", bearer(key)).json()["data"]
        return {article["headline"] for article in data}

    assert headlines() == {"Cup final", "Budget passed"}
    change_key(newsroom, key, {"entitlement": {"articles": {"tag": ["sport"]}}})
    assert headlines() == {"Cup final"}
    change_key(newsroom, key, {"entitlement": None})
    assert headlines() == {"Cup final", "Budget passed"}


def test_a_patch_that_changes_nothing_keeps_the_version(newsroom: Newsroom) -> None:
    key = make_key(newsroom, name="App", scopes=["read"], expires_at="2027-01-01T00:00:00Z")
    same = {"name": "App", "expires_at": "2027-01-01T01:00:00+01:00"}
    assert change_key(newsroom, key, same)["version"] == 1


def test_a_change_of_a_key_needs_its_current_etag(newsroom: Newsroom) -> None:
    admin = newsroom.key("admin")
    key = make_key(newsroom)
    path = f"/v1/keys/{key['id']}"
    tag = newsroom.get(path, admin).headers["ETag"]
    rename = {"name": "Renamed"}
    unguarded = newsroom.client.patch(path, json=rename, headers=admin)
    assert unguarded.status_code == 428
    assert newsroom.send("PATCH", path, rename, {**admin, "If-Match": tag}).status_code == 200
    assert newsroom.send("PATCH", path, rename, {**admin, "If-Match": tag}).status_code == 412
    assert newsroom.send("DELETE", path, headers={**admin, "If-Match": tag}).status_code == 412
    assert status_with(newsroom, key) == 200


def test_a_revoked_key_fails_on_the_next_request(newsroom: Newsroom) -> None:
    key = make_key(newsroom)
    assert status_with(newsroom, key) == 200
    revoke(newsroom, key)
    answer = newsroom.get("/v1/articles", bearer(key))
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:byline:problem:unauthenticated"


def test_a_revoked_key_stays_listed_and_revoked(newsroom: Newsroom) -> None:
    admin = newsroom.key("admin")
    key = make_key(newsroom)
    revoke(newsroom, key)
    path = f"/v1/keys/{key['id']}"
    revoked_at = newsroom.get(path, admin).json()["revoked_at"]
    assert revoked_at is not None
    assert newsroom.send("PATCH", path, {"scopes": ["admin"]}, admin).status_code == 409
    newsroom.clock.move(hours=1)
    revoke(newsroom, key)
    assert newsroom.get(path, admin).json()["revoked_at"] == revoked_at


def test_another_process_on_the_same_database_hears_of_it_at_once(
    newsroom: Newsroom, open_newsroom: Callable[..., Newsroom]
) -> None:
    other = open_newsroom(newsroom.url)
    key = make_key(newsroom)
    assert status_with(other, key) == 200
    assert status_with(other, key, "/v1/keys") == 403
    change_key(newsroom, key, {"scopes": ["admin"]})
    assert status_with(other, key, "/v1/keys") == 200
    revoke(newsroom, key)
    assert status_with(other, key) == 401


def test_a_key_ends_at_its_time_by_the_clock(newsroom: Newsroom) -> None:
    key = make_key(newsroom, expires_at=newsroom.clock.at(hours=1))
    newsroom.clock.move(minutes=59)
    assert status_with(newsroom, key) == 200
    newsroom.clock.move(minutes=1)
    assert status_with(newsroom, key) == 401
    change_key(newsroom, key, {"expires_at": None})
    assert status_with(newsroom, key) == 200


def test_an_unknown_key_is_not_found(newsroom: Newsroom) -> None:
    never_there = "018f2b3c-0000-7000-8000-000000000000"
    for ref in (never_there, f"{never_there}%0A", "no-such-key"):
        for method in ("GET", "PATCH", "DELETE"):
            body = {"name": "Renamed"} if method == "PATCH" else None
            answer = newsroom.send(method, f"/v1/keys/{ref}", body, newsroom.key("admin"))
            assert answer.status_code == 404
