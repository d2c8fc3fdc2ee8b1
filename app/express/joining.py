"""From the pieces that an article was written with to the bytes that leave. Pure: no database."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import from_json, to_json

from app.archive.pieces import AUTHORS, BYLINE, TAG, URL_AFTER, URL_BEFORE, authors_in
from app.body.derived import DERIVED, derived_forms
from app.express.names import Names, Unknown

_BYLINE, _AUTHORS, _TAG = BYLINE.encode(), AUTHORS.encode(), TAG.encode()
_STANDING = re.compile(rb"%%|%\(([^)]*)\)b")
"""What stands for something in pieces; nothing where a percent sign stands for itself."""
_ID = slice(len(b'{"id":"'), len(b'{"id":"') + 36)
PIECES, STAMP, FIRST_OF_BODY = 1, 2, 3
"""Where in a row of a `Plan` these are; after the last come the forms of the body."""


Row = Sequence[Any]
"""Of a `Plan`."""


class NotWritten(Exception):
    """An article has no pieces, or other ones than this version joins."""


def url_parts(template: str) -> Mapping[bytes, bytes]:
    """What an address is made of beside the slug, by what stands for it; nothing where the slug is
    there more than once."""
    parts = [to_json(part)[1:-1] for part in template.split("{slug}")]
    standing_for = (URL_BEFORE.encode(), URL_AFTER.encode())
    return dict(zip(standing_for, parts, strict=True)) if len(parts) == 2 else {}


def check_written(rows: Sequence[Row]) -> None:
    """Raises `NotWritten` where an article has no pieces."""
    if None in [row[PIECES] for row in rows]:
        raise NotWritten


def list_of(rows: Sequence[Row], page: bytes, names: Names) -> bytes:
    """A list of articles without bodies, and its `page` member.

    All of it is put together in two calls, for each that goes over the bytes again takes its time.
    `page` is JSON without a percent sign; cursors have none.
    """
    if not rows:
        return b'{"data":[],"page":%b}' % page
    parts = [b'{"data":[']
    for row in rows:
        parts += row[PIECES], row[STAMP], b"},"
    parts[-1] = b'}],"page":%b}' % page
    return _named(b"".join(parts), rows, names)


def changes_of(rows: Sequence[Row], page: bytes, names: Names) -> bytes:
    """The same as what has become of each."""
    if not rows:
        return b'{"data":[],"page":%b}' % page
    parts = [b'{"data":[']
    for row in rows:
        parts += upsert_of(row), row[PIECES], row[STAMP], b"}},"
    parts[-1] = b'}}],"page":%b}' % page
    return _named(b"".join(parts), rows, names)


def upsert_of(row: Row) -> bytes:
    """What a change says of an article, up to the article."""
    return b'{"type":"article","op":"upsert","id":"%b","version":%d,"article":' % (
        row[PIECES][_ID],
        version_of(row),
    )


def document_of(row: Row, forms: frozenset[str], names: Names) -> bytes:
    """The JSON of an article, with those forms of its body."""
    article = _named(row[PIECES], [row], names)
    return b"%b%b%b}" % (article, row[STAMP], _body(row, forms) if forms else b"")


def _named(text: bytes, rows: Sequence[Row], names: Names) -> bytes:
    """Pieces with what stands in them; raises `Unknown` for names that have to be looked up first,
    `NotWritten` for what another version wrote."""
    try:
        return text % names.known
    except KeyError:
        _learn(names, [row[PIECES] for row in rows])
        return text % names.known


def id_of(row: Row) -> str:
    """The id of an article, which its pieces begin with."""
    pieces: bytes = row[PIECES]
    return pieces[_ID].decode()


def version_of(row: Row) -> int:
    """The version of an article, which its stamp ends with."""
    stamp: bytes = row[STAMP]
    return int(stamp[stamp.rindex(b":") + 1 :])


def _learn(names: Names, pieces: Iterable[bytes]) -> None:
    """Makes of the authors that are known what stands in articles; raises `Unknown`, `NotWritten`."""
    standing = {one for some in pieces for one in _STANDING.findall(some) if one}
    ids, credited = set(), {}
    for one in standing - names.known.keys():
        kind, what = one[:1], one[1:]
        if kind == _TAG:
            ids.add(what)
        elif kind in (_AUTHORS, _BYLINE):
            credited[what] = authors_in(what)
            ids.update(its_id for its_id, _ in credited[what])
        else:
            raise NotWritten
    if unknown := ids - names.authors.keys():
        raise Unknown(unknown)
    shown = {}
    for written, authors in credited.items():
        found = [(names.authors[its_id], role) for its_id, role in authors]
        byline = b", ".join([author.within_byline for author, _ in found])
        shown[_BYLINE + written] = b'"%b"' % byline
        shown[_AUTHORS + written] = b",".join(
            [b"%b%b}" % (author.before_role, role) for author, role in found]
        )
    names.credit(shown)


def _body(row: Row, forms: frozenset[str]) -> bytes:
    html = row[FIRST_OF_BODY]
    if html is None:
        return b',"body":null'
    members = [b'"html":%b' % html] if "html" in forms else []
    if "text" in forms:
        members.append(b'"text":%b' % to_json(row[FIRST_OF_BODY + 1].decode()))
    if not DERIVED.isdisjoint(forms):
        members.append(to_json(derived_forms(from_json(html), forms))[1:-1])
    return b',"body":{%b}' % b",".join(members)


def cut(document: bytes, fields: frozenset[str]) -> bytes:
    """The document with those fields only."""
    return to_json({name: one for name, one in from_json(document).items() if name in fields})
