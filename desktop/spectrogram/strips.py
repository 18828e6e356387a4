"""The thin lines of time above the picture: what the verdict was when, which chords, which parts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from core.listen.report import NOT_SURE, Span
from desktop import theme
from desktop.document import Document
from desktop.roll.keyboard import WIDTH as GUTTER
from desktop.roll.scrolling import wheel
from desktop.spectrogram.clock import clock
from desktop.time_axis import TimeAxis

ROW = 18
ELLIPSIS = "…"
NARROWEST = 1.5
"""Spans narrower than this many pixels are drawn together."""


@dataclass(frozen=True)
class Strip:
    """One line: what it is called, and its spans in order of time."""

    title: str
    spans: tuple[Span, ...]


class Strips(QWidget):
    """All lines, as high as there are any; a click on a span chooses it."""

    hovered = Signal(str)
    span_clicked = Signal(str, object)
    """The line's title and the span."""

    def __init__(self, document: Document, time_axis: TimeAxis, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._axis = document, time_axis
        self._strips: list[Strip] = []
        self._starts: list[list[float]] = []
        self._edges: list[NDArray[np.float64]] = []
        """Of each line its spans' starts and ends in seconds [shape=(2, spans)]."""
        self._colours: dict[str, int] = {}
        self.setMouseTracking(True)
        self.setAccessibleName("What was heard, in time")
        self.hide()
        time_axis.changed.connect(self.update)
        document.changed.connect(lambda _: self.update())

    def show_strips(self, strips: Sequence[Strip]) -> None:
        self._strips = [strip for strip in strips if strip.spans]
        self._starts = [[span.start_s for span in strip.spans] for strip in self._strips]
        self._edges = [
            np.array([[span.start_s for span in strip.spans], [span.end_s for span in strip.spans]])
            for strip in self._strips
        ]
        names = dict.fromkeys(span.label for strip in self._strips for span in strip.spans)
        self._colours = {name: number for number, name in enumerate(names)}
        self.setFixedHeight(max(1, ROW * len(self._strips)))
        self.setVisible(bool(self._strips))
        self.setAccessibleDescription("; ".join(_spoken(strip) for strip in self._strips))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, ROW * max(1, len(self._strips)))

    def span_at(self, at: QPointF) -> tuple[Strip, Span] | None:
        """The line and the span under a place."""
        row = int(at.y() // ROW)
        if not 0 <= row < len(self._strips) or at.x() < GUTTER:
            return None
        seconds = self._seconds(at.x())
        index = bisect_right(self._starts[row], seconds) - 1
        if index < 0 or seconds > self._strips[row].spans[index].end_s:
            return None
        return self._strips[row], self._strips[row].spans[index]

    def _seconds(self, x: float) -> float:
        return float(self._document.song.time.to_seconds(max(0.0, self._axis.tick(x - GUTTER))))

    def _x(self, seconds: ArrayLike) -> NDArray[np.float64]:
        return GUTTER + self._axis.x(self._document.song.time.to_ticks(seconds))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("sunken"))
        painter.setFont(theme.font(theme.SMALL_SIZE))
        metrics = QFontMetricsF(painter.font())
        painter.setClipRect(QRectF(GUTTER, 0, self.width() - GUTTER, self.height()))
        for row, (strip, starts) in enumerate(zip(self._strips, self._starts, strict=True)):
            first = max(0, bisect_right(starts, self._seconds(GUTTER)) - 1)
            last = bisect_right(starts, self._seconds(self.width()))
            lefts, rights = self._x(self._edges[row][:, first:last]).tolist()
            drawn = -1.0
            for span, left, right in zip(strip.spans[first:last], lefts, rights, strict=True):
                if right - drawn < NARROWEST:
                    continue
                drawn = right
                self._paint_span(painter, metrics, span, QRectF(left, row * ROW, right - left, ROW))
        painter.setClipping(False)
        painter.fillRect(QRectF(0, 0, GUTTER, self.height()), theme.colour("panel"))
        painter.setPen(theme.colour("text_dim"))
        for row, strip in enumerate(self._strips):
            area = QRectF(8, row * ROW, GUTTER - 14, ROW)
            painter.drawText(
                area, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), strip.title
            )
            painter.fillRect(QRectF(0, (row + 1) * ROW - 1, self.width(), 1), theme.colour("line"))

    def _paint_span(self, painter: QPainter, metrics: QFontMetricsF, span: Span, area: QRectF) -> None:
        known = span.label not in (NOT_SURE, "N", "")
        box = area.adjusted(0.5, 1.5, -0.5, -2)
        if known:
            strength = 0.2 + 0.5 * min(1.0, max(0.0, span.confidence))
            painter.fillRect(box, theme.track_colour(self._colours[span.label], strength))
        else:
            painter.fillRect(box, theme.colour("line", 0.7))
        # The name stays in sight while a part of its span is.
        left = max(area.left(), GUTTER)
        room = area.right() - left - 8
        text = metrics.elidedText(span.label, Qt.TextElideMode.ElideRight, room)
        if room > 5 and text not in ("", ELLIPSIS):
            painter.setPen(theme.colour("text" if known else "text_dim"))
            place = QRectF(left + 4, area.top(), room, ROW - 1)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.span_at(event.position())
        if found is None:
            self.hovered.emit("")
            return
        strip, span = found
        sure = f", {100 * span.confidence:.0f} %" if span.confidence < 1 else ""
        self.hovered.emit(f"{strip.title}: {span.label}{sure} · {clock(span.start_s)} to {clock(span.end_s)}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.span_at(event.position())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            self.span_clicked.emit(found[0].title, found[1])

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit("")

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(event, self._axis, None)


def _spoken(strip: Strip) -> str:
    """A line of time in words; of a long one, its beginning."""
    first = [f"{span.label} from {clock(span.start_s)}" for span in strip.spans[:8]]
    more = f" and {len(strip.spans) - 8} more" if len(strip.spans) > 8 else ""
    return f"{strip.title}: {', '.join(first)}{more}"
