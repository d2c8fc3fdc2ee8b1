"""The access log: one line a request, made cheaply and written in batches by a thread of its own.

The lines look as those of structlog do (`app/web/logs.py`), which would take a tenth of the time of
a whole answer. They are written a moment late, before any other line, and at the end of the process.
"""

import atexit
import re
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from json.encoder import encode_basestring_ascii as json_string
from typing import Any, TextIO

import structlog

from app.db.columns import new_id

LATE_SECONDS = 0.1
"""How long a line may wait for others to be written with."""

LINES_MAX = 100_000
"""Lines that may wait for a reader that takes none, some 25 MB; more are counted and not kept."""

Line = Callable[[str, str, str, int, float, str, str | None], str]
"""Makes a line of timestamp, method, path, status, duration in ms, request id and key id."""

log = structlog.get_logger("byline.http")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,100}")


def request_id(given: bytes | None) -> str:
    """The id of a request: the `X-Request-ID` that it came with when that is plain, or a new one."""
    if given and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return new_id()


def json_line(
    timestamp: str,
    method: str,
    path: str,
    status: int,
    duration_ms: float,
    request_id: str,
    key_id: str | None,
) -> str:
    """A line for machines. Ids are plain (`request_id`), and so is a method."""
    key = f'"{key_id}"' if key_id else "null"
    return (
        f'{{"method": "{method}", "path": {json_string(path)}, "status": {status}, '
        f'"duration_ms": {duration_ms:.1f}, "key": {key}, "event": "request", '
        f'"request_id": "{request_id}", "level": "info", "timestamp": "{timestamp}"}}\n'
    )


def plain_line(
    timestamp: str,
    method: str,
    path: str,
    status: int,
    duration_ms: float,
    request_id: str,
    key_id: str | None,
) -> str:
    """A line for people, in a file or through a pipe."""
    # Spelt out, which takes a third of the time of a pattern.
    if " " in path or "=" in path or '"' in path or "'" in path or not path.isprintable():
        path = repr(path)
    return (
        f"{timestamp} [info     ] request                        duration_ms={duration_ms:.1f} "
        f"key={key_id} method={method} path={path} request_id={request_id} status={status}\n"
    )


def coloured_line(
    timestamp: str,
    method: str,
    path: str,
    status: int,
    duration_ms: float,
    request_id: str,
    key_id: str | None,
) -> str:
    """A line for a person at a terminal, who cannot read so fast that its cost would matter."""
    event: dict[str, Any] = {
        "timestamp": timestamp,
        "level": "info",
        "event": "request",
        "method": method,
        "path": path,
        "status": status,
        "duration_ms": round(duration_ms, 1),
        "key": key_id,
        "request_id": request_id,
    }
    return f"{structlog.dev.ConsoleRenderer(colors=True)(None, 'info', event)}\n"


class AccessLog:
    """Gathers lines, and writes them where `write_to` says; until then it keeps none."""

    def __init__(self) -> None:
        self._line: Line | None = None
        self._stream: TextIO | None = None
        self._writing: AbstractContextManager[Any] = nullcontext()
        self._waiting: list[str] = []
        self._lost = 0
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None
        self._second, self._second_text = 0, ""

    def write_to(
        self, stream: TextIO, line: Line | None, writing: AbstractContextManager[Any]
    ) -> None:
        """Sets the form of a line and where it goes; no form is no line.

        `writing` is the lock of who else writes to the stream; its holder may call `flush`.
        """
        self.flush()
        self._stream, self._line, self._writing = stream, line, writing

    def note(
        self,
        method: str,
        path: str,
        status: int,
        duration_ms: float,
        request_id: str,
        key_id: str | None,
    ) -> None:
        """Keeps the line of a request that has been answered, to be written soon. Never waits."""
        if self._line is None:
            return
        if len(self._waiting) >= LINES_MAX:
            self._lost += 1
            return
        now_ns = time.time_ns()
        second = now_ns // 1_000_000_000
        if second != self._second:
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        microseconds = str(now_ns)[-9:-3]
        timestamp = f"{self._second_text}.{microseconds}Z"
        self._waiting.append(
            self._line(timestamp, method, path, status, duration_ms, request_id, key_id)
        )
        if not self._woken.is_set():
            self._wake()

    def flush(self) -> None:
        """Writes what waits. Returns when it is written, however slowly it is read."""
        with self._writing:
            # A line may be added meanwhile, at the end; so it is this list that is shortened.
            count = len(self._waiting)
            if count and self._stream is not None:
                text = "".join(self._waiting[:count])
                del self._waiting[:count]
                try:
                    self._stream.write(text)
                    self._stream.flush()
                except (OSError, ValueError):
                    return  # nobody reads it any more; the server goes on, as with any other log
            if self._lost:
                lost, self._lost = self._lost, 0
                log.warning("lines of the access log lost", count=lost)

    def _wake(self) -> None:
        self._woken.set()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._write, name="access log", daemon=True)
            self._thread.start()

    def _write(self) -> None:
        while True:
            self._woken.wait()
            time.sleep(LATE_SECONDS)
            self._woken.clear()
            self.flush()


_of_process = AccessLog()
note = _of_process.note
flush = _of_process.flush
write_to = _of_process.write_to
atexit.register(flush)
