"""Counting finds by what they have: each facet with all filters but its own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session
from tantivy import Query

from app.archive.models import Author, Tag
from app.db.columns import table
from app.search.filtering import FacetName, IndexSelection

BUCKETS_MAX = 50
BUCKETS_READ_MAX = 60_000
"""Values that each part of the index counts before the most frequent are taken: all there are."""
_FIELDS: dict[FacetName, str] = {
    "tag": "tag_id",
    "section": "section_id",
    "author": "author_id",
    "language": "language",
    "kind": "kind",
    "year": "year",
}
_NAMED: dict[FacetName, sa.Table] = {
    "tag": table(Tag), "section": table(Tag), "author": table(Author),
}  # fmt: skip
Counts = dict[str, int]


def count_facets(
    session: Session, found: IndexSelection, query: Query, names: Sequence[FacetName]
) -> dict[str, list[dict[str, Any]]]:
    """The most frequent values of each facet among the finds of a query, as `Facets` has them."""
    counted = _counted(found, query, names)
    return {name: _buckets(session, name, counted[name]) for name in dict.fromkeys(names)}


def _counted(
    found: IndexSelection, query: Query, names: Sequence[FacetName]
) -> dict[FacetName, Counts]:
    """One pass over the finds for all facets that are not filtered by, one for each that is."""
    filtered = [name for name in names if found.is_filtered_by(name)]
    together = [name for name in names if name not in filtered]
    counted = _aggregated(found, found.within(query), together) if together else {}
    for name in filtered:
        counted |= _aggregated(found, found.within(query, leave_out=name), [name])
    return counted


def _aggregated(
    found: IndexSelection, query: Query, names: Sequence[FacetName]
) -> dict[FacetName, Counts]:
    # Of several shelves, the most frequent are known when all are.
    size = BUCKETS_MAX if len(found.shelves) == 1 else BUCKETS_READ_MAX
    asked: dict[str, Any] = {
        name: {"terms": {"field": _FIELDS[name], "size": size, "segment_size": BUCKETS_READ_MAX}}
        for name in names
    }
    counted = {name: Counter[str]() for name in names}
    for results in found.aggregated(query, asked):
        for name in names:
            counted[name].update(_counts(results[name]["buckets"]))
    return {name: dict(counted[name].most_common(BUCKETS_MAX)) for name in names}


def _counts(buckets: Sequence[Mapping[str, Any]]) -> Counts:
    return {_value(one["key"]): int(one["doc_count"]) for one in buckets if one["doc_count"]}


def _value(key: Any) -> str:
    return str(int(key)) if isinstance(key, float) else str(key)


def _buckets(session: Session, name: FacetName, counts: Counts) -> list[dict[str, Any]]:
    shown = _shown_as(session, name, counts)
    buckets = [
        {"value": shown[key][0], "name": shown[key][1], "count": count}
        for key, count in counts.items()
        if key in shown
    ]
    return sorted(buckets, key=lambda one: (-one["count"], one["name"], one["value"]))


def _shown_as(session: Session, name: FacetName, counts: Counts) -> dict[str, tuple[str, str]]:
    """What to filter by and what to show, for each value."""
    if name not in _NAMED:
        return {key: (key, _usual_form(key) if name == "language" else key) for key in counts}
    rows = _NAMED[name]
    named = sa.select(rows.c.id, rows.c.slug, rows.c.name).where(rows.c.id.in_(list(counts)))
    return {row.id: (row.slug, row.name) for row in session.connection().execute(named)}


def _usual_form(tag: str) -> str:
    """A language tag as it is usually written (RFC 5646, section 2.1.1): `en-GB`, `zh-Hans`."""
    primary, *others = tag.split("-")
    forms = (
        one.upper() if len(one) == 2 else one.title() if len(one) == 4 else one for one in others
    )
    return "-".join([primary, *forms])
