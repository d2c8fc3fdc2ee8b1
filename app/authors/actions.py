"""Creating, changing, merging and deleting authors."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from app.access.caller import Caller
from app.archive.actions import relink, write_links_down
from app.archive.models import Author, sort_key
from app.archive.moves import move_shown
from app.archive.queries import any_article_linked
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
from app.archive.shapes import kept
from app.archive.tables import article_author
from app.authors.models import AuthorCreate
from app.changes.actions import last_number, record_change, record_removal
from app.db.columns import new_id
from app.web.conditional import Precondition
from app.web.problems import conflict, invalid_field

LINKS = (article_author, "author_id")
SHOWN_IN_ARTICLES = ("slug", "name")


def existing_author(session: Session, ref: str, match: Precondition) -> Author:
    """The author to change; raises what an absent or newer one is answered with."""
    author = session.exec(select(Author).where(is_ref("author", ref))).first()
    if author is None:
        raise absence(session, "author", ref)
    match.check(author.version)
    return author


def create_author(
    session: Session, caller: Caller, wanted: AuthorCreate, *, history: NameHistory | None = None
) -> Author:
    """A new author, or a copy that goes on from its history elsewhere."""
    now, author_id = caller.visibility.now, history.id if history else new_id()
    author = Author(
        id=author_id,
        slug=choose_slug(session, "author", wanted.slug, wanted.name, author_id),
        **_content(wanted),
        version=history.version if history else 1,
        sequence=0,
        created_at=history.created_at if history else now,
        updated_at=history.updated_at if history else now,
    )
    _record(session, author, caller)
    session.add(author)
    session.flush()
    keep_former_refs(session, "author", history.former_refs if history else (), author_id)
    return author


def replace_author(
    session: Session, caller: Caller, author: Author, wanted: AuthorCreate
) -> Author:
    """Gives the author this content. Articles that show a changed name or slug move along,
    many of them later."""
    slug = author.slug
    if wanted.slug != slug and "slug" in wanted.model_fields_set:
        slug = choose_slug(session, "author", wanted.slug, wanted.name, author.id)
    content = {"slug": slug, **_content(wanted)}
    changed = {name for name, value in content.items() if getattr(author, name) != value}
    if not changed:
        return author
    former_slug = author.slug
    for name in changed:
        setattr(author, name, content[name])
    author.version += 1
    author.updated_at = caller.visibility.now
    _record(session, author, caller)
    session.flush()
    if "slug" in changed:
        remember_new_slug(session, "author", slug, author.id, author.sequence)
        keep_former(session, "author", former_slug, slug, author.id)
    if changed.intersection(SHOWN_IN_ARTICLES):
        move_shown(
            session, caller, "author", author.id, author.sequence, ends_state="slug" in changed
        )
    return author


def delete_author(session: Session, caller: Caller, author: Author) -> None:
    """Deletes an author whom no article names; its addresses answer 410 from now on."""
    if any_article_linked(session, *LINKS, author.id):
        raise conflict(
            "in-use", "Articles name this author; take it off them or merge it into another."
        )
    lead_to(session, "author", author.id, author.slug, author.id)
    _remove(session, caller, author, "deleted")


def merge_authors(session: Session, caller: Caller, author: Author, into_ref: str) -> Author:
    """Makes one author part of another: its articles move, its addresses lead there.

    All in one transaction, however many there are: what filters find is to change at one number.
    What was still to be moved of either is moved later all the same.
    """
    into_id = resolve_refs(session, "author", [into_ref]).get(into_ref)
    if into_id is None:
        raise invalid_field("/into", f"There is no author `{into_ref}`.")
    if into_id == author.id:
        raise invalid_field("/into", "An author cannot be merged into itself.")
    into = session.get_one(Author, into_id)
    since = last_number(session) + 1
    moved = relink(session, caller, *LINKS, author.id, into.id)
    write_links_down(session, moved)
    remember_merge(session, "author", author.id, author.slug, into.id, since)
    lead_to(session, "author", author.id, author.slug, into.id)
    _remove(session, caller, author, "merged")
    return into


def author_content(author: Author) -> dict[str, Any]:
    """What a client may write of an author, as it stands."""
    names = ("slug", "name", "role", "bio", "image", "links", "email")
    return {name: getattr(author, name) for name in names}


def _content(wanted: AuthorCreate) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "name_key": sort_key(wanted.name),
        "role": wanted.role,
        "bio": wanted.bio,
        "image": kept(wanted.image),
        "links": [link.model_dump() for link in wanted.links],
        "email": wanted.email,
    }


def _record(session: Session, author: Author, caller: Caller) -> None:
    at: datetime = caller.visibility.now
    author.sequence = record_change(
        session,
        "author",
        author.id,
        author.version,
        author_content(author),
        at=at,
        key_id=caller.key_id,
    )


def _remove(session: Session, caller: Caller, author: Author, reason: str) -> None:
    record_removal(
        session, "author", author.id, author.version + 1, reason,
        at=caller.visibility.now, key_id=caller.key_id, snapshot=author_content(author),
    )  # fmt: skip
    session.delete(author)
    session.flush()
