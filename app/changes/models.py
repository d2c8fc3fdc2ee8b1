"""The change sequence and the revisions: what changed, in the one order that everybody sees."""

from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.columns import Id, Json, UtcDateTime

Kind = Literal["article", "author", "tag"]
Operation = Literal["upsert", "remove"]


class SequenceCounter(SQLModel, table=True):
    """One row: the last number taken. Its lock makes commit order and number order the same."""

    __tablename__ = "sequence_counter"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(
        default=1,
        primary_key=True,
        sa_type=sa.SmallInteger,
        sa_column_kwargs={"autoincrement": False},
    )
    value: int = Field(default=0, sa_type=sa.BigInteger)


class Revision(SQLModel, table=True):
    """What one thing was from one number of the sequence on, until its next revision.

    `snapshot` is null where only a name that the article shows has changed: its own content is
    that of the revision before. The four state columns say what readers could see of an article
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
