"""Answers that have been made, in memory: bounded in bytes, and gone with the epoch they are of."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime

from app.access.visibility import Visibility
from app.express.freshness import Epoch
from app.web.metrics import CacheFigures

SHARE_MAX = 16
"""One answer may take this part of the whole: a few large ones would push out all others."""
CALLERS_MAX = 1_000
HEADER_BYTES_MAX = 300
"""Longer ways to send a key, with blanks before it say, are looked up each time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200, as it leaves in one content coding, but for the id of the request.

    `head` are its header lines, `tag` is its entity tag without the coding, `unchanged` the header
    lines of its 304 without a tag, `template` its route's, `size_bytes` what it takes with all of these.
    """

    head: bytes
    body: bytes
    tag: str
    unchanged: bytes
    template: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Known:
    """A caller with a key, as long as the epoch and the key last."""

    rights: str
    key_id: str
    expires_at: datetime | None
    visibility: Visibility


class ResponseCache:
    """The answers of one epoch, and those under way in it. For the event loop alone."""

    def __init__(self, bytes_max: int, figures: CacheFigures) -> None:
        self.bytes_max = bytes_max
        self.figures = figures
        self.under_way: dict[Hashable, asyncio.Future[Answer | None]] = {}
        self.callers: dict[bytes, Known] = {}
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._epoch: Epoch | None = None

    def begin(self, epoch: Epoch) -> None:
        """Forgets what is of another epoch than this."""
        if epoch is not self._epoch:
            self._epoch = epoch
            self.figures.bytes = 0
            self._answers.clear()
            self.callers.clear()
            self.under_way = {}

    def is_of(self, epoch: Epoch | None) -> bool:
        """Whether that is still the epoch whose answers are here."""
        return epoch is not None and epoch is self._epoch

    def get(self, key: Hashable) -> Answer | None:
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
            self.figures.hits += 1
        return answer

    def put(self, key: Hashable, answer: Answer) -> None:
        if answer.size_bytes * SHARE_MAX > self.bytes_max or key in self._answers:
            return
        self._answers[key] = answer
        self.figures.bytes += answer.size_bytes
        while self.figures.bytes > self.bytes_max:
            _, oldest = self._answers.popitem(last=False)
            self.figures.bytes -= oldest.size_bytes

    async def make(
        self, key: Hashable, making: Callable[[], Awaitable[Answer | None]]
    ) -> Answer | None:
        """What `making` makes, known to be under way until it is there."""
        # The dictionary of now, as another epoch has another one.
        under_way = self.under_way
        made = under_way[key] = asyncio.get_running_loop().create_future()
        answer = None
        try:
            answer = await making()
        finally:
            made.set_result(answer)
            if under_way.get(key) is made:  # some may make the same, after others have failed
                del under_way[key]
        return answer

    def learn(self, authorization: bytes, known: Known) -> None:
        if len(self.callers) < CALLERS_MAX and len(authorization) <= HEADER_BYTES_MAX:
            self.callers[authorization] = known
