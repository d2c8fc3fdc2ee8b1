"""The follower: one process of each machine keeps the index on this machine at the end of the sequence.

Whoever holds the lock writes; the others try again each second, and take over when it ends. An
index that is missing, damaged, of another database or of other rules is made anew beside the old
one, which is followed on and answers until the new one has caught up.
"""

import ctypes
import fcntl
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlmodel import Session

from app.changes.actions import last_moment, last_number
from app.changes.watch import Watch
from app.db.columns import new_id
from app.db.database import Database, DatabaseBusy
from app.search import writing
from app.search.index import (
    PLACE_FILE,
    REBUILD_FILE,
    Place,
    SearchIndex,
    first_line,
    is_panic,
    read_place,
    shared_folder_warning,
    write_place,
)
from app.search.schema import RULES, STRUCTURE
from app.search.writing import Generation

log = structlog.get_logger("byline.search")
LOCK_FILE = "writer.lock"
RETRY_SECONDS, PAUSE_SECONDS_MAX = 1.0, 60.0
QUIET_SECONDS = 1.0
"""How long it waits for news before it looks whether it is asked to make the index anew."""
TIDY_CHANGES = 1_000
"""Changes after which what writing them has left in memory is worth giving back."""
REST_SHARE, REST_SECONDS_MAX = 3.0, 0.25
"""How many times as long as a batch took it rests after one that reached the end, so that the next
is larger: each is a commit of its own with segments to merge, the greater part of its cost."""
CLOCKS_APART_SECONDS_MAX = 2.0
"""How far another machine's clock may be ahead for this one's to be waited for."""
TOLD_SECONDS = 2.0
BAR_LENGTH = 20


@dataclass(frozen=True)
class Progress:
    """How far a new index is: articles in it, of how many, and since when."""

    done: int
    total: int
    seconds: float

    @property
    def per_second(self) -> int:
        return round(self.done / self.seconds) if self.seconds else 0

    def __str__(self) -> str:
        share = min(1.0, self.done / self.total) if self.total else 1.0
        full = round(share * BAR_LENGTH)
        bar = "█" * full + "░" * (BAR_LENGTH - full)
        return f"{bar} {share:4.0%}  {self.done:,} of {self.total:,}, {self.per_second:,}/s"


class IndexLocked(Exception):
    """Another process of this machine writes the index."""


class Stopped(Exception):
    """It was asked to stop in the middle of something."""


class Follower(threading.Thread):
    """Follows the sequence in a thread of its own until it is stopped."""

    def __init__(
        self,
        index: SearchIndex,
        database: Database,
        watch: Watch,
        clock: Callable[[], datetime],
        memory_bytes: int,
    ) -> None:
        super().__init__(name="search follower", daemon=True)
        self._index = index
        self._has_told = False
        self._watch = watch
        self._news = threading.Event()
        self._keeper = Keeper(index, database, clock, memory_bytes)

    def run(self) -> None:
        pause_seconds = RETRY_SECONDS
        while not self._keeper.stopping.is_set():
            try:
                with self._keeper.locked():
                    self._keep()
            except IndexLocked:
                pause_seconds = RETRY_SECONDS
                self._tell_of_another()
            except Stopped:
                return
            except DatabaseBusy as error:
                log.warning("the search index has to wait", reason=str(error))
            except BaseException as error:
                self._note(error)
                pause_seconds = min(PAUSE_SECONDS_MAX, pause_seconds * 2)
            self._keeper.stopping.wait(pause_seconds)

    def _tell_of_another(self) -> None:
        """Warns, once, where the index in the folder is of another database."""
        if self._index.is_of_another() and not self._has_told:
            self._has_told = True
            log.warning(shared_folder_warning(self._index.folder))

    def _note(self, error: BaseException) -> None:
        """Writes down what went wrong; where the index is to blame, it is to be made anew."""
        if is_panic(error) or isinstance(error, ValueError):
            log.error("the search index is damaged", reason=first_line(error))
            self._keeper.ask_for_rebuild()
        elif isinstance(error, Exception):
            log.error("the search index could not be followed", exc_info=error)
        else:
            raise error

    def stop(self) -> None:
        """Lets the batch under way end, and then the thread."""
        self._keeper.stopping.set()
        self._news.set()
        if self.is_alive():
            self.join()

    def _keep(self) -> None:
        keeper = self._keeper
        keeper.open(_in_the_log())
        tidied_at = -TIDY_CHANGES
        try:
            while not keeper.stopping.is_set():
                if keeper.is_asked_to_rebuild():
                    keeper.rebuild(_in_the_log())
                before, began = keeper.sequence, time.monotonic()
                if not keeper.follow():
                    if keeper.sequence - tidied_at >= TIDY_CHANGES:
                        tidied_at = keeper.sequence
                        give_memory_back()
                    self._watch.wait_beyond(keeper.sequence, QUIET_SECONDS, self._news)
                elif keeper.sequence - before < writing.READ_AT_ONCE:
                    took_seconds = time.monotonic() - began
                    keeper.stopping.wait(min(REST_SECONDS_MAX, REST_SHARE * took_seconds))
        finally:
            keeper.let_go()


def give_memory_back() -> None:
    """Has the C library give the system what was freed, a hundred megabytes after making an index;
    glibc keeps it otherwise, and other libraries have no such call."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _in_the_log() -> Callable[[Progress], None]:
    """Tells how a new index grows, now and then."""
    told = 0.0

    def tell(progress: Progress) -> None:
        nonlocal told
        is_done = progress.done >= progress.total
        if time.monotonic() - told > TOLD_SECONDS or is_done:
            told = time.monotonic()
            log.info(f"making the search index  {progress}")

    return tell


class Keeper:
    """What the holder of the lock does: opens the index or makes it anew, and brings it forward."""

    def __init__(
        self,
        index: SearchIndex,
        database: Database,
        clock: Callable[[], datetime],
        memory_bytes: int,
    ) -> None:
        self.stopping = threading.Event()
        self._index = index
        self._folder = index.folder
        self._database = database
        self._clock = clock
        self._memory_bytes = memory_bytes
        self._generation: Generation | None = None
        self._place: Place | None = None

    @property
    def sequence(self) -> int:
        return self._place.sequence if self._place else 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the lock of this machine's index; it goes with the process, however that ends."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / LOCK_FILE).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise IndexLocked from None
            yield

    def open(self, tell: Callable[[Progress], None]) -> None:
        """Takes up the index where it was left; makes it anew where it cannot be, or is outdated."""
        self._take_up()
        if self._place is None or self._place.rules != RULES:
            self.rebuild(tell)
        self._sweep()

    def close(self) -> None:
        if self._generation is not None:
            self._generation.close()
        self._generation = self._place = None

    def let_go(self) -> None:
        """Leaves an index that may be damaged."""
        try:
            self.close()
        except BaseException as error:
            if not isinstance(error, Exception) and not is_panic(error):
                raise
            log.warning("the old index could not be closed", reason=first_line(error))
            self._generation = self._place = None

    def ask_for_rebuild(self) -> None:
        (self._folder / REBUILD_FILE).touch()

    def is_asked_to_rebuild(self) -> bool:
        return (self._folder / REBUILD_FILE).exists()

    def follow(self) -> bool:
        """Brings the index one batch forward; False where it was at the end already."""
        if self._generation is None or self._place is None:
            return False
        place = self._brought_forward(self._generation, self._place)
        if place == self._place:
            return False
        self._place = place
        write_place(self._folder, place)
        return True

    def rebuild(self, tell: Callable[[Progress], None]) -> None:
        """Makes a new index beside the old one, which is followed on meanwhile, and puts it in its place."""
        fresh = Generation(self._folder / new_id(), self._memory_bytes, is_new=True)
        try:
            place = self._caught_up(fresh, self._filled(fresh, tell))
        except BaseException:
            fresh.discard()
            raise
        write_place(self._folder, place)
        (self._folder / REBUILD_FILE).unlink(missing_ok=True)
        self.let_go()
        self._generation, self._place = fresh, place
        self._sweep()

    def _take_up(self) -> None:
        place = read_place(self._folder)
        if place is not None and place.database != self._index.database:
            # The other workers are not to take the place for that of whoever holds the lock.
            (self._folder / PLACE_FILE).unlink()
            return
        if place is None or place.structure != STRUCTURE:
            return
        with self._database.reading() as session:
            is_ours = writing.is_known(session, place.mark)
            is_ahead = place.sequence > last_number(session)
        if not is_ours or is_ahead:
            log.warning("the search index is of another state of the database")
            (self._folder / PLACE_FILE).unlink(missing_ok=True)
            return
        try:
            folder = self._folder / place.generation
            self._generation = Generation(folder, self._memory_bytes, is_new=False)
        except BaseException as error:
            if not isinstance(error, ValueError | OSError) and not is_panic(error):
                raise
            log.warning("the search index is damaged", reason=first_line(error))
            return
        self._place = place

    def _brought_forward(self, generation: Generation, place: Place) -> Place:
        with self._database.reading() as session:
            ids, reached, mark = writing.changed_after(session, place.sequence)
            if reached == place.sequence:
                return place
            if ids:
                generation.replace(session, ids, self._now(session))
        if ids:
            generation.commit()
        return replace(place, sequence=reached, mark=mark or place.mark)

    def _now(self, session: Session) -> datetime:
        """The moment to judge by: no earlier than what was written, by whichever machine's clock.

        What another has made public would seem to be still to come, and none would write it again.
        """
        last = last_moment(session)
        ahead_seconds = (last - self._clock()).total_seconds() if last else 0
        if ahead_seconds > CLOCKS_APART_SECONDS_MAX:
            log.warning("the clocks of two machines differ", seconds=round(ahead_seconds, 1))
        elif ahead_seconds > 0:
            self.stopping.wait(ahead_seconds)
        return self._clock()

    def _caught_up(self, generation: Generation, place: Place) -> Place:
        """At least as far as the old one. What is written meanwhile is followed like anything else."""
        further = self._brought_forward(generation, place)
        while further.sequence - place.sequence >= writing.READ_AT_ONCE:
            place, further = further, self._brought_forward(generation, further)
        return further

    def _filled(self, fresh: Generation, tell: Callable[[Progress], None]) -> Place:
        began, done, after = time.monotonic(), 0, writing.FIRST_ID
        with self._database.reading() as session:
            number, mark = last_number(session), writing.newest_mark(session)
            total = writing.count_articles(session)
        while True:
            if self.stopping.is_set():
                raise Stopped
            with self._database.reading() as session:
                rows = writing.articles_after(session, after)
                fresh.put(session, rows, self._now(session))
            done += len(rows)
            tell(Progress(done, max(total, done), time.monotonic() - began))
            self._follow_old()
            if len(rows) < writing.READ_AT_ONCE:
                break  # what is written meanwhile comes by following
            after = rows[-1].id
        fresh.commit()
        return Place(fresh.name, number, self._index.database, STRUCTURE, RULES, mark)

    def _follow_old(self) -> None:
        try:
            self.follow()
        except DatabaseBusy:
            raise
        except BaseException as error:
            if not isinstance(error, Exception) and not is_panic(error):
                raise
            log.warning("the old index cannot be followed on", reason=first_line(error))
            self.let_go()

    def _sweep(self) -> None:
        """Removes what earlier generations left behind."""
        kept = self._place.generation if self._place else ""
        for folder in writing.generations_in(self._folder):
            if folder.name != kept:
                with suppress(OSError):
                    shutil.rmtree(folder)
