"""The migrations make exactly what the models say, on both databases, and can be taken back."""

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from app.db.database import Database
from app.db.migrate import MIGRATIONS, migrate, newest_revision
from tests.databases import new_postgres_database

SQLITE_SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
POSTGRES_SCHEMA = """
SELECT 'column', table_name || '.' || column_name,
       concat_ws(' ', data_type, is_nullable, collation_name, column_default)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
"""


def empty_database(url: str, folder: Path, name: str) -> Database:
    if url.startswith("sqlite"):
        return Database(f"sqlite:///{folder / name}.db")
    return Database(new_postgres_database(url))


def schema_of(database: Database) -> set[tuple[str, str, str]]:
    query = SQLITE_SCHEMA if database.is_sqlite else POSTGRES_SCHEMA
    with database.reading() as session:
        rows = session.connection().execute(sa.text(query)).all()
    return {
        (kind, name, _parts(text))
        for kind, name, text in rows
        if "alembic_version" not in str(name)
    }


def _parts(sql: str | None) -> str:
    """The parts of a statement in one order: a migration may name columns and constraints in another."""
    name, _, inner = (sql or "").replace('"', "").partition("(")
    parts = re.split(r",(?![^(]*\))", inner.rstrip().removesuffix(")"))
    return "\n".join([name.strip(), *sorted(" ".join(part.split()) for part in parts)])


def test_migrations_reach_exactly_the_models(migrated: str, tmp_path: Path) -> None:
    by_migrations = empty_database(migrated, tmp_path, "migrated")
    migrate(by_migrations)
    by_models = empty_database(migrated, tmp_path, "models")
    SQLModel.metadata.create_all(by_models.engine.execution_options(byline_writes=True))
    assert schema_of(by_migrations) == schema_of(by_models)


def test_migrations_can_be_taken_back_and_made_again(migrated: str, tmp_path: Path) -> None:
    database = empty_database(migrated, tmp_path, "back")
    migrate(database)
    whole = schema_of(database)
    migrate(database, "base")
    assert schema_of(database) == set()
    migrate(database)
    assert schema_of(database) == whole


def test_the_newest_revision_is_found_as_alembic_finds_it() -> None:
    assert newest_revision() == ScriptDirectory(str(MIGRATIONS)).get_current_head()


@pytest.mark.parametrize(
    ("broken", "constraint"),
    [
        ({"urgency": 10}, "urgency_range"),
        ({"headline": ""}, "headline_length"),
        ({"live": True, "released_at": None}, "live_as_times_say"),
        ({"expires_at": sa.literal_column("published_at")}, "expires_after_publication"),
        ({"body_format": "docx"}, "known_body_format"),
    ],
)
def test_the_database_refuses_what_no_article_may_be(
    newsroom: Any, broken: dict[str, Any], constraint: str
) -> None:
    newsroom.article(publish=False, published_at=newsroom.clock.at(days=1))
    table = SQLModel.metadata.tables["article_body" if "body_format" in broken else "article"]
    with (
        pytest.raises(sa.exc.IntegrityError, match=constraint),
        newsroom.database.writing() as session,
    ):
        session.connection().execute(sa.update(table).values(broken))


def write_and_fail(database: Database) -> None:
    with database.writing() as session:
        session.connection().execute(sa.text("UPDATE sequence_counter SET value = 99"))
        raise RuntimeError


def test_a_failed_write_leaves_nothing(newsroom: Any) -> None:
    with pytest.raises(RuntimeError):
        write_and_fail(newsroom.database)
    with newsroom.database.reading() as session:
        counter = session.connection().execute(sa.text("SELECT value FROM sequence_counter"))
        assert counter.scalar_one() == 0


def test_a_reader_sees_one_moment(newsroom: Any) -> None:
    count = sa.text("SELECT count(*) FROM author")
    with newsroom.database.reading() as session:
        before = session.connection().execute(count).scalar_one()
        newsroom.make("authors", name="Mara Lind")
        assert session.connection().execute(count).scalar_one() == before
