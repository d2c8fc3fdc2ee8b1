"""Ids and slugs: finding what a ref means, free slugs, and the history that redirects follow."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from slugify import slugify
from sqlmodel import Session

from app.archive.models import Article, Author, FormerRef, RefMeaning, Tag
from app.changes.models import Kind
from app.db.columns import table
from app.web.params import is_id
from app.web.problems import Moved, Problem, conflict, gone, not_found

former_ref = table(FormerRef)
ref_meaning = table(RefMeaning)
TABLES: dict[Kind, sa.Table] = {
    "article": table(Article),
    "author": table(Author),
    "tag": table(Tag),
}
SLUG_LENGTH = 180
PARAMETERS_MAX = 10_000


@dataclass(frozen=True)
class NameHistory:
    """What a copy of an author or tag brings along, to be what it was elsewhere."""

    id: str
    version: int
    created_at: datetime
    updated_at: datetime
    former_refs: tuple[str, ...]


def is_ref(kind: Kind, ref: str) -> sa.ColumnElement[bool]:
    """The condition that a row of this kind is what the ref names now."""
    rows = TABLES[kind]
    return rows.c.id == ref.lower() if is_id(ref) else rows.c.slug == ref


def resolve_refs(session: Session, kind: Kind, refs: Collection[str]) -> dict[str, str]:
    """The id behind each ref, former slugs and merged ones included; unknown refs are left out."""
    asked = {ref: ref.lower() if is_id(ref) else ref for ref in refs}
    found: dict[str, str] = {}
    for some in in_parts(set(asked.values())):
        found |= _current_targets(session, kind, some)
    for some in in_parts(set(asked.values()) - found.keys()):
        found |= _former_targets(session, kind, some)
    return {ref: found[plain] for ref, plain in asked.items() if plain in found}


def in_parts(values: Collection[str]) -> Iterator[Sequence[str]]:
    """The values in parts that each fit into one statement; SQLite takes 32,766 parameters."""
    ordered = list(values)
    return (ordered[at : at + PARAMETERS_MAX] for at in range(0, len(ordered), PARAMETERS_MAX))


def _current_targets(session: Session, kind: Kind, refs: Sequence[str]) -> dict[str, str]:
    rows = TABLES[kind]
    ids = [ref for ref in refs if is_id(ref)]
    slugs = [ref for ref in refs if not is_id(ref)]
    current = sa.select(rows.c.id, rows.c.slug).where(
        sa.or_(rows.c.id.in_(ids), rows.c.slug.in_(slugs))
    )
    asked = set(refs)
    return {
        ref: row_id
        for row_id, slug in session.connection().execute(current)
        for ref in (row_id, slug)
        if ref in asked
    }


def _former_targets(session: Session, kind: Kind, refs: Sequence[str]) -> dict[str, str]:
    rows = TABLES[kind]
    former = (
        sa.select(former_ref.c.ref, former_ref.c.target_id)
        .join(rows, rows.c.id == former_ref.c.target_id)
        .where(former_ref.c.kind == kind, former_ref.c.ref.in_(refs))
    )
    return {row.ref: row.target_id for row in session.connection().execute(former)}


def former_target(session: Session, kind: Kind, ref: str) -> str | None:
    """What a former ref leads to: an id, which may be gone as well."""
    target = sa.select(former_ref.c.target_id).where(
        former_ref.c.kind == kind, former_ref.c.ref == (ref.lower() if is_id(ref) else ref)
    )
    return session.connection().execute(target).scalar_one_or_none()


class Meanings:
    """What refs meant at any number of the sequence: the id of a thing, whether it still exists."""

    def __init__(self, present: dict[str, str], changes: dict[str, list[tuple[int, str]]]) -> None:
        self._present = present
        self._changes = changes

    def at(self, ref: str, number: int) -> str | None:
        changes = self._changes.get(ref)
        if changes is None:
            return self._present.get(ref)
        return next((one for since, one in reversed(changes) if since <= number), None)

    def first_meant(self, after: int, before: float) -> set[int]:
        """The numbers between these two at which one of the refs meant something for the first time."""
        first = (changes[0][0] for changes in self._changes.values())
        return {number for number in first if after < number < before}

    def ever(self, ref: str) -> set[str]:
        meant = {one for _, one in self._changes.get(ref, [])}
        return meant | ({self._present[ref]} if ref in self._present else set())


def meanings(session: Session, kind: Kind, refs: Collection[str]) -> Meanings:
    """What the refs mean and have meant before."""
    if not refs:
        return Meanings({}, {})
    connection, rows = session.connection(), TABLES[kind]
    plain = {ref: ref.lower() if is_id(ref) else ref for ref in refs}
    leads = {ref: ref for ref in plain.values() if is_id(ref)}
    for query in (
        sa.select(former_ref.c.ref, former_ref.c.target_id).where(
            former_ref.c.kind == kind, former_ref.c.ref.in_(plain.values())
        ),
        sa.select(rows.c.slug, rows.c.id).where(rows.c.slug.in_(plain.values())),
    ):
        leads |= {row[0]: row[1] for row in connection.execute(query)}
    changes: dict[str, list[tuple[int, str]]] = {}
    changed = sa.select(ref_meaning).where(
        ref_meaning.c.kind == kind, ref_meaning.c.ref.in_(plain.values())
    )
    for row in connection.execute(changed.order_by(ref_meaning.c.from_sequence)):
        changes.setdefault(row.ref, []).append((row.from_sequence, row.target_id))
    return Meanings(
        {ref: leads[one] for ref, one in plain.items() if one in leads},
        {ref: changes[one] for ref, one in plain.items() if one in changes},
    )


def remember_new_slug(session: Session, kind: Kind, slug: str, own_id: str, number: int) -> None:
    """Writes down that a slug means this thing from a number on, unless it always has."""
    if former_target(session, kind, slug) != own_id:
        _remember(session, kind, [slug], own_id, number)


def remember_merge(
    session: Session, kind: Kind, from_id: str, from_slug: str, to_id: str, number: int
) -> None:
    """Writes down that every ref of one thing means another from a number on."""
    connection = session.connection()
    of_it = (former_ref.c.kind == kind) & (former_ref.c.target_id == from_id)
    refs = [from_id, from_slug, *connection.scalars(sa.select(former_ref.c.ref).where(of_it))]
    known = sa.select(ref_meaning.c.ref).where(
        ref_meaning.c.kind == kind, ref_meaning.c.ref.in_(refs)
    )
    remembered = set(connection.scalars(known))
    _remember(session, kind, [ref for ref in refs if ref not in remembered], from_id, 0)
    _remember(session, kind, refs, to_id, number)


def _remember(
    session: Session, kind: Kind, refs: Collection[str], target_id: str, number: int
) -> None:
    rows = [
        {"kind": kind, "ref": ref, "from_sequence": number, "target_id": target_id} for ref in refs
    ]
    if rows:
        session.connection().execute(sa.insert(ref_meaning), rows)


def absence(session: Session, kind: Kind, ref: str) -> Exception:
    """Why no author or tag answers to this ref: moved, gone, or never there."""
    target = former_target(session, kind, ref)
    if target is None:
        return not_found(kind)
    rows = TABLES[kind]
    slug = (
        session.connection()
        .execute(sa.select(rows.c.slug).where(rows.c.id == target))
        .scalar_one_or_none()
    )
    return gone(kind) if slug is None else Moved(slug)


def choose_slug(session: Session, kind: Kind, wanted: str | None, name: str, own_id: str) -> str:
    """The slug asked for, or a free one made from the name (`-2`, `-3` … until one is free).

    Raises 409 when the slug asked for leads to something else, now or by its history.
    """

    def is_taken(slug: str) -> bool:
        return _is_taken(session, kind, slug, own_id)

    if wanted is None:
        return _first_free(is_taken, _slug_of(kind, name))[0]
    if is_taken(wanted):
        raise _slug_taken(kind, wanted)
    return wanted


class FreeSlugs:
    """Chooses slugs for many new things: what one of them takes is taken for those after it.

    `wanted` are the slugs asked for, or None, with the names; one look-up answers for all, and
    names that are taken or the same cost a few more.
    """

    def __init__(
        self, session: Session, kind: Kind, wanted: Iterable[tuple[str | None, str]]
    ) -> None:
        self._session = session
        self._kind = kind
        self._slugs = {one: one[0] or _slug_of(kind, one[1]) for one in wanted}
        self._taken = _taken_of(session, kind, set(self._slugs.values()))
        self._numbers: dict[str, int] = {}

    def choose(self, wanted: str | None, name: str, own_id: str) -> str:
        """As `choose_slug`; the slug stays free for others until it is taken."""
        slug = self._slugs[wanted, name]
        if slug not in self._taken:
            return slug
        if wanted is not None:
            raise _slug_taken(self._kind, wanted)

        def is_taken(numbered: str) -> bool:
            return numbered in self._taken or _is_taken(self._session, self._kind, numbered, own_id)

        found, self._numbers[slug] = _first_free(is_taken, slug, self._numbers.get(slug, 1))
        return found

    def take(self, slug: str) -> None:
        self._taken.add(slug)


def _taken_of(session: Session, kind: Kind, slugs: Collection[str]) -> set[str]:
    rows, taken = TABLES[kind], set[str]()
    for some in in_parts(slugs):
        found = sa.union_all(
            sa.select(rows.c.slug).where(rows.c.slug.in_(some)),
            sa.select(former_ref.c.ref).where(
                former_ref.c.kind == kind, former_ref.c.ref.in_(some)
            ),
        )
        taken.update(session.connection().scalars(found))
    return taken


def _slug_of(kind: Kind, name: str) -> str:
    slug = slugify(name, max_length=SLUG_LENGTH, word_boundary=True, save_order=True) or kind
    return f"{kind}-{slug}" if is_id(slug) else slug


def _slug_taken(kind: Kind, slug: str) -> Problem:
    return conflict("slug-taken", f"The slug `{slug}` leads to another {kind}; choose another.")


def _first_free(is_taken: Callable[[str], bool], base: str, taken: int = 1) -> tuple[str, int]:
    """Gallops, then halves: a headline that 10,000 articles share costs 28 look-ups, not 10,000.

    Gives the slug and its number, 1 for the bare one. It is looked for after `taken`.
    """
    if taken == 1 and not is_taken(base):
        return base, 1
    free = taken + 1
    while is_taken(f"{base}-{free}"):
        taken, free = free, free * 2
    while free - taken > 1:
        middle = (taken + free) // 2
        if is_taken(f"{base}-{middle}"):
            taken = middle
        else:
            free = middle
    return f"{base}-{free}", free


def _is_taken(session: Session, kind: Kind, slug: str, own_id: str) -> bool:
    rows = TABLES[kind]
    taken = sa.union_all(
        sa.select(rows.c.id).where(rows.c.slug == slug, rows.c.id != own_id),
        sa.select(former_ref.c.target_id).where(
            former_ref.c.kind == kind, former_ref.c.ref == slug, former_ref.c.target_id != own_id
        ),
    )
    return session.connection().execute(taken.limit(1)).first() is not None


def keep_former(
    session: Session, kind: Kind, former: str, current: str | None, target_id: str
) -> None:
    """Lets a former slug lead to its owner, and frees the current one from its own history."""
    connection = session.connection()
    own = (former_ref.c.kind == kind) & (former_ref.c.target_id == target_id)
    connection.execute(sa.delete(former_ref).where(own, former_ref.c.ref.in_([former, current])))
    connection.execute(sa.insert(former_ref).values(kind=kind, ref=former, target_id=target_id))


def keep_former_refs(session: Session, kind: Kind, refs: Sequence[str], target_id: str) -> None:
    """Lets these refs lead to a copy as they did elsewhere; raises 409 where one is taken here."""
    for ref in refs:
        choose_slug(session, kind, ref, ref, target_id)
    rows = [{"kind": kind, "ref": ref, "target_id": target_id} for ref in refs]
    if rows:
        session.connection().execute(sa.insert(former_ref), rows)


def former_refs_of(session: Session, kind: Kind, ids: Sequence[str]) -> dict[str, list[str]]:
    """The former slugs and ids that lead to each of these, in order; few enough for one statement."""
    found = sa.select(former_ref.c.target_id, former_ref.c.ref).where(
        former_ref.c.kind == kind, former_ref.c.target_id.in_(ids)
    )
    refs: dict[str, list[str]] = {}
    for target_id, ref in session.connection().execute(found.order_by(former_ref.c.ref)):
        refs.setdefault(target_id, []).append(ref)
    return refs


def lead_to(session: Session, kind: Kind, from_id: str, from_slug: str, to_id: str) -> None:
    """Lets every address of a merged thing lead to the one that it became part of."""
    connection = session.connection()
    history = (former_ref.c.kind == kind) & (former_ref.c.target_id == from_id)
    connection.execute(sa.update(former_ref).where(history).values(target_id=to_id))
    rows: list[dict[str, Any]] = [
        {"kind": kind, "ref": ref, "target_id": to_id} for ref in (from_id, from_slug)
    ]
    connection.execute(sa.insert(former_ref), rows)


def forget(session: Session, kind: Kind, target_id: str) -> None:
    """Frees every former slug of a thing that nobody outside ever saw."""
    own = (former_ref.c.kind == kind) & (former_ref.c.target_id == target_id)
    session.connection().execute(sa.delete(former_ref).where(own))


def known_refs(found: dict[str, str], kind: Kind, refs: Sequence[str], pointer: str) -> list[str]:
    """The ids behind the refs of a body, in order; 422 names each that is unknown or repeated.

    `found` is what `resolve_refs` has found for them.
    """
    errors: list[Any] = []
    seen: set[str] = set()
    for index, ref in enumerate(refs):
        if ref not in found:
            errors.append(
                {"pointer": f"{pointer}/{index}", "detail": f"There is no {kind} `{ref}`."}
            )
        elif found[ref] in seen:
            errors.append(
                {"pointer": f"{pointer}/{index}", "detail": f"The {kind} `{ref}` is named twice."}
            )
        seen.add(found.get(ref, ""))
    if errors:
        raise Problem(422, "invalid", f"The body names {kind}s that cannot be used.", errors=errors)
    return [found[ref] for ref in refs]


def sections(session: Session, tag_ids: Collection[str]) -> set[str]:
    """Those of the tags that are sections."""
    tag, found = TABLES["tag"], set[str]()
    for some in in_parts(tag_ids):
        is_section = sa.select(tag.c.id).where(tag.c.id.in_(some), tag.c.kind == "section")
        found.update(session.connection().scalars(is_section))
    return found
