"""An article's JSON, made when it is written, in pieces; a read joins them with what it alone knows.

What an author or tag is called, the version and the clock's part (status, first publication) are
not in it: a rename then changes one row, however many articles show the name. Pure: no database.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from app.archive.queries import Refs

FORMAT = "1"
"""Of the pieces. Another one than this is read the long way until it is made anew."""
BETWEEN = "\x1f"
"""Between pieces; JSON never has it as it is."""
_HEAD = ("headline", "subheadline", "summary", "dateline")
_LOOKS = ("language", "image")
_RIGHTS = ("source", "canonical_url", "copyright", "usage_terms", "external_id", "urgency")
_DATES = ("published_at", "embargoed_until", "expires_at")
_TAIL = ("corrections", "word_count", "reading_minutes")


def pieces_of(article: Any) -> str:
    """The pieces of an article's own JSON, in the order in which it leaves."""

    def members(names: Sequence[str]) -> str:
        return _members({name: getattr(article, name) for name in names})

    tail = {name: getattr(article, name) for name in _TAIL} | {"metadata": article.extra}
    return BETWEEN.join(
        (
            FORMAT,
            members(_HEAD),
            to_json(article.byline).decode() if article.byline else "",
            members(_LOOKS),
            members(_RIGHTS),
            members(_DATES),
            to_json(_first_public_at(article)).decode(),
            members(("created_at",)),
            _members(tail),
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
    return BETWEEN.join(("\x1e".join(authors), ",".join(refs.tags), refs.section or ""))
