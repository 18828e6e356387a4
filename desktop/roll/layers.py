"""The picture of grid and notes, kept between repaints.

Moving the view by whole pixels moves the picture and paints only the strips that came into view; the
play-head and everything else that changes often is painted over it by `desktop.roll.canvas`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter, QPixmap

from core.song.notes import Notes
from desktop.roll import painter as paint
from desktop.roll.colours import Look, NoteColours
from desktop.roll.geometry import Viewport
from desktop.roll.gestures import NONE, Index
from desktop.roll.state import RollState


class ScoreLayers:
    """Two cached pictures: the grid alone, and the grid with the notes.

    A change of the notes (or of their selection) repaints notes onto the kept grid; a change of the
    grid repaints both.
    """

    def __init__(self, state: RollState) -> None:
        self.state = state
        self.hidden: Index = NONE
        self.colours = NoteColours()
        self._grid = QPixmap()
        self._score = QPixmap()
        self._view: Viewport | None = None
        self._notes_stale = True

    def invalidate_notes(self) -> None:
        self._notes_stale = True

    def invalidate(self) -> None:
        """Forget everything: grid, notes and colours."""
        self.colours = NoteColours()
        self._view = None

    def score(self, view: Viewport) -> QPixmap:
        """Grid and notes as ``view`` shows them, in device pixels."""
        old = self._view
        if old is None or not _same_zoom(old, view):
            self._grid = QPixmap(view.width, view.height)
            self._score = QPixmap(view.width, view.height)
            self._paint_grid(view, QRect(0, 0, view.width, view.height))
            self._notes_stale = True
        elif (old.left, old.top) != (view.left, view.top):
            self._scroll(view, old.left - view.left, old.top - view.top)
        self._view = view
        if self._notes_stale:
            self._paint_notes(view, QRect(0, 0, view.width, view.height))
            self._notes_stale = False
        return self._score

    def _scroll(self, view: Viewport, dx: int, dy: int) -> None:
        whole = QRect(0, 0, view.width, view.height)
        if abs(dx) >= view.width or abs(dy) >= view.height:
            strips = [whole]
        else:
            self._grid.scroll(dx, dy, whole)
            if not self._notes_stale:
                self._score.scroll(dx, dy, whole)
            strips = _uncovered(whole, dx, dy)
        for strip in strips:
            self._paint_grid(view, strip)
            if not self._notes_stale:
                self._paint_notes(view, strip)

    def _paint_grid(self, view: Viewport, strip: QRect) -> None:
        part = view.part(strip.x(), strip.y(), strip.width(), strip.height())
        painter = QPainter(self._grid)
        painter.setClipRect(strip)
        painter.translate(strip.topLeft())
        paint.paint_grid(painter, part, self.state.song, self.state.grid, self._scales())
        painter.end()

    def _paint_notes(self, view: Viewport, strip: QRect) -> None:
        part = view.part(strip.x(), strip.y(), strip.width(), strip.height())
        painter = QPainter(self._score)
        painter.setClipRect(strip)
        painter.drawPixmap(strip.topLeft(), self._grid, strip)
        painter.translate(strip.topLeft())
        notes, states = self._shown(part)
        paint.paint_notes(
            painter, part, self.state.song, notes, states, self.colours, names=self.state.note_names
        )
        painter.end()

    def _shown(self, view: Viewport) -> tuple[Notes, NDArray[np.uint8]]:
        """The notes in view, in the order to paint them, and how each looks."""
        state = self.state
        notes = state.notes
        index = view.visible(notes)
        looks = np.full(len(notes), Look.OTHER_TRACK, np.uint8)
        looks[notes["track"] == state.track] = Look.PLAIN
        silent = [t for t in range(len(state.song.tracks)) if not state.document.is_audible(t)]
        if silent:
            looks[np.isin(notes["track"], silent)] = Look.MUTED
        looks[state.selection] = Look.SELECTED
        if len(self.hidden):
            index = np.setdiff1d(index, self.hidden, assume_unique=True)
        looks = looks[index]
        if not state.show_ghost_tracks:
            kept = (notes["track"][index] == state.track) | (looks == Look.SELECTED)
            index, looks = index[kept], looks[kept]
        mine = notes["track"][index] == state.track
        rank = np.where(looks == Look.SELECTED, 2, mine)
        order = np.argsort(rank, kind="stable") if len(rank) and rank.min() != rank.max() else slice(None)
        return notes[index[order]], looks[order]

    def _scales(self) -> list[tuple[int, tuple[int, ...] | None]]:
        if not self.state.highlight_scale or self.state.is_drum:
            return [(0, None)]
        ticks = sorted({0, *(mark.tick for mark in self.state.song.keys)})
        return [(tick, self.state.scale_at(tick)) for tick in ticks]


def _same_zoom(a: Viewport, b: Viewport) -> bool:
    """Whether one view is the other one scrolled."""
    return a.rows is b.rows and replace(a, left=0, top=0, rows=b.rows).__dict__ == (
        replace(b, left=0, top=0).__dict__
    )


def _uncovered(whole: QRect, dx: int, dy: int) -> list[QRect]:
    """The strips that come into view when the picture moves by (dx, dy)."""
    width, height = whole.width(), whole.height()
    strips = []
    if dx:
        strips.append(QRect(0 if dx > 0 else width + dx, 0, abs(dx), height))
    if dy:
        strips.append(QRect(0, 0 if dy > 0 else height + dy, width, abs(dy)))
    return strips
