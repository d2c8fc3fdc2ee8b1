"""Sends requests over keep-alive connections from a process of its own and tells how that went.

Uses `wrk` where it is installed, else itself: `python -m benchmarks.load PORT CONNECTIONS SECONDS FILE`.
"""

import json
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

BETWEEN_REQUESTS = b"\0"
WARM_UP_SECONDS = 1
GENERATOR = "wrk" if shutil.which("wrk") else "python"


@dataclass(frozen=True)
class Measured:
    requests_a_second: float
    p50_ms: float
    p99_ms: float


def measure(port: int, requests: list[bytes], connections: int, seconds: int) -> Measured:
    """What a server on this machine makes of the requests, sent in turn, after a warm-up."""
    with TemporaryDirectory(prefix="byline-load-") as folder:
        file = Path(folder) / "requests"
        file.write_bytes(BETWEEN_REQUESTS.join(requests))
        _send(port, connections, WARM_UP_SECONDS, file)
        return _send(port, connections, seconds, file)


def _send(port: int, connections: int, seconds: int, file: Path) -> Measured:
    if GENERATOR == "wrk":
        script = str(Path(__file__).with_name("load.lua"))
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=10s", "-s", script]
        command = ["wrk", *options, f"http://127.0.0.1:{port}", "--", str(file)]
    else:
        arguments = [str(port), str(connections), str(seconds), str(file)]
        command = [sys.executable, "-m", "benchmarks.load", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if finished.returncode:
        raise RuntimeError(finished.stderr)
    told = json.loads(finished.stdout.splitlines()[-1])
    if told["failures"]:
        raise RuntimeError(f"{told['failures']} of {told['requests']} requests failed")
    return Measured(told["requests"] / told["seconds"], told["p50_ms"], told["p99_ms"])


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


def main(port: int, connections: int, seconds: int, file: Path) -> None:
    requests = file.read_bytes().split(BETWEEN_REQUESTS)
    selector, took, failures = selectors.DefaultSelector(), [], 0
    started = time.perf_counter()
    for number in range(connections):
        connection = _Connection(port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(requests[number % len(requests)])
    while (now := time.perf_counter()) < started + seconds:
        for key, _events in selector.select(timeout=1):
            status = key.data.receive()
            if status is not None:
                took.append(time.perf_counter() - key.data.sent_at)
                failures += b" 20" not in status
                key.data.send(requests[(connections + len(took)) % len(requests)])
    percentiles = statistics.quantiles(took, n=100)
    told = {"requests": len(took), "seconds": now - started, "failures": failures}
    print(json.dumps(told | {"p50_ms": percentiles[49] * 1e3, "p99_ms": percentiles[98] * 1e3}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
