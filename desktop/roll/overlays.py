"""What is painted over the score and changes often: play-head, loop, marquee, previews, ghosts, texts.

Coordinates are logical pixels, except where notes are painted.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen, QPolygonF

from core.song.notes import Notes
from desktop import theme
from desktop.roll.colours import HEAT_LEVELS, Look, NoteColours, heat_colour
from desktop.roll.geometry import Viewport
from desktop.roll.gestures import Preview
from desktop.roll.painter import paint_notes
from desktop.roll.state import RollState

EMPTY_TITLE = "Nothing here yet"
EMPTY_TEXT = "Draw notes with B, or press Ctrl+G to compose"
MOST_GLOWS = 1500


def paint_playhead(painter: QPainter, x: float, height: float, dpr: float) -> None:
    """One line, two device pixels wide at most scales."""
    column = round(x * dpr) / dpr
    painter.fillRect(QRectF(column, 0, max(1.0, round(1.5 * dpr) / dpr), height), theme.colour("playhead"))


def paint_loop(painter: QPainter, view: Viewport, loop: tuple[int, int] | None, area: QRectF) -> None:
    """The loop's ends, and a veil over what lies outside it."""
    if loop is None:
        return
    left, right = (float(x) / view.dpr for x in view.x(loop))
    veil = theme.colour("window", 0.3)
    painter.fillRect(QRectF(0, 0, max(0.0, min(left, area.width())), area.height()), veil)
    painter.fillRect(QRectF(max(0.0, right), 0, max(0.0, area.width() - right), area.height()), veil)
    for x in (left, right):
        painter.fillRect(QRectF(x, 0, 1, area.height()), theme.colour("loop", 0.8))


def paint_ghosts(
    painter: QPainter, view: Viewport, area: QRect, state: RollState, colours: NoteColours
) -> None:
    """Notes being composed: translucent, with a glow around each."""
    ghosts = state.document.ghosts
    if not len(ghosts):
        return
    # A little more than asked for, so that a glow that starts outside is whole.
    around = area.adjusted(-8, -8, 8, 8)
    corner = (round(around.x() * view.dpr), round(around.y() * view.dpr))
    part = view.part(*corner, round(around.width() * view.dpr), round(around.height() * view.dpr))
    shown = ghosts[part.visible(ghosts)]
    if not len(shown):
        return
    painter.save()
    painter.scale(1 / view.dpr, 1 / view.dpr)
    painter.translate(*corner)
    if len(shown) <= MOST_GLOWS:
        _paint_glow(painter, part, shown)
    looks = np.full(len(shown), Look.GHOST, np.uint8)
    paint_notes(painter, part, state.document.ghost_song, shown, looks, colours)
    painter.restore()


def _paint_glow(painter: QPainter, view: Viewport, notes: Notes) -> None:
    start, end = view.spans(notes)
    rows = view.rows[notes["pitch"]].astype(np.int64)
    top, bottom = view.row_edge(rows), view.row_edge(rows + 1)
    painter.setPen(Qt.PenStyle.NoPen)
    for spread, alpha in ((4.0, 0.07), (2.0, 0.13)):
        reach = spread * view.dpr
        painter.setBrush(theme.colour("ghost", alpha))
        painter.drawRects(
            [
                QRectF(x0 - reach, y0 - reach, x1 - x0 + 2 * reach, y1 - y0 + 2 * reach)
                for x0, x1, y0, y1 in zip(start.tolist(), end.tolist(), top.tolist(), bottom.tolist())
            ]
        )


def paint_preview(
    painter: QPainter, view: Viewport, state: RollState, preview: Preview, colours: NoteColours
) -> None:
    """The notes a gesture is about to leave behind, and its box or outline."""
    if len(preview.notes):
        notes = preview.notes[view.visible(preview.notes)]
        painter.save()
        painter.scale(1 / view.dpr, 1 / view.dpr)
        paint_notes(painter, view, state.song, notes, np.full(len(notes), Look.SELECTED, np.uint8), colours)
        painter.restore()
    painter.setPen(QPen(theme.colour("accent"), 1))
    painter.setBrush(theme.colour("accent", 0.16))
    if preview.box is not None:
        x0, y0, x1, y1 = preview.box
        painter.drawRect(QRectF(QPointF(x0, y0), QPointF(x1, y1)).normalized().translated(0.5, 0.5))
    if preview.path:
        painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in preview.path]))


def paint_label(painter: QPainter, at: QPointF, text: str, area: QRect) -> None:
    """A small tag beside the pointer, kept inside ``area``."""
    font = theme.font(theme.SMALL_SIZE)
    size = QFontMetricsF(font).size(0, text)
    width, height = size.width() + 12, size.height() + 6
    x = min(max(2.0, at.x() + 14), area.width() - width - 2)
    y = at.y() - height - 8
    y = min(max(2.0, y if y > 2 else at.y() + 18), area.height() - height - 2)
    box = QRectF(x, y, width, height)
    painter.setPen(QPen(theme.colour("line_strong"), 1))
    painter.setBrush(theme.colour("raised", 0.95))
    painter.drawRoundedRect(box, 4, 4)
    painter.setFont(font)
    painter.setPen(theme.colour("text"))
    painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)


HEAT_TEXTS = ("expected", "surprising")


def paint_heat_scale(painter: QPainter, area: QRect) -> None:
    """What the colours of surprise mean, in the lower right corner."""
    font = theme.font(theme.SMALL_SIZE)
    metrics = QFontMetricsF(font)
    first, last = (metrics.horizontalAdvance(text) for text in HEAT_TEXTS)
    step, height = 8, 22
    width = first + last + step * HEAT_LEVELS + 32
    box = QRectF(area.width() - width - 8.5, area.height() - height - 8.5, width, height)
    painter.setPen(QPen(theme.colour("line_strong"), 1))
    painter.setBrush(theme.colour("raised", 0.95))
    painter.drawRoundedRect(box, 4, 4)
    painter.setFont(font)
    painter.setPen(theme.colour("text_dim"))
    inner = box.adjusted(8, 0, -8, 0)
    painter.drawText(inner, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), HEAT_TEXTS[0])
    painter.drawText(inner, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), HEAT_TEXTS[1])
    for level in range(HEAT_LEVELS):
        painter.fillRect(
            QRectF(inner.left() + first + 8 + step * level, box.top() + 6, step, height - 12),
            heat_colour(level, theme.tokens()),
        )


def paint_empty(painter: QPainter, area: QRect) -> None:
    """What to do with a song without notes."""
    painter.setFont(theme.font(16, bold=True))
    painter.setPen(theme.colour("text_dim"))
    flags = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter)
    painter.drawText(area.adjusted(0, -26, 0, -26), flags, EMPTY_TITLE)
    painter.setFont(theme.font(13))
    painter.setPen(theme.colour("text_faint"))
    painter.drawText(area.adjusted(0, 6, 0, 6), flags, EMPTY_TEXT)


def paint_focus(painter: QPainter, area: QRect) -> None:
    """A frame that says that keys go to this widget."""
    colour, width, height = theme.colour("accent", 0.55), area.width(), area.height()
    for side in (
        (0, 0, width, 1),
        (0, height - 1, width, 1),
        (0, 1, 1, height - 2),
        (width - 1, 1, 1, height - 2),
    ):
        painter.fillRect(*side, colour)
