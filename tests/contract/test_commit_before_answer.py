"""An answer that says it is done is only sent when it is: the commit comes first, on a real server."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from app.archive.models import Article
from app.db.database import Database
from app.main import create_app
from app.settings import Settings
from tests.conftest import Lend, Newsroom, Response, serving

PATHS = create_app(Settings(database_url="sqlite:///never-opened.db")).openapi()["paths"]
KEPT = ("article", "author", "tag", "api_key")
BODIES: dict[str, Any] = {
    "create_article": {"headline": "New"},
    "bulk_articles": [{"headline": "New"}, {"headline": "Newer"}],
    "replace_article": {"headline": "Replaced"},
    "update_article": {"headline": "Changed"},
    "delete_article": None,
    "publish_article": {},
    "withdraw_article": {"reason": "Wrong"},
    "restore_article": None,
    "add_correction": {"kind": "update", "note": "It is longer."},
    "restore_revision": None,
    "create_author": {"name": "New"},
    "replace_author": {"name": "Replaced"},
    "update_author": {"name": "Changed"},
    "delete_author": None,
    "merge_author": {"into": "second"},
    "create_tag": {"name": "New"},
    "replace_tag": {"name": "Replaced"},
    "update_tag": {"name": "Changed"},
    "delete_tag": None,
    "merge_tag": {"into": "second"},
    "create_key": {"name": "New", "scopes": ["read"]},
    "update_key": {"name": "Changed"},
    "revoke_key": None,
}
WRITES = {
    operation["operationId"]: (method.upper(), path)
    for path, operations in PATHS.items()
    for method, operation in operations.items()
    if method != "get"
}


@pytest.fixture
def town(newsroom: Newsroom) -> Newsroom:
    furnish(newsroom)
    return newsroom


def furnish(newsroom: Newsroom) -> None:
    """One of everything that a write may name, in a state in which it may be written."""
    for kind in ("authors", "tags"):
        newsroom.make(kind, name="First")
        newsroom.make(kind, name="Second")
    newsroom.make("articles", headline="First")
    newsroom.article("Published", slug="published")
    newsroom.article("Withdrawn", slug="withdrawn")
    newsroom.send("POST", "/v1/articles/withdrawn/withdraw", {})
    newsroom.article("Edited", slug="edited")
    newsroom.send("PATCH", "/v1/articles/edited", {"headline": "Edited again"})
    wanted = {"name": "App", "scopes": ["read"]}
    newsroom.send("POST", "/v1/keys", wanted, newsroom.key("admin"))


@pytest.fixture
def write(town: Newsroom, served: str) -> Callable[[str], Response]:
    """Sends one write, by its operation's name, to the real server."""
    return writer(town, served)


def writer(town: Newsroom, served: str) -> Callable[[str], Response]:
    keys = town.get("/v1/keys", town.key("admin")).json()["data"]
    (key_id,) = (one["id"] for one in keys if one["name"] == "App")
    refs = {
        "withdraw_article": "published",
        "restore_article": "withdrawn",
        "restore_revision": "edited",
    }
    headers = {**town.key("admin"), "If-Match": "*"}

    def send(name: str) -> Response:
        method, path = WRITES[name]
        place = path.replace("{ref}", refs.get(name, "first")).replace("{key_id}", key_id)
        place = place.replace("{version}", "1")
        return httpx2.request(method, served + place, json=BODIES[name], headers=headers)

    return send


def let_commits_fail(database: Database) -> None:
    """From now on every write of a row breaks a deferred constraint: its COMMIT fails, nothing before."""
    statements = [
        "CREATE TABLE promise (id INTEGER PRIMARY KEY)",
        "CREATE TABLE broken (id INTEGER REFERENCES promise (id) DEFERRABLE INITIALLY DEFERRED)",
    ]
    breaking = "INSERT INTO broken VALUES (1)"
    if database.is_sqlite:
        statements += [
            f"CREATE TRIGGER break_{table}_{event} AFTER {event} ON {table} BEGIN {breaking}; END"
            for table in KEPT
            for event in ("INSERT", "UPDATE", "DELETE")
        ]
    else:
        statements.append(
            "CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {breaking}; RETURN NULL; END $$"
        )
        statements += [
            f"CREATE TRIGGER break_{table} AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION break()"
            for table in KEPT
        ]
    with database.writing() as session:
        for statement in statements:
            session.connection().execute(sa.text(statement))


def dump(database: Database) -> list[Any]:
    with database.reading() as session:
        tables = Article.metadata.sorted_tables
        return [session.connection().execute(sa.select(table)).all() for table in tables]


def test_every_write_is_known_here() -> None:
    assert set(WRITES) == set(BODIES)


def furnish_for_the_last_time(newsroom: Newsroom) -> None:
    furnish(newsroom)
    let_commits_fail(newsroom.database)


@pytest.mark.parametrize("name", BODIES)
def test_a_write_that_cannot_be_kept_is_never_answered_as_done(lend: Lend, name: str) -> None:
    town = lend(furnish_for_the_last_time)
    before = dump(town.database)
    with serving(town.app) as served:
        answer = writer(town, served)(name)
    assert answer.status_code == answer.json()["status"] == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "etag" not in answer.headers
    assert dump(town.database) == before


def test_after_a_failed_write_the_next_one_succeeds(
    town: Newsroom, write: Callable[[str], Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_session: Any) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("sqlmodel.Session.commit", fail)
        assert write("update_article").status_code == 500
    assert write("update_article").status_code == 200


@pytest.mark.parametrize("name", BODIES)
def test_what_is_answered_as_done_is_there_for_everybody_at_once(
    town: Newsroom, write: Callable[[str], Response], name: str
) -> None:
    other = Database(town.url)
    before = dump(other)
    answer = write(name)
    after = dump(other)
    other.close()
    assert answer.status_code in (200, 201, 204), answer.text
    assert after != before


def test_each_of_many_writes_is_read_back_by_another_connection(
    town: Newsroom, served: str
) -> None:
    headers = {**town.key("write"), "If-Match": "*"}
    other = Database(town.url)
    for number in range(30):
        wanted = {"headline": f"Edition {number}"}
        answer = httpx2.patch(f"{served}/v1/articles/first", json=wanted, headers=headers)
        with other.reading() as session:
            headline, version = (
                session.connection()
                .execute(sa.text("SELECT headline, version FROM article WHERE slug = 'first'"))
                .one()
            )
        assert (headline, version) == (wanted["headline"], answer.json()["version"])
    other.close()
