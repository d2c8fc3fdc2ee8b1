"""An article's JSON as readers see it, made when it is written; a read joins it with what it alone knows.

What authors and tags are called is not in it, only where: a rename then changes one row, however
many articles show the name. Nor is the address of this server. Pure: no database.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from app.archive.queries import Refs

FORMAT = "3"
"""Of the pieces. What has another one is read the long way; a migration that raises it clears them."""
URL_BEFORE, URL_AFTER = f"{FORMAT}<", f"{FORMAT}>"
"""Stand for what is before the slug in the address of an article, and after it."""
BYLINE, AUTHORS, TAG = "b", "a", "t"
"""Begin what stands for the names of some authors as a byline, those authors, and a tag."""
_BETWEEN_AUTHORS = "\x1e"
_PARENTHESES = "()"
_IN_THEIR_PLACE = "\x1c\x1d"
"""What stands for something may have no single parenthesis; JSON has none of these."""
_ID_LENGTH = 36
_HEAD = ("headline", "subheadline", "summary", "dateline")
_LOOKS = ("language", "image")
_RIGHTS = ("source", "canonical_url", "copyright", "usage_terms", "external_id", "urgency")
_DATES = ("published_at", "embargoed_until", "expires_at")
_TAIL = ("corrections", "word_count", "reading_minutes")


def pieces_of(article: Any, refs: Refs) -> tuple[str, str]:
    """The JSON without a body and its last brace: what only an edit changes, and what a rename of
    something that it shows changes too.

    The first is a format of Python's, `%(b…)b` and so on, for a mapping from what stands there to
    what leaves. Of authors, their ids and roles stand there; of a tag, its id.
    """

    def values(names: Sequence[str]) -> dict[str, Any]:
        return {name: getattr(article, name) for name in names}

    written = _written(refs.authors)
    tags = ",".join(_stands_for(TAG, one) for one in refs.tags)
    if article.byline:
        byline = _json(article.byline)
    else:
        byline = _stands_for(BYLINE, written) if written else "null"
    dates = values(_DATES) | {
        "first_published_at": _first_public_at(article),
        "created_at": article.created_at,
    }
    slug = article.slug
    pieces = "".join(
        (
            f'{{"id":"{article.id}","slug":"{slug}","url":"',
            _stands_for(URL_BEFORE),
            slug,
            _stands_for(URL_AFTER),
            f'",{_members(values(_HEAD))},"byline":{byline},{_members(values(_LOOKS))},"authors":[',
            _stands_for(AUTHORS, written) if written else "",
            f'],"tags":[{tags}],"section":',
            _stands_for(TAG, refs.section) if refs.section else "null",
            # Whoever may see it earlier, or later, is answered the long way.
            f",{_members(values(_RIGHTS) | {'status': 'published'} | dates)},",
            _members(values(_TAIL) | {"metadata": article.extra}),
        )
    )
    return pieces, f"{stamp_before_version(article.updated_at)}{article.version}"


def stamp_before_version(updated_at: datetime) -> str:
    """What a rename changes, all but the version, which is its end."""
    return f',{_members({"updated_at": updated_at})},"version":'


def authors_in(written: bytes) -> list[tuple[bytes, bytes]]:
    """The ids of some authors and their roles as JSON, from what stands for them."""
    back = bytes.maketrans(_IN_THEIR_PLACE.encode(), _PARENTHESES.encode())
    credited = written.translate(back).split(_BETWEEN_AUTHORS.encode())
    return [(one[:_ID_LENGTH], one[_ID_LENGTH:]) for one in credited]


def _written(authors: Sequence[tuple[str, str | None]]) -> str:
    written = _BETWEEN_AUTHORS.join(its_id + to_json(role).decode() for its_id, role in authors)
    return written.translate(str.maketrans(_PARENTHESES, _IN_THEIR_PLACE))


def _stands_for(kind: str, what: str = "") -> str:
    return f"%({kind}{what})b"


def _first_public_at(article: Any) -> Any:
    """When an article that readers see now was first seen: whoever may see it early is told apart."""
    if article.first_published_at is not None:
        return article.first_published_at
    opens_at = article.published_at, article.embargoed_until
    return max((at for at in opens_at if at is not None), default=None)


def _members(values: Mapping[str, Any]) -> str:
    return _json(values)[1:-1]


def _json(value: Any) -> str:
    return to_json(value).decode().replace("%", "%%")
