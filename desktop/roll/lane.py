"""What lanes under the notes have in common: a cached picture, the play-head over it, a hand that draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QWheelEvent
from PySide6.QtWidgets import QWidget

from desktop import theme
from desktop.roll import grid, overlays
from desktop.roll.colours import note_colours
from desktop.roll.geometry import Viewport
from desktop.roll.scrolling import wheel
from desktop.roll.state import RollState

PAD = 6
"""Logical pixels kept free above the highest and below the lowest value."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The values of a lane, from ``low`` at the bottom to ``high`` at the top, and its marked levels."""

    name: str
    low: int
    high: int
    levels: tuple[int, ...]

    def y(self, value: ArrayLike, height: float) -> NDArray[np.float64]:
        """Logical pixels from the top of a lane of ``height``."""
        share = (np.asarray(value) - self.low) / (self.high - self.low)
        return PAD + (height - 2 * PAD) * (1 - share)

    def value(self, y: float, height: float) -> int:
        """The value at a height, within the lane's range."""
        share = 1 - (y - PAD) / max(1.0, height - 2 * PAD)
        return min(self.high, max(self.low, round(self.low + share * (self.high - self.low))))


class LaneDrag:
    """What the hand does between press and release; ``line`` is a straight ramp to show."""

    line: tuple[QPointF, QPointF] | None = None

    def update(self, at: QPointF, straight: bool) -> None:
        """Follow the hand to ``at``; ``straight`` asks for a ramp from where it started."""

    def finish(self) -> None:
        """Apply what was drawn, in one undo step."""


class Lane(QWidget):
    """A lane on the roll's time axis; what it shows is a subclass's."""

    hint = ""

    def __init__(self, state: RollState, scale: Scale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.scale = scale
        self.colours = note_colours()
        self.drag: LaneDrag | None = None
        self._picture = QPixmap()
        self._pictured: tuple[object, ...] = ()
        self._view: Viewport | None = None
        self._pointer = QPointF()
        self._label = ""
        self._playhead_x = 0
        self.setMouseTracking(True)
        self.setMinimumHeight(36)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(f"{scale.name} lane")
        self.setAccessibleDescription(self.hint)
        document = state.document
        for signal in (
            state.time_axis.changed,
            document.changed,
            document.selection_changed,
            document.current_track_changed,
            document.mix_changed,
            state.changed,
        ):
            signal.connect(self.update)
        document.playhead_changed.connect(self._playhead_moved)

    def paint_content(self, painter: QPainter, view: Viewport) -> None:
        """Paint the values, in device pixels."""
        raise NotImplementedError

    def begin_drag(self, at: QPointF, *, erase: bool) -> LaneDrag | None:
        """The hand came down at ``at``, with the right button to ``erase``."""
        raise NotImplementedError

    def sizeHint(self) -> QSize:
        return QSize(400, 96)

    def paintEvent(self, event: QPaintEvent) -> None:
        view = self.state.viewport(self.width(), self.height(), self.devicePixelRatioF())
        painter = QPainter(self)
        painter.setClipRegion(event.region())
        # Kept as objects, not as ids: an id may come back with another song.
        pictured = (
            self.state.song,
            self.state.document.selection,
            self.colours,
            self.scale,
            self.state.track,
            # True and False are one object each.
            self.state.document.is_audible(self.state.track),
        )
        kept = (
            self._view is not None
            and self._view.is_same(view)
            and len(pictured) == len(self._pictured)
            and all(new is old for new, old in zip(pictured, self._pictured, strict=True))
        )
        if not kept or self.drag is not None:
            self._picture = self._paint(view)
            self._view, self._pictured = (view, pictured) if self.drag is None else (None, ())
        self._picture.setDevicePixelRatio(view.dpr)
        painter.drawPixmap(0, 0, self._picture)
        x = self.state.time_axis.x(self.state.document.playhead)
        self._playhead_x = round(x)
        overlays.paint_playhead(painter, x, self.height(), view.dpr)
        if self.drag is not None and self.drag.line is not None:
            painter.setPen(QPen(theme.colour("accent"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(*self.drag.line)
        if self._label:
            overlays.paint_label(painter, self._pointer, self._label, self.rect())

    def _paint(self, view: Viewport) -> QPixmap:
        picture = QPixmap(view.width, view.height)
        picture.fill(theme.colour("sunken"))
        with QPainter(picture) as painter:
            found = grid.lines(
                self.state.song, view.first_tick, view.last_tick, 0, view.scale / view.dpr, closest=7.0
            )
            for y in np.rint(self.scale.y(self.scale.levels, self.height()) * view.dpr).astype(int).tolist():
                painter.fillRect(0, y, view.width, 1, theme.colour("grid_step"))
            for token, ticks in (("grid_step", found.beats), ("grid_beat", [tick for tick, _ in found.bars])):
                for x in view.x(ticks).tolist():
                    painter.fillRect(x, 0, 1, view.height, theme.colour(token))
            self.paint_content(painter, view)
        return picture

    def _playhead_moved(self, tick: int) -> None:
        for x in (self._playhead_x, round(self.state.time_axis.x(tick))):
            self.update(QRect(x - 2, 0, 5, self.height()))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.colours = note_colours()
            self.update()
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        left, right = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
        if self.drag is None and event.button() in (left, right):
            self.drag = self.begin_drag(event.position(), erase=event.button() == right)
            self._drag_to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.drag is not None:
            self._drag_to(event)
        else:
            value = self.scale.value(event.position().y(), self.height())
            self.state.hint(f"{self.scale.name} {value} — {self.hint}")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag, self.drag, self._label = self.drag, None, ""
        if drag is not None:
            drag.finish()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.state.hint("")

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(event, self.state.time_axis, None)

    def _drag_to(self, event: QMouseEvent) -> None:
        if self.drag is None:
            return
        self.drag.update(event.position(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        self._pointer = event.position()
        self._label = f"{self.scale.name.lower()} {self.scale.value(event.position().y(), self.height())}"
        self.update()


def ascending(a: QPointF, b: QPointF) -> tuple[list[float], list[float]]:
    """X and y of two points in the order of x, for `numpy.interp`."""
    first, second = (a, b) if a.x() <= b.x() else (b, a)
    return [first.x(), second.x()], [first.y(), second.y()]
