"""Creating, changing, merging and deleting tags."""

from typing import Any

from sqlmodel import Session, col, select

from app.access.caller import Caller
from app.archive.actions import mark_sections, relink, write_links_down
from app.archive.models import Tag, sort_key
from app.archive.moves import move_shown
from app.archive.queries import any_article_linked, articles_linked
from app.archive.refs import (
    NameHistory,
    absence,
    choose_slug,
    is_ref,
    keep_former,
    keep_former_refs,
    lead_to,
    remember_merge,
    remember_new_slug,
    resolve_refs,
)
from app.archive.tables import article_tag
from app.changes.actions import last_number, record_change, record_removal
from app.db.columns import new_id
from app.tags.models import TagCreate
from app.web.conditional import Precondition
from app.web.problems import conflict, invalid_field

LINKS = (article_tag, "tag_id")
SHOWN_IN_ARTICLES = ("slug", "name", "kind")
SHOWN_IN_CHILDREN = ("slug", "name")
DEPTH_MAX = 10
TOO_DEEP = f"Tags can be {DEPTH_MAX} levels deep at most."


def existing_tag(session: Session, ref: str, match: Precondition) -> Tag:
    """The tag to change; raises what an absent or newer one is answered with."""
    tag = session.exec(select(Tag).where(is_ref("tag", ref))).first()
    if tag is None:
        raise absence(session, "tag", ref)
    match.check(tag.version)
    return tag


def create_tag(
    session: Session, caller: Caller, wanted: TagCreate, *, history: NameHistory | None = None
) -> Tag:
    """A new tag, or a copy that goes on from its history elsewhere."""
    now, tag_id = caller.visibility.now, history.id if history else new_id()
    tag = Tag(
        id=tag_id,
        slug=choose_slug(session, "tag", wanted.slug, wanted.name, tag_id),
        **_content(session, wanted, tag_id),
        version=history.version if history else 1,
        sequence=0,
        created_at=history.created_at if history else now,
        updated_at=history.updated_at if history else now,
    )
    _record(session, tag, caller)
    session.add(tag)
    session.flush()
    keep_former_refs(session, "tag", history.former_refs if history else (), tag_id)
    return tag


def replace_tag(session: Session, caller: Caller, tag: Tag, wanted: TagCreate) -> Tag:
    """Gives the tag this content. Articles that show a changed name, slug or kind move along.

    Many of them move later, but with a new kind all at once: it may give each another section.
    """
    slug = tag.slug
    if wanted.slug != slug and "slug" in wanted.model_fields_set:
        slug = choose_slug(session, "tag", wanted.slug, wanted.name, tag.id)
    content = {"slug": slug, **_content(session, wanted, tag.id)}
    changed = {name for name, value in content.items() if getattr(tag, name) != value}
    if not changed:
        return tag
    former_slug = tag.slug
    for name in changed:
        setattr(tag, name, content[name])
    _next_version(session, tag, caller)
    if "slug" in changed:
        remember_new_slug(session, "tag", slug, tag.id, tag.sequence)
        keep_former(session, "tag", former_slug, slug, tag.id)
    if changed.intersection(SHOWN_IN_CHILDREN):
        for child in _children(session, tag.id):
            _next_version(session, child, caller)
    shown = articles_linked(*LINKS, tag.id)
    if changed.intersection(SHOWN_IN_ARTICLES):
        move_shown(
            session, caller, "tag", tag.id, tag.sequence,
            ends_state=bool(changed & {"slug", "kind"}), at_once="kind" in changed,
        )  # fmt: skip
    if "kind" in changed:
        mark_sections(session, shown)
        write_links_down(session, list(session.connection().scalars(shown)))
    return tag


def delete_tag(session: Session, caller: Caller, tag: Tag) -> None:
    """Deletes a tag that nothing uses; its addresses answer 410 from now on."""
    if any_article_linked(session, *LINKS, tag.id):
        raise conflict(
            "in-use", "Articles have this tag; take it off them or merge it into another."
        )
    if _children(session, tag.id):
        raise conflict("in-use", "Other tags are under this one; give them another parent first.")
    lead_to(session, "tag", tag.id, tag.slug, tag.id)
    _remove(session, caller, tag, "deleted")


def merge_tags(session: Session, caller: Caller, tag: Tag, into_ref: str) -> Tag:
    """Makes one tag part of another: its articles and children move, its addresses lead there.

    All in one transaction, however many there are: what filters find is to change at one number.
    What was still to be moved of either is moved later all the same.
    """
    into_id = resolve_refs(session, "tag", [into_ref]).get(into_ref)
    if into_id is None:
        raise invalid_field("/into", f"There is no tag `{into_ref}`.")
    if into_id == tag.id:
        raise invalid_field("/into", "A tag cannot be merged into itself.")
    into = session.get_one(Tag, into_id)
    if tag.id in _ancestors(session, into.parent_id):
        into.parent_id = tag.parent_id
        _next_version(session, into, caller)
    if len(_ancestors(session, into.id)) + _height(session, tag.id) - 1 > DEPTH_MAX:
        raise invalid_field("/into", TOO_DEEP)
    for child in _children(session, tag.id):
        child.parent_id = into.id
        _next_version(session, child, caller)
    since = last_number(session) + 1
    moved = relink(session, caller, *LINKS, tag.id, into.id)
    mark_sections(session, articles_linked(*LINKS, into.id))
    write_links_down(session, moved)
    remember_merge(session, "tag", tag.id, tag.slug, into.id, since)
    lead_to(session, "tag", tag.id, tag.slug, into.id)
    _remove(session, caller, tag, "merged")
    return into


def tag_content(tag: Tag) -> dict[str, Any]:
    """What a client may write of a tag, as it stands."""
    return {
        "slug": tag.slug,
        "name": tag.name,
        "kind": tag.kind,
        "description": tag.description,
        "parent": tag.parent_id,
    }


def _content(session: Session, wanted: TagCreate, own_id: str) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "name_key": sort_key(wanted.name),
        "kind": wanted.kind,
        "description": wanted.description,
        "parent_id": _parent_id(session, wanted.parent, own_id),
    }


def _parent_id(session: Session, ref: str | None, own_id: str) -> str | None:
    if ref is None:
        return None
    parent_id = resolve_refs(session, "tag", [ref]).get(ref)
    if parent_id is None:
        raise invalid_field("/parent", f"There is no tag `{ref}`.")
    line = _ancestors(session, parent_id)
    if own_id in line:
        raise invalid_field("/parent", "A tag cannot be under itself.")
    if len(line) + _height(session, own_id) > DEPTH_MAX:
        raise invalid_field("/parent", TOO_DEEP)
    return parent_id


def _ancestors(session: Session, tag_id: str | None) -> list[str]:
    """The tag and all that it is under, nearest first."""
    line: list[str] = []
    while tag_id is not None and tag_id not in line:
        line.append(tag_id)
        tag_id = session.exec(select(Tag.parent_id).where(Tag.id == tag_id)).first()
    return line


def _height(session: Session, tag_id: str) -> int:
    """How many levels a tag and all that is under it take; a new one takes one."""
    height, level = 1, select(Tag.id).where(col(Tag.parent_id) == tag_id)
    while session.exec(level.limit(1)).first() is not None:
        height += 1
        level = select(Tag.id).where(col(Tag.parent_id).in_(level))
    return height


def _children(session: Session, tag_id: str) -> list[Tag]:
    return list(session.exec(select(Tag).where(col(Tag.parent_id) == tag_id)))


def _next_version(session: Session, tag: Tag, caller: Caller) -> None:
    tag.version += 1
    tag.updated_at = caller.visibility.now
    _record(session, tag, caller)
    session.flush()


def _record(session: Session, tag: Tag, caller: Caller) -> None:
    tag.sequence = record_change(
        session,
        "tag",
        tag.id,
        tag.version,
        tag_content(tag),
        at=caller.visibility.now,
        key_id=caller.key_id,
    )


def _remove(session: Session, caller: Caller, tag: Tag, reason: str) -> None:
    record_removal(
        session, "tag", tag.id, tag.version + 1, reason,
        at=caller.visibility.now, key_id=caller.key_id, snapshot=tag_content(tag),
    )  # fmt: skip
    session.delete(tag)
    session.flush()
