"""What is said of an import while it goes on: a line for each item, or a bar on a terminal."""

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click

BAR_WIDTH = 30
SHOWN_EVERY_SECONDS = 0.1


class Report:
    """JSON lines on standard output, for programs."""

    def __init__(self) -> None:
        self.statuses = Counter[str]()

    @property
    def count(self) -> int:
        return self.statuses.total()

    @property
    def failures(self) -> int:
        return self.statuses["failed"]

    def watch(self, file: Path, content: BinaryIO) -> None:
        """A file is begun with."""

    def add(self, answer: dict[str, Any]) -> None:
        self.statuses[answer["status"]] += 1
        click.echo(json.dumps(answer, ensure_ascii=False))

    def end(self) -> None:
        pass


class BarReport(Report):
    """How far it is, for people; what failed stands below."""

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__()
        self._bytes = max(1, sum(map(_size, files)))
        self._before = 0
        self._content: tuple[int, BinaryIO] | None = None
        self._failed: list[str] = []
        self._shown_at = 0.0

    def watch(self, file: Path, content: BinaryIO) -> None:
        self._leave()
        self._content = _size(file), content

    def add(self, answer: dict[str, Any]) -> None:
        self.statuses[answer["status"]] += 1
        if answer["status"] == "failed":
            self._failed.append(json.dumps(answer, ensure_ascii=False))
        if time.monotonic() - self._shown_at >= SHOWN_EVERY_SECONDS:
            self._shown_at = time.monotonic()
            click.echo(f"\r{self._bar()} {self._said()}\x1b[K", nl=False, err=True)

    def end(self) -> None:
        self._leave()
        self._before = self._bytes
        click.echo(f"\r{self._bar()} {self._said()}\x1b[K", err=True)
        for line in self._failed:
            click.echo(line)

    def _leave(self) -> None:
        if self._content is not None:
            self._before += self._content[0]
            self._content = None

    def _bar(self) -> str:
        size, content = self._content or (0, None)
        read = 0 if content is None or content.closed else min(content.tell(), size)
        share = min(1.0, (self._before + read) / self._bytes)
        done = round(share * BAR_WIDTH)
        return f"[{'#' * done}{'-' * (BAR_WIDTH - done)}] {share:4.0%}"

    def _said(self) -> str:
        counted = ", ".join(f"{number:,} {status}" for status, number in self.statuses.items())
        return f"{self.count:,} items: {counted}" if counted else "nothing to import"


def _size(file: Path) -> int:
    """Bytes; of standard input nobody knows before."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def report_of(files: Sequence[Path]) -> Report:
    return BarReport(files) if sys.stdout.isatty() else Report()
