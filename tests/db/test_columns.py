"""Column types: what is written comes back, and sorts, the same on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db.columns import FAR_FUTURE, Json, SortText, UtcDateTime, new_id
from app.db.database import Database

modest = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
scratch = sa.Table(
    "scratch",
    sa.MetaData(),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime),
    sa.Column("text", SortText),
    sa.Column("document", Json),
)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=offsets)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    with database.writing() as session:
        scratch.create(session.connection())
    yield database
    database.close()


def keep(database: Database, column: str, values: list[Any]) -> None:
    with database.writing() as session:
        session.connection().execute(sa.delete(scratch))
        rows = [{"place": place, column: value} for place, value in enumerate(values)]
        session.connection().execute(sa.insert(scratch), rows)


def sorted_by_database(database: Database, column: str) -> list[Any]:
    with database.reading() as session:
        query = sa.select(scratch.c[column]).order_by(scratch.c[column], scratch.c.place)
        return list(session.connection().scalars(query))


@modest
@given(st.lists(instants, min_size=1, max_size=10))
def test_instants_come_back_the_same_in_utc_and_sort_as_time_does(
    database: Database, values: list[datetime]
) -> None:
    keep(database, "at", values)
    found = sorted_by_database(database, "at")
    assert found == sorted(values)
    assert {one.utcoffset() for one in found} == {timedelta(0)}


@modest
@given(instants, instants)
def test_instants_compare_as_time_does(
    database: Database, stored: datetime, asked: datetime
) -> None:
    keep(database, "at", [stored])
    with database.reading() as session:
        query = sa.select(scratch.c.at < asked, scratch.c.at == asked, scratch.c.at >= asked)
        row = session.connection().execute(query).one()
    assert tuple(map(bool, row)) == (stored < asked, stored == asked, stored >= asked)


def test_the_edges_of_time_come_back(database: Database) -> None:
    edges = [datetime(1, 1, 1, tzinfo=UTC), datetime(999, 2, 3, 4, 5, 6, 7, tzinfo=UTC), FAR_FUTURE]
    keep(database, "at", edges)
    assert sorted_by_database(database, "at") == edges
    keep(database, "at", [None])
    assert sorted_by_database(database, "at") == [None]


@modest
@given(st.lists(texts, min_size=1, max_size=10))
def test_sorted_text_has_one_order_by_code_point(database: Database, values: list[str]) -> None:
    keep(database, "text", values)
    assert sorted_by_database(database, "text") == sorted(values)


@pytest.mark.parametrize("document", [{"a": [1, None, "ü\u2028"]}, [], {}, "text", 0, False, None])
def test_documents_come_back_the_same(database: Database, document: Any) -> None:
    keep(database, "document", [document])
    with database.reading() as session:
        (found,) = session.connection().scalars(sa.select(scratch.c.document))
    assert (found, type(found)) == (document, type(document))


def test_no_document_is_null_in_the_database(database: Database) -> None:
    keep(database, "document", [None])
    with database.reading() as session:
        query = sa.select(sa.func.count()).where(scratch.c.document.is_(None))
        assert session.connection().scalar(query) == 1


def test_ids_sort_by_the_time_they_were_made() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {one[14] for one in ids} == {"7"}
