"""Reading how articles, authors and tags are linked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.archive.tables import article_author, article_tag


@dataclass(frozen=True)
class Refs:
    """The authors (with roles) and tags of an article, in order, and which tag is its section."""

    authors: tuple[tuple[str, str | None], ...]
    tags: tuple[str, ...]
    section: str | None

    @property
    def in_snapshot(self) -> dict[str, Any]:
        """As a revision's snapshot has them."""
        return {
            "authors": [{"id": author_id, "role": role} for author_id, role in self.authors],
            "tags": list(self.tags),
            "section": self.section,
        }


def current_refs(session: Session, article_id: str) -> Refs:
    """The authors and tags of an article, as they are linked now."""
    return current_refs_of(session, [article_id])[article_id]


def current_refs_of(session: Session, article_ids: Sequence[str]) -> dict[str, Refs]:
    """The same for many articles, in two statements; at most as many as one statement takes."""
    connection = session.connection()
    links, links_tag = article_author.c, article_tag.c
    authors: dict[str, list[tuple[str, str | None]]] = {}
    credited = sa.select(links.article_id, links.author_id, links.role)
    credited = credited.where(links.article_id.in_(article_ids)).order_by(links.position)
    for article_id, author_id, role in connection.execute(credited):
        authors.setdefault(article_id, []).append((author_id, role))
    tags: dict[str, list[str]] = {}
    section: dict[str, str] = {}
    about = sa.select(links_tag.article_id, links_tag.tag_id, links_tag.is_section)
    about = about.where(links_tag.article_id.in_(article_ids)).order_by(links_tag.position)
    for article_id, tag_id, is_section in connection.execute(about):
        tags.setdefault(article_id, []).append(tag_id)
        if is_section:
            section[article_id] = tag_id
    return {
        one: Refs(tuple(authors.get(one, ())), tuple(tags.get(one, ())), section.get(one))
        for one in article_ids
    }


def articles_linked(links: sa.Table, target: str, target_id: str) -> sa.Select[str]:
    """The ids of all articles, seen or not, that are linked to an author or tag.

    `links` is the link table and `target` its column that names the author or tag.
    """
    return sa.select(links.c.article_id).where(links.c[target] == target_id)


def any_article_linked(session: Session, links: sa.Table, target: str, target_id: str) -> bool:
    found = session.connection().execute(articles_linked(links, target, target_id).limit(1))
    return found.first() is not None
