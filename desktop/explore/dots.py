"""The points of a map as a picture, drawn pixel by pixel with numpy: fifty thousand take some milliseconds.

Conventions
-----------
* Lengths are device pixels; the window's scale is multiplied in by who calls.
* A point is a small disc: its rim is blended with the ground beforehand, so drawing is nothing but looking up a
  colour and putting it down. First all rims are drawn and then all cores, so that a rim never covers a core.
* Moving the map moves the picture, and only the strips that come into sight are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage

Places = NDArray[np.float32]
LEVELS = 4
"""Of a rim's opacity."""


class Dots:
    """A picture of points. `draw` makes it, `move` shifts it."""

    def __init__(self) -> None:
        self._places: Places = np.empty((0, 2), np.float32)
        self._kinds = np.empty(0, np.uint8)
        self._table = np.zeros((LEVELS + 1, 1), np.uint32)
        self._ground = np.uint32(0)
        self._pixels = np.zeros((1, 1), np.uint32)
        self._scale, self._left, self._top, self._radius = 1.0, 0.0, 0.0, 1.0
        self._image: QImage | None = None

    @property
    def image(self) -> QImage:
        """What was drawn last."""
        height, width = self._pixels.shape
        if self._image is None:
            self._image = QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        return self._image

    def show(
        self, places: Places, kinds: NDArray[np.uint8], colours: Sequence[QColor], ground: QColor
    ) -> None:
        """What is drawn from now on: points [shape=(n, 2)], the colour of each by its number, and the ground.

        Later points lie above earlier ones.
        """
        self._places, self._kinds = np.ascontiguousarray(places, np.float32), kinds
        self._ground = np.uint32(ground.rgb())
        opacity = np.arange(1, LEVELS + 2) / (LEVELS + 1)
        front = np.array([[c.red(), c.green(), c.blue()] for c in colours] or [[0, 0, 0]], float)
        back = np.array([ground.red(), ground.green(), ground.blue()], float)
        mixed = np.rint(opacity[:, None, None] * front + (1 - opacity[:, None, None]) * back).astype(
            np.uint32
        )
        self._table = np.uint32(0xFF000000) | mixed[..., 0] << 16 | mixed[..., 1] << 8 | mixed[..., 2]

    def draw(self, width: int, height: int, scale: float, left: float, top: float, radius: float) -> None:
        """Draw all: a point at (x, y) lies ``scale * x - left`` from the left and ``scale * y - top`` from the top."""
        if self._pixels.shape != (height, width):
            self._image = None
            self._pixels = np.empty((height, width), np.uint32)
        self._scale, self._left, self._top, self._radius = scale, left, top, radius
        self._paint(QRect(0, 0, width, height))

    def move(self, dx: int, dy: int) -> None:
        """Shift the picture by whole pixels, and draw what comes into sight."""
        height, width = self._pixels.shape
        self._left -= dx
        self._top -= dy
        if abs(dx) >= width or abs(dy) >= height:
            self._paint(QRect(0, 0, width, height))
            return
        old = self._pixels
        self._image = None
        self._pixels = np.empty_like(old)
        kept = old[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
        self._pixels[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)] = kept
        # A disc that was cut by the old edge is drawn whole, so strips are a disc wider.
        if dx:
            strip = QRect(0, 0, dx, height) if dx > 0 else QRect(width + dx, 0, -dx, height)
            self._paint(strip)
        if dy:
            strip = QRect(0, 0, width, dy) if dy > 0 else QRect(0, height + dy, width, -dy)
            self._paint(strip)

    def _paint(self, area: QRect) -> None:
        """Draw one part anew."""
        left, top, right, bottom = area.left(), area.top(), area.right() + 1, area.bottom() + 1
        part = self._pixels[top:bottom, left:right]
        part[...] = self._ground
        if not len(self._places):
            return
        x = self._scale * self._places[:, 0] - self._left
        y = self._scale * self._places[:, 1] - self._top
        # Drawn into a frame that is a disc wider on every side: no pixel needs to be looked at for being inside.
        reach = int(np.ceil(self._radius)) + 1
        seen = np.flatnonzero(
            (x >= left - reach) & (x < right + reach) & (y >= top - reach) & (y < bottom + reach)
        )
        columns = np.floor(x[seen]).astype(np.intp) - left + 2 * reach
        rows = np.floor(y[seen]).astype(np.intp) - top + 2 * reach
        kinds = self._kinds[seen]
        frame = np.full((bottom - top + 4 * reach, right - left + 4 * reach), self._ground, np.uint32)
        flat, width = frame.reshape(-1), frame.shape[1]
        at = rows * width + columns
        # Of points on the same pixel only the last is seen.
        flat[at] = np.arange(len(at), dtype=np.uint32)
        last = flat[at] == np.arange(len(at), dtype=np.uint32)
        flat[at] = self._ground
        at, kinds = at[last], kinds[last]
        colours = [level[kinds] for level in self._table]
        for offset, level in stamp(self._radius, width):
            flat[at + offset] = colours[level]
        part[...] = frame[2 * reach : 2 * reach + bottom - top, 2 * reach : 2 * reach + right - left]


def stamp(radius: float, width: int) -> list[tuple[int, int]]:
    """The pixels of a disc in a picture ``width`` wide, as (offset, level), those of the rim before the core's."""
    reach = int(np.ceil(radius))
    steps = np.arange(-reach, reach + 1)
    distance = np.hypot(steps[:, None], steps[None, :])
    cover = np.clip(radius + 0.5 - distance, 0, 1)
    found = [
        (int(row * width + column), round(LEVELS * cover[row + reach, column + reach]))
        for row in steps
        for column in steps
        if cover[row + reach, column + reach] * LEVELS >= 0.5
    ]
    return sorted(found, key=lambda pixel: pixel[1])
