"""Bringing a database's schema to the newest revision, or to any other."""

import re
from pathlib import Path

import sqlalchemy as sa

from app.db.database import Database

MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"
_NAMED = re.compile(r'^(revision|down_revision) = "(.+)"$', re.MULTILINE)


class SchemaCannotMove(Exception):
    """There is no way from the database's revision to the one that was asked for."""


def migrate(database: Database, revision: str = "head") -> None:
    """Moves the schema to `revision`, up or down; does nothing when it is there already.

    Several processes may call it at once: they go one after the other.
    """
    if revision == "head" and _is_newest(database):
        return
    # Nearly every start ends above, in a hundredth of the time that importing Alembic takes.
    from alembic.util import CommandError

    from app.db.moves import move

    try:
        move(database, revision)
    except CommandError as error:
        raise SchemaCannotMove(str(error)) from error


def _is_newest(database: Database) -> bool:
    with database.engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return False
        found = connection.scalars(sa.text("SELECT version_num FROM alembic_version")).all()
    return found == [newest_revision()]


def newest_revision() -> str | None:
    """The one that no other follows, by the files of the migrations."""
    files = (MIGRATIONS / "versions").glob("*.py")
    named = [dict(_NAMED.findall(file.read_text(encoding="utf-8"))) for file in files]
    ends = {one.get("revision") for one in named} - {one.get("down_revision") for one in named}
    return ends.pop() if len(ends) == 1 else None
