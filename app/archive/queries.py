"""Reading how articles, authors and tags are linked."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.archive.filter import article_author, article_tag


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
    connection = session.connection()
    authors = connection.execute(
        sa.select(article_author.c.author_id, article_author.c.role)
        .where(article_author.c.article_id == article_id)
        .order_by(article_author.c.position)
    )
    tags = connection.execute(
        sa.select(article_tag.c.tag_id, article_tag.c.is_section)
        .where(article_tag.c.article_id == article_id)
        .order_by(article_tag.c.position)
    ).all()
    section = next((tag_id for tag_id, is_section in tags if is_section), None)
    return Refs(tuple((one, role) for one, role in authors), tuple(one for one, _ in tags), section)


def articles_linked(links: sa.Table, target: str, target_id: str) -> sa.Select[str]:
    """The ids of all articles, seen or not, that are linked to an author or tag.

    `links` is the link table and `target` its column that names the author or tag.
    """
    return sa.select(links.c.article_id).where(links.c[target] == target_id)


def any_article_linked(session: Session, links: sa.Table, target: str, target_id: str) -> bool:
    found = session.connection().execute(articles_linked(links, target, target_id).limit(1))
    return found.first() is not None
