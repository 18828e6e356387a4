"""Hearing what is on the map: what lies near the pointer is made ready, so that it sounds the moment it is asked for.

A song is read and sent to the player, which needs no rendering; of a recording a stretch is decoded. Both are kept,
those used last, and read on a thread of their own; the newest wish comes first.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from core.song.notes import Song
from desktop.jobs import Job, Jobs, Task
from desktop.playback import Playback
from desktop.spectrogram.audition import Audition
from desktop.spectrogram.sound import SAMPLE_RATE, Sound

log = logging.getLogger(__name__)

LANE = "previews"
KEPT = 96
MOST_NOTES = 1500
"""Of a longer song the beginning is heard."""
CLIP_SECONDS = 12.0
LATEST_START = 30.0
"""A recording is heard from a third on, but not later than this."""

About = Mapping[str, Any]
Ready = Song | Sound


class Hearing(QObject):
    """One piece at a time, beside the song of the document."""

    changed = Signal()
    """Another piece sounds, or none."""
    failed = Signal(str)

    def __init__(self, jobs: Jobs, playback: Playback, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._playback = jobs, playback
        self._audition = Audition(playback, self)
        self._ready: OrderedDict[str, Ready] = OrderedDict()
        self._bad: set[str] = set()
        self._job: Job | None = None
        self._wanted: tuple[str, About] | None = None
        self._song: Song | None = None
        self.heard = ""
        """The key of the piece that sounds, or ""."""
        playback.hearing_changed.connect(self._hearing_changed)
        self._audition.playing_changed.connect(self._audition_changed)

    @property
    def is_free(self) -> bool:
        """Whether nothing sounds that a passing pointer must not interrupt."""
        ours = self._playback.hearing is None or self._playback.hearing is self._song
        return not self._playback.is_playing and ours

    def is_ready(self, key: str) -> bool:
        """Whether a piece would sound at once."""
        return key in self._ready

    def prepare(self, pieces: Sequence[tuple[str, About]]) -> None:
        """Read these, the first first; what was to be read before and has not been is left."""
        wished = [self._wanted] if self._wanted is not None else []
        new = [each for each in (*wished, *pieces) if each[0] not in self._ready and each[0] not in self._bad]
        if self._job is not None:
            self._jobs.cancel(self._job)
            self._job = None
        if new:
            self._job = self._jobs.run(
                LANE, "Making previews", lambda task: _read_all(task, new), on_update=self._take, quiet=True,
                on_success=self._done, on_failure=self._done,
            )  # fmt: skip

    def hear(self, key: str, about: About) -> None:
        """Let a piece sound as soon as it is ready, which it is at once where it was prepared."""
        self._wanted = None
        if key in self._ready:
            self._start(key)
        elif key in self._bad:
            self.failed.emit(f"“{about.get('title')}” cannot be read")
        else:
            self._wanted = (key, about)
            self.prepare([])

    def keep(self, key: str, thing: Ready) -> None:
        """Have something ready that was made elsewhere."""
        old = self._ready.pop(key, None)
        if isinstance(old, Sound) and old is not thing:
            old.close()
        self._ready[key] = thing
        while len(self._ready) > KEPT:
            _, old = self._ready.popitem(last=False)
            if isinstance(old, Sound):
                old.close()

    def go_on_with(self, key: str) -> None:
        """Let another piece, which is ready, go on where the one that sounds stands; from its start if none does."""
        thing = self._ready[key]
        if isinstance(thing, Song) and self._song is not None and self._playback.hearing is self._song:
            self._ready.move_to_end(key)
            self._song, self.heard = thing, key
            self._playback.hear_on(thing)
            self.changed.emit()
        elif isinstance(thing, Sound) and self._audition.is_playing:
            start = self._audition.seconds
            self.heard = key
            self._audition.play(thing, start if start < thing.seconds - 0.2 else 0.0, thing.seconds)
            self.changed.emit()
        else:
            self._start(key)

    def stop(self) -> None:
        """Fall silent."""
        self._wanted = None
        if self._song is not None and self._playback.hearing is self._song:
            self._playback.hear_no_more()
        self._audition.stop()

    def close(self) -> None:
        """Let go of everything; after the jobs have ended."""
        for thing in self._ready.values():
            if isinstance(thing, Sound):
                thing.close()
        self._ready.clear()

    def _start(self, key: str) -> None:
        thing = self._ready[key]
        self._ready.move_to_end(key)
        if isinstance(thing, Song):
            self._audition.stop()
            self._song, self.heard = thing, key
            self._playback.hear(thing)
        else:
            self._song, self.heard = None, key
            self._audition.play(thing, 0.0, thing.seconds)
        self.changed.emit()

    def _take(self, news: tuple[str, Ready | str]) -> None:
        key, thing = news
        wanted = self._wanted is not None and self._wanted[0] == key
        if isinstance(thing, str):
            self._bad.add(key)
            if wanted:
                self._wanted = None
                self.failed.emit(thing)
            return
        self.keep(key, thing)
        if wanted:
            self._wanted = None
            self._start(key)

    def _done(self, _: object) -> None:
        self._job = None

    def _hearing_changed(self) -> None:
        if self._song is not None and self._playback.hearing is not self._song:
            self._song, self.heard = None, ""
            self.changed.emit()

    def _audition_changed(self, playing: bool) -> None:
        if not playing and self._song is None and self.heard:
            self.heard = ""
            self.changed.emit()


def _read_all(task: Task, pieces: Sequence[tuple[str, About]]) -> None:
    from core.errors import TunesmithError

    for key, about in pieces:
        task.check()
        try:
            task.update((key, read(about, task)))
        except TunesmithError as error:
            task.update((key, str(error)))


def read(about: About, task: Task) -> Ready:
    """What sounds of a piece: a song, or a stretch of a recording."""
    from core.explore.library import opened

    found = opened(about)
    if isinstance(found, Path):
        return clip_of(found, float(about.get("seconds") or 0.0), task)
    return found if len(found.notes) <= MOST_NOTES else found.with_notes(found.notes[:MOST_NOTES])


def clip_of(path: Path, seconds: float, task: Task) -> Sound:
    """Some seconds of a recording that is ``seconds`` long."""
    from core.listen import decode

    start = int(min(LATEST_START, max(0.0, seconds - CLIP_SECONDS) / 3) * SAMPLE_RATE)
    end = start + int(CLIP_SECONDS * SAMPLE_RATE)
    sound, at = Sound(), 0
    with closing(
        decode.stream(path, sample_rate=SAMPLE_RATE, seconds=1.0, cancelled=task.cancelled)
    ) as blocks:
        for block in blocks:
            part = block[max(0, start - at) : max(0, end - at)]
            if len(part):
                sound.append(part)
            at += len(block)
            if at >= end:
                break
    # The process that decodes ends where a file is left before its end; the next recording finds another waiting.
    decode.warm()
    sound.finish()
    return sound


def sound_from(samples: NDArray[np.float32]) -> Sound:
    """Samples at `SAMPLE_RATE` [shape=(n,)] as something that can be heard."""
    sound = Sound()
    sound.append(samples)
    sound.finish()
    return sound
