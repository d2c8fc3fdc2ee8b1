"""The files that are imported: of folders all, and standard input as a file that can be gone back in."""

import re
import shutil
import sys
import tempfile
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from app.importing.found import Unreadable
from app.importing.kinds import HEAD_BYTES, Kind, kind_of, refuse_what_is_known

STDIN = "-"
SPOOLED_BYTES_MAX = 10_000_000
"""Of standard input in memory; what is longer is kept in a file meanwhile."""


def files_in(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """The files, and all files in the folders, by name; what is hidden in them is left alone. With
    each, whether somebody named it."""
    for path in paths:
        if not path.is_dir():
            yield path, True
            continue
        inner = sorted(one for one in path.rglob("*") if one.is_file())
        shown = [one for one in inner if not _is_hidden(one.relative_to(path))]
        yield from ((one, False) for one in shown)
        if not shown:
            yield path, True


def why_not(path: Path, kind: Kind, *, is_named: bool) -> str | None:
    """Why a file is passed over: any text could be a captured page, but in a folder few are."""
    if kind == "captured page" and not is_named and path.suffix.lower() != ".txt":
        return "is in no format that is known; captured pages in folders end with .txt"
    return None


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, Kind]]:
    """The content of a file from its beginning, and what kind it is."""
    if path.is_dir():
        raise Unreadable("is a folder without files")
    if "://" in str(path) or re.match(r"https?:/", str(path)):
        raise Unreadable("is an address: fetch it, and give what comes to `byline import -`")
    with _content(path) as content:
        mark = content.read(len(BOM_UTF8))
        begins_at = len(mark) if mark == BOM_UTF8 else 0
        content.seek(begins_at)
        head = content.read(HEAD_BYTES)
        refuse_what_is_known(head)
        kind = kind_of(head)
        content.seek(begins_at if kind in ("NDJSON", "array of lines", "JSON") else 0)
        yield content, kind


@contextmanager
def _content(path: Path) -> Iterator[BinaryIO]:
    if str(path) != STDIN:
        with path.open("rb") as file:
            yield file
        return
    with tempfile.SpooledTemporaryFile(SPOOLED_BYTES_MAX) as spooled:
        shutil.copyfileobj(sys.stdin.buffer, spooled)
        spooled.seek(0)
        yield cast(BinaryIO, spooled)
