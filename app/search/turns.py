"""Turns to search: however many search at once, most threads stay with the other routes.

A search keeps its thread until it is answered, and a process has 40 for all routes. So a few run at
a time, which is as many as its cores can use, some more wait for a moment, and the rest hear at once
that they are too many.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from app.web.problems import Problem

RUNNING_MAX = 4
"""Searches of one process at a time."""
WAITING_MAX = 12
"""Searches that wait for their turn: with those that run, 16 of the 40 threads of a process."""
WAIT_SECONDS = 2.0
"""How long they do; the dearest searches of an archive of 100,000 articles, one after another, take
about as much."""


class Turns:
    """The turns of one process. `taken` raises 503 where too many have come before."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._here = BoundedSemaphore(RUNNING_MAX + WAITING_MAX)
        self._running = BoundedSemaphore(RUNNING_MAX)
        self._wait_seconds = wait_seconds

    @contextmanager
    def taken(self) -> Iterator[None]:
        with _held(self._here, 0), _held(self._running, self._wait_seconds):
            yield


@contextmanager
def _held(places: BoundedSemaphore, wait_seconds: float) -> Iterator[None]:
    if not places.acquire(timeout=wait_seconds):
        raise _busy_problem()
    try:
        yield
    finally:
        places.release()


def _busy_problem() -> Problem:
    return Problem(
        503,
        "search-busy",
        "Too many searches came at once; try again in a moment.",
        headers={"Retry-After": "1"},
    )
