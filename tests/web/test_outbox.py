"""Writes of one turn of the event loop leave together, in order, and none is held back for long."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest

from app.web import outbox
from app.web.outbox import GatheringTransport

Connected = tuple[GatheringTransport, socket.socket]


def arrived(reader: socket.socket) -> bytes:
    """What has come in by now."""
    try:
        return reader.recv(1 << 20)
    except BlockingIOError:
        return b""


def with_connections(work: Callable[[Connected, Connected], Awaitable[None]]) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        pairs = [socket.socketpair() for _ in range(2)]
        connected: list[Connected] = []
        for ours, theirs in pairs:
            for one in (ours, theirs):
                one.setblocking(False)
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            connected.append((GatheringTransport(transport), theirs))
        await work(*connected)
        for transport, reader in connected:
            transport.abort()
            reader.close()

    asyncio.run(run())


def test_what_is_written_in_one_turn_leaves_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "TOGETHER_SECONDS_MAX", 10)

    async def work(one: Connected, other: Connected) -> None:
        for piece in (b"head", b" and body"):
            one[0].write(piece)
            other[0].write(piece.upper())
        assert (arrived(one[1]), arrived(other[1])) == (b"", b"")
        await asyncio.sleep(0)
        assert (arrived(one[1]), arrived(other[1])) == (b"head and body", b"HEAD AND BODY")
        one[0].write(b"next")
        await asyncio.sleep(0)
        assert arrived(one[1]) == b"next"

    with_connections(work)


def test_a_long_turn_holds_nothing_back() -> None:
    async def work(one: Connected, other: Connected) -> None:
        one[0].write(b"first")
        time.sleep(2 * outbox.TOGETHER_SECONDS_MAX)
        other[0].write(b"second")
        assert (arrived(one[1]), arrived(other[1])) == (b"first", b"second")

    with_connections(work)


def test_a_writer_is_told_to_pause_within_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one who never waits for anything would fill the memory."""
    monkeypatch.setattr(outbox, "TOGETHER_SECONDS_MAX", 10)

    async def work(one: Connected, _other: Connected) -> None:
        for _ in range(3):
            one[0].write(b"x" * (outbox.TOGETHER_BYTES_MAX // 2))
        assert len(arrived(one[1])) > outbox.TOGETHER_BYTES_MAX

    with_connections(work)


def test_a_connection_is_closed_behind_its_last_write_and_aborted_before_it() -> None:
    async def work(one: Connected, other: Connected) -> None:
        one[0].write(b"last")
        one[0].close()
        assert one[0].is_closing()
        other[0].write(b"lost")
        other[0].abort()
        await asyncio.sleep(0.01)
        assert (arrived(one[1]), arrived(other[1])) == (b"last", b"")

    with_connections(work)
