"""Many notes to one picture, with numpy only.

Every note is a rounded rectangle in one row of pitch, so a picture of notes is first made one pixel
high a row (`index`), then given its colours, then spread to the rows' height. That costs the same for
one note as for thousands: 100,000 notes take some milliseconds, where drawing them one by one takes
a fifth of a second (tests/bench/bench_roll.py).
"""

from __future__ import annotations

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
    """
    first, last = view.shown_rows
    count = max(0, last - first)
    begin, end = np.maximum(spans[0], 0), np.minimum(spans[1], view.width)
    shown = (end > begin) & (rows >= first) & (rows < last)
    begin, end, looks = begin[shown], end[shown], looks[shown]
    line = (rows[shown] - first) * view.width
    index = np.zeros((count + 1) * view.width, np.uint16)
    lengths = end - begin
    starts = line + begin
    _fill(index, starts, lengths, looks)

    border = max(1, round(view.dpr))
    height = int(view.row_height)
    lines = index.reshape(count + 1, view.width)
    if height < 6 or not len(lengths):
        return _spread(view, [body[lines]], first, count, 0)
    bordered = lengths >= NARROWEST_BORDERED * border
    left = starts[bordered & (spans[0][shown] >= 0)]
    right = (line + end - 1)[bordered & (spans[1][shown] <= view.width)]
    # Borders of notes that lie under another note must not show through it.
    left_looks, right_looks = (
        looks[bordered & (spans[0][shown] >= 0)],
        looks[bordered & (spans[1][shown] <= view.width)],
    )
    left_seen, right_seen = index[left] == left_looks, index[right] == right_looks
    left, left_looks = left[left_seen], left_looks[left_seen]
    right, right_looks = right[right_seen], right_looks[right_seen]
    inner = body[index]
    for step in range(border):
        inner[left + step] = edge[left_looks]
        inner[right - step] = edge[right_looks]
    layers = [inner.reshape(lines.shape)]
    for depth in range(border):
        outer = edge[index]
        for step in range(border - depth):
            outer[left + step] = 0
            outer[right - step] = 0
        layers.append(outer.reshape(lines.shape))
    return _spread(view, layers, first, count, border)


def _fill(index: NDArray[np.uint16], starts: Ints, lengths: Ints, looks: NDArray[np.uint16]) -> None:
    """index[start : start + length] = look, for all notes at once and in their order."""
    total = int(lengths.sum())
    if not total:
        return
    ends = np.cumsum(lengths)
    index[np.repeat(starts - (ends - lengths), lengths) + np.arange(total)] = np.repeat(looks, lengths)


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
    return np.take(stack, source, axis=0)
