"""Every rule that the database holds refuses what it says, whoever writes past the application."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from app.archive.models import PendingMove
from app.formats.models import HubNotice
from tests.conftest import Newsroom

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOBODY = "018f2b3c-0000-7000-8000-000000000000"
TABLES = SQLModel.metadata.tables

CHECKS: dict[str, list[dict[str, Any]]] = {
    "ck_article_headline_length": [{"headline": ""}, {"headline": "x" * 301}],
    "ck_article_urgency_range": [{"urgency": 0}, {"urgency": 10}],
    "ck_article_body_known_body_format": [{"body_format": "docx"}],
    "ck_article_released_has_date": [{"published_at": None}],
    "ck_article_withdrawn_was_released": [
        {"withdrawn_at": NOW, "released_at": None, "live": False}
    ],
    "ck_article_live_as_times_say": [{"live": False}, {"withdrawn_at": NOW}],
    "ck_article_expires_after_publication": [
        {"published_at": NOW, "expires_at": NOW},
        {"published_at": NOW, "expires_at": NOW - timedelta(microseconds=1)},
    ],
    "ck_article_expires_after_embargo": [
        {"embargoed_until": NOW, "expires_at": NOW, "published_at": NOW - timedelta(days=1)}
    ],
    "ck_tag_known_kind": [{"kind": "colour"}],
    "ck_revision_known_kind": [{"kind": "key"}],
    "ck_revision_known_operation": [{"operation": "delete"}],
    "ck_former_ref_known_kind": [{"kind": "key"}],
    "ck_former_state_known_kind": [{"kind": "key"}],
    "ck_former_state_known_reason": [{"reason": "moved"}],
    "ck_former_state_begins_before_it_ends": [{"state_sequence": sa.literal_column("sequence")}],
    "ck_pending_move_known_kind": [{"kind": "article"}],
    "ck_sequence_counter_one_row": [{"id": 2}],
    "ck_hub_notice_one_row": [{"id": 2}],
}
REFERENCES: dict[str, dict[str, Any]] = {
    "fk_idempotent_answer_key_id": {"key_id": NOBODY},
    "fk_tag_parent_id": {"parent_id": NOBODY},
    "fk_article_body_article_id": {"article_id": NOBODY},
    "fk_article_author_article_id": {"article_id": NOBODY},
    "fk_article_author_author_id": {"author_id": NOBODY},
    "fk_article_tag_article_id": {"article_id": NOBODY},
    "fk_article_tag_tag_id": {"tag_id": NOBODY},
}
UNIQUE = {
    "uq_article_slug": {"slug": "harbour-bridge-opens"},
    "uq_article_external_id": {"external_id": "wire-1"},
    "uq_author_slug": {"slug": "mara-lind"},
    "uq_tag_slug": {"slug": "sport"},
    "uq_api_key_hash": {"hash": "one"},
}


def constraints(kind: type[sa.Constraint]) -> set[str]:
    return {
        str(constraint.name)
        for rows in TABLES.values()
        for constraint in rows.constraints
        if isinstance(constraint, kind)
    }


def table_of(constraint: str) -> sa.Table:
    return next(
        rows
        for rows in TABLES.values()
        if constraint in {str(one.name) for one in rows.constraints}
    )


def furnish(newsroom: Newsroom) -> None:
    """A row in every table, two where one could be made equal to the other."""
    for name in ("Mara Lind", "Tor Vik"):
        newsroom.make("authors", name=name)
    for name in ("Sport", "Climate"):
        newsroom.make("tags", name=name)
    newsroom.article(external_id="wire-1", authors=["mara-lind"], tags=["sport"])
    newsroom.article("Other", external_id="wire-2")
    newsroom.send("PATCH", "/v1/articles/other", {"slug": "moved"})
    newsroom.send("PATCH", "/v1/articles/moved", {"language": "de"})
    once = {"Idempotency-Key": '"once"'}
    newsroom.send("POST", "/v1/articles", {"headline": "Once"}, once)
    newsroom.key("read")
    with newsroom.database.writing() as session:
        session.add(PendingMove(target_id=NOBODY, kind="tag", sequence=1, ends_state=False))
        session.add(HubNotice())


def assert_refused(newsroom: Newsroom, statement: sa.Update, named: str) -> None:
    with (
        pytest.raises(IntegrityError) as refused,
        newsroom.database.writing() as session,
    ):
        session.connection().execute(statement)
    assert named in str(refused.value.orig)


def test_no_rule_is_left_untried() -> None:
    assert set(CHECKS) == constraints(sa.CheckConstraint)
    assert set(REFERENCES) == constraints(sa.ForeignKeyConstraint)
    assert set(UNIQUE) == constraints(sa.UniqueConstraint)


def test_every_check_refuses_what_it_says(newsroom: Newsroom) -> None:
    furnish(newsroom)
    for named, examples in CHECKS.items():
        for values in examples:
            assert_refused(newsroom, sa.update(table_of(named)).values(values), named)


def test_every_reference_must_lead_somewhere(newsroom: Newsroom) -> None:
    furnish(newsroom)
    for named, values in REFERENCES.items():
        # SQLite does not name the reference that was broken.
        said = "FOREIGN KEY constraint failed" if newsroom.database.is_sqlite else named
        table = table_of(named)
        key = next(iter(table.primary_key))  # one row: two would break the primary key first
        one_row = key == sa.select(key).limit(1).scalar_subquery()
        assert_refused(newsroom, sa.update(table).where(one_row).values(values), said)


def test_what_is_unique_is_not_there_twice(newsroom: Newsroom) -> None:
    furnish(newsroom)
    for named, values in UNIQUE.items():
        (column,) = values
        rows = table_of(named)
        # SQLite names the column.
        said = f"{rows.name}.{column}" if newsroom.database.is_sqlite else named
        assert_refused(newsroom, sa.update(rows).values(values), said)


def test_what_is_named_cannot_be_taken_from_under_an_article(newsroom: Newsroom) -> None:
    furnish(newsroom)
    for name in ("article", "author", "tag"):
        with (
            pytest.raises(IntegrityError, match=r"(?i)foreign key"),
            newsroom.database.writing() as session,
        ):
            session.connection().execute(sa.delete(TABLES[name]))
