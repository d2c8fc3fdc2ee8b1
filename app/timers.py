"""What a server process does by itself, again and again."""

import threading
from collections.abc import Callable

import structlog

from app.db.database import DatabaseBusy

log = structlog.get_logger("byline.timers")


class Timer(threading.Thread):
    """Does something every so many seconds, in a thread of its own, until it is stopped.

    `work` says whether there is more of it to do, which it then does after a pause. When it fails,
    it is tried again the next time.
    """

    def __init__(
        self,
        name: str,
        every_seconds: float,
        work: Callable[[], bool],
        *,
        pause_seconds: float = 0,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._every_seconds = every_seconds
        self._pause_seconds = pause_seconds
        self._work = work
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(self._every_seconds):
            while self._done_in_part() and not self._stopping.wait(self._pause_seconds):
                pass

    def stop(self) -> None:
        """Lets the work under way end, and then the thread."""
        self._stopping.set()
        if self.is_alive():
            self.join()

    def _done_in_part(self) -> bool:
        try:
            return self._work()
        except DatabaseBusy as error:
            log.warning("a timer has to wait", timer=self.name, reason=str(error))
        except Exception:
            log.exception("a timer failed", timer=self.name)
        return False
