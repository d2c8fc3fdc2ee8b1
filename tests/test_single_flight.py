"""Doing once what many ask for at the same time."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from app.single_flight import SingleFlight


class Making:
    """Something that takes as long as it is held; counts how often it was made."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.begun = 0
        self.held = asyncio.Event()
        self._failure = failure

    async def __call__(self) -> int:
        self.begun += 1
        await self.held.wait()
        if self._failure:
            raise self._failure
        return self.begun


async def asked(making: Making, flight: SingleFlight[int], keys: str) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(flight.do(key, making)) for key in keys]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_all_who_ask_for_the_same_are_given_the_same() -> None:
    async def test() -> None:
        making, flight = Making(), SingleFlight[int]()
        tasks = await asked(making, flight, "aaabaa")
        making.held.set()
        assert await asyncio.gather(*tasks) == [2] * 6
        assert making.begun == 2
        assert await flight.do("a", making) == 3

    run(test())


def test_who_goes_away_takes_nobody_along() -> None:
    async def test() -> None:
        making, flight = Making(), SingleFlight[int]()
        first, second = await asked(making, flight, "aa")
        first.cancel()
        making.held.set()
        assert await second == 1
        assert first.cancelled()

    run(test())


def test_what_fails_fails_for_all_and_is_made_anew() -> None:
    async def test() -> None:
        making, flight = Making(ValueError("no")), SingleFlight[int]()
        tasks = await asked(making, flight, "aaa")
        making.held.set()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ends] == [ValueError] * 3
        with pytest.raises(ValueError, match="no"):
            await flight.do("a", making)
        assert making.begun == 2

    run(test())


def test_a_failure_that_nobody_waits_for_any_more_is_no_complaint() -> None:
    complaints: list[Any] = []

    async def test() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
        making, flight = Making(ValueError("no")), SingleFlight[int]()
        (task,) = await asked(making, flight, "a")
        task.cancel()
        making.held.set()
        await asyncio.sleep(0.01)

    run(test())
    assert complaints == []
