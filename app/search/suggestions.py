"""What begins as typed: tags and authors with the most articles, then the newest headlines."""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session
from tantivy import Query

from app.access.visibility import Visibility
from app.archive.models import Author, Tag, sort_key
from app.archive.names import starts_with
from app.archive.selection import Selection
from app.archive.tables import article
from app.articles.queries import NO_ID
from app.db.columns import table
from app.search.filtering import IndexSelection
from app.search.index import View
from app.search.queries import index_selection
from app.search.ranking import by_date
from app.search.schema import START_LENGTH_MAX
from app.web.pages import Position

NAMES_MAX = 10
LOOKED_AT = 40
"""Of the newest headlines that begin with the first letters, where more is typed."""
_COLUMNS = [article.c[name] for name in ("id", "slug", "headline", "headline_key")]
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
    headlines = _headlines(found, selection, beginning, limit)
    kept = max((limit + 1) // 2, limit - len(headlines))
    shown = [one for _, one in names[:kept]]
    return [*shown, *headlines][:limit]


def _names(
    session: Session, found: IndexSelection, beginning: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    for kind, rows, field in _NAMED:
        some = sa.select(rows.c.id, rows.c.slug, rows.c.name).where(starts_with(rows, beginning))
        for row in session.connection().execute(some.order_by(rows.c.name_key).limit(NAMES_MAX)):
            yield found.term_frequency(field, row.id), _suggestion(kind, row.name, row)


def _headlines(
    found: IndexSelection, selection: Selection, beginning: str, limit: int
) -> list[dict[str, Any]]:
    """The newest of them. Of long beginnings, those among the newest that begin much the same, and
    then the others, in the order of the alphabet."""
    start = Query.term_query(found.view.schema, "start", beginning[:START_LENGTH_MAX], "basic")
    is_long = len(beginning) > START_LENGTH_MAX
    ids, _ = by_date(found, start, 0, LOOKED_AT if is_long else limit, newest_first=True)
    columns = article.c
    some = sa.select(*_COLUMNS).where(columns.id.in_(ids), *selection.conditions())
    rows = [*selection.session.connection().execute(some.order_by(columns.sort_at.desc()))]
    shown = _that_begin(rows, beginning)
    if is_long and len(shown) < limit:
        here = Position((beginning, NO_ID), backwards=False, inclusive=True)
        walk = selection.page(_COLUMNS, "headline", here, limit)
        shown |= _that_begin(selection.session.connection().execute(walk), beginning)
    return [_suggestion("headline", row.headline, row) for row in shown.values()][:limit]


def _that_begin(rows: Iterable[Any], beginning: str) -> dict[str, Any]:
    return {row.id: row for row in rows if row.headline_key.startswith(beginning)}


def _suggestion(kind: str, text: str, row: Any) -> dict[str, Any]:
    return {"type": kind, "text": text, "id": row.id, "slug": row.slug}
