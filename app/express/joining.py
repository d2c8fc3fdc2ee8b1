"""From the pieces that an article was written with to the bytes that leave. Pure: no database."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json, to_json

from app.archive.pieces import BETWEEN, BETWEEN_AUTHORS, FORMAT
from app.express.names import NAMES_MAX, Names, Unknown

_BETWEEN, _BETWEEN_AUTHORS = BETWEEN.encode(), BETWEEN_AUTHORS.encode()
_FORMAT = f"{FORMAT}{BETWEEN}".encode()
_ID_LENGTH = 36
FIRST_OF_BODY = 7
"""Where in a row of a `Plan` the forms of the body begin."""


class NotWritten(Exception):
    """An article has no pieces, or other ones than this version joins."""


class Joiner:
    """Joins articles' pieces with their names, for addresses of one form."""

    def __init__(self, names: Names, url_template: str) -> None:
        self._names = names
        self._url_parts = [to_json(part)[1:-1] for part in url_template.split("{slug}")]

    def article(self, row: Sequence[Any], updated_at: bytes) -> bytes:
        """The JSON of an article without a body, its last brace left out.

        `row` is one of a `Plan`. Raises `KeyError` for a name that has to be looked up first,
        `NotWritten` where the pieces are none.
        """
        _, version, _, row_id, slug, pieces, links, *_ = row
        if pieces is None or links is None:
            raise NotWritten
        if not pieces.startswith(_FORMAT):
            raise NotWritten
        _, head, own_byline, looks, rights, tail = pieces.split(_BETWEEN)
        its_authors, its_tags, section = links.split(_BETWEEN)
        names = self._names
        tags = names.tags
        byline, authors = names.credits.get(its_authors) or self._credited(its_authors)
        return b"".join(
            (
                b'{"id":"', row_id, b'","slug":"', slug,
                b'","url":"', slug.join(self._url_parts), b'",', head,
                b',"byline":', own_byline or byline, b",", looks,
                b',"authors":[', authors,
                b'],"tags":[',
                b",".join([tags[one] for one in its_tags.split(b",")]) if its_tags else b"",
                b'],"section":', tags[section] if section else b"null", b",", rights,
                b',"updated_at":"', updated_at, b'","version":', b"%d" % version, b",", tail,
            )
        )  # fmt: skip

    def unknown(self, rows: Sequence[Any]) -> Unknown:
        """All names of some rows that have to be looked up; raises `NotWritten`."""
        ids = set()
        for row in rows:
            if row[6] is None:
                raise NotWritten
            its_authors, its_tags, section = row[6].split(_BETWEEN)
            ids |= {one[:_ID_LENGTH] for one in its_authors.split(_BETWEEN_AUTHORS)}
            ids |= {*its_tags.split(b","), section}
        known = self._names.authors.keys() | self._names.tags.keys() | {b""}
        return Unknown(ids - known)

    def _credited(self, its_authors: bytes) -> tuple[bytes, bytes]:
        """The authors' names as a byline, and the authors; kept, for an author has many articles."""
        credited = its_authors.split(_BETWEEN_AUTHORS) if its_authors else []
        found = [(self._names.authors[one[:_ID_LENGTH]], one[_ID_LENGTH:]) for one in credited]
        byline = b'"%b"' % b", ".join([author.within_byline for author, _ in found])
        authors = b",".join([b"%b%b}" % (author.before_role, role) for author, role in found])
        if len(self._names.credits) >= NAMES_MAX:
            self._names.credits.clear()
        credit = self._names.credits[its_authors] = (byline if found else b"null", authors)
        return credit


def with_body(article: bytes, forms: frozenset[str], row: Sequence[Any]) -> bytes:
    """The same with those forms of its body."""
    html = row[FIRST_OF_BODY]
    if html is None:
        return article + b',"body":null'
    if "text" not in forms:
        return b'%b,"body":{"html":%b}' % (article, html)
    text = to_json(row[FIRST_OF_BODY + 1].decode())
    before = b'"html":%b,' % html if "html" in forms else b""
    return b'%b,"body":{%b"text":%b}' % (article, before, text)


def cut(document: bytes, fields: frozenset[str]) -> bytes:
    """The document with those fields only."""
    return to_json({name: one for name, one in from_json(document).items() if name in fields})
