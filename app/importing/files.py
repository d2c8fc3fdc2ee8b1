"""The files that are imported: of folders all, and standard input as a file that can be gone back in."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from app.importing.kinds import HEAD_BYTES, Kind, kind_of

STDIN = "-"
SPOOLED_BYTES_MAX = 10_000_000
"""Of standard input in memory; what is longer is kept in a file meanwhile."""


def files_in(paths: Sequence[Path]) -> Iterator[Path]:
    """The files, and all files in the folders, by name; what is hidden in them is left alone."""
    for path in paths:
        if path.is_dir():
            inner = sorted(one for one in path.rglob("*") if one.is_file())
            shown = [one for one in inner if not _is_hidden(one.relative_to(path))]
            yield from shown or [path]  # which cannot be opened, and says so
        else:
            yield path


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, Kind]]:
    """The content of a file from its beginning, and what kind it is."""
    with _content(path) as content:
        kind = kind_of(content.read(HEAD_BYTES))
        content.seek(0)
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
