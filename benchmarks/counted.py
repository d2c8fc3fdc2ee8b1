"""Runs a program whose SQLite statements are counted, whatever library sends them.

`python -m benchmarks.counted FILE MODULE[:FUNCTION] [ARGUMENT …]` adds each statement to the file as
a line. PostgreSQL counts by itself, see `statements_of`.
"""

import importlib
import runpy
import sqlite3.dbapi2
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "END", "SAVEPOINT", "RELEASE")
_LOGGED = (b" statement: ", b" execute ")


def statements_of(file: Path, is_sqlite: bool) -> int:
    """How many statements a file has, beside those that begin and end a transaction, and pings.

    Of PostgreSQL the file is the server's log, with `log_statement` at `all`.
    """
    if is_sqlite:
        return len(file.read_bytes().splitlines())
    return sum(_counts(line) for line in file.read_bytes().splitlines())


def _counts(line: bytes) -> bool:
    for mark in _LOGGED:
        if mark in line:
            statement = line.partition(mark)[2]
            if mark == b" execute ":
                statement = statement.partition(b": ")[2]
            text = statement.decode(errors="replace").strip(" ;").upper()
            return bool(text) and not text.startswith(TRANSACTION)
    return False


def main(file: Path, program: str, arguments: list[str]) -> None:
    with file.open("a", buffering=1, encoding="utf-8") as lines:

        def note(statement: str) -> None:
            text = " ".join(statement.split())
            # What a trigger does is told as a comment.
            if not text.startswith("--") and not text.upper().startswith(TRANSACTION):
                lines.write(text[:200] + "\n")

        _watch_sqlite3(note)
        _watch_apsw(note)
        sys.argv = [program, *arguments]
        module, _, function = program.partition(":")
        if function:
            getattr(importlib.import_module(module), function)()
        else:
            runpy.run_module(module, run_name="__main__")


def _watch_sqlite3(note: Any) -> None:
    plain: Any = sqlite3.dbapi2.connect

    def connect(*args: Any, **kwargs: Any) -> Any:
        connection = plain(*args, **kwargs)
        connection.set_trace_callback(note)
        return connection

    for module in (sqlite3, sqlite3.dbapi2):
        module.connect = connect  # type: ignore[attr-defined]


def _watch_apsw(note: Any) -> None:
    if find_spec("apsw") is None:
        return
    apsw: Any = importlib.import_module("apsw")

    def hook(connection: Any) -> None:
        connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda told: note(told["sql"]))

    apsw.connection_hooks.append(hook)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
