"""What is said of an import while it goes on: a line for each item, or a bar on a terminal."""

import json
import sys
from collections import Counter
from typing import Any

import click


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

    def add(self, answer: dict[str, Any]) -> None:
        self.statuses[answer["status"]] += 1
        click.echo(json.dumps(answer, ensure_ascii=False))

    def end(self) -> None:
        pass


class BarReport(Report):
    """How far it is, for people; what failed stands below."""

    SHOWN_EVERY = 20

    def __init__(self) -> None:
        super().__init__()
        self._failed: list[str] = []

    def add(self, answer: dict[str, Any]) -> None:
        self.statuses[answer["status"]] += 1
        if answer["status"] == "failed":
            self._failed.append(json.dumps(answer, ensure_ascii=False))
        if self.count % self.SHOWN_EVERY == 1:
            click.echo(f"\r{self._said()} … {answer['file']}\x1b[K", nl=False, err=True)

    def end(self) -> None:
        click.echo(f"\r{self._said()}.\x1b[K", err=True)
        for line in self._failed:
            click.echo(line)

    def _said(self) -> str:
        counted = ", ".join(f"{number:,} {status}" for status, number in self.statuses.items())
        return f"{self.count:,} items: {counted}" if counted else "Nothing to import"


def report_of() -> Report:
    return BarReport() if sys.stdout.isatty() else Report()
