"""From the pieces that an article was written with to the bytes that leave. Pure: no database."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json, to_json

from app.archive.pieces import BETWEEN, BETWEEN_AUTHORS, FORMAT
from app.articles.queries import View
from app.express.names import Names, Unknown

_BETWEEN, _BETWEEN_AUTHORS = BETWEEN.encode(), BETWEEN_AUTHORS.encode()
_FORMAT = FORMAT.encode()
_ID_LENGTH = 36


class NotWritten(Exception):
    """An article has no pieces, or other ones than this version joins."""


class Joiner:
    """Joins articles' pieces with their names, for addresses of one form."""

    def __init__(self, names: Names, url_template: str) -> None:
        self._names = names
        self._url_parts = [to_json(part)[1:-1] for part in url_template.split("{slug}")]

    def article(self, row: Sequence[Any], updated_at: bytes) -> bytes:
        """The JSON of an article without a body, its last brace left out.

        `row` is one of a `Plan`. Raises `Unknown` for names that have to be looked up, `NotWritten`
        where the pieces are none.
        """
        _, version, _, row_id, slug, pieces, links, *_ = row
        if pieces is None or links is None:
            raise NotWritten
        form, head, own_byline, looks, rights, tail = pieces.split(_BETWEEN)
        if form != _FORMAT:
            raise NotWritten
        byline, authors, tags, section = self._linked(links)
        return b'{"id":"%b","slug":"%b","url":"%b",%b,"byline":%b,%b,"authors":[%b],"tags":[%b],"section":%b,%b,"updated_at":"%b","version":%d,%b' % (
            row_id, slug, slug.join(self._url_parts), head, own_byline or byline, looks, authors,
            tags, section, rights, updated_at, version, tail,
        )  # fmt: skip

    def _linked(self, links: bytes) -> tuple[bytes, ...]:
        """The names of the authors as a byline, the authors, the tags and the section."""
        its_authors, its_tags, section = links.split(_BETWEEN)
        names = self._names
        try:
            if its_authors:
                credited = its_authors.split(_BETWEEN_AUTHORS)
                if len(credited) == 1:
                    one = names.authors[its_authors[:_ID_LENGTH]]
                    byline = b'"%b"' % one.within_byline
                    authors = b"%b%b}" % (one.before_role, its_authors[_ID_LENGTH:])
                else:
                    found = [names.authors[each[:_ID_LENGTH]] for each in credited]
                    byline = b'"%b"' % b", ".join([one.within_byline for one in found])
                    authors = b",".join(
                        [
                            b"%b%b}" % (one.before_role, each[_ID_LENGTH:])
                            for one, each in zip(found, credited, strict=True)
                        ]
                    )
            else:
                byline, authors = b"null", b""
            tags = b",".join([names.tags[one] for one in its_tags.split(b",")]) if its_tags else b""
            return byline, authors, tags, names.tags[section] if section else b"null"
        except KeyError:
            ids = [each[:_ID_LENGTH] for each in its_authors.split(_BETWEEN_AUTHORS)]
            ids += [*its_tags.split(b","), section]
            raise Unknown({one for one in ids if one}) from None


def whole(article: bytes, view: View, html: bytes | None, text: bytes | None) -> bytes:
    """An article's JSON with the fields and the forms of the body that a view has."""
    if view.body_forms:
        forms = []
        if "html" in view.body_forms:
            forms.append(b'"html":%b' % (html or b"null"))
        if "text" in view.body_forms:
            forms.append(b'"text":%b' % (b"null" if text is None else to_json(text.decode())))
        body = b"null" if html is None else b"{%b}" % b",".join(forms)
        document = b'%b,"body":%b}' % (article, body)
    else:
        document = article + b"}"
    if view.is_whole:
        return document
    fields = from_json(document)
    return to_json({name: value for name, value in fields.items() if name in view.fields})
