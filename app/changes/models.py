"""The change sequence and the revisions: what changed, in the one order that everybody sees."""

from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.columns import Id, Json, SortText, UtcDateTime

Kind = Literal["article", "author", "tag"]
Operation = Literal["upsert", "remove"]


class SequenceCounter(SQLModel, table=True):
    """One row: the last number taken. Its lock makes commit order and number order the same.

    `names`: the last number that an author or tag took. Whoever holds names, or knows which author
    a slug means, asks with each read whether that is still so.

    `at`: the latest moment that any number was taken at, by the clock of whichever machine. Who
    follows the sequence looks at what it gives as from then on at least, however late their own
    clock is.
    """

    __tablename__ = "sequence_counter"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(
        default=1,
        primary_key=True,
        sa_type=sa.SmallInteger,
        sa_column_kwargs={"autoincrement": False},
    )
    value: int = Field(default=0, sa_type=sa.BigInteger)
    at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    names: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})


class Revision(SQLModel, table=True):
    """What one thing was from one number of the sequence on, until its next revision.

    `snapshot` is null where only a name that the article shows has changed: its own content is
    that of the revision before. An upsert with a `reason` has the version of the revision before
    as well: only who may see the article has changed, by the `clock` or by a `merge` of its tags. The four state columns say what readers could see of an article
    from this number on, by the clock.
    """

    __tablename__ = "revision"
    __table_args__ = (
        sa.Index("ix_revision_entity_id_sequence", "entity_id", "sequence"),
        sa.CheckConstraint("kind IN ('article', 'author', 'tag')", name="known_kind"),
        sa.CheckConstraint("operation IN ('upsert', 'remove')", name="known_operation"),
    )

    sequence: int = Field(
        primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    kind: str = Field(sa_type=sa.String(10))
    entity_id: str = Field(sa_type=Id)
    version: int
    operation: str = Field(sa_type=sa.String(10))
    reason: str | None = None
    at: datetime = Field(sa_type=UtcDateTime)
    key_id: str | None = Field(default=None, sa_type=Id)

    live: bool | None = None
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    embargoed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    snapshot: dict[str, Any] | None = Field(default=None, sa_type=Json)


class FormerState(SQLModel, table=True):
    """What decided who could see a thing, from one number on until `sequence` ended it.

    Written whenever something changes that a filter, an entitlement or the clock looks at, and when
    a thing goes. Followers whose cursor is within that time learn here that they may have what
    they should have no more. Kept for ever, for a cursor never expires. For authors and tags only
    `reason` is of interest.
    """

    __tablename__ = "former_state"
    __table_args__ = (
        sa.Index("ix_former_state_entity_id_sequence", "entity_id", "sequence"),
        sa.CheckConstraint("kind IN ('article', 'author', 'tag')", name="known_kind"),
        sa.CheckConstraint(
            "reason IN ('deleted', 'withdrawn', 'expired', 'left_scope')", name="known_reason"
        ),
        sa.CheckConstraint("state_sequence < sequence", name="begins_before_it_ends"),
    )

    sequence: int = Field(
        primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    kind: str = Field(sa_type=sa.String(10))
    entity_id: str = Field(sa_type=Id)
    state_sequence: int = Field(sa_type=sa.BigInteger)
    state_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    at: datetime = Field(sa_type=UtcDateTime)
    reason: str = Field(sa_type=sa.String(10))

    live: bool = False
    withdrawn: bool = False
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    embargoed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    updated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    language_key: str | None = Field(default=None, sa_type=SortText)


class FormerStateRef(SQLModel, table=True):
    """An author or tag that an article had in a former state."""

    __tablename__ = "former_state_ref"
    __table_args__ = (sa.Index("ix_former_state_ref_target_id", "target_id", "sequence"),)

    sequence: int = Field(
        primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    target_id: str = Field(primary_key=True, sa_type=Id)
    kind: str = Field(sa_type=sa.String(10))
    is_section: bool = False
