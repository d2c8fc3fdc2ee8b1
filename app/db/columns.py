"""Column types that mean the same on SQLite and PostgreSQL, and the table helper for SQL."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa
from pydantic_core import from_json, to_json
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.operators import custom_op
from sqlmodel import SQLModel
from uuid_utils import uuid7

# What would check a row is built when that is first asked for, which nothing does: bodies are
# checked, by models of their own, and rows by the database.
SQLModel.model_config["defer_build"] = True
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

Id = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
"""A UUIDv7 in its text form; PostgreSQL keeps it in its own type."""

# Compared byte by byte on both databases, so that a sorted list has one order.
SortText = sa.String().with_variant(sa.String(collation="C"), "postgresql")


class Json(sa.TypeDecorator[Any]):
    """A JSON document. In Python 1 equals True; two documents are the same when their text is."""

    impl = sa.JSON
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(none_as_null=True)

    def compare_values(self, x: Any, y: Any) -> bool:
        return json.dumps(x) == json.dumps(y)


class JsonText(sa.TypeDecorator[str]):
    """Text that is kept as a JSON string, so that it can leave as it lies there."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: sa.Dialect) -> str | None:
        return None if value is None else to_json(value).decode()

    def process_result_value(self, value: str | None, _dialect: sa.Dialect) -> str | None:
        return None if value is None else cast(str, from_json(value))


FAR_FUTURE = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
"""Stands where a time is not known yet and must sort after every known one."""


@lru_cache(maxsize=1024)  # the rows of one write have a few instants, each many times
def sqlite_text(value: datetime) -> str:
    """An instant as SQLite keeps it."""
    instant = value.astimezone(UTC).replace(tzinfo=None)
    return f"{instant.isoformat(timespec='microseconds'):0>26}Z"


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An instant, to the microsecond. SQLite keeps it as text that sorts as time does."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(27))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        return sqlite_text(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, _dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return cast(datetime, value).astimezone(UTC)


class _Unindexed(sa.UnaryExpression[Any]):
    inherit_cache = True


@compiles(_Unindexed, "sqlite")
def _with_plus(one: _Unindexed, compiler: Any, **options: Any) -> str:
    return f"+({compiler.process(one.element, **options)})"


@compiles(_Unindexed, "postgresql")
def _as_a_test(one: _Unindexed, compiler: Any, **options: Any) -> str:
    element = str(compiler.process(one.element, **options))
    return f"(({element}) IS TRUE)" if isinstance(one.type, sa.Boolean) else element


def unindexed(what: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A condition to look at, but not to search by; or a column to compare or sort by.

    SQLite knows little of how many rows a condition leaves, and takes the index of any, also where
    another is the way; a plus sign keeps it from that. PostgreSQL begins a walk to which conditions
    set two ends on its way at the further one, and reads all that is between; of columns it needs
    no such word.
    """
    return _Unindexed(what, operator=custom_op("+"), type_=what.type)


def new_id() -> str:
    """A new UUIDv7 (RFC 9562): unique everywhere, and sorted by the time it was made."""
    return str(uuid7())


def table(model: type[SQLModel]) -> sa.Table:
    """The table behind a model, for statements that go straight to SQL."""
    return cast(sa.Table, model.__table__)  # type: ignore[attr-defined]
