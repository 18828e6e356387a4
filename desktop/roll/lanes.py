"""The velocity lane under the notes: one bar a note, dragged singly or drawn across."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QWheelEvent
from PySide6.QtWidgets import QWidget

from core.song.notes import Notes
from desktop import theme
from desktop.roll import grid
from desktop.roll.colours import Look, NoteColours
from desktop.roll.geometry import Viewport
from desktop.roll.gestures import Index
from desktop.roll.overlays import paint_label
from desktop.roll.scrolling import wheel
from desktop.roll.state import RollState

PAD = 6
"""Logical pixels kept free above velocity 127 and below 0."""
BAR_PIXELS = 3.0
HINT = (
    "Drag a bar: velocity · Drag across: draw · Shift+drag: straight ramp · "
    "Only the selection, if there is one"
)


class VelocityLane(QWidget):
    """Velocities of the current track on the shared time axis."""

    def __init__(self, state: RollState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.colours = NoteColours()
        self._picture = QPixmap()
        self._shown: tuple[object, ...] = ()
        self._drag: VelocityDrag | None = None
        self._pointer = QPointF()
        self._label = ""
        self.setMouseTracking(True)
        self.setMinimumHeight(36)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Velocity lane")
        self.setAccessibleDescription(HINT)
        document = state.document
        for signal in (
            state.time_axis.changed,
            document.loop_changed,
            document.changed,
            document.selection_changed,
            document.current_track_changed,
            state.changed,
        ):
            signal.connect(self.update)
        document.playhead_changed.connect(self._playhead_moved)
        self._playhead_x = 0

    def sizeHint(self) -> QSize:
        return QSize(400, 96)

    def bar_top(self, velocity: float) -> float:
        """Logical pixel of the top of a bar."""
        return PAD + (self.height() - 2 * PAD) * (1 - velocity / 127)

    def velocity(self, y: float) -> int:
        """The velocity, 1-127, at a height."""
        share = 1 - (y - PAD) / max(1, self.height() - 2 * PAD)
        return min(127, max(1, round(127 * share)))

    def notes(self) -> Notes:
        """The song's notes, with what the drag under way makes of them."""
        if self._drag is None:
            return self.state.notes
        notes = self.state.notes.copy()
        notes["velocity"][self._drag.index] = self._drag.velocities
        return notes

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        view = self.state.viewport(self.width(), self.height(), self.devicePixelRatioF())
        painter = QPainter(self)
        painter.setClipRegion(event.region())
        shown = (
            view.scale, view.left, view.width, view.height, id(self.state.notes), self.state.track,
            id(self.state.document.selection), self.state.grid, id(self.colours), id(self.state.song),
        )  # fmt: skip
        if shown != self._shown or self._drag is not None:
            self._picture = self._paint(view)
            self._shown = shown if self._drag is None else ()
        self._picture.setDevicePixelRatio(view.dpr)
        painter.drawPixmap(0, 0, self._picture)
        self._playhead_x = round(self.state.time_axis.x(self.state.document.playhead))
        x = round(self.state.time_axis.x(self.state.document.playhead) * view.dpr) / view.dpr
        painter.fillRect(QRectF(x, 0, max(1.0, round(1.5 * view.dpr) / view.dpr), self.height()),
                         theme.colour("playhead"))  # fmt: skip
        if self._drag is not None and self._drag.line is not None:
            painter.setPen(QPen(theme.colour("accent"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(*self._drag.line)
        if self._label:
            paint_label(painter, self._pointer, self._label, self.rect())

    def _paint(self, view: Viewport) -> QPixmap:
        picture = QPixmap(view.width, view.height)
        picture.fill(theme.colour("sunken"))
        painter = QPainter(picture)
        self._paint_lines(painter, view)
        notes = self.notes()
        mine = np.flatnonzero(
            (notes["track"] == self.state.track)
            & (notes["onset"] <= view.last_tick)
            & (notes["onset"] >= view.first_tick - BAR_PIXELS * view.dpr * 2 / view.scale)
        )
        states = np.full(len(notes), Look.PLAIN, np.uint8)
        states[self.state.selection] = Look.SELECTED
        mine = mine[np.lexsort((notes["velocity"][mine] * -1.0, states[mine]))]
        self._paint_bars(painter, view, notes[mine], states[mine])
        painter.end()
        return picture

    def _paint_lines(self, painter: QPainter, view: Viewport) -> None:
        lines = grid.lines(
            self.state.song, view.first_tick, view.last_tick, 0, view.scale / view.dpr, closest=7.0
        )
        for level in (32, 64, 96, 127):
            y = round(self.bar_top(level) * view.dpr)
            painter.fillRect(0, y, view.width, 1, theme.colour("grid_step"))
        for token, ticks in (("grid_step", lines.beats), ("grid_beat", [tick for tick, _ in lines.bars])):
            for x in view.x(ticks).tolist():
                painter.fillRect(x, 0, 1, view.height, theme.colour(token))

    def _paint_bars(self, painter: QPainter, view: Viewport, notes: Notes, states: NDArray[np.uint8]) -> None:
        """All bars by one assignment into a picture: later ones (softer, selected) over earlier ones."""
        if not len(notes):
            return
        looks = self.colours.looks(self.state.song, notes, states)
        scale = (view.height - 2 * PAD * view.dpr) / 127
        bottom = round(view.height - PAD * view.dpr)
        heights = np.maximum(1, np.rint(notes["velocity"] * scale)).astype(np.int64)
        width = max(1, round(BAR_PIXELS * view.dpr))
        # One-pixel columns first; a bar covers ``width`` of them.
        tallest = np.zeros(view.width, np.int64)
        ink = np.zeros(view.width, np.uint32)
        columns = (view.x(notes["onset"])[:, None] + np.arange(width)).ravel()
        seen = (columns >= 0) & (columns < view.width)
        columns = columns[seen]
        tall, colour = np.repeat(heights, width)[seen], np.repeat(self.colours.body[looks], width)[seen]
        if len(notes) <= 2000:
            picture = np.zeros((view.height, view.width), np.uint32)
            for column, high, shade in zip(columns.tolist(), tall.tolist(), colour.tolist()):
                picture[bottom - high : bottom, column] = shade
                picture[bottom - high : bottom - high + max(1, round(view.dpr)), column] = 0xFFFFFFFF
        else:
            np.maximum.at(tallest, columns, tall)
            ink[columns] = colour
            rows = np.arange(view.height)[:, None]
            picture = np.where((rows >= bottom - tallest) & (rows < bottom), ink, 0).astype(np.uint32)
        image = QImage(
            picture.data, view.width, view.height, 4 * view.width, QImage.Format.Format_ARGB32_Premultiplied
        )  # type: ignore[call-overload]
        painter.drawImage(0, 0, image)

    def _playhead_moved(self, tick: int) -> None:
        for x in (self._playhead_x, round(self.state.time_axis.x(tick))):
            self.update(QRect(x - 2, 0, 5, self.height()))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.colours = NoteColours()
            self.update()
        super().changeEvent(event)

    # The mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._drag = VelocityDrag(self, event.position())
        self._drag_to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            self._drag_to(event)
        else:
            self.state.hint(f"Velocity {self.velocity(event.position().y())} — {HINT}")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag, self._drag, self._label = self._drag, None, ""
        if drag is not None:
            drag.finish(self.state)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.state.hint("")

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(event, self.state.time_axis, None)

    def _drag_to(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        straight = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._drag.update(event.position(), straight)
        self._pointer = event.position()
        self._label = f"velocity {self.velocity(event.position().y())}"
        self.update()


class VelocityDrag:
    """Velocities drawn with the mouse; applied in one step at the release.

    Where bars under the hand are selected, only selected ones follow it.
    """

    def __init__(self, lane: VelocityLane, start: QPointF) -> None:
        self.lane = lane
        state = lane.state
        mine = np.flatnonzero(state.notes["track"] == state.track)
        chosen = np.intersect1d(mine, state.selection)
        self.index: Index = chosen if len(chosen) else mine
        self.x = state.viewport(lane.width(), lane.height(), 1.0).x(state.notes["onset"][self.index])
        self.before = state.notes["velocity"][self.index].copy()
        self.velocities = self.before.copy()
        self.start = self.last = start
        self.line: tuple[QPointF, QPointF] | None = None

    def update(self, at: QPointF, straight: bool) -> None:
        """Follow the hand to ``at``; ``straight`` draws a ramp from where it started."""
        if straight:
            self.velocities = self.before.copy()
            begin, self.line = self.start, (self.start, at)
        else:
            begin, self.line = self.last, None
        reach = BAR_PIXELS + 1
        left, right = sorted((begin.x(), at.x()))
        touched = (self.x >= left - reach) & (self.x <= right + 1)
        if right - left < 2 * reach and np.any(touched):
            # A single bar is meant: the one nearest to the hand (with the chord it stands in).
            nearest = self.x[touched][np.argmin(np.abs(self.x[touched] - at.x()))]
            touched &= self.x == nearest
        if right > left:
            y = np.interp(self.x[touched], *_ascending(begin, at))
        else:
            y = np.full(int(touched.sum()), at.y())
        self.velocities[touched] = [self.lane.velocity(float(value)) for value in y]
        self.last = at

    def finish(self, state: RollState) -> None:
        changed = self.velocities != self.before
        if not np.any(changed):
            return
        notes = state.notes.copy()
        notes["velocity"][self.index] = self.velocities
        state.velocity = int(self.velocities[changed][-1])
        # Velocity plays no part in the order of notes, so the same indices stay selected.
        selection = state.selection
        state.document.apply("Draw velocities", state.song.with_notes(notes))
        state.document.select(selection)


def _ascending(a: QPointF, b: QPointF) -> tuple[list[float], list[float]]:
    first, second = (a, b) if a.x() <= b.x() else (b, a)
    return [first.x(), second.x()], [first.y(), second.y()]
