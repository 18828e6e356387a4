"""Where pitches lie on the screen: rows of one height, high pitches on top, optionally folded."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

MIN_ROW_HEIGHT = 4.0
MAX_ROW_HEIGHT = 40.0


class PitchAxis(QObject):
    """A map between pitches and vertical logical pixels.

    ``pitches`` are the pitches that have a row, from the top down; folding leaves some out.
    """

    changed = Signal()

    def __init__(self, row_height: float = 14.0, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._row_height = row_height
        self._top = 0.0
        self._height = 400.0
        self.pitches: tuple[int, ...] = ()
        self.rows: NDArray[np.int16] = np.empty(0, np.int16)
        self._use(range(128))

    @property
    def row_height(self) -> float:
        return self._row_height

    @property
    def top(self) -> float:
        """How far the view is scrolled down from the highest pitch, in pixels."""
        return self._top

    @property
    def content_height(self) -> float:
        return len(self.pitches) * self._row_height

    def y(self, pitch: int) -> float:
        """Top of the row of ``pitch``; a folded pitch gives the row above which it would lie."""
        row = self.rows[pitch]
        if row < 0:
            row = sum(shown > pitch for shown in self.pitches)
        return float(row) * self._row_height - self._top

    def pitch(self, y: float) -> int:
        """The pitch whose row holds ``y``; the nearest row's beyond the ends."""
        row = int((y + self._top) // self._row_height)
        return self.pitches[min(len(self.pitches) - 1, max(0, row))]

    def set_view(self, top: float, row_height: float | None = None) -> None:
        """Scroll to ``top`` pixels, optionally with rows of another height; both are clamped."""
        height = self._row_height if row_height is None else row_height
        height = min(MAX_ROW_HEIGHT, max(MIN_ROW_HEIGHT, float(height)))
        limit = max(0.0, len(self.pitches) * height - self._height)
        top = min(limit, max(0.0, float(top)))
        if (top, height) != (self._top, self._row_height):
            self._top, self._row_height = top, height
            self.changed.emit()

    def set_height(self, height: float) -> None:
        """Say how many pixels of the axis are on the screen."""
        self._height = float(height)
        self.set_view(self._top)

    def scroll(self, pixels: float) -> None:
        self.set_view(self._top + pixels)

    def zoom_about(self, y: float, factor: float) -> None:
        """Change the rows' height by ``factor``, keeping what lies under pixel ``y`` where it is."""
        height = min(MAX_ROW_HEIGHT, max(MIN_ROW_HEIGHT, self._row_height * factor))
        self.set_view((y + self._top) * height / self._row_height - y, height)

    def show(self, low: int, high: int, *, largest: float = 20.0) -> None:
        """Make the pitches ``low`` to ``high`` visible, in the middle, with rows as high as fit."""
        count = high - low + 1
        height = min(largest, max(MIN_ROW_HEIGHT, self._height / max(1, count)))
        middle = (self.y(high) + self.y(low) + 2 * self._top + self._row_height) / 2
        self.set_view(middle * height / self._row_height - self._height / 2, height)

    def fold(self, pitches: Iterable[int] | None) -> None:
        """Give rows only to ``pitches`` (None: to all 128)."""
        wanted = range(128) if pitches is None else sorted(set(pitches))
        if tuple(reversed(tuple(wanted))) == self.pitches or not len(wanted):
            return
        centre = self.pitch(self._height / 2)
        self._use(wanted)
        self._top = max(0.0, self.y(centre) + self._top - self._height / 2)
        self.set_view(self._top)
        self.changed.emit()

    def _use(self, pitches: Iterable[int]) -> None:
        self.pitches = tuple(sorted(pitches, reverse=True))
        self.rows = np.full(128, -1, np.int16)
        self.rows[list(self.pitches)] = np.arange(len(self.pitches))
