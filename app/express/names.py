"""What authors and tags are called, in memory: as the JSON that articles show, and by their refs.

A newsroom has some thousands of them, and may credit them together in many ways. All are of one
number of the sequence; the reads that use them say whether that is still the last one that an
author or tag took.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from app.archive.models import Author, Tag
from app.archive.pieces import TAG
from app.archive.refs import in_parts, resolve_refs
from app.changes.models import Kind, SequenceCounter
from app.db.columns import table
from app.db.database import Database

NAMES_MAX = 200_000
"""More are forgotten, all at once, to be looked up again."""
CREDITS_BYTES_MAX = 8_000_000
"""The same of what stands in articles for several authors and their roles."""
ENTRY_BYTES = 150
"""What an entry of a dictionary takes beside its texts."""
author = table(Author)
tag = table(Tag)
names_number = sa.select(table(SequenceCounter).c.names).scalar_subquery()
"""A column: the last number that an author or tag took, in the same moment as the row it is read with."""

Ref = tuple[Kind, str]
_KINDS: tuple[Kind, ...] = ("author", "tag")
_TAG = TAG.encode()


class Unknown(Exception):
    """Some ids of authors and tags, and some refs, have to be looked up first."""

    def __init__(self, ids: Iterable[bytes] = (), refs: Iterable[Ref] = ()) -> None:
        self.ids, self.refs = set(ids), set(refs)


@dataclass(frozen=True)
class AuthorName:
    """`before_role` is the author's JSON as an article shows it, up to the role."""

    before_role: bytes
    within_byline: bytes


@dataclass(frozen=True)
class _Found:
    """What was looked up, as of `number`."""

    number: int
    authors: Mapping[bytes, AuthorName]
    tags: Mapping[bytes, bytes]
    refs: Mapping[Ref, str]


class Names:
    """What is known, all of it as of `number`. For the event loop alone.

    `known` is what stands in articles (see `archive.pieces`), `always` those of them that never
    change; `authors` what bylines are made of, by id.
    """

    def __init__(self, database: Database, always: Mapping[bytes, bytes]) -> None:
        self.number = -1
        self.authors: dict[bytes, AuthorName] = {}
        self._credits_bytes = 0
        self.known = dict(always)
        self._always = always
        self._refs: dict[Ref, str] = {}
        self._database = database

    async def look_up(self, unknown: Unknown) -> bool:
        """Adds what was not known, or begins anew where names have changed since; says whether all
        of it is there."""
        found = await run_in_threadpool(self._find, unknown)
        if found.number != self.number or self._are_many():
            self.forget(found.number)
        self.authors |= found.authors
        self.known |= {_TAG + its_id: shown for its_id, shown in found.tags.items()}
        self._refs |= found.refs
        ids = found.authors.keys() | found.tags.keys()
        return unknown.ids <= ids and unknown.refs <= found.refs.keys()

    def credit(self, shown: Mapping[bytes, bytes]) -> None:
        """Adds what stands for authors together; begins anew, and raises `Unknown`, where that would
        be too much."""
        texts_bytes = sum(len(name) + len(text) for name, text in shown.items())
        self._credits_bytes += texts_bytes + ENTRY_BYTES * len(shown)
        if self._credits_bytes > CREDITS_BYTES_MAX:
            self.forget(self.number)
            raise Unknown
        self.known |= shown

    def ids_behind(self, kind: Kind, refs: Collection[str]) -> dict[str, str]:
        """The ids behind some refs; raises `Unknown`."""
        try:
            return {ref: self._refs[kind, ref] for ref in refs}
        except KeyError:
            missing = {(kind, ref) for ref in refs if (kind, ref) not in self._refs}
            raise Unknown(refs=missing) from None

    def forget(self, number: int) -> None:
        self.number = number
        self._credits_bytes = 0
        self.authors.clear()
        self._refs.clear()
        self.known.clear()
        self.known |= self._always

    def _are_many(self) -> bool:
        return len(self.authors) + len(self.known) + len(self._refs) > NAMES_MAX

    def _find(self, unknown: Unknown) -> _Found:
        ids = [one.decode() for one in unknown.ids]
        authors, tags = {}, {}
        behind: dict[Ref, str] = {}
        with self._database.reading() as session:
            connection = session.connection()
            number = connection.execute(sa.select(names_number)).scalar_one()
            for some in in_parts(ids):
                for row in connection.execute(sa.select(author).where(author.c.id.in_(some))):
                    shown = {"id": row.id, "slug": row.slug, "name": row.name}
                    authors[row.id.encode()] = AuthorName(
                        to_json(shown)[:-1] + b',"role":', to_json(row.name)[1:-1]
                    )
                for row in connection.execute(sa.select(tag).where(tag.c.id.in_(some))):
                    shown = {"id": row.id, "slug": row.slug, "name": row.name, "kind": row.kind}
                    tags[row.id.encode()] = to_json(shown)
            for kind in _KINDS:
                refs = [ref for one, ref in unknown.refs if one == kind]
                resolved = resolve_refs(session, kind, refs)
                behind |= {(kind, ref): its_id for ref, its_id in resolved.items()}
        return _Found(number, authors, tags, behind)
