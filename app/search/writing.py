"""Writing an index: documents in and out, and reading from the database what belongs into it."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session
from tantivy import Index, IndexWriter

from app.archive.tables import article, article_body, article_with_body
from app.articles.queries import load_links
from app.changes.actions import last_number
from app.changes.queries import revision
from app.search.index import open_index
from app.search.schema import (
    SHELVES,
    build_schema,
    index_document,
    is_public,
    register_analyzers,
)

FIRST_ID = "00000000-0000-0000-0000-000000000000"
READ_AT_ONCE = 1_000
"""Articles, or numbers of the sequence, that are read and written in one go."""
_COLUMNS = [
    (article_body if name == "body_text" else article).c[name]
    for name in (
        "id", "headline", "headline_key", "subheadline", "summary", "byline", "body_text", "language",
        "language_key", "live", "withdrawn_at", "sort_at", "published_at", "embargoed_until",
        "expires_at", "updated_at",
    )
]  # fmt: skip


class Generation:
    """One index in a folder of its own, held open for writing; nobody else can write it then.

    An article is on the shelf where it belongs when it is written; what the clock changes has a
    number of the sequence within a second, and is written again.
    """

    def __init__(self, folder: Path, memory_bytes: int, *, is_new: bool) -> None:
        self.folder = folder
        self.name = folder.name
        self._public, self._hidden = (
            _writer(folder / name, memory_bytes // len(SHELVES), is_new=is_new) for name in SHELVES
        )

    def put(self, session: Session, rows: Sequence[Any], now: datetime) -> None:
        """Adds articles that are not there."""
        links = load_links(session, [row.id for row in rows])
        for row in rows:
            writer = self._public if is_public(row, now) else self._hidden
            writer.add_document(index_document(row, links, now))

    def replace(self, session: Session, ids: Sequence[str], now: datetime) -> None:
        """Brings articles to what they are now, also where that is nothing."""
        for one in ids:
            self._public.delete_documents_by_term("id", one)
            self._hidden.delete_documents_by_term("id", one)
        rows = session.connection().execute(
            sa.select(*_COLUMNS).select_from(article_with_body).where(article.c.id.in_(ids))
        )
        self.put(session, rows.all(), now)

    def commit(self) -> None:
        """One after the other: between the two, an article that changes its shelf is on none or on
        both for who sees them both, a few milliseconds."""
        self._public.commit()
        self._hidden.commit()

    def close(self) -> None:
        """Undoes what is not committed, and lets merges that are under way end."""
        for writer in (self._public, self._hidden):
            writer.rollback()
            writer.wait_merging_threads()

    def discard(self) -> None:
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _writer(folder: Path, memory_bytes: int, *, is_new: bool) -> IndexWriter:
    if is_new:
        folder.mkdir(parents=True)
        index = Index(build_schema(), str(folder))
        register_analyzers(index)
    else:
        index = open_index(folder)
    return index.writer(memory_bytes, 1)


def articles_after(session: Session, after: str) -> Sequence[Any]:
    """The next articles behind an id, in the order of ids."""
    some = (
        sa.select(*_COLUMNS)
        .select_from(article_with_body)
        .where(article.c.id > after)
        .order_by(article.c.id)
    )
    return session.connection().execute(some.limit(READ_AT_ONCE)).all()


def changed_after(session: Session, number: int) -> tuple[list[str], int, str | None]:
    """The ids of articles that changed next, the number reached, and the mark of its revision."""
    last = last_number(session)
    columns = revision.c
    rows = (
        session.connection()
        .execute(
            sa.select(columns.sequence, columns.kind, columns.entity_id, columns.at)
            .where(columns.sequence > number)
            .order_by(columns.sequence)
            .limit(READ_AT_ONCE)
        )
        .all()
    )
    ids = list(dict.fromkeys(row.entity_id for row in rows if row.kind == "article"))
    reached = rows[-1].sequence if len(rows) == READ_AT_ONCE else last
    return ids, reached, _mark(rows[-1]) if rows else None


def newest_mark(session: Session) -> str:
    """The mark of the newest revision; empty where there is none."""
    newest = sa.select(revision).order_by(revision.c.sequence.desc()).limit(1)
    row = session.connection().execute(newest).first()
    return _mark(row) if row is not None else ""


def is_known(session: Session, mark: str) -> bool:
    """Whether the revision of a mark is still what it was. One that was forgotten may have been."""
    if not mark:
        return True
    number = int(mark.partition(" ")[0])
    row = (
        session.connection()
        .execute(sa.select(revision).where(revision.c.sequence == number))
        .first()
    )
    return (row is None and number <= last_number(session)) or (
        row is not None and _mark(row) == mark
    )


def _mark(row: Any) -> str:
    return f"{row.sequence} {row.entity_id} {row.at.isoformat()}"


def count_articles(session: Session) -> int:
    return int(
        session.connection().execute(sa.select(sa.func.count()).select_from(article)).scalar_one()
    )


def generations_in(folder: Path) -> Iterator[Path]:
    return (one for one in folder.iterdir() if one.is_dir())
