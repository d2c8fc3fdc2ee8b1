"""What authors and tags are called, in memory: as the JSON that articles show, and by their refs.

A newsroom has some thousands of them. All are of one number of the sequence; the reads that use
them say whether that is still the last one that an author or tag took.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from app.archive.models import Author, Tag
from app.archive.refs import in_parts, resolve_refs
from app.changes.models import Kind, SequenceCounter
from app.db.columns import table
from app.db.database import Database

NAMES_MAX = 200_000
"""More are forgotten, all at once, to be looked up again."""
author = table(Author)
tag = table(Tag)
names_number = sa.select(table(SequenceCounter).c.names).scalar_subquery()
"""A column: the last number that an author or tag took, in the same moment as the row it is read with."""

Ref = tuple[Kind, str]


class Unknown(Exception):
    """Some ids of authors and tags, and some refs, have to be looked up first."""

    def __init__(self, ids: Iterable[bytes] = (), refs: Iterable[Ref] = ()) -> None:
        self.ids, self.refs = set(ids), set(refs)


@dataclass(frozen=True)
class AuthorName:
    """`before_role` is the author's JSON as an article shows it, up to the role."""

    before_role: bytes
    within_byline: bytes


@dataclass
class Names:
    """What is known, all of it as of `number`. For the event loop alone."""

    database: Database
    number: int = -1
    authors: dict[bytes, AuthorName] = field(default_factory=dict)
    tags: dict[bytes, bytes] = field(default_factory=dict)
    credits: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    """Bylines and authors of articles, by how `links_of` writes these authors down."""
    refs: dict[Ref, str] = field(default_factory=dict)

    async def look_up(self, unknown: Unknown) -> bool:
        """Adds what was not known, or begins anew where names have changed since; says whether all
        of it is there."""
        found = await run_in_threadpool(self._read, unknown)
        if found.number != self.number or self._are_many():
            self.forget(found.number)
        self.authors |= found.authors
        self.tags |= found.tags
        self.refs |= found.refs
        ids = found.authors.keys() | found.tags.keys()
        return unknown.ids <= ids and unknown.refs <= found.refs.keys()

    def known(self, kind: Kind, refs: Collection[str]) -> dict[str, str]:
        """The ids behind some refs; raises `Unknown`."""
        try:
            return {ref: self.refs[kind, ref] for ref in refs}
        except KeyError:
            missing = {(kind, ref) for ref in refs if (kind, ref) not in self.refs}
            raise Unknown(refs=missing) from None

    def forget(self, number: int) -> None:
        self.number = number
        for names in (self.authors, self.tags, self.credits, self.refs):
            names.clear()

    def _are_many(self) -> bool:
        return len(self.authors) + len(self.tags) + len(self.refs) > NAMES_MAX

    def _read(self, unknown: Unknown) -> "Names":
        ids = [one.decode() for one in unknown.ids]
        with self.database.reading() as session:
            connection = session.connection()
            found = Names(self.database, connection.execute(sa.select(names_number)).scalar_one())
            for some in in_parts(ids):
                for row in connection.execute(sa.select(author).where(author.c.id.in_(some))):
                    shown = {"id": row.id, "slug": row.slug, "name": row.name}
                    found.authors[row.id.encode()] = AuthorName(
                        to_json(shown)[:-1] + b',"role":', to_json(row.name)[1:-1]
                    )
                for row in connection.execute(sa.select(tag).where(tag.c.id.in_(some))):
                    shown = {"id": row.id, "slug": row.slug, "name": row.name, "kind": row.kind}
                    found.tags[row.id.encode()] = to_json(shown)
            for kind in ("author", "tag"):
                refs: Collection[str] = [ref for one, ref in unknown.refs if one == kind]
                resolved = resolve_refs(session, kind, refs)
                found.refs |= {(kind, ref): its_id for ref, its_id in resolved.items()}
        return found
