"""Doing once what many ask for at the same time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class SingleFlight(Generic[Result]):
    """What is under way, by what is asked for. For one event loop alone."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[Result]] = {}

    async def do(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """What `make` makes, or what it makes already for another who asked for the same.

        Then it may have begun before this was asked for. Who goes away takes nobody along; what
        fails, fails for all.
        """
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(make())
            task.add_done_callback(lambda ended: self._end(key, ended))
        return await asyncio.shield(task)

    def _end(self, key: Hashable, task: asyncio.Task[Result]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # or it would be complained of, where all who asked have gone
