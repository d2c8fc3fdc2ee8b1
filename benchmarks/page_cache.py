"""Keeps an archive's files in the system's page cache while it is measured.

Some systems take memory from files that nobody has read for a while, and a read that finds no cache
on the way measures the disk of that moment instead of the server.
"""

import ctypes
import mmap
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

SHARE_MAX = 0.5
"""Of the machine's memory; a larger archive stays as it is, as it would in life."""


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Reads all files below a folder and holds them in memory; says whether it can."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.stat().st_size]
    total_bytes = sum(file.stat().st_size for file in files)
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if total_bytes > SHARE_MAX * memory_bytes:
        yield False
        return
    with ExitStack() as stack:
        yield all(_hold(file, stack) for file in files)


def _hold(file: Path, stack: ExitStack) -> bool:
    with file.open("r+b") as opened:
        mapped = stack.enter_context(mmap.mmap(opened.fileno(), 0))
    start = ctypes.c_char.from_buffer(mapped)
    failed: int = ctypes.CDLL(None).mlock(ctypes.byref(start), ctypes.c_size_t(len(mapped)))
    del start  # else it could not be closed
    return not failed
