"""Lanes of what changes between notes: modulation, expression, sustain pedal, pitch bend and others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QPainter, QPen, QPolygon
from PySide6.QtWidgets import QWidget

from core.song.notes import CONTROL, Controls
from desktop import theme
from desktop.roll.geometry import Viewport
from desktop.roll.lane import Lane, LaneDrag, Scale, ascending
from desktop.roll.state import RollState

CONTROL_CHANGE, PRESSURE, PITCH_BEND = 0xB0, 0xD0, 0xE0
MOST_DOTS = 300
SPACING_PIXELS = 3.0
"""Drawn values are at least this far apart."""


@dataclass(frozen=True, slots=True)
class Controller:
    """One kind of channel message: its MIDI kind and number, its range, and its value before any."""

    name: str
    kind: int
    number: int
    rest: int
    low: int = 0
    high: int = 127
    is_switch: bool = False

    @property
    def scale(self) -> Scale:
        middle = (self.low + self.high + 1) // 2
        return Scale(self.name, self.low, self.high, (self.low, middle, self.high))


CONTROLLERS = (
    Controller("Modulation", CONTROL_CHANGE, 1, 0),
    Controller("Expression", CONTROL_CHANGE, 11, 127),
    Controller("Sustain", CONTROL_CHANGE, 64, 0, is_switch=True),
    Controller("Volume", CONTROL_CHANGE, 7, 100),
    Controller("Pan", CONTROL_CHANGE, 10, 64),
    Controller("Brightness", CONTROL_CHANGE, 74, 64),
    Controller("Reverb", CONTROL_CHANGE, 91, 40),
    Controller("Pressure", PRESSURE, 0, 0),
    Controller("Pitch bend", PITCH_BEND, 0, 0, -8192, 8191),
)


class ControllerLane(Lane):
    """The values of one controller of the current track, as steps that hold until the next."""

    hint = "Drag: draw · Shift+drag: straight ramp · Right-drag: erase"

    def __init__(self, state: RollState, controller: Controller, parent: QWidget | None = None) -> None:
        self.controller = controller
        super().__init__(state, controller.scale, parent)

    def show_controller(self, controller: Controller) -> None:
        """Turn to another controller."""
        self.controller, self.scale = controller, controller.scale
        self.setAccessibleName(f"{controller.name} lane")
        self.update()

    def begin_drag(self, at: QPointF, *, erase: bool) -> LaneDrag | None:
        return ControllerDrag(self, at, erase=erase) if self.state.song.tracks else None

    def mine(self, controls: Controls) -> np.ndarray:
        """Which of ``controls`` this lane shows."""
        found = (controls["track"] == self.state.track) & (controls["kind"] == self.controller.kind)
        if self.controller.kind == CONTROL_CHANGE:
            found &= controls["number"] == self.controller.number
        return found

    def controls(self) -> Controls:
        """All controls of the song, with what the drag under way makes of them."""
        return self.drag.controls if isinstance(self.drag, ControllerDrag) else self.state.song.controls

    def paint_content(self, painter: QPainter, view: Viewport) -> None:
        controls = self.controls()
        shown = np.sort(controls[self.mine(controls)], order="tick", kind="stable")
        ticks, values = shown["tick"], shown["value"]
        first = max(0, int(np.searchsorted(ticks, view.first_tick, "right")) - 1)
        last = int(np.searchsorted(ticks, view.last_tick, "right"))
        ticks, values = ticks[first:last], values[first:last]
        colour = theme.track_colour(self.state.track_info.colour)
        heights = np.rint(self.scale.y(np.append(self.controller.rest, values), self.height()) * view.dpr)
        edges = [int(view.x(0)), *np.clip(view.x(ticks), -1, view.width).tolist(), view.width]
        if first > 0:
            heights, edges = heights[1:], edges[1:]
        base = round(float(self.scale.y(max(0, self.scale.low), self.height())) * view.dpr)
        outline = QPolygon()
        fill = theme.track_colour(self.state.track_info.colour, 0.25 if len(shown) else 0.1)
        for left, right, y in zip(edges, edges[1:], heights.astype(int).tolist()):
            painter.fillRect(left, min(y, base), right - left, abs(base - y), fill)
            outline.append(QPoint(left, y))
            outline.append(QPoint(right, y))
        painter.setPen(QPen(colour, max(1.0, view.dpr)))
        painter.drawPolyline(outline)
        if len(ticks) <= MOST_DOTS:
            size = round(4 * view.dpr)
            for x, y in zip(view.x(ticks).tolist(), heights[-len(ticks) :].astype(int).tolist()):
                painter.fillRect(x - size // 2, y - size // 2, size, size, colour)


class ControllerDrag(LaneDrag):
    """A curve drawn over time, which takes the place of what was there."""

    def __init__(self, lane: ControllerLane, start: QPointF, *, erase: bool) -> None:
        self.lane = lane
        self.erase = erase
        self.start = self.last = start
        self.before = self.controls = lane.state.song.controls
        axis = lane.state.time_axis
        self.step = max(1, round(SPACING_PIXELS / axis.pixels_per_tick), lane.state.song.ticks_per_beat // 48)

    def update(self, at: QPointF, straight: bool) -> None:
        if straight and not self.erase:
            self.controls = self.before
            begin, self.line = self.start, (self.start, at)
        else:
            begin, self.line = self.last, None
        self._draw(begin, at)
        self.last = at

    def _draw(self, begin: QPointF, end: QPointF) -> None:
        lane, axis = self.lane, self.lane.state.time_axis
        first, last = sorted(max(0, round(axis.tick(point.x()))) for point in (begin, end))
        first -= first % self.step
        ticks = np.arange(first, last + 1, self.step)
        old = lane.mine(self.controls)
        old &= (self.controls["tick"] >= first) & (self.controls["tick"] < first + len(ticks) * self.step)
        if self.erase:
            self.controls = self.controls[~old]
            return
        heights = np.interp([axis.x(int(tick)) for tick in ticks], *ascending(begin, end))
        values = np.array([lane.scale.value(float(y), lane.height()) for y in heights])
        controller = lane.controller
        if controller.is_switch:
            values = np.where(values >= 64, 127, 0)
        # A value that says what is so already says nothing.
        changes = np.flatnonzero(np.diff(values, prepend=values[0] + 1))
        drawn = np.zeros(len(changes), CONTROL)
        drawn["tick"], drawn["value"] = ticks[changes], values[changes]
        drawn["track"], drawn["channel"] = lane.state.track, lane.state.track_info.channel
        drawn["kind"], drawn["number"] = controller.kind, controller.number
        self.controls = np.concatenate([self.controls[~old], drawn])

    def finish(self) -> None:
        song = self.lane.state.song
        if not np.array_equal(self.controls, song.controls):
            name = self.lane.controller.name.lower()
            label = f"Erase {name}" if self.erase else f"Draw {name}"
            selection = self.lane.state.selection
            self.lane.state.document.apply(label, replace(song, controls=self.controls))
            self.lane.state.document.select(selection)
