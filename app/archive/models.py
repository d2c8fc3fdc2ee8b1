"""The tables that hold the news: articles, authors, tags, what links them, and former addresses."""

import unicodedata
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, Relationship, SQLModel

from app.db.columns import Id, Json, JsonText, SortText, UtcDateTime

SORT_KEY_LENGTH = 300
SORT_KEYS = ("sort_at", "updated_at", "headline_key")
"""The columns of the orders that lists come in."""


def _link_indexes(table: str, target: str) -> list[sa.Index]:
    """The orders of an author's or tag's articles."""
    return [
        *(
            sa.Index(f"ix_{table}_live_{key}", target, "live", key, "article_id")
            for key in SORT_KEYS
        ),
        sa.Index(f"ix_{table}_sequence", target, "sequence", "article_id"),
    ]


def sort_key(text: str) -> str:
    """Text as it is sorted and prefix-searched: without case and accents, the same on every database."""
    if text.isascii():
        return text.lower().strip()[:SORT_KEY_LENGTH]
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    return plain.casefold().strip()[:SORT_KEY_LENGTH]


class Author(SQLModel, table=True):
    __tablename__ = "author"
    __table_args__ = (
        sa.Index("ix_author_name_key_id", "name_key", "id"),
        sa.Index("ix_author_updated_at_id", "updated_at", "id"),
        sa.Index("ix_author_sequence", "sequence"),
    )

    id: str = Field(primary_key=True, sa_type=Id)
    slug: str = Field(unique=True, sa_type=SortText)
    name: str
    name_key: str = Field(sa_type=SortText)
    role: str | None = None
    bio: str | None = None
    image: dict[str, Any] | None = Field(default=None, sa_type=Json)
    links: list[dict[str, Any]] = Field(sa_type=Json)
    email: str | None = None
    version: int = 1
    sequence: int = Field(sa_type=sa.BigInteger)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class Tag(SQLModel, table=True):
    __tablename__ = "tag"
    __table_args__ = (
        sa.Index("ix_tag_name_key_id", "name_key", "id"),
        sa.Index("ix_tag_updated_at_id", "updated_at", "id"),
        sa.Index("ix_tag_sequence", "sequence"),
        sa.Index("ix_tag_parent_id", "parent_id"),
        sa.CheckConstraint(
            "kind IN ('section', 'topic', 'person', 'organisation', 'place', 'event', 'series')",
            name="known_kind",
        ),
    )

    id: str = Field(primary_key=True, sa_type=Id)
    slug: str = Field(unique=True, sa_type=SortText)
    name: str
    name_key: str = Field(sa_type=SortText)
    kind: str
    description: str | None = None
    parent_id: str | None = Field(default=None, sa_type=Id, foreign_key="tag.id")
    version: int = 1
    sequence: int = Field(sa_type=sa.BigInteger)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class Article(SQLModel, table=True):
    """An article. What its status is follows from its times and the clock; see `visibility`.

    `released_at`: when it was published by an action, null for a draft. `live`: released and not
    withdrawn; every order has what is live apart, so that no public list walks past drafts.
    `sort_at`: `published_at` once released, else the far future. `sequence`: its last number. `state_sequence` and `state_at`: since
    when what filters and the clock look at is as it is. `next_tick_at`: when the clock next changes
    who may see it; the ticker then gives it a number. `pieces` and `stamp`: its JSON, made when it
    is written (see `archive.pieces`); what has none is read the long way.
    """

    __tablename__ = "article"
    __table_args__ = (
        *(sa.Index(f"ix_article_live_{key}", "live", key, "id") for key in SORT_KEYS),
        *(
            sa.Index(f"ix_article_language_key_live_{key}", "language_key", "live", key, "id")
            for key in SORT_KEYS
        ),
        sa.Index(
            "ix_article_expiring",
            "sort_at",
            "id",
            sqlite_where=sa.text("expires_at IS NOT NULL"),
            postgresql_where=sa.text("expires_at IS NOT NULL"),
        ),
        sa.Index("ix_article_sequence_id", "sequence", "id"),
        sa.Index("ix_article_language_key_sequence_id", "language_key", "sequence", "id"),
        sa.Index(
            "ix_article_next_tick_at",
            "next_tick_at",
            sqlite_where=sa.text("next_tick_at IS NOT NULL"),
            postgresql_where=sa.text("next_tick_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_article_without_pieces",
            "id",
            sqlite_where=sa.text("pieces IS NULL"),
            postgresql_where=sa.text("pieces IS NULL"),
        ),
        sa.CheckConstraint("length(headline) BETWEEN 1 AND 300", name="headline_length"),
        sa.CheckConstraint("urgency BETWEEN 1 AND 9", name="urgency_range"),
        sa.CheckConstraint(
            "released_at IS NULL OR published_at IS NOT NULL", name="released_has_date"
        ),
        sa.CheckConstraint(
            "withdrawn_at IS NULL OR released_at IS NOT NULL", name="withdrawn_was_released"
        ),
        sa.CheckConstraint(
            "live = (released_at IS NOT NULL AND withdrawn_at IS NULL)", name="live_as_times_say"
        ),
        sa.CheckConstraint("expires_at > published_at", name="expires_after_publication"),
        sa.CheckConstraint("expires_at > embargoed_until", name="expires_after_embargo"),
    )

    id: str = Field(primary_key=True, sa_type=Id)
    slug: str = Field(unique=True, sa_type=SortText)
    external_id: str | None = Field(default=None, unique=True, sa_type=SortText)
    headline: str
    headline_key: str = Field(sa_type=SortText)
    subheadline: str | None = None
    summary: str | None = None
    dateline: str | None = None
    byline: str | None = None
    language: str
    language_key: str = Field(sa_type=SortText)
    word_count: int = 0
    reading_minutes: int = 0
    image: dict[str, Any] | None = Field(default=None, sa_type=Json)
    source: str | None = None
    canonical_url: str | None = None
    copyright: str | None = None
    usage_terms: str | None = None
    urgency: int | None = None
    corrections: list[dict[str, Any]] = Field(sa_type=Json)
    extra: dict[str, Any] = Field(sa_column=sa.Column("metadata", Json, nullable=False))

    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    embargoed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_reason: str | None = None
    first_published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    live: bool = False
    sort_at: datetime = Field(sa_type=UtcDateTime)

    version: int = 1
    sequence: int = Field(sa_type=sa.BigInteger)
    state_sequence: int = Field(
        default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    state_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_tick_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    pieces: str | None = None
    stamp: str | None = None

    stored_body: "ArticleBody" = Relationship(
        sa_relationship_kwargs={
            "lazy": "joined",
            "innerjoin": True,
            "uselist": False,
            "cascade": "all, delete-orphan",
        }
    )

    @property
    def body_format(self) -> str | None:
        return self.stored_body.body_format

    @property
    def body_source(self) -> str | None:
        return self.stored_body.body_source

    @property
    def body_html(self) -> str | None:
        return self.stored_body.body_html

    @property
    def body_text(self) -> str | None:
        return self.stored_body.body_text


class ArticleBody(SQLModel, table=True):
    """The body of an article, a row for each: bodies are long, and most of what reads an article
    does not look at them.

    All four are null where it has none. `body_html` is kept as JSON, ready to leave.
    """

    __tablename__ = "article_body"
    __table_args__ = (
        sa.CheckConstraint("body_format IN ('html', 'markdown', 'text')", name="known_body_format"),
    )

    article_id: str = Field(primary_key=True, sa_type=Id, foreign_key="article.id")
    body_format: str | None = None
    body_source: str | None = None
    body_html: str | None = Field(default=None, sa_type=JsonText)
    body_text: str | None = None


class ArticleAuthor(SQLModel, table=True):
    """An author of an article. It carries `live` and the sort keys of the article, so that an author's
    list is one index walk."""

    __tablename__ = "article_author"
    __table_args__ = tuple(_link_indexes("article_author", "author_id"))

    article_id: str = Field(primary_key=True, sa_type=Id, foreign_key="article.id")
    author_id: str = Field(primary_key=True, sa_type=Id, foreign_key="author.id")
    position: int
    role: str | None = None
    live: bool = Field(sa_column_kwargs={"server_default": sa.true()})
    sort_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    headline_key: str = Field(sa_type=SortText)
    sequence: int = Field(
        default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )


class ArticleTag(SQLModel, table=True):
    """A tag of an article, with its `live` and sort keys. `is_section`: the first of kind `section`."""

    __tablename__ = "article_tag"
    __table_args__ = tuple(_link_indexes("article_tag", "tag_id"))

    article_id: str = Field(primary_key=True, sa_type=Id, foreign_key="article.id")
    tag_id: str = Field(primary_key=True, sa_type=Id, foreign_key="tag.id")
    position: int
    is_section: bool = False
    live: bool = Field(sa_column_kwargs={"server_default": sa.true()})
    sort_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    headline_key: str = Field(sa_type=SortText)
    sequence: int = Field(
        default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )


class FormerRef(SQLModel, table=True):
    """A slug or id that something had before, and what it leads to now.

    When nothing with `target_id` exists any more, the address is gone for good (410).
    """

    __tablename__ = "former_ref"
    __table_args__ = (
        sa.Index("ix_former_ref_target_id", "target_id"),
        sa.CheckConstraint("kind IN ('article', 'author', 'tag')", name="known_kind"),
    )

    kind: str = Field(primary_key=True)
    ref: str = Field(primary_key=True, sa_type=SortText)
    target_id: str = Field(sa_type=Id)


class RefMeaning(SQLModel, table=True):
    """What an id or slug of an author or tag meant from one number on, where that ever changed.

    A merge changes it, and a slug that something with articles takes. Filters of followers name
    refs; what those meant while an article was in its former state decides who could have had it.
    """

    __tablename__ = "ref_meaning"

    kind: str = Field(primary_key=True, sa_type=sa.String(10))
    ref: str = Field(primary_key=True, sa_type=SortText)
    from_sequence: int = Field(
        primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    target_id: str = Field(sa_type=Id)


class PendingMove(SQLModel, table=True):
    """An author or tag that was renamed and whose articles, being many, are still to be moved.

    `sequence`: the number of the rename. `ends_state`: whether filters may find other articles
    since. `key_id`: whose rename it was. `after_id`: the last article that is done with, in the
    order of their ids.
    """

    __tablename__ = "pending_move"
    __table_args__ = (sa.CheckConstraint("kind IN ('author', 'tag')", name="known_kind"),)

    target_id: str = Field(primary_key=True, sa_type=Id)
    kind: str = Field(sa_type=sa.String(10))
    sequence: int = Field(sa_type=sa.BigInteger)
    ends_state: bool
    key_id: str | None = Field(default=None, sa_type=Id)
    after_id: str | None = Field(default=None, sa_type=Id)
