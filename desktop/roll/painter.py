"""Painting the score: the grid, the notes, and their names. All coordinates are device pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLine, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from core.song.notes import Notes, Song
from desktop import icons, theme
from desktop.roll import grid
from desktop.roll.colours import Look, NoteColours
from desktop.roll.geometry import Ints, Viewport
from desktop.roll.names import pitch_name, uses_flats
from desktop.roll.raster import raster

BLACK_KEYS = frozenset({1, 3, 6, 8, 10})
NAMED_WIDTH = 30
MOST_NAMES = 600
"""Names are left out where more notes than this would carry one: nobody reads them all."""


def paint_grid(
    painter: QPainter,
    view: Viewport,
    song: Song,
    grid_ticks: int,
    scales: list[tuple[int, tuple[int, ...] | None]],
) -> None:
    """Rows shaded like a keyboard or by scale, then the lines of time.

    ``scales`` are (tick, pitch classes or None), the first at tick 0.
    """
    painter.fillRect(0, 0, view.width, view.height, theme.colour("roll"))
    ends = [tick for tick, _ in scales[1:]]
    for (tick, scale), end in zip(scales, [*ends, None]):
        left = max(0, int(view.x(tick)))
        right = view.width if end is None else min(view.width, int(view.x(end)))
        if right > left:
            _paint_rows(painter, view, left, right - left, scale)
    _paint_row_lines(painter, view)
    _paint_time_lines(painter, view, song, grid_ticks)


def _paint_rows(
    painter: QPainter, view: Viewport, left: int, width: int, scale: tuple[int, ...] | None
) -> None:
    black, scaled = theme.colour("roll_black_row"), theme.colour("roll_scale_row")
    for pitch, top, height in _rows(view):
        if pitch % 12 in BLACK_KEYS:
            painter.fillRect(left, top, width, height, black)
        if scale is not None and pitch % 12 in scale:
            painter.fillRect(left, top, width, height, scaled)


def _rows(view: Viewport) -> list[tuple[int, int, int]]:
    """(pitch, top, height) of the rows in view."""
    first, last = view.shown_rows
    edges = view.row_edge(np.arange(first, last + 1)).tolist()
    pitches = {int(row): pitch for pitch, row in enumerate(view.rows) if first <= row < last}
    return [
        (pitches[row], edges[row - first], edges[row + 1 - first] - edges[row - first]) for row in pitches
    ]


def _paint_row_lines(painter: QPainter, view: Viewport) -> None:
    """A line under every C, a fainter one under every F, and under every row where rows are high."""
    strong, faint = theme.colour("grid_beat"), theme.colour("grid_step")
    for pitch, top, height in _rows(view):
        bottom = top + height - 1
        if pitch % 12 == 0:
            painter.fillRect(0, bottom, view.width, 1, strong)
        elif pitch % 12 == 5 or view.row_height >= 9 * view.dpr:
            painter.fillRect(0, bottom, view.width, 1, faint)


def _paint_time_lines(painter: QPainter, view: Viewport, song: Song, grid_ticks: int) -> None:
    found = grid.lines(
        song, max(0.0, view.first_tick), view.last_tick, grid_ticks, view.scale / view.dpr, closest=7.0
    )
    levels = (
        ("grid_step", found.steps),
        ("grid_beat", found.beats),
        ("grid_bar", [tick for tick, _ in found.bars]),
    )
    for token, ticks in levels:
        if ticks:
            painter.setPen(QPen(theme.colour(token), 1))
            columns = view.x(ticks).tolist()
            painter.drawLines([QLine(x, 0, x, view.height) for x in columns])


def paint_notes(
    painter: QPainter,
    view: Viewport,
    song: Song,
    notes: Notes,
    states: NDArray[np.uint8],
    colours: NoteColours,
    *,
    names: bool = True,
    heat: NDArray[np.uint8] | None = None,
) -> None:
    """Paint ``notes`` in their order, each in the `Look` that ``states`` gives it; ``heat`` is its level."""
    if not len(notes):
        return
    start, end = view.spans(notes)
    rows = view.rows[notes["pitch"]].astype(np.int64)
    looks = colours.looks(song, notes, states, heat)
    box = _bounds(view, start, end, rows)
    if box.isEmpty():
        return
    part = view.part(box.x(), box.y(), box.width(), box.height())
    picture = raster(part, (start - box.x(), end - box.x()), rows, looks, colours.body, colours.edge)
    image = QImage(
        picture.data, box.width(), box.height(), 4 * box.width(), QImage.Format.Format_ARGB32_Premultiplied
    )  # type: ignore[call-overload]
    painter.drawImage(box.topLeft(), image)
    if names:
        _paint_names(painter, view, song, notes, (start, end, rows), states, colours.text, looks)


def paint_locks(painter: QPainter, view: Viewport, notes: Notes) -> None:
    """Mark locked notes: a padlock where there is room for one, else a bar at the note's start."""
    start, end = view.spans(notes)
    rows = view.rows[notes["pitch"]].astype(np.int64)
    tops, bottoms = view.row_edge(rows), view.row_edge(rows + 1)
    size = min(13 * view.dpr, view.row_height - 1)
    paper, ink = theme.colour("roll", 0.8), theme.colour("playhead")
    bar = max(2, round(2.5 * view.dpr))
    for x0, x1, y0, y1 in zip(start.tolist(), end.tolist(), tops.tolist(), bottoms.tolist()):
        # Not over the note's name, which stands in notes of NAMED_WIDTH and more.
        width = (x1 - x0) / view.dpr
        room = 14 <= width < NAMED_WIDTH or width >= NAMED_WIDTH + 18
        if size >= 8 * view.dpr and room and len(notes) <= MOST_NAMES:
            box = QRectF(x1 - size - view.dpr, y0 + (y1 - y0 - 1 - size) / 2, size, size)
            painter.fillRect(box, paper)
            icons.paint(painter, "lock", box.adjusted(1, 1, -1, -1), ink)
        else:
            painter.fillRect(QRect(x0, y0, min(bar, max(1, x1 - x0)), max(1, y1 - y0 - 1)), ink)


def _bounds(view: Viewport, start: Ints, end: Ints, rows: Ints) -> QRect:
    """The part of the view that the notes cover."""
    left, right = max(0, int(start.min())), min(view.width, int(end.max()))
    top = max(0, int(view.row_edge(rows.min())))
    bottom = min(view.height, int(view.row_edge(rows.max() + 1)))
    return QRect(left, top, max(0, right - left), max(0, bottom - top))


def _paint_names(
    painter: QPainter,
    view: Viewport,
    song: Song,
    notes: Notes,
    place: tuple[Ints, Ints, Ints],
    states: NDArray[np.uint8],
    inks: list[QColor],
    looks: NDArray[np.uint16],
) -> None:
    if view.row_height < 11 * view.dpr:
        return
    start, end, rows = place
    # Drum rows are named at the left; names on the dim notes of other tracks would be noise.
    melodic = np.array([not track.is_drum for track in song.tracks] or [True])
    named = melodic[np.minimum(notes["track"], len(melodic) - 1)] & (states != Look.OTHER_TRACK)
    wide = np.flatnonzero((end - start >= NAMED_WIDTH * view.dpr) & (end > 0) & (start < view.width) & named)
    if len(wide) > MOST_NAMES:
        return
    painter.setFont(theme.font(round(min(11.0, view.row_height / view.dpr - 3) * view.dpr)))
    flats = uses_flats(song)
    tops, bottoms = view.row_edge(rows), view.row_edge(rows + 1)
    pad = round(4 * view.dpr)
    align = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
    pen: QColor | None = None
    for at in wide.tolist():
        ink = inks[looks[at]]
        if ink is not pen:
            painter.setPen(ink)
            pen = ink
        box = QRect(
            int(start[at]) + pad,
            int(tops[at]),
            int(end[at] - start[at]) - pad,
            int(bottoms[at] - tops[at]) - 1,
        )
        painter.drawText(box, align, pitch_name(int(notes["pitch"][at]), flats))
