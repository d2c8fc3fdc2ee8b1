"""One page of changes: what is new since a place, in the order of the sequence."""

import heapq
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json
from sqlmodel import Session

from app.access.caller import Caller
from app.access.visibility import Visibility
from app.archive.filter import excludes_unknown
from app.archive.former_states import Reach
from app.articles import queries as articles
from app.authors import queries as authors
from app.changes.models import Kind, SequenceCounter
from app.db.columns import table
from app.sync.models import ChangeDocument, StreamQuery
from app.sync.places import Cursors, Place
from app.sync.removals import Removal, last_over, removed_articles, removed_things
from app.tags import queries as tags

counter = table(SequenceCounter)
UNSEEN_MAX = 5_000
"""Numbers that a follower sees nothing of and yet passes again each time. A cursor moves with what
it was given alone, so that it does not tell how busy others are; past so many it must."""


@dataclass(frozen=True)
class ChangesRead:
    """A page: its entries, where it leads, whether there is more, and the last number there was."""

    data: list[ChangeDocument]
    next: str
    has_more: bool
    last_number: int

    @cached_property
    def events(self) -> bytes:
        """The entries as server-sent events, the cursor with the last of them."""
        events = [f"data: {to_json(entry).decode()}\n" for entry in self.data]
        return ("\n".join(events) + f"id: {self.next}\n\n").encode()


@dataclass(frozen=True)
class Following:
    """One follower's question. `start` is the address where a copy is begun anew."""

    query: StreamQuery
    view: articles.View
    secret: bytes
    start: str
    article_url: str

    def key(self, caller: Caller, since: str, limit: int) -> Hashable:
        """Equal for all who are told the same from that place on."""
        return caller.rights, self.start, since, limit


@dataclass(frozen=True)
class _Upsert:
    sequence: int
    kind: Kind
    id: str
    row: Any


def read_changes(
    session: Session, caller: Caller, following: Following, since: str | None, limit: int
) -> ChangesRead:
    """The page after `since`. All of it is one moment: the sequence, the states, the clock."""
    last, caller = _at_newest_moment(session, caller)
    cursors = _cursors(session, caller, following)
    reach = Reach(session, caller.visibility, following.query.chosen)
    if since is None:
        place = Place(0, last_over(session, following.query.kinds, reach))
    else:
        place = cursors.decode(since, following.start)
    walk = _in_order(session, caller, following, reach, place, limit)
    entries, number, has_more = _page(walk, place, limit)
    if not has_more:
        number = at_the_end(number, last)
    data = _documents(session, caller, following, entries)
    return ChangesRead(data, cursors.encode(Place(number, place.began)), has_more, last)


def _at_newest_moment(session: Session, caller: Caller) -> tuple[int, Caller]:
    """The last number, and the caller no earlier than it was taken, whichever machine's clock is late.

    What was public when it took its number has to be so for who reads the number.
    """
    row = session.connection().execute(sa.select(counter.c.value, counter.c.at)).one()
    visibility = caller.visibility
    newest: datetime = max(visibility.now, row.at or visibility.now)
    return row.value, replace(caller, visibility=replace(visibility, now=newest))


def _cursors(session: Session, caller: Caller, following: Following) -> Cursors:
    visibility = caller.visibility
    return cursors_of(
        following.secret,
        following.query,
        visibility,
        sees_nothing=excludes_unknown(session, visibility.entitlement),
        sees_email="author" in following.query.kinds and caller.may("write"),
    )


def cursors_of(
    secret: bytes,
    query: StreamQuery,
    visibility: Visibility,
    *,
    sees_nothing: bool,
    sees_email: bool,
) -> Cursors:
    """A cursor holds as long as its caller may see the same."""
    view = f"{visibility.fingerprint} {sees_nothing} {sees_email}"
    return Cursors(secret, query.scope, view)


def at_the_end(number: int, last: int) -> int:
    """Where a follower stands who was given everything: at `number`, unless much that it does not
    see has come after that."""
    return number if last - number < UNSEEN_MAX else last - last % UNSEEN_MAX


def _page(
    walk: Iterator[_Upsert | Removal], place: Place, limit: int
) -> tuple[list[_Upsert | Removal], int, bool]:
    """The entries, the number that the page reaches, and whether there is more.

    Each thing once: what is removed and comes back within the page is only told of as it is.
    """
    entries: dict[tuple[str, str], _Upsert | Removal] = {}
    number = place.number
    for entry in walk:
        key = (entry.kind, entry.id)
        if entries.pop(key, None) is None and len(entries) == limit:
            return list(entries.values()), number, True
        entries[key] = entry
        number = entry.sequence
    return list(entries.values()), number, False


def _in_order(
    session: Session, caller: Caller, following: Following, reach: Reach, place: Place, limit: int
) -> Iterator[_Upsert | Removal]:
    sources: list[Any] = []
    query = following.query
    if "article" in query.kinds:
        if place.number:
            sources.append(removed_articles(session, caller.visibility, reach, place))
        rows = articles.articles_after(
            session, caller.visibility, query.chosen, place.number, following.view, limit
        )
        sources.append(_upserts("article", rows))
    if "author" in query.kinds:
        sources.append(removed_things(session, "author", place, limit))
        sources.append(
            _upserts("author", authors.authors_after(session, caller, place.number, limit))
        )
    if "tag" in query.kinds:
        sources.append(removed_things(session, "tag", place, limit))
        sources.append(_upserts("tag", tags.tags_after(session, caller, place.number, limit)))
    # Where a removal and an upsert have one number, the upsert is last and counts.
    return heapq.merge(*sources, key=lambda entry: (entry.sequence, isinstance(entry, _Upsert)))


def _upserts(kind: Kind, rows: Any) -> list[_Upsert]:
    return [_Upsert(row.sequence, kind, row.id, row) for row in rows]


def _documents(
    session: Session, caller: Caller, following: Following, entries: list[_Upsert | Removal]
) -> list[ChangeDocument]:
    shown = [one.id for one in entries if isinstance(one, _Upsert) and one.kind == "article"]
    links = articles.load_links(session, shown)

    def document(entry: _Upsert | Removal) -> ChangeDocument:
        if isinstance(entry, Removal):
            return {"type": entry.kind, "op": "remove", "id": entry.id, "reason": entry.reason}
        match entry.kind:
            case "article":
                shown = articles.article_document(
                    entry.row, links, following.view, caller.visibility, following.article_url
                )
            case "author":
                shown = authors.author_document(entry.row, caller)
            case "tag":
                shown = tags.tag_document(entry.row)
        return {
            "type": entry.kind,
            "op": "upsert",
            "id": entry.id,
            "version": entry.row.version,
            entry.kind: shown,
        }

    return [document(entry) for entry in entries]
