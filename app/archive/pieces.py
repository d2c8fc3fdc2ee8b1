"""An article's JSON as readers see it, made when it is written; a read joins it with what it alone knows.

What authors and tags are called, the version and the date of the last change are not in it: a
rename then changes one row, however many articles show the name. Pure: no database.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from app.archive.queries import Refs

FORMAT = "2"
"""Of the pieces. What has another one is read the long way; a migration that raises it clears them."""
BETWEEN = "\x1f"
"""Between pieces; JSON never has it as it is."""
BETWEEN_AUTHORS = "\x1e"
_HEAD = ("headline", "subheadline", "summary", "dateline")
_LOOKS = ("language", "image")
_RIGHTS = ("source", "canonical_url", "copyright", "usage_terms", "external_id", "urgency")
_DATES = ("published_at", "embargoed_until", "expires_at")
_TAIL = ("corrections", "word_count", "reading_minutes")


def pieces_of(article: Any) -> str:
    """The pieces in the order in which they leave: format, what is before the byline, the byline
    where it has its own, before the authors, after the section, and after the version."""

    def values(names: Sequence[str]) -> dict[str, Any]:
        return {name: getattr(article, name) for name in names}

    dates = values(_DATES) | {
        "first_published_at": _first_public_at(article),
        "created_at": article.created_at,
    }
    return BETWEEN.join(
        (
            FORMAT,
            _members(values(_HEAD)),
            to_json(article.byline).decode() if article.byline else "",
            _members(values(_LOOKS)),
            # Whoever may see it earlier, or later, is answered the long way.
            _members(values(_RIGHTS) | {"status": "published"} | dates),
            _members(values(_TAIL) | {"metadata": article.extra}),
        )
    )


def _first_public_at(article: Any) -> Any:
    """When an article that readers see now was first seen: whoever may see it early is told apart."""
    if article.first_published_at is not None:
        return article.first_published_at
    opens_at = article.published_at, article.embargoed_until
    return max((at for at in opens_at if at is not None), default=None)


def _members(values: Mapping[str, Any]) -> str:
    return to_json(values)[1:-1].decode()


def links_of(refs: Refs) -> str:
    """Who an article is by and what it is about, by id: three pieces, in order."""
    authors = ("".join((one, to_json(role).decode())) for one, role in refs.authors)
    return BETWEEN.join((BETWEEN_AUTHORS.join(authors), ",".join(refs.tags), refs.section or ""))
