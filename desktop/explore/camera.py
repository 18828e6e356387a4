"""Where one looks on a map, and which point is meant by a place, a direction or a line drawn round.

Conventions
-----------
* Places on the map are float32 [shape=(n, 2)]; those of the widget are device-independent pixels.
* ``alone`` masks the points that are shown, where not all are [shape=(n,)].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QSizeF

Places = NDArray[np.float32]
Mask = NDArray[np.bool_] | None

MARGIN = 0.06
"""The share of the view that is left free around a map that is fitted."""
FARTHEST, NEAREST = 0.2, 400.0
"""How small and how large the map may be, as a share of the view."""
CONE = 0.5
"""The cosine of the widest angle at which a point still lies in a direction (60 degrees)."""


class Camera:
    """The place in the middle of the view, and how large the map is, in pixels a unit."""

    def __init__(self) -> None:
        self.middle = QPointF(0, 0)
        self.scale = 100.0
        self.size = QSizeF(1, 1)
        self.fitted = True
        """Whether all points are in view, and should stay so when the view's size changes."""

    @property
    def centre(self) -> QPointF:
        """The middle of the view in pixels."""
        return QPointF(self.size.width() / 2, self.size.height() / 2)

    def pixel(self, at: QPointF) -> QPointF:
        """Where a place on the map is seen."""
        return (at - self.middle) * self.scale + self.centre

    def at(self, pixel: QPointF) -> QPointF:
        """The place on the map that is seen at a pixel."""
        return (pixel - self.centre) / self.scale + self.middle

    def fit(self, places: Places) -> None:
        """Look at all of these."""
        self.fitted = True
        if not len(places):
            return
        # Column by column, which is thirty times as fast as both at once.
        low, high = (np.array([end(axis) for axis in places.T]) for end in (np.min, np.max))
        wide, high_ = np.maximum(high - low, 1e-3).tolist()
        room = 1 - 2 * MARGIN
        self.middle = QPointF(*((low + high) / 2).tolist())
        self.scale = float(min(room * self.size.width() / wide, room * self.size.height() / high_))

    def zoom(self, factor: float, about: QPointF) -> None:
        """Go nearer or farther; what is at the pixel ``about`` stays there."""
        before = self.at(about)
        whole = max(1.0, min(self.size.width(), self.size.height()))
        self.scale = float(np.clip(self.scale * factor, FARTHEST * whole, NEAREST * whole))
        self.middle += before - self.at(about)
        self.fitted = False

    def pan(self, dx: float, dy: float) -> None:
        """Move the map by pixels."""
        self.middle -= QPointF(dx, dy) / self.scale
        self.fitted = False


def squared_gaps(places: Places, x: float, y: float) -> NDArray[np.float32]:
    """How far each place is from another, squared [shape=(n,)]."""
    # Column by column: summing rows of two takes twenty times as long.
    return np.asarray((places[:, 0] - x) ** 2 + (places[:, 1] - y) ** 2)


def nearest(places: Places, at: QPointF, within: float, alone: Mask = None) -> int:
    """The point nearest to a place, not farther than ``within``; -1 where there is none."""
    if not len(places):
        return -1
    gaps = squared_gaps(places, at.x(), at.y())
    if alone is not None:
        gaps = np.where(alone, gaps, np.inf)
    best = int(np.argmin(gaps))
    return best if gaps[best] <= within**2 else -1


def toward(places: Places, point: int, direction: tuple[float, float], alone: Mask = None) -> int:
    """The nearest point in a direction of another; -1 where there is none."""
    gap = places - places[point]
    length = np.hypot(gap[:, 0], gap[:, 1])
    along = gap @ np.array(direction, np.float32)
    ahead = (length > 0) & (along >= CONE * length)
    if alone is not None:
        ahead &= alone
    if not ahead.any():
        return -1
    # What lies off to the side counts as farther.
    return int(np.argmin(np.where(ahead, 2 * length - along, np.inf)))


def inside(places: Places, corners: Sequence[QPointF], alone: Mask = None) -> NDArray[np.int64]:
    """The points within a polygon on the map, by the even-odd rule."""
    if len(corners) < 3 or not len(places):
        return np.empty(0, np.int64)
    edges = np.array([[corner.x(), corner.y()] for corner in corners], np.float32)
    maybe = np.flatnonzero(((places >= edges.min(0)) & (places <= edges.max(0))).all(1))
    if alone is not None:
        maybe = maybe[alone[maybe]]
    x, y = places[maybe, 0], places[maybe, 1]
    within = np.zeros(len(maybe), bool)
    for (x1, y1), (x2, y2) in zip(edges, np.roll(edges, -1, 0), strict=True):
        crosses = (y1 > y) != (y2 > y)
        if crosses.any():
            within ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return maybe[within]
