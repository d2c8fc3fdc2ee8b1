"""Sends requests over keep-alive connections from a process of its own and tells how that went.

Uses `wrk` where it is installed, else itself:
`python -m benchmarks.load PORT CONNECTIONS SECONDS FILE FIRST`.
"""

import http.client
import json
import os
import random
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.servers import LOAD_CORE

BETWEEN_REQUESTS = b"\0"
NUMBER = "0" * 8
"""Stands in a request for eight digits that are others each time it is sent."""
WARM_UP_SECONDS = 1
CONNECTIONS = 32
WAIT_SECONDS_MAX = 600
"""How long somebody waits who does nothing else."""
FAILURES_MAX = 0.01
"""The share of requests that may fail, on a machine that does other things, and a figure still be one."""
GENERATOR = "wrk" if shutil.which("wrk") else "python"


@dataclass(frozen=True)
class Measured:
    requests: int
    requests_a_second: float
    p50_ms: float
    p99_ms: float


def measure(
    port: int,
    requests: list[bytes],
    connections: int = CONNECTIONS,
    seconds: int = 5,
    *,
    warm_up: bool = True,
) -> Measured:
    """What a server on this machine makes of the requests, sent in turn, after a warm-up."""
    with TemporaryDirectory(prefix="byline-load-") as folder:
        file = Path(folder) / "requests"
        file.write_bytes(BETWEEN_REQUESTS.join(requests))
        if warm_up:
            _send(port, connections, WARM_UP_SECONDS, file)
        return _send(port, connections, seconds, file)


def _send(port: int, connections: int, seconds: int, file: Path) -> Measured:
    # Not always with the first ones, which would be the answers that were asked for last.
    first = str(random.randrange(10 ** len(NUMBER)))
    if GENERATOR == "wrk":
        script = str(Path(__file__).with_name("load.lua"))
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=10s", "-s", script]
        command = ["wrk", *options, f"http://127.0.0.1:{port}", "--", str(file), first]
    else:
        arguments = [str(port), str(connections), str(seconds), str(file), first]
        command = [sys.executable, "-m", "benchmarks.load", *arguments]
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        preexec_fn=(lambda: os.sched_setaffinity(0, LOAD_CORE)) if LOAD_CORE else None,
    )
    if finished.returncode:
        raise RuntimeError(finished.stderr)
    told = json.loads(finished.stdout.splitlines()[-1])
    if told["failures"]:
        message = f"{told['failures']} of {told['requests']} requests failed"
        if told["failures"] > told["requests"] * FAILURES_MAX:
            raise RuntimeError(message)
        print(message, file=sys.stderr)
    rate = told["requests"] / told["seconds"]
    return Measured(told["requests"], rate, told["p50_ms"], told["p99_ms"])


def ask(port: int, request: bytes, timeout_seconds: float = 60) -> tuple[int, bytes]:
    """Sends one request as it is; the status and the body of the answer."""
    numbered = f"{random.randrange(10 ** len(NUMBER)):08d}".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_seconds) as connection:
        connection.sendall(request.replace(NUMBER.encode(), numbered))
        answer = http.client.HTTPResponse(connection, method=request.split()[0].decode())
        answer.begin()
        return answer.status, answer.read()


class Reader:
    """Somebody who sends the same requests in turn all the while, one after the other.

    A writer does the same; `status` is what each answer is to have.
    """

    def __init__(
        self, port: int, requests: list[bytes], pause_seconds: float, status: int = 200
    ) -> None:
        self._port, self._requests, self._pause_seconds = port, requests, pause_seconds
        self._status = status
        self.took_ms: list[float] = []
        self._error: Exception | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _read(self) -> None:
        try:
            self._read_on()
        except Exception as error:
            self._error = error

    def _read_on(self) -> None:
        while not self._is_over.wait(self._pause_seconds):
            began = time.perf_counter()
            request = self._requests[len(self.took_ms) % len(self._requests)]
            status, _ = ask(self._port, request, WAIT_SECONDS_MAX)
            if status != self._status:
                raise RuntimeError(f"a reader or writer was answered {status}")
            self.took_ms.append((time.perf_counter() - began) * 1000)

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.took_ms, n=100, method="inclusive")[percent - 1]


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)

    def send(self, request: bytes) -> None:
        self._received, self.sent_at = b"", time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """The first line of the answer, once the answer is whole."""
        some = self.socket.recv(1 << 18)
        if not some:
            raise ConnectionError("the server closed a connection")
        self._received += some
        head, blank, body = self._received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        return head.split(b"\r\n")[0] if blank and len(body) >= length else None


def main(port: int, connections: int, seconds: int, file: Path, first: int) -> None:
    requests = file.read_bytes().split(BETWEEN_REQUESTS)
    selector, took, failures = selectors.DefaultSelector(), [], 0
    started = time.perf_counter()
    for number in range(connections):
        connection = _Connection(port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(_numbered(requests, first + number))
    while (now := time.perf_counter()) < started + seconds:
        for key, _events in selector.select(timeout=1):
            status = key.data.receive()
            if status is not None:
                took.append(time.perf_counter() - key.data.sent_at)
                failures += not status.split(b" ")[1].startswith((b"2", b"3"))
                key.data.send(_numbered(requests, first + connections + len(took)))
    percentiles = statistics.quantiles(took, n=100, method="inclusive")
    told = {"requests": len(took), "seconds": now - started, "failures": failures}
    print(json.dumps(told | {"p50_ms": percentiles[49] * 1e3, "p99_ms": percentiles[98] * 1e3}))


def _numbered(requests: list[bytes], number: int) -> bytes:
    digits = f"{number % 10 ** len(NUMBER):08d}".encode()
    return requests[number % len(requests)].replace(NUMBER.encode(), digits)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
