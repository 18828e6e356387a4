"""Many notes to one picture, with numpy only.

Every note is a rounded rectangle in one row of pitch, so a picture of notes is first made one pixel
high a row (`index`), then given its colours, then spread to the rows' height. That costs the same for
one note as for thousands: 100,000 notes take some milliseconds, where drawing them one by one takes
a fifth of a second (tests/bench/bench_roll.py).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from desktop.roll.geometry import Ints, Viewport

Picture = NDArray[np.uint32]
"""Premultiplied 0xAARRGGBB, shape (height, width)."""

NARROWEST_BORDERED = 5


def raster(
    view: Viewport,
    spans: tuple[Ints, Ints],
    rows: Ints,
    looks: NDArray[np.uint16],
    body: Picture,
    edge: Picture,
) -> Picture:
    """Paint notes, later ones over earlier ones.

    Parameters
    ----------
    view : Viewport
        What the picture shows; its size is the picture's size.
    spans : first and one-past-last device column of each note, as of `Viewport.spans`
    rows : row of each note, as of ``view.rows``
    looks : 1-based index of each note into the colour tables; 0 is kept for "no note"
    body, edge : ndarray of uint32
        Premultiplied colour of each look, inside and at its border.

    Returns
    -------
    ndarray of uint32 [shape=(view.height, view.width)]
        Valid until the next call for a picture of this size.
    """
    first, last = view.shown_rows
    count = max(0, last - first)
    shown = (spans[1] > 0) & (spans[0] < view.width) & (rows >= first) & (rows < last)
    start, end = spans
    if not shown.all():
        start, end, rows, looks = start[shown], end[shown], rows[shown], looks[shown]
    line = (rows - first).astype(np.int32) * view.width
    begins = line + np.maximum(start, 0).astype(np.int32)
    ends = line + np.minimum(end, view.width).astype(np.int32)
    index = np.zeros((count + 1) * view.width, np.uint16)
    _fill(index, begins, ends - begins, looks)

    shape = (count + 1, view.width)
    border = max(1, round(view.dpr))
    inner = body[index]
    if view.row_height < 6:
        return _spread(view, [inner.reshape(shape)], first, count, 0)
    wide = end - start >= NARROWEST_BORDERED * border
    # A border that lies outside the view, or under another note, must not be painted.
    left, left_looks = _uncovered(index, begins, looks, wide & (start >= 0))
    right, right_looks = _uncovered(index, ends - 1, looks, wide & (end <= view.width))
    for step in range(border):
        inner[left + step] = edge[left_looks]
        inner[right - step] = edge[right_looks]
    layers = [inner.reshape(shape)]
    for depth in range(border):
        outer = edge[index]
        for step in range(border - depth):
            outer[left + step] = 0
            outer[right - step] = 0
        layers.append(outer.reshape(shape))
    return _spread(view, layers, first, count, border)


def _uncovered(
    index: NDArray[np.uint16], places: NDArray[np.int32], looks: NDArray[np.uint16], chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Those of the chosen places where the note itself is on top, with its look."""
    places, looks = places[chosen], looks[chosen]
    on_top = index[places] == looks
    return places[on_top], looks[on_top]


def _fill(
    index: NDArray[np.uint16],
    begins: NDArray[np.int32],
    lengths: NDArray[np.int32],
    looks: NDArray[np.uint16],
) -> None:
    """index[begin : begin + length] = look, for all notes at once and in their order."""
    if not len(lengths):
        return
    if lengths.max() == 1:
        index[begins] = looks
        return
    ends = np.cumsum(lengths, dtype=np.int32)
    places = np.repeat(begins - (ends - lengths), lengths)
    places += np.arange(len(places), dtype=np.int32)
    index[places] = np.repeat(looks, lengths)


def _spread(view: Viewport, layers: list[Picture], first: int, count: int, border: int) -> Picture:
    """Rows of one pixel to rows of their height, with the border layers above and below the inner one."""
    blank = count  # the line after the last row holds no note
    source = np.full(view.height, blank, np.int64)
    edges = view.row_edge(np.arange(first, first + count + 1))
    gap = 1 if view.row_height >= 4 else 0
    for row in range(count):
        top, bottom = int(edges[row]), int(edges[row + 1]) - gap
        source[max(0, top) : max(0, bottom)] = row
        for depth in range(border):
            for y in (top + depth, bottom - 1 - depth):
                if 0 <= y < view.height:
                    source[y] = (depth + 1) * (count + 1) + row
    stack = layers[0] if len(layers) == 1 else np.concatenate(layers)
    return np.take(stack, source, axis=0, out=_canvas(view.height, view.width), mode="clip")


@lru_cache(maxsize=2)
def _canvas(height: int, width: int) -> Picture:
    """Memory for a picture, used again and again: fresh memory costs more than what is painted on it."""
    return np.empty((height, width), np.uint32)
