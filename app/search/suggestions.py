"""What begins as typed: tags and authors with the most articles, then the newest headlines."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session
from tantivy import Query

from app.access.visibility import Visibility
from app.archive.filter import Selection, article
from app.archive.models import Author, Tag, sort_key
from app.archive.names import starts_with
from app.db.columns import table
from app.search.filtering import IndexSelection
from app.search.index import View
from app.search.queries import index_selection
from app.search.ranking import by_date
from app.search.schema import START_LENGTH_MAX

NAMES_MAX = 20
LONG_STARTS_MAX = 100
"""Headlines looked at whose beginning is as typed, where more is typed than the index has of it."""
_NAMED = (("tag", table(Tag), "tag_id"), ("author", table(Author), "author_id"))


def suggest(
    session: Session, index: View, visibility: Visibility, typed: str, limit: int
) -> list[dict[str, Any]]:
    """Up to `limit` suggestions, as `Suggestion` has them; at most half of them are names."""
    beginning = sort_key(typed.lstrip())
    if not beginning:
        return []
    selection = Selection(session, visibility)
    found = index_selection(index, selection)
    names = sorted(_names(session, found, beginning), key=lambda one: (-one[0], one[1]["text"]))
    headlines = list(_headlines(found, selection, beginning, limit))
    kept = max((limit + 1) // 2, limit - len(headlines))
    shown = [one for _, one in names[:kept]]
    return [*shown, *headlines][:limit]


def _names(
    session: Session, found: IndexSelection, beginning: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    for kind, rows, field in _NAMED:
        some = sa.select(rows.c.id, rows.c.slug, rows.c.name).where(starts_with(rows, beginning))
        for row in session.connection().execute(some.order_by(rows.c.name_key).limit(NAMES_MAX)):
            about = Query.term_query(found.view.schema, field, row.id, "basic")
            yield found.frequency(about), _suggestion(kind, row.name, row)


def _headlines(
    found: IndexSelection, selection: Selection, beginning: str, limit: int
) -> Iterator[dict[str, Any]]:
    is_long = len(beginning) > START_LENGTH_MAX
    start = Query.term_query(found.view.schema, "start", beginning[:START_LENGTH_MAX], "basic")
    looked_at = LONG_STARTS_MAX if is_long else limit
    ids, _ = by_date(found, start, 0, looked_at, newest_first=True)
    columns = article.c
    some = sa.select(columns.id, columns.slug, columns.headline, columns.headline_key).where(
        columns.id.in_(ids), *selection.conditions()
    )
    rows = {row.id: row for row in selection.session.connection().execute(some)}
    for one in ids:
        if one in rows and rows[one].headline_key.startswith(beginning):
            yield _suggestion("headline", rows[one].headline, rows[one])


def _suggestion(kind: str, text: str, row: Any) -> dict[str, Any]:
    return {"type": kind, "text": text, "id": row.id, "slug": row.slug}
