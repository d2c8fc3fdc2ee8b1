"""Writes that leave together: all of one turn of the event loop, at the beginning of the next.

A write wakes who reads at the other end, or the device on the way there, which takes as long as to
make a small answer; and before the next answer is made the reader sleeps again. What leaves together
wakes it once, and the head and the body of an answer are one packet.
"""

import asyncio
import threading
import time
from typing import Any

import structlog

log = structlog.get_logger("byline.http")

TOGETHER_SECONDS_MAX = 0.001
"""How long a write may wait for another. It waits no further than for what was queued before it."""
TOGETHER_BYTES_MAX = 65_536
"""How many bytes may: what a transport takes before it asks its writers to pause."""


class Outbox(threading.local):
    """What is to leave, in the thread of an event loop."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Transport, list[bytes]] = {}
        self._bytes = 0
        self._began_seconds = 0.0

    def put(self, transport: asyncio.Transport, data: bytes) -> None:
        seconds = time.perf_counter()
        if not self._waiting:
            self._bytes, self._began_seconds = 0, seconds
            asyncio.get_running_loop().call_soon(self.send)
        self._waiting.setdefault(transport, []).append(data)
        self._bytes += len(data)
        if self._bytes > TOGETHER_BYTES_MAX or seconds - self._began_seconds > TOGETHER_SECONDS_MAX:
            self.send()

    def send(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for transport, parts in waiting.items():
            if transport.is_closing():
                continue
            try:
                transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
            except Exception:
                # It is a fault of this one; the others are to have their answers.
                log.exception("not written")
                transport.abort()


_outbox = Outbox()


class GatheringTransport(asyncio.Transport):
    """Another transport, whose writes leave with those of others. It is closed behind them."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: Any) -> None:
        _outbox.put(self._transport, data)

    def flush(self) -> None:
        """Has what was written leave now. At the end of what comes in, the event loop closes the
        other transport itself."""
        _outbox.send()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Drops the connection, with what waits for it."""
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()
