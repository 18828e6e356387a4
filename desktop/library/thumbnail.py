"""A piece as a picture of a few pixels: its notes as bars in the colours of their tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPixmap

from core.song.notes import Song
from desktop import theme

MOST_NOTES = 1500
FEWEST_ROWS = 12
RADIUS = 4
EDGE = 3


@dataclass(frozen=True, slots=True)
class Outline:
    """Notes as shares of the picture: left edges, widths, rows from the top, and colours of the tracks."""

    left: NDArray[np.float32]
    width: NDArray[np.float32]
    row: NDArray[np.int16]
    colour: NDArray[np.int16]
    rows: int


def outline_of(song: Song) -> Outline:
    """The outline of a song; of a long one every so manieth note, so that none takes long to draw."""
    notes = song.notes[:: -(-max(len(song.notes), 1) // MOST_NOTES)]
    if not len(notes):
        share, row = np.empty(0, "f4"), np.empty(0, "i2")
        return Outline(share, share, row, row, FEWEST_ROWS)
    low, high = int(notes["pitch"].min()), int(notes["pitch"].max())
    length = max(song.end_tick, 1)
    colours = np.array([track.colour for track in song.tracks] or [0])
    return Outline(
        (notes["onset"] / length).astype("f4"),
        (notes["duration"] / length).astype("f4"),
        (high - notes["pitch"].astype("i2")).astype("i2"),
        colours[np.minimum(notes["track"], len(colours) - 1)].astype("i2"),
        max(FEWEST_ROWS, high - low + 1),
    )


def picture_of(outline: Outline, size: QSize, ratio: float) -> QPixmap:
    """The outline drawn in the colours of the palette in use; ``size`` in device-independent pixels."""
    picture = QPixmap(size * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    area = QRectF(0, 0, size.width(), size.height())
    shape = QPainterPath()
    shape.addRoundedRect(area, RADIUS, RADIUS)
    painter.setClipPath(shape)
    painter.fillRect(area, theme.colour("sunken"))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(Qt.PenStyle.NoPen)
    inner = area.adjusted(EDGE, EDGE, -EDGE, -EDGE)
    step = inner.height() / outline.rows
    for colour in np.unique(outline.colour).tolist():
        painter.setBrush(theme.track_colour(colour))
        mine = outline.colour == colour
        painter.drawRects(
            [
                QRectF(
                    inner.left() + left * inner.width(),
                    inner.top() + row * step,
                    max(1.0, width * inner.width()),
                    max(1.0, step),
                )
                for left, width, row in zip(
                    outline.left[mine].tolist(), outline.width[mine].tolist(), outline.row[mine].tolist()
                )
            ]
        )
    painter.end()
    return picture
