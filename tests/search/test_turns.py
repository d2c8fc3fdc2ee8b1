"""Turns to search: some run, some wait, and the rest hear that they are too many."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from app.search.turns import RUNNING_MAX, WAITING_MAX, Turns
from app.web.problems import Problem
from tests.conftest import Newsroom, wait_until


@contextmanager
def all_taken(turns: Turns) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(RUNNING_MAX):
            stack.enter_context(turns.taken())
        yield


def test_who_waits_has_the_next_turn() -> None:
    turns, had = Turns(wait_seconds=20), threading.Event()

    def wait() -> None:
        with turns.taken():
            had.set()

    with all_taken(turns):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not had.wait(0.05)
    assert had.wait(20)
    waiting.join()


def test_who_waits_too_long_is_told() -> None:
    turns = Turns(wait_seconds=0.01)
    with all_taken(turns), pytest.raises(Problem), turns.taken():
        pass
    with turns.taken():  # and has taken nobody's turn
        pass


def test_who_comes_when_too_many_wait_is_told_at_once() -> None:
    turns = Turns(wait_seconds=20)
    had = threading.Barrier(WAITING_MAX + 1)

    def wait() -> None:
        with turns.taken():
            pass
        had.wait(20)

    with all_taken(turns):
        for _ in range(WAITING_MAX):
            threading.Thread(target=wait, daemon=True).start()
        wait_until(lambda: not turns._here._value)
        with pytest.raises(Problem), turns.taken():
            pass
    had.wait(20)


def test_while_all_who_may_wait_do_all_else_is_answered(searching: Newsroom) -> None:
    """Who waits for a turn keeps a thread meanwhile; there are others left, to count a list say."""
    searching.article("Ferry sails")
    searching.indexed()
    turns = searching.app.state.search.turns = Turns(wait_seconds=20)
    with ThreadPoolExecutor(WAITING_MAX) as many:
        with all_taken(turns):
            paths = [f"/v1/search?q=ferry&limit={one + 1}" for one in range(WAITING_MAX)]
            asked = [many.submit(searching.get, path) for path in paths]
            wait_until(lambda: not turns._here._value)
            assert searching.get("/v1/articles?count=exact").status_code == 200
            assert not any(one.done() for one in asked)
        assert {one.result().status_code for one in asked} == {200}


def test_where_too_many_search_they_are_told(searching: Newsroom) -> None:
    ref = searching.article("Ferry sails")["id"]
    searching.indexed()
    turns = searching.app.state.search.turns = Turns(wait_seconds=0.01)
    with all_taken(turns):
        for path in ("search?q=ferry", "suggest?q=fer", f"articles/{ref}/related"):
            answer = searching.get(f"/v1/{path}")
            assert answer.status_code == 503
            assert answer.json()["type"].endswith("search-busy")
            assert answer.headers["retry-after"] == "1"
    assert searching.found("ferry") == ["Ferry sails"]
