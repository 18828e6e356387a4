"""Endless mode: a generator keeps composing ahead of the play-head for as long as it plays.

The notes come into the song itself, all of one sitting as one undo step (unless the user edits meanwhile).
The generator waits whenever it is `LEAD_SECONDS` ahead; when playing stops, it stops.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from core.compose.request import Request, Update
from core.song import edits
from core.song.notes import Notes, Song, empty_notes
from desktop.document import Document
from desktop.jobs import Job, Jobs, Task
from desktop.playback import Playback
from desktop.tracks.changes import in_ticks, inserted, rescaled

LEAD_SECONDS = 30.0
"""How far ahead of the play-head is composed at most."""
START_SECONDS = 2.0
"""How much there must be before playing begins."""
APPEND_MS = 400
"""The song grows in steps of this, so that the player is not told of every note."""
LONGEST_WAIT = 0.02

Stream = Callable[..., Iterator[Update]]


class Endless(QObject):
    """Streams a generator into the document. ``stream`` is the generator's own unless a test gives another."""

    toggled = Signal(bool)
    said = Signal(str, str)

    def __init__(
        self,
        document: Document,
        playback: Playback,
        jobs: Jobs,
        stream: Stream | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._playback, self._jobs, self._stream = document, playback, jobs, stream
        self._job: Job | None = None
        self._sittings = 0
        self._began = False
        self._started = False
        self._offset = 0
        self._frame: Song | None = None
        self._target: np.ndarray = np.zeros(1, np.uint16)
        self._pending: list[Notes] = []
        self._played = 0.0
        self._composed = 0.0
        self._append = QTimer(self, interval=APPEND_MS)
        self._append.timeout.connect(self._flush)
        playback.playing_changed.connect(self._playing_changed)
        document.playhead_changed.connect(self._playhead_moved)

    @property
    def on(self) -> bool:
        return self._job is not None

    @property
    def seconds_ahead(self) -> float:
        """How much is composed beyond the play-head."""
        return self._composed - self._played

    def start(self, request: Request, *, untouched: bool) -> None:
        """Compose on and on, after what is there; in the song's place where nothing in it is the user's."""
        if self.on:
            return
        self._sittings += 1
        self._began = self._started = False
        self._frame, self._pending = None, []
        self._untouched = untouched
        self._document.set_loop(None)
        song = self._document.song
        self._offset = 0 if untouched or not song.end_tick else _next_bar(song)
        self._composed = float(song.time.to_seconds(self._offset))
        self._played = self._composed
        self._job = self._jobs.run(
            "inference", "Composing on and on", lambda task: self._work(task, request),
            on_update=self._news, on_success=lambda _: self._ended(), on_failure=self._failed,
            on_cancelled=self._ended,
        )  # fmt: skip
        self._append.start()
        self.toggled.emit(True)

    def stop(self) -> None:
        """Compose no further; what came stays in the song."""
        if self._job is not None:
            self._jobs.cancel(self._job)

    def _work(self, task: Task, request: Request) -> None:
        stream = self._stream
        if stream is None:
            from core.compose.registry import check

            stream = check(request).stream
        if stream is None:
            return
        base, offset = (None, 0) if self._untouched else (self._document.song, self._offset)
        frame: Song | None = None
        for update in stream(request, cancelled=task.cancelled):
            task.check()
            frame = frame or update.song
            task.update(update)
            if frame is None or not len(update.notes):
                continue
            end = int((update.notes["onset"] + update.notes["duration"]).max())
            song = base or frame
            tick = offset + end * song.ticks_per_beat / frame.ticks_per_beat
            self._composed = max(self._composed, float(song.time.to_seconds(tick)))
            while self.seconds_ahead >= LEAD_SECONDS:
                task.check()
                time.sleep(LONGEST_WAIT)

    def _news(self, update: Update) -> None:
        if update.song is not None and self._frame is None:
            self._frame = update.song
        if len(update.notes):
            self._pending.append(update.notes)

    def _playhead_moved(self, tick: int) -> None:
        if self._started:
            self._played = float(self._document.song.time.to_seconds(tick))

    def _flush(self) -> None:
        """Let what came since into the song."""
        if not self._pending or self._frame is None:
            return
        notes = np.concatenate(self._pending)
        self._pending = []
        if not self._began:
            self._begin(self._frame)
        song = self._document.song
        notes = rescaled(notes, self._frame.ticks_per_beat, song.ticks_per_beat).copy()
        notes["onset"] += self._offset
        notes["track"] = self._target[np.minimum(notes["track"], len(self._target) - 1)]
        self._document.apply("Endless", edits.insert(song, notes), coalesce=f"endless {self._sittings}")
        if not self._started and self.seconds_ahead >= START_SECONDS:
            self._started = True
            if not self._playback.is_playing:
                self._playback.seek(self._offset)
                self._playback.toggle()

    def _begin(self, frame: Song) -> None:
        """Make the tracks that the stream needs."""
        self._began = True
        frame = in_ticks(frame.with_notes(empty_notes()), self._document.song.ticks_per_beat)
        if self._untouched:
            song = frame
            self._target = np.arange(max(1, len(frame.tracks)), dtype=np.uint16)
        else:
            # A note on every track shows where `inserted` puts each.
            probe = np.zeros(max(1, len(frame.tracks)), frame.notes.dtype)
            probe["duration"], probe["velocity"] = 1, 1
            probe["track"] = np.arange(len(probe))
            probe["pitch"] = np.arange(len(probe))
            before = self._document.song.with_notes(empty_notes())
            placed = inserted(before, frame.with_notes(probe), 0)
            order = np.argsort(placed.notes["pitch"])
            self._target = placed.notes["track"][order].astype(np.uint16)
            song = replace(placed, notes=self._document.song.notes)
        self._document.apply("Endless", song, coalesce=f"endless {self._sittings}")

    def _playing_changed(self, playing: bool) -> None:
        if not playing and self._started:
            self.stop()

    def _ended(self) -> None:
        self._flush()
        self._append.stop()
        self._job = None
        self.toggled.emit(False)

    def _failed(self, error: Exception) -> None:
        self._ended()
        self.said.emit(f"Endless mode stopped: {error}", "bad")


def _next_bar(song: Song) -> int:
    """The tick of the first bar after the song's end."""
    bars = song.bars
    return bars.start(bars.bar_at(max(0, song.end_tick - 1)) + 1)
