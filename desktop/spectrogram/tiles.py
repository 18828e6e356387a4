"""Columns of a spectrogram, made on a worker thread in tiles and kept while there is room.

At level 0 columns are `FINEST` samples apart, at every further level twice as far: whatever the zoom, a screen full
of columns costs about the same, and a file of hours is first seen coarsely. A tile is a byte a number: half decibels
above `QUIETEST`, so that the range of levels and the colours are a table looked up when it is painted.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop.jobs import Job, Jobs, Task
from desktop.spectrogram.sound import SAMPLE_RATE, Sound
from desktop.spectrogram.transforms import QUIETEST, TRANSFORMS

FINEST = 64
"""Samples between columns at level 0: 2.9 ms."""
COLUMNS = 256
"""Columns a tile."""
MADE_AT_ONCE = 32
"""Columns between two looks at whether somebody waits: some tens of milliseconds."""
MOST_LEVELS = 22
MOST_BYTES = 48 << 20
STEP_DB = 0.5
LANE = "spectrogram"
Levels = NDArray[np.uint8]


class TileKey(NamedTuple):
    """Which tile: of what transform, how coarse, the how-manieth of them."""

    transform: str
    level: int
    number: int


def spacing(level: int) -> int:
    """Samples between columns."""
    return FINEST << level


def level_for(seconds_per_pixel: float) -> int:
    """The coarsest level that has a column for every pixel."""
    wanted = seconds_per_pixel * SAMPLE_RATE / FINEST
    return int(min(MOST_LEVELS, max(0, np.floor(np.log2(max(1.0, wanted))))))


def decibels_of(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the bytes of a tile stand for."""
    return np.asarray(QUIETEST + STEP_DB * levels.astype(np.float32))


class Tiles(QObject):
    """The tiles of one sound at a time."""

    made = Signal()
    """A tile that was wanted is there."""
    busy_changed = Signal(bool)

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self.sound: Sound | None = None
        self._made: OrderedDict[TileKey, Levels] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._wanted: list[TileKey] = []
        self._job: Job | None = None

    @property
    def is_busy(self) -> bool:
        return self._job is not None

    def show_sound(self, sound: Sound | None) -> None:
        """Forget all tiles, and make those of another sound from now on."""
        if self._job is not None:
            job, self._job = self._job, None
            self._jobs.cancel(job)
            self.busy_changed.emit(False)
        with self._lock:
            self._wanted = []
        self._made.clear()
        self._bytes = 0
        self.sound = sound

    def get(self, key: TileKey) -> Levels | None:
        """A tile [shape=(rows, COLUMNS)], or None where it has not been made."""
        tile = self._made.get(key)
        if tile is not None:
            self._made.move_to_end(key)
        return tile

    def columns(self, transform: str, level: int, first: int, last: int, *, ask: bool = True) -> Levels:
        """Columns ``first`` to ``last`` [shape=(rows, last - first)]; where tiles are missing, coarser ones stand in.

        With ``ask`` what is missing is made, and `made` tells when more is there.
        """
        result = np.zeros((TRANSFORMS[transform].rows, max(0, last - first)), np.uint8)
        missing = []
        for index in range(max(0, first) // COLUMNS, -(-max(0, last) // COLUMNS)):
            key = TileKey(transform, level, index)
            tile = self.get(key)
            if tile is None:
                if self._can_make(key):
                    missing.append(key)
                tile = self._stand_in(key)
            if tile is not None:
                start, stop = max(first, index * COLUMNS), min(last, (index + 1) * COLUMNS)
                result[:, start - first : stop - first] = tile[
                    :, start - index * COLUMNS : stop - index * COLUMNS
                ]
        if ask:
            self._want(missing)
        return result

    def _stand_in(self, key: TileKey) -> Levels | None:
        for coarser in range(1, MOST_LEVELS - key.level + 1):
            tile = self._made.get(TileKey(key.transform, key.level + coarser, key.number >> coarser))
            if tile is not None:
                width = max(1, COLUMNS >> coarser)
                start = (key.number & ((1 << coarser) - 1)) * COLUMNS >> coarser
                return np.repeat(tile[:, start : start + width], COLUMNS // width, axis=1)
        return None

    def _can_make(self, key: TileKey) -> bool:
        """Whether its samples have been decoded; beyond the end there is nothing to make."""
        if self.sound is None:
            return False
        step = spacing(key.level)
        if key.number * COLUMNS * step >= self.sound.length:
            return False
        needed = (key.number + 1) * COLUMNS * step + TRANSFORMS[key.transform].reach
        return self.sound.done or needed <= self.sound.length

    def _want(self, missing: list[TileKey]) -> None:
        """Make these and no others: what was asked for before and is not in view any more is let go."""
        with self._lock:
            self._wanted = missing
        if missing and self._job is None and self.sound is not None:
            sound = self.sound
            self._job = self._jobs.run(
                LANE, "Spectrogram", lambda task: self._make(task, sound), on_update=self._take,
                on_success=lambda _: self._end(), on_failure=lambda _: self._end(), quiet=True,
            )  # fmt: skip
            self.busy_changed.emit(True)

    def _make(self, task: Task, sound: Sound) -> None:
        """On the worker thread: one tile after another, for as long as some are wanted."""
        while True:
            task.check()
            with self._lock:
                if not self._wanted:
                    return
                key = self._wanted.pop(0)
            task.update((key, tile(task, sound, key)))

    def _take(self, news: tuple[TileKey, Levels]) -> None:
        key, levels = news
        if key not in self._made:
            self._bytes += levels.nbytes
        self._made[key] = levels
        while self._bytes > MOST_BYTES and len(self._made) > 1:
            self._bytes -= self._made.popitem(last=False)[1].nbytes
        self.made.emit()

    def _end(self) -> None:
        self._job = None
        with self._lock:
            waiting = list(self._wanted)
        if waiting:
            self._want(waiting)
        else:
            self.busy_changed.emit(False)


def tile(task: Task, sound: Sound, key: TileKey) -> Levels:
    """One tile, in pieces between which ``task`` may be cancelled."""
    transform, step = TRANSFORMS[key.transform], spacing(key.level)
    levels = np.zeros((transform.rows, COLUMNS), np.uint8)
    first = key.number * COLUMNS
    for start in range(0, COLUMNS, MADE_AT_ONCE):
        task.check()
        moments = (first + start + np.arange(MADE_AT_ONCE, dtype=np.int64)) * step + step // 2
        if moments[0] >= sound.length:
            break
        found = transform.compute(sound.read, moments, step)
        levels[:, start : start + MADE_AT_ONCE] = np.clip(np.round((found - QUIETEST) / STEP_DB), 0, 255)
    return levels
