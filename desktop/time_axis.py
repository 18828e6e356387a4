"""Where score time lies on the screen: one axis shared by roll, lanes, ruler and spectrogram."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

Place = TypeVar("Place", float, NDArray[np.float64])
"""One tick, or many."""

MIN_PIXELS_PER_TICK = 0.00004
"""So that a file of several hours fits into the narrowest view."""
MAX_PIXELS_PER_TICK = 8.0


class TimeAxis(QObject):
    """A linear map between ticks and horizontal pixels.

    Pixels are logical (device-independent), counted from the left edge of the views that share the
    axis. `changed` is emitted once for every change of view.
    """

    changed = Signal()

    def __init__(
        self, pixels_per_tick: float = 0.1, left_tick: float = 0.0, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._pixels_per_tick = float(pixels_per_tick)
        self._left_tick = float(left_tick)

    @property
    def pixels_per_tick(self) -> float:
        return self._pixels_per_tick

    @property
    def left_tick(self) -> float:
        """The tick at pixel 0; never negative."""
        return self._left_tick

    def x(self, tick: Place) -> Place:
        """The pixel at which ``tick`` lies."""
        return (tick - self._left_tick) * self._pixels_per_tick

    def tick(self, x: float) -> float:
        """The tick (with fractions) at pixel ``x``."""
        return self._left_tick + x / self._pixels_per_tick

    def set_view(self, left_tick: float, pixels_per_tick: float | None = None) -> None:
        """Show the song from ``left_tick`` on; both values are clamped to what the axis allows."""
        wanted = self._pixels_per_tick if pixels_per_tick is None else pixels_per_tick
        scale = min(MAX_PIXELS_PER_TICK, max(MIN_PIXELS_PER_TICK, float(wanted)))
        left = max(0.0, float(left_tick))
        if (left, scale) != (self._left_tick, self._pixels_per_tick):
            self._left_tick, self._pixels_per_tick = left, scale
            self.changed.emit()

    def zoom_about(self, x: float, factor: float) -> None:
        """Zoom by ``factor``, keeping the tick under pixel ``x`` where it is.

        At the song's start the axis cannot go below tick 0, so zooming out there moves the tick left.
        """
        tick = self.tick(x)
        scale = min(MAX_PIXELS_PER_TICK, max(MIN_PIXELS_PER_TICK, self._pixels_per_tick * factor))
        self.set_view(tick - x / scale, scale)

    def scroll(self, pixels: float) -> None:
        """Move the view ``pixels`` to the right (negative: left)."""
        self.set_view(self._left_tick + pixels / self._pixels_per_tick)

    def show(self, start: float, end: float, width: float) -> None:
        """Fit the ticks from ``start`` to ``end`` into ``width`` pixels."""
        self.set_view(start, width / max(1.0, end - start))
