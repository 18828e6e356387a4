"""Notes to pixels and back, without Qt.

Conventions
-----------
Device pixels are whole numbers (what the screen has), logical pixels are what Qt's events count in;
``dpr`` device pixels make one logical pixel. Everything painted is placed on device pixels here, so
that lines and notes are sharp on any screen and scrolling moves the picture by whole pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.song.notes import Notes

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Viewport:
    """The part of the score on the screen.

    Attributes
    ----------
    scale : device pixels a tick
    left : device pixels from tick 0 to the left edge
    row_height : device pixels a row, with fractions
    top : device pixels from the highest row's top to the upper edge
    rows : ndarray [shape=(128,)], row of each pitch or -1 where it is folded away
    width, height : size in device pixels
    dpr : device pixels a logical pixel
    """

    scale: float
    left: int
    row_height: float
    top: int
    rows: NDArray[np.int16]
    width: int
    height: int
    dpr: float = 1.0

    def x(self, tick: ArrayLike) -> Ints:
        """Device pixel columns of ``tick`` (any shape)."""
        return np.rint(np.asarray(tick) * self.scale).astype(np.int64) - self.left

    def tick(self, x: float) -> float:
        """The tick at logical pixel ``x``."""
        return (x * self.dpr + self.left) / self.scale

    def row_edge(self, row: ArrayLike) -> Ints:
        """Device pixel at which ``row`` starts."""
        return np.rint(np.asarray(row) * self.row_height).astype(np.int64) - self.top

    def row(self, y: float) -> int:
        """The row (not clamped) at logical pixel ``y``."""
        return int(np.floor((y * self.dpr + self.top) / self.row_height))

    @property
    def first_tick(self) -> float:
        return self.left / self.scale

    @property
    def last_tick(self) -> float:
        return (self.left + self.width) / self.scale

    @property
    def shown_rows(self) -> tuple[int, int]:
        """(first, last + 1) of the rows that are at least partly in view."""
        count = int(self.rows.max()) + 1
        first = int(np.floor(self.top / self.row_height))
        last = int(np.ceil((self.top + self.height) / self.row_height))
        return max(0, min(count, first)), max(0, min(count, last))

    def is_scrolled(self, other: Viewport) -> bool:
        """Whether ``other`` shows the same rows at the same zoom in the same size, anywhere."""
        return self.rows is other.rows and (
            (self.scale, self.row_height, self.width, self.height, self.dpr)
            == (other.scale, other.row_height, other.width, other.height, other.dpr)
        )

    def is_same(self, other: Viewport) -> bool:
        """Whether ``other`` shows just the same."""
        return self.is_scrolled(other) and (self.left, self.top) == (other.left, other.top)

    def part(self, x: int, y: int, width: int, height: int) -> Viewport:
        """The rectangle at device pixel (``x``, ``y``) of this view as a view of its own."""
        return Viewport(
            self.scale, self.left + x, self.row_height, self.top + y, self.rows, width, height, self.dpr
        )

    def spans(self, notes: Notes) -> tuple[Ints, Ints]:
        """First and one-past-last device column of every note; each is at least one pixel wide.

        A pixel is left free before the next note where there is room for it, so that repeated notes
        can be told apart.
        """
        start = self.x(notes["onset"])
        end = self.x(notes["onset"] + notes["duration"])
        end -= (end - start) > 3
        return start, np.maximum(end, start + 1)

    def visible(self, notes: Notes) -> Ints:
        """Indices of the notes that are at least partly in view, in the order of ``notes``."""
        first, last = self.shown_rows
        row = self.rows[notes["pitch"]]
        # One pixel of room on the left: a note shorter than a pixel is drawn one pixel wide.
        seen = (notes["onset"] <= self.last_tick) & (
            notes["onset"] + notes["duration"] >= self.first_tick - 1 / self.scale
        )
        return np.flatnonzero(seen & (row >= first) & (row < last))


class Timeline:
    """Finds the notes of a stretch of time fast: notes are sorted by onset, and none is longer than one."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self._onset = np.ascontiguousarray(notes["onset"])
        self._longest = int(notes["duration"].max()) if len(notes) else 0

    def visible(self, view: Viewport) -> Ints:
        """As `Viewport.visible`."""
        first = np.searchsorted(self._onset, view.first_tick - 1 / view.scale - self._longest)
        last = np.searchsorted(self._onset, view.last_tick, "right")
        return view.visible(self.notes[first:last]) + first


def contains(ascending: Ints, values: Ints) -> NDArray[np.bool_]:
    """Which of ``values`` are among the sorted ``ascending``."""
    if not len(ascending):
        return np.zeros(len(values), bool)
    at = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return ascending[at] == values


def notes_at(view: Viewport, notes: Notes, x: float, y: float) -> Ints:
    """Indices of the notes under logical pixel (``x``, ``y``), the topmost last.

    A note narrower than five logical pixels is as easy to hit as one of five.
    """
    pitches = np.flatnonzero(view.rows == view.row(y))
    if not len(pitches):
        return np.empty(0, np.int64)
    candidates = np.flatnonzero(notes["pitch"] == pitches[0])
    start, end = view.spans(notes[candidates])
    spare = np.maximum(0, 5 * view.dpr - (end - start)) / 2
    column = x * view.dpr
    return candidates[(start - spare <= column) & (column < end + spare)]


def notes_in_box(notes: Notes, ticks: tuple[float, float], pitches: tuple[int, int]) -> Ints:
    """Indices of the notes that touch a box of time and pitch (both bounds of pitch included)."""
    first, last = sorted(ticks)
    low, high = sorted(pitches)
    return np.flatnonzero(
        (notes["onset"] < last)
        & (notes["onset"] + notes["duration"] > first)
        & (notes["pitch"] >= low)
        & (notes["pitch"] <= high)
    )


def notes_in_polygon(view: Viewport, notes: Notes, points: list[tuple[float, float]]) -> Ints:
    """Indices of the notes whose middle lies in the polygon of logical pixels (even-odd rule)."""
    if len(points) < 3:
        return np.empty(0, np.int64)
    start, end = view.spans(notes)
    row = view.rows[notes["pitch"]].astype(float)
    x = (start + end) / 2 / view.dpr
    y = ((row + 0.5) * view.row_height - view.top) / view.dpr
    inside = np.zeros(len(notes), bool)
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        if ay == by:
            continue
        crosses = (ay > y) != (by > y)
        inside ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return np.flatnonzero(inside & (row >= 0))
