"""The index on this machine, as a process that asks it sees it.

`place.json` says which generation of the index counts and how far it has followed the sequence. It
is replaced whenever that changes, after the index has committed, so what it says is always there.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog
from tantivy import Index, Query, Schema, Searcher

from app.search.languages import LANGUAGES
from app.search.schema import SHELVES, STRUCTURE, register_analyzers
from app.search.turns import Turns
from app.web.problems import Problem

log = structlog.get_logger("byline.search")
PLACE_FILE = "place.json"
REBUILD_FILE = "rebuild"


@dataclass(frozen=True)
class Place:
    """How far an index has come: everything up to `sequence` of one database is in it.

    `mark` is the last revision that it read, by which a database is known that went back to an
    older copy of itself.
    """

    generation: str
    sequence: int
    database: str
    structure: str
    rules: str
    mark: str


@dataclass(frozen=True)
class View:
    """The index at one moment. What is done with it sees that moment, whatever is written meanwhile.

    `public` has what everybody may see, `hidden` all else. `languages`: those of both.
    """

    place: Place
    public: Searcher
    hidden: Searcher
    schema: Schema
    languages: tuple[str, ...]

    @property
    def size(self) -> int:
        return self.public.num_docs + self.hidden.num_docs

    @cached_property
    def public_languages(self) -> frozenset[str]:
        """Those of `languages` in which there is something that everybody may see for good."""
        public = Query.term_query(self.schema, "audience", "public", "basic")
        found = self.public.terms_with_prefix("analyzed_as", "", filter_query=public)
        return frozenset(one for one, _ in found)


def count(searcher: Searcher, query: Query) -> int:
    found: Any = searcher.search(query, 1)
    return int(found.count)


class SearchIndex:
    """Finds the newest view. `database` identifies the database that the index must be of."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.turns = Turns()
        self._place_file = str(folder / PLACE_FILE)  # asked for at each turn of the event loop
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._opened: tuple[str, list[Index]] | None = None
        self._view: View | None = None

    def is_of_another(self) -> bool:
        """Whether what the folder holds is the index of another database."""
        place = read_place(self.folder)
        return place is not None and place.database != self.database

    def view(self) -> View:
        """What is committed now; raises 503 while there is nothing that can be asked."""
        view = self.newest()
        if view is None:
            raise building_problem()
        return view

    def newest(self) -> View | None:
        with self._lock:
            seen = self._look()
            if seen != self._seen or self._view is None:
                self._view = self._load() if seen is not None else None
                self._seen = seen
            return self._view

    @contextmanager
    def asking(self) -> Iterator[View]:
        """A view to ask, in turn. An index that turns out to be damaged is made anew: a 503 as well."""
        try:
            with self.turns.taken():
                yield self.view()
        except BaseException as error:
            if not _is_damage(error):
                raise
            log.error("the search index is damaged", reason=first_line(error))
            (self.folder / REBUILD_FILE).touch()
            raise building_problem() from None

    def state(self) -> tuple[int, int] | None:
        """Equal as long as nobody has written the index; None where nobody can tell. It takes some
        microseconds."""
        try:
            return self._look()
        except OSError:  # whoever asks for a view is told
            return None

    def _look(self) -> tuple[int, int] | None:
        try:
            state = os.stat(self._place_file)
        except FileNotFoundError:
            return None
        return state.st_ino, state.st_mtime_ns

    def _load(self) -> View | None:
        place = read_place(self.folder)
        if place is None or place.database != self.database or place.structure != STRUCTURE:
            return None
        try:
            return self._view_of(place)
        except BaseException as error:
            if not isinstance(error, ValueError | OSError) and not is_panic(error):
                raise
            # The generation may have been replaced between the two looks; the next one will tell.
            log.warning("the search index cannot be opened", reason=first_line(error))
            return None

    def _view_of(self, place: Place) -> View:
        if self._opened is None or self._opened[0] != place.generation:
            folder = self.folder / place.generation
            self._opened = place.generation, [open_index(folder / name) for name in SHELVES]
        for index in self._opened[1]:
            index.reload()
        public, hidden = (index.searcher() for index in self._opened[1])
        present = tuple(
            one
            for one in LANGUAGES
            if public.doc_freq("analyzed_as", one) or hidden.doc_freq("analyzed_as", one)
        )
        return View(place, public, hidden, self._opened[1][0].schema, present)


def open_index(folder: Path) -> Index:
    index = Index.open(str(folder))
    register_analyzers(index)
    index.config_reader("manual")
    return index


def read_place(folder: Path) -> Place | None:
    """What `place.json` says; None where it is not there or cannot be read."""
    try:
        return Place(**json.loads((folder / PLACE_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def write_place(folder: Path, place: Place) -> None:
    fresh = folder / f"{PLACE_FILE}.new"
    fresh.write_text(json.dumps(asdict(place)))
    fresh.replace(folder / PLACE_FILE)


def shared_folder_warning(folder: Path) -> str:
    """What to tell who runs a server that can have no index."""
    return (
        f"a server on another database keeps its search index in {folder}: "
        "give each database a BYLINE_DATA_DIR of its own"
    )


def off_problem() -> Problem:
    return Problem(
        503,
        "search-off",
        "This server does not search: BYLINE_SEARCH is off.",
        headers={"Retry-After": "3600"},
    )


def building_problem() -> Problem:
    return Problem(
        503,
        "search-building",
        "The search index of this machine is being built; try again in a moment.",
        headers={"Retry-After": "2"},
    )


def is_panic(error: BaseException) -> bool:
    """Whether Tantivy gave up, which is no `Exception`."""
    return type(error).__name__ == "PanicException"


def first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _is_damage(error: BaseException) -> bool:
    # A file that cannot be read is a `ValueError`.
    return is_panic(error) or (isinstance(error, ValueError) and "IoError" in str(error))
