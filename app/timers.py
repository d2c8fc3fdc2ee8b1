"""What a server process does by itself, again and again, in a thread of its own."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.db.database import DatabaseBusy

log = structlog.get_logger("byline.timers")


@dataclass
class Job:
    """Something to do every so many seconds. Failing once, it is tried again the next time."""

    name: str
    every_seconds: float
    work: Callable[[], object]
    due_at: float = 0


class Timers(threading.Thread):
    """Does its jobs until it is stopped."""

    def __init__(self, jobs: list[Job]) -> None:
        super().__init__(name="timers", daemon=True)
        self._jobs = jobs
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            for job in self._jobs:
                self._do_if_due(job)
            soonest = min((job.due_at for job in self._jobs), default=math.inf)
            self._stopping.wait(min(60.0, max(0.01, soonest - time.monotonic())))

    def stop(self) -> None:
        """Lets the job under way end, and then the thread."""
        self._stopping.set()
        self.join()

    def _do_if_due(self, job: Job) -> None:
        if self._stopping.is_set() or time.monotonic() < job.due_at:
            return
        try:
            job.work()
        except DatabaseBusy as error:
            log.warning("a job has to wait", job=job.name, reason=str(error))
        except Exception:
            log.exception("a job failed", job=job.name)
        job.due_at = time.monotonic() + job.every_seconds
