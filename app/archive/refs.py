"""Ids and slugs: finding what a ref means, free slugs, and the history that redirects follow."""

from collections.abc import Collection, Iterable
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


def is_ref(kind: Kind, ref: str) -> sa.ColumnElement[bool]:
    """The condition that a row of this kind is what the ref names now."""
    rows = TABLES[kind]
    return rows.c.id == ref.lower() if is_id(ref) else rows.c.slug == ref


def resolve_refs(session: Session, kind: Kind, refs: Collection[str]) -> dict[str, str]:
    """The id behind each ref, former slugs and merged ones included; unknown refs are left out."""
    if not refs:
        return {}
    rows = TABLES[kind]
    ids = {ref: ref.lower() for ref in refs if is_id(ref)}
    slugs = [ref for ref in refs if not is_id(ref)]
    found: dict[str, str] = {}
    current = sa.select(rows.c.id, rows.c.slug).where(
        sa.or_(rows.c.id.in_(ids.values()), rows.c.slug.in_(slugs))
    )
    for row_id, slug in session.connection().execute(current):
        found |= {ref: row_id for ref in refs if ids.get(ref) == row_id or ref == slug}
    missing = [ids.get(ref, ref) for ref in refs if ref not in found]
    if missing:
        targets = _former_targets(session, kind, missing)
        found |= {ref: targets[ids.get(ref, ref)] for ref in refs if ids.get(ref, ref) in targets}
    return found


def current_ids(session: Session, kind: Kind, ids: Collection[str]) -> dict[str, str]:
    """What each id leads to now: itself, or what it was merged into; what is gone is left out."""
    if not ids:
        return {}
    rows = TABLES[kind]
    here = set(session.connection().scalars(sa.select(rows.c.id).where(rows.c.id.in_(ids))))
    missing = set(ids) - here
    return {one: one for one in here} | (_former_targets(session, kind, missing) if missing else {})


def _former_targets(session: Session, kind: Kind, refs: Iterable[str]) -> dict[str, str]:
    rows = TABLES[kind]
    former = (
        sa.select(former_ref.c.ref, former_ref.c.target_id)
        .join(rows, rows.c.id == former_ref.c.target_id)
        .where(former_ref.c.kind == kind, former_ref.c.ref.in_(list(refs)))
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
    if wanted is None:
        base = slugify(name, max_length=SLUG_LENGTH, word_boundary=True, save_order=True) or kind
        if is_id(base):
            base = f"{kind}-{base}"
        return _first_free(session, kind, base, own_id)
    if _is_taken(session, kind, wanted, own_id):
        raise conflict(
            "slug-taken", f"The slug `{wanted}` leads to another {kind}; choose another."
        )
    return wanted


def _first_free(session: Session, kind: Kind, base: str, own_id: str) -> str:
    """Gallops, then halves: a headline that 10,000 articles share costs 28 look-ups, not 10,000."""
    if not _is_taken(session, kind, base, own_id):
        return base
    taken, free = 1, 2
    while _is_taken(session, kind, f"{base}-{free}", own_id):
        taken, free = free, free * 2
    while free - taken > 1:
        middle = (taken + free) // 2
        if _is_taken(session, kind, f"{base}-{middle}", own_id):
            taken = middle
        else:
            free = middle
    return f"{base}-{free}"


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


def known_refs(session: Session, kind: Kind, refs: list[str], pointer: str) -> list[str]:
    """The ids behind the refs of a body, in order; 422 names each that is unknown or repeated."""
    found = resolve_refs(session, kind, refs)
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
