"""The velocity lane: one bar a note, dragged singly or drawn across."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QWidget

from core.song.notes import Notes
from desktop.roll.colours import Look
from desktop.roll.geometry import Viewport, contains
from desktop.roll.gestures import Index
from desktop.roll.lane import PAD, Lane, LaneDrag, Scale, ascending
from desktop.roll.state import RollState

VELOCITY = Scale("Velocity", 0, 127, (32, 64, 96, 127))
BAR_PIXELS = 3.0
MOST_SINGLE_BARS = 600
"""Bars beyond this many are painted by column: where they overlap, the loudest hides the others."""


class VelocityLane(Lane):
    """Velocities of the current track."""

    hint = (
        "Drag a bar: velocity · Drag across: draw · Shift+drag: straight ramp · "
        "Only the selection, if there is one"
    )

    def __init__(self, state: RollState, parent: QWidget | None = None) -> None:
        super().__init__(state, VELOCITY, parent)

    def begin_drag(self, at: QPointF, *, erase: bool) -> LaneDrag | None:
        return None if erase else VelocityDrag(self, at)

    def velocity(self, y: float) -> int:
        """The velocity, 1-127, at a height."""
        return max(1, self.scale.value(y, self.height()))

    def notes(self) -> Notes:
        """The song's notes, with what the drag under way makes of them."""
        if not isinstance(self.drag, VelocityDrag):
            return self.state.notes
        notes = self.state.notes.copy()
        notes["velocity"][self.drag.index] = self.drag.velocities
        return notes

    def paint_content(self, painter: QPainter, view: Viewport) -> None:
        notes = self.notes()
        reach = 2 * BAR_PIXELS * view.dpr / view.scale
        first, last = np.searchsorted(notes["onset"], [view.first_tick - reach, view.last_tick + 1])
        mine = first + np.flatnonzero(notes["track"][first:last] == self.state.track)
        selected = contains(self.state.selection, mine)
        # Softer bars before louder ones of the same chord, selected ones before all.
        order = np.lexsort((-notes["velocity"][mine].astype(int), selected))
        plain = Look.PLAIN if self.state.document.is_audible(self.state.track) else Look.MUTED
        looks = np.where(selected, np.uint8(Look.SELECTED), np.uint8(plain))
        self._paint_bars(painter, view, notes[mine[order]], looks[order])

    def _paint_bars(self, painter: QPainter, view: Viewport, notes: Notes, states: NDArray[np.uint8]) -> None:
        if not len(notes):
            return
        looks = self.colours.looks(self.state.song, notes, states)
        bottom = round(view.height - PAD * view.dpr)
        scale = (view.height - 2 * PAD * view.dpr) / 127
        heights = np.maximum(1, np.rint(notes["velocity"] * scale)).astype(np.int64)
        width, cap = max(1, round(BAR_PIXELS * view.dpr)), max(1, round(view.dpr))
        columns = (view.x(notes["onset"])[:, None] + np.arange(width)).ravel()
        seen = (columns >= 0) & (columns < view.width)
        columns = columns[seen]
        tall, ink = np.repeat(heights, width)[seen], np.repeat(self.colours.body[looks], width)[seen]
        tip = np.repeat(self.colours.edge[self.colours.selected(looks)], width)[seen]
        if len(notes) <= MOST_SINGLE_BARS:
            picture = np.zeros((view.height, view.width), np.uint32)
            for column, high, shade, end in zip(columns.tolist(), tall.tolist(), ink.tolist(), tip.tolist()):
                picture[bottom - high : bottom, column] = shade
                picture[bottom - high : bottom - high + cap, column] = end
        else:
            tallest, shades = np.zeros(view.width, np.int64), np.zeros(view.width, np.uint32)
            np.maximum.at(tallest, columns, tall)
            shades[columns] = ink
            rows = np.arange(view.height)[:, None]
            picture = np.where((rows >= bottom - tallest) & (rows < bottom), shades, np.uint32(0))
        image = QImage(
            picture.data, view.width, view.height, 4 * view.width, QImage.Format.Format_ARGB32_Premultiplied
        )  # type: ignore[call-overload]
        painter.drawImage(0, 0, image)


class VelocityDrag(LaneDrag):
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

    def update(self, at: QPointF, straight: bool) -> None:
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
            y = np.interp(self.x[touched], *ascending(begin, at))
        else:
            y = np.full(int(touched.sum()), at.y())
        self.velocities[touched] = [self.lane.velocity(float(value)) for value in y]
        self.last = at

    def finish(self) -> None:
        state = self.lane.state
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
