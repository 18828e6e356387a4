"""Work that must not hold up the window: functions run on a few long-lived threads, one after another.

A job is a function that is given a `Task`; it says how far it is, hands out what it has so far, and asks
whether it should stop. What it returns or raises comes back on the GUI thread, in `Jobs` and nowhere
else::

    jobs.run("inference", "Composing", work, on_update=show, on_success=keep, on_failure=tell)

Rules that keep this from crashing: a worker has no parent and lives as long as its thread; threads are
never terminated; every job has a number, and whatever a cancelled job still sends is ignored.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from core.errors import Cancelled

log = logging.getLogger(__name__)

LANES = ("inference", "files", "library", "listening", "sound", "spectrogram", "batch", "explore", "previews")
"""Each lane is a thread of its own; jobs of one lane run in the order they were asked for."""

STOP_WAIT_MS = 60_000
"""No job is that long in answering; importing PyTorch on a cold disk comes nearest."""


@dataclass(eq=False)
class Task:
    """What a running function knows of its job."""

    id: int
    send: Callable[[int, str, object], None]
    stop: threading.Event = field(default_factory=threading.Event)

    def progress(self, share: float) -> None:
        """Say how much is done, 0 to 1."""
        self.send(self.id, "progress", float(share))

    def update(self, news: object) -> None:
        """Hand out a part of the result."""
        self.send(self.id, "update", news)

    def cancelled(self) -> bool:
        """Whether the user wants this to stop."""
        return self.stop.is_set()

    def check(self) -> None:
        """Raise `Cancelled` where the user wants this to stop."""
        if self.stop.is_set():
            raise Cancelled


@dataclass(eq=False)
class Job:
    """A job as the window sees it."""

    id: int
    lane: str
    label: str
    task: Task
    work: Callable[[Task], Any]
    on_update: Callable[[Any], None] | None = None
    on_progress: Callable[[float], None] | None = None
    on_success: Callable[[Any], None] | None = None
    on_failure: Callable[[Exception], None] | None = None
    on_cancelled: Callable[[], None] | None = None
    quiet: bool = False
    progress: float = 0.0


class _Worker(QObject):
    """Lives in a thread and runs what it is sent."""

    reported = Signal(int, str, object)

    @Slot(object)
    def run(self, job: Job) -> None:
        task = job.task
        try:
            task.check()
            result = job.work(task)
        except Cancelled:
            self.reported.emit(task.id, "cancelled", None)
        except Exception as error:
            log.debug("job %s failed", job.label, exc_info=True)
            self.reported.emit(task.id, "failure", error)
        else:
            self.reported.emit(task.id, "success", result)


class _Lane(QObject):
    """One thread with its worker."""

    asked = Signal(object)

    def __init__(self, name: str, receive: Callable[[int, str, object], None]) -> None:
        super().__init__()
        self.thread_ = QThread()
        self.thread_.setObjectName(f"tunesmith {name}")
        self.worker = _Worker()
        self.worker.moveToThread(self.thread_)
        self.asked.connect(self.worker.run, Qt.ConnectionType.QueuedConnection)
        self.worker.reported.connect(receive, Qt.ConnectionType.QueuedConnection)

    def close(self) -> None:
        self.asked.disconnect()
        self.worker.reported.disconnect()
        self.thread_.quit()
        if not self.thread_.wait(STOP_WAIT_MS):
            log.warning("%s is still busy and is left behind", self.thread_.objectName())


class Jobs(QObject):
    """Starts jobs and brings their results home. One per window."""

    started = Signal(object)
    progressed = Signal(object)
    ended = Signal(object)
    """Carries the `Job`, after its callback has run."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._running: dict[int, Job] = {}
        self._lanes: dict[str, _Lane] = {}
        self._closed = False

    def run(
        self,
        lane: str,
        label: str,
        work: Callable[[Task], Any],
        *,
        on_update: Callable[[Any], None] | None = None,
        on_progress: Callable[[float], None] | None = None,
        on_success: Callable[[Any], None] | None = None,
        on_failure: Callable[[Exception], None] | None = None,
        on_cancelled: Callable[[], None] | None = None,
        quiet: bool = False,
    ) -> Job:
        """Run ``work(task)`` on a lane; callbacks are called on the GUI thread. ``quiet`` jobs show nowhere.

        After `close` nothing is run: a timer that fires late must not begin a thread that nobody ends.
        """
        number = next(self._numbers)
        task = Task(number, lambda *news: thread.worker.reported.emit(*news))
        job = Job(
            number, lane, label, task, work,
            on_update, on_progress, on_success, on_failure, on_cancelled, quiet,
        )  # fmt: skip
        if self._closed:
            return job
        thread = self._lane(lane)
        self._running[number] = job
        thread.asked.emit(job)
        self.started.emit(job)
        return job

    @property
    def running(self) -> tuple[Job, ...]:
        """Jobs that wait or run, oldest first."""
        return tuple(self._running.values())

    def cancel(self, job: Job) -> None:
        """Stop a job. The window lets go of it at once; the thread follows when it next asks."""
        job.task.stop.set()
        self._end(job.id, job.on_cancelled)

    def close(self) -> None:
        """Cancel everything and wait for the threads to end."""
        self._closed = True
        for job in self.running:
            job.task.stop.set()
        self._running.clear()
        for lane in self._lanes.values():
            lane.close()
        self._lanes.clear()

    def _lane(self, name: str) -> _Lane:
        if name not in self._lanes:
            lane = _Lane(name, self._receive)
            lane.thread_.start()
            self._lanes[name] = lane
        return self._lanes[name]

    @Slot(int, str, object)
    def _receive(self, number: int, kind: str, payload: Any) -> None:
        job = self._running.get(number)
        if job is None:
            return
        if kind == "update":
            if job.on_update:
                job.on_update(payload)
        elif kind == "progress":
            job.progress = payload
            if job.on_progress:
                job.on_progress(payload)
            self.progressed.emit(job)
        elif kind == "success":
            self._end(number, job.on_success, payload)
        elif kind == "failure":
            self._end(number, job.on_failure, payload)
        else:
            self._end(number, job.on_cancelled)

    def _end(self, number: int, callback: Callable[..., None] | None, *payload: Any) -> None:
        job = self._running.pop(number, None)
        if job is None:
            return
        try:
            if callback:
                callback(*payload)
        finally:
            self.ended.emit(job)
