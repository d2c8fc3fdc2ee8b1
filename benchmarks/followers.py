"""Measures how soon those who wait for changes are told of a write, and what that takes.

`uv run python -m benchmarks.followers [--followers 1000] [--engine SQLite] [--folder F]`

All follow everything from the same place, as streams and then as long polls, on connections of their own
to one worker. An article is published; then they are told. The best of three times is shown.
"""

import argparse
import asyncio
import json
import time
from functools import partial
from pathlib import Path

from benchmarks.archives import ENGINES, Archive, on_each
from benchmarks.cases import get, sent
from benchmarks.load import ask
from benchmarks.pictures import number, table
from benchmarks.servers import BYLINE, SERVER_CORE, UNKEPT, cpu_seconds, pin, served

ARTICLES, TIMES = 2_000, 3
WAYS = {"stream": "/v1/changes/stream?since={}", "poll": "/v1/changes?wait=30&since={}"}
SEATED_SECONDS = 0.005
"""How long one takes to be seated, before anything is written."""


def main() -> None:
    options = _options()
    measured = on_each(
        partial(_measure, options=options), options.engine, [ARTICLES], options.folder
    )
    heads = ["", "followers", "first told ms", "half told ms", "last told ms", "processor ms"]
    print(table(heads, [row for rows in measured for row in rows]), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures telling those who wait for changes.")
    parser.add_argument("--followers", type=int, default=1_000)
    parser.add_argument("--engine", choices=ENGINES, action="append", help="both when not given")
    parser.add_argument("--folder", type=Path, help="where the archives are kept")
    return parser.parse_args()


def _measure(archive: Archive, options: argparse.Namespace) -> list[list[object]]:
    settings = archive.environment(stream_clients_max=options.followers, search=False)
    if archive.server_id:
        pin(archive.server_id, SERVER_CORE)
    key = archive.key()
    with served(
        BYLINE, archive.folder, cores=SERVER_CORE, log=UNKEPT, environment=settings
    ) as server:
        return [_row(archive, server, way, key, options.followers) for way in WAYS]


def _row(
    archive: Archive, server: tuple[int, int], way: str, key: str, followers: int
) -> list[object]:
    port, process_id = server
    processes = [one for one in (process_id, archive.server_id) if one]
    best: list[float] = []
    for _ in range(TIMES):
        address = WAYS[way].format(_end(port))
        took = asyncio.run(_told(port, processes, address, key, followers))
        best = min(best or took, took, key=lambda one: one[2])
    return [f"{archive.engine}: {way}", f"{followers:,}", *map(number, best)]


def _end(port: int) -> str:
    """Where somebody stands who has everything."""
    cursor, more = "", True
    while more:
        _, answer = ask(port, get(f"/v1/changes?limit=500&fields=slug{cursor}"))
        page = json.loads(answer)["page"]
        cursor, more = f"&since={page['next']}", page["has_more"]
    return str(page["next"])


async def _told(
    port: int, processes: list[int], address: str, key: str, followers: int
) -> list[float]:
    """When the first, half of them and the last were told, and the processor time, in milliseconds."""
    tasks = [asyncio.create_task(_follow(port, address)) for _ in range(followers)]
    await asyncio.sleep(1 + followers * SEATED_SECONDS)
    before, began = sum(map(cpu_seconds, processes)), time.perf_counter()
    headers = {"Authorization": f"Bearer {key}"}
    article = json.dumps({"headline": f"News of {time.time()}"}).encode()
    publish = sent("POST", "/v1/articles?publish=true", headers, article)
    await asyncio.to_thread(ask, port, publish)
    told = sorted(await asyncio.gather(*tasks))
    used = sum(map(cpu_seconds, processes)) - before
    moments = (told[0], told[len(told) // 2], told[-1])
    return [*((one - began) * 1000 for one in moments), used * 1000]


async def _follow(port: int, address: str) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get(address))
    await reader.readuntil(b"News of ")
    told = time.perf_counter()
    writer.close()
    return told


if __name__ == "__main__":
    main()
