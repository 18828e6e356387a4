"""The picture of grid and notes, kept between repaints.

Moving the view by whole pixels moves the picture and paints only the strips that came into view; the
play-head and everything else that changes often is painted over it by `desktop.roll.canvas`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter, QPixmap

from desktop.roll import painter as paint
from desktop.roll.colours import HEAT_LEVELS, Look, note_colours
from desktop.roll.geometry import Timeline, Viewport, contains
from desktop.roll.gestures import NONE, Index
from desktop.roll.state import RollState


class ScoreLayers:
    """Two cached pictures: the grid alone, and the grid with the notes.

    A change of the notes (or of their selection) repaints notes onto the kept grid. Scrolling moves
    only the finished picture; the grid alone is then made again when notes change next.
    """

    def __init__(self, state: RollState) -> None:
        self.state = state
        self.hidden: Index = NONE
        self.colours = note_colours()
        self._grid = QPixmap()
        self._score = QPixmap()
        self._grid_view: Viewport | None = None
        self._score_view: Viewport | None = None
        self._timeline = Timeline(state.notes)

    def invalidate_notes(self) -> None:
        """The notes, their selection or their looks changed."""
        self._score_view = None

    def invalidate(self) -> None:
        """Forget everything: grid, notes and colours."""
        self.colours = note_colours()
        self._grid_view = self._score_view = None

    def score(self, view: Viewport) -> QPixmap:
        """Grid and notes as ``view`` shows them, in device pixels."""
        old = self._score_view
        if old is not None and old.is_scrolled(view):
            dx, dy = old.left - view.left, old.top - view.top
            if abs(dx) < view.width and abs(dy) < view.height:
                self._scroll(view, dx, dy)
                self._score_view = view
                return self._score
        whole = QRect(0, 0, view.width, view.height)
        if self._grid.size() != whole.size():
            self._grid, self._score = QPixmap(whole.size()), QPixmap(whole.size())
            self._grid_view = None
        if self._grid_view is None or not self._grid_view.is_same(view):
            self._grid_view = view
            with QPainter(self._grid) as painter:
                self._paint_grid(painter, view)
        with QPainter(self._score) as painter:
            painter.drawPixmap(0, 0, self._grid)
            self._paint_notes(painter, view)
        self._score_view = view
        return self._score

    def _scroll(self, view: Viewport, dx: int, dy: int) -> None:
        whole = QRect(0, 0, view.width, view.height)
        if dx or dy:
            self._score.scroll(dx, dy, whole)
        for strip in _uncovered(whole, dx, dy):
            part = view.part(strip.x(), strip.y(), strip.width(), strip.height())
            with QPainter(self._score) as painter:
                painter.setClipRect(strip)
                painter.translate(strip.topLeft())
                self._paint_grid(painter, part)
                self._paint_notes(painter, part)

    def _paint_grid(self, painter: QPainter, view: Viewport) -> None:
        paint.paint_grid(painter, view, self.state.song, self.state.grid, self._scales())

    def _paint_notes(self, painter: QPainter, view: Viewport) -> None:
        state = self.state
        index, looks = self._shown(view)
        heat = state.heat[index] if len(state.heat) else None
        paint.paint_notes(
            painter,
            view,
            state.song,
            state.notes[index],
            looks,
            self.colours,
            names=state.note_names,
            heat=heat,
        )
        locked = index[contains(state.document.locked, index)]
        if len(locked):
            paint.paint_locks(painter, view, state.notes[locked])

    def _shown(self, view: Viewport) -> tuple[Index, NDArray[np.uint8]]:
        """Indices of the notes in view, in the order to paint them (the current track's over the others',
        selected ones on top), and how each looks.
        """
        state = self.state
        if self._timeline.notes is not state.notes:
            self._timeline = Timeline(state.notes)
        index = self._timeline.visible(view)
        if len(self.hidden):
            index = index[~contains(self.hidden, index)]
        track = state.notes["track"][index]
        mine, selected = track == state.track, contains(state.selection, index)
        looks = np.where(mine, np.uint8(Look.PLAIN), np.uint8(Look.OTHER_TRACK))
        if len(state.heat):
            looks[state.heat[index] < HEAT_LEVELS] = Look.HEAT
        silent = [t for t in range(len(state.song.tracks)) if not state.document.is_audible(t)]
        if silent:
            looks[np.isin(track, silent)] = Look.MUTED
        looks[contains(state.document.replaced, index)] = Look.MUTED
        looks[selected] = Look.SELECTED
        levels = [mine & ~selected, selected]
        if state.show_ghost_tracks:
            levels.insert(0, ~mine & ~selected)
        order = np.concatenate([np.flatnonzero(level) for level in levels])
        return index[order], looks[order]

    def _scales(self) -> list[tuple[int, tuple[int, ...] | None]]:
        if not self.state.highlight_scale or self.state.is_drum:
            return [(0, None)]
        ticks = sorted({0, *(mark.tick for mark in self.state.song.keys)})
        return [(tick, self.state.scale_at(tick)) for tick in ticks]


def _uncovered(whole: QRect, dx: int, dy: int) -> list[QRect]:
    """The strips that come into view when the picture moves by (dx, dy)."""
    width, height = whole.width(), whole.height()
    strips = []
    if dx:
        strips.append(QRect(0 if dx > 0 else width + dx, 0, abs(dx), height))
    if dy:
        strips.append(QRect(0, 0 if dy > 0 else height + dy, width, abs(dy)))
    return strips
