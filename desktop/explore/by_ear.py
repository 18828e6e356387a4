"""What sounds while the pointer goes over the map, and what sounds because it was asked for.

What the pointer rests on sounds until it leaves, and never in place of the song that plays. What was clicked sounds to
its end, whatever the pointer does; clicked again it is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QObject

from desktop.explore.camera import squared_gaps
from desktop.explore.explorer import Chart
from desktop.explore.hearing import Hearing, Ready

PREPARED = 12
"""Pieces about the pointer that are made ready to be heard."""


class ByEar(QObject):
    """``chart`` tells the map that is shown, ``is_on`` whether the pointer alone may sound a piece."""

    def __init__(
        self,
        hearing: Hearing,
        chart: Callable[[], Chart | None],
        is_on: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.hearing = hearing
        self._chart, self._is_on = chart, is_on
        self._asked = False
        """Whether what sounds was asked for."""
        hearing.changed.connect(self._changed)

    def hover(self, point: int) -> None:
        """The pointer came to a point, or left all (-1): those about it are made ready."""
        chart = self._chart()
        if point < 0 or chart is None or not self._is_on():
            if not self._asked:
                self.hearing.stop()
            return
        gap = squared_gaps(chart.places, *chart.places[point].tolist())
        count = min(PREPARED, len(gap))
        near = np.argpartition(gap, count - 1)[:count]
        self.prepare([int(each) for each in near[np.argsort(gap[near])]])

    def warm(self) -> None:
        """Have a song and a recording ready, the most central ones: then what reads the others is ready, too."""
        chart = self._chart()
        if chart is None or not len(chart):
            return
        gap = squared_gaps(chart.places, *np.median(chart.places, 0).tolist())
        kinds = (np.where(kind, gap, np.inf) for kind in (~chart.is_recording, chart.is_recording))
        self.prepare([int(far.argmin()) for far in kinds if np.isfinite(far).any()])

    def rest(self, point: int) -> None:
        """The pointer rests on a point: it sounds."""
        busy = self._asked and self.hearing.heard
        if self._is_on() and self.hearing.is_free and not busy:
            self._asked = False
            self.hearing.hear(*self._piece(point))

    def press(self, point: int) -> None:
        """A point was asked for; the same again ends it."""
        key, about = self._piece(point)
        if self._asked and self.hearing.heard == key:
            self.hearing.stop()
        else:
            self._asked = True
            if self.hearing.heard != key:
                self.hearing.hear(key, about)

    def go_on_with(self, key: str, point: int) -> None:
        """Let what is ready under a key, or else a point, go on where the one that sounds stands."""
        self._asked = True
        if self.hearing.is_ready(key):
            self.hearing.go_on_with(key)
        elif point >= 0:
            self.hearing.hear(*self._piece(point))

    def prepare(self, points: list[int]) -> None:
        """Make points ready to be heard, the first first."""
        self.hearing.prepare([self._piece(point) for point in points])

    def keep(self, key: str, thing: Ready) -> None:
        """Have something ready that is not on the map."""
        self.hearing.keep(key, thing)

    def _piece(self, point: int) -> tuple[str, Any]:
        chart = self._chart()
        assert chart is not None
        return chart.key(point), chart.pieces[point]

    def _changed(self) -> None:
        if not self.hearing.heard:
            self._asked = False
