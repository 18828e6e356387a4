"""Listening as the window uses it: one file at a time, on a thread of its own, and what is known of it.

What is asked of `core.listen` stands here and nowhere else in the panel; the widgets show what this object knows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from core.listen.report import Report, Verdict
from core.song.notes import Song
from desktop.jobs import Job, Jobs, Task
from desktop.spectrogram.canvas import Overlay

log = logging.getLogger(__name__)

LANE = "listening"
State = Literal["empty", "busy", "result", "error"]


@dataclass(frozen=True, slots=True)
class Model:
    """A classifier that may be chosen. ``tells`` is "genre" or "composer", ``hears`` "recording" or "score"."""

    name: str
    title: str
    tells: str
    source: str = ""
    description: str = ""
    hears: str = "recording"
    why_not: str = ""


class Listener(QObject):
    """What is being listened to, and what was heard."""

    changed = Signal()
    """Another state, another report."""
    progressed = Signal(float)
    compared = Signal(str)
    """A model has told what it thinks; its name."""
    saliency_found = Signal(object)
    """An `Overlay`."""
    failed = Signal(str)
    """Something beside the report went wrong; one line."""

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job: Job | None = None
        self._side_jobs: list[Job] = []
        self.path: Path | None = None
        self.title = ""
        self.model = ""
        self.report: Report | None = None
        self.error = ""
        self.progress = 0.0
        self.verdicts: dict[str, Verdict] = {}
        """What each model that was asked says of this file."""

    @property
    def state(self) -> State:
        if self._job is not None:
            return "busy"
        if self.error:
            return "error"
        return "result" if self.report is not None else "empty"

    @property
    def is_comparing(self) -> bool:
        return bool(self._side_jobs)

    def listen(self, path: Path, title: str = "") -> None:
        """Find out what a file is; what was under way is let go."""
        self._begin(
            path, title or path.name, lambda task: heard_of(path, self.model, task.cancelled, task.progress)
        )

    def listen_to_song(self, song: Song, title: str) -> None:
        """Find out what a song of the studio is, from its notes."""

        def work(task: Task) -> Report:
            path = _as_midi(song)
            try:
                return heard_of(path, self.model, task.cancelled, task.progress)
            finally:
                path.unlink(missing_ok=True)

        self._begin(None, title, work)

    def show(self, report: Report) -> None:
        """Show what was found out elsewhere, such as by a batch."""
        self._let_go()
        self.path, self.title = Path(report.file), Path(report.file).name
        self.report, self.error = report, ""
        self.verdicts = {}
        self.changed.emit()

    def cancel(self) -> None:
        """Stop; what was known before is shown again."""
        if self._job is not None:
            self._jobs.cancel(self._job)
        self.stop_comparing()

    def use_model(self, name: str) -> None:
        """Judge by another model from now on, this file included; "" for the best there is."""
        if name == self.model:
            return
        self.model = name
        if self.report is not None and self.path is not None:
            self.listen(self.path, self.title)

    def compare(self, names: list[str]) -> None:
        """Ask several models about this file, one after another."""
        path = self.path
        if path is None or self.report is None:
            return
        for name in names:
            if name in self.verdicts:
                self.compared.emit(name)
                continue
            self._beside(
                f"Asking {name}", lambda task, name=name: _ask(task, path, name),
                lambda verdict, name=name: self._compared(name, verdict),
            )  # fmt: skip
        self.changed.emit()

    def stop_comparing(self) -> None:
        jobs, self._side_jobs = self._side_jobs, []
        for job in jobs:
            self._jobs.cancel(job)

    def find_saliency(self, start: float, end: float, label: str) -> None:
        """Find what spoke for ``label`` from ``start`` to ``end`` seconds."""
        path, name = self.path, self._judge()
        if path is None or not name:
            return
        self._beside(
            "Finding what spoke for it", lambda task: _saliency(task, path, name, label, start, end),
            self.saliency_found.emit,
        )  # fmt: skip

    def why_no_saliency(self) -> str:
        """Why what spoke for the verdict cannot be shown, or ""."""
        report = self.report
        if report is None:
            return "listen to a file first"
        if report.kind != "audio" or self.path is None:
            return "only for sound"
        if report.genre is None or not report.genre.chances:
            return "there is no verdict on its genre"
        return "" if self._judge() else "the model of the verdict is not known"

    def _judge(self) -> str:
        genre = self.report.genre if self.report is not None else None
        return genre.model if genre is not None else ""

    # -- jobs ----------------------------------------------------------------------------------------

    def _begin(self, path: Path | None, title: str, work: Any) -> None:
        before = (self.path, self.title, self.report, self.error, self.verdicts)
        self._let_go()
        self.path, self.title, self.error, self.progress = path, title, "", 0.0
        self.verdicts = {}

        def done(report: Report) -> None:
            self._job, self.report = None, report
            for verdict in (report.genre, report.composer):
                if verdict is not None and verdict.model:
                    self.verdicts[verdict.model] = verdict
            self.changed.emit()

        def failed(error: Exception) -> None:
            log.info("%s was not listened to", title, exc_info=error)
            self._job, self.report = None, None
            self.error = str(error) or type(error).__name__
            self.changed.emit()

        def cancelled() -> None:
            self._job = None
            self.path, self.title, self.report, self.error, self.verdicts = before
            self.changed.emit()

        self._job = self._jobs.run(
            LANE, f"Listening to {title}", work, on_success=done, on_failure=failed, on_cancelled=cancelled,
            on_progress=self._tell,
        )  # fmt: skip
        self.changed.emit()

    def _beside(self, text: str, work: Any, take: Any) -> None:
        def over() -> None:
            if job in self._side_jobs:
                self._side_jobs.remove(job)
            self.changed.emit()

        def done(result: Any) -> None:
            over()
            take(result)

        def failed(error: Exception) -> None:
            over()
            log.info("%s", text, exc_info=error)
            self.failed.emit(f"{text}: {error}")

        job = self._jobs.run(LANE, text, work, on_success=done, on_failure=failed, on_cancelled=over)
        self._side_jobs.append(job)

    def _compared(self, name: str, verdict: Verdict) -> None:
        self.verdicts[name] = verdict
        self.compared.emit(name)

    def _let_go(self) -> None:
        """Cancel without going back to what was shown."""
        if self._job is not None:
            job, self._job = self._job, None
            job.on_cancelled = None
            self._jobs.cancel(job)
        self.stop_comparing()

    def _tell(self, share: float) -> None:
        self.progress = share
        self.progressed.emit(share)


def models() -> list[Model]:
    """The classifiers there are, from the registry; those whose weights are missing say so."""
    from core.listen import registry

    there = {each.name for each in registry.installed()}
    return [
        Model(
            each.name, each.title, each.tells, each.source, each.description, each.hears,
            "" if each.name in there else "its weights are not installed",
        )
        for each in registry.CLASSIFIERS.values()
    ]  # fmt: skip


def heard_of(
    path: Path,
    model: str,
    cancelled: Callable[[], bool],
    progress: Callable[[float], None] | None = None,
) -> Report:
    """What is told of a file by ``model``, or by the best there is where that one hears something else."""
    from core.listen import registry
    from core.listen.formats import is_midi
    from core.listen.report import listen

    if model and path.is_file():
        with path.open("rb") as file:
            reads_notes = is_midi(file)
        if (registry.find(model).hears == "score") != reads_notes:
            model = ""
    return listen(path, model=model, progress=progress, cancelled=cancelled)


def _ask(task: Task, path: Path, name: str) -> Verdict:
    from core.listen import registry
    from core.listen.heard import hear

    heard = hear(path, progress=task.progress, cancelled=task.cancelled)
    task.check()
    return replace(registry.classify(heard, name), model=name)


def _saliency(task: Task, path: Path, name: str, label: str, start: float, end: float) -> Overlay:
    from core.listen import registry
    from core.listen.heard import hear

    heard = hear(path, progress=task.progress, cancelled=task.cancelled)
    task.check()
    values = registry.saliency(heard, name, label, start, end)
    # Whole frames, and of a very long stretch only its beginning.
    rate = heard.sample_rate / heard.hop_length
    first = int(start * rate) / rate
    return Overlay(first, first + values.shape[1] / rate, values)


def _as_midi(song: Song) -> Path:
    import os
    import tempfile

    from core.song.midi_file import write_midi

    number, name = tempfile.mkstemp(prefix="tunesmith-", suffix=".mid")
    os.close(number)
    write_midi(song, name)
    return Path(name)
