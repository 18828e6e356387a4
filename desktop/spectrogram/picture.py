"""From tiles to a picture: which column and which rows each pixel shows; without widgets.

Columns are looked up by time, rows by frequency. Where a pixel covers several rows it shows the loudest, so that a
thin line never vanishes; where a row covers several pixels they fade from one row to the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desktop.spectrogram.colour_maps import LEVELS, table
from desktop.spectrogram.transforms import QUIETEST

Levels = NDArray[np.uint8]


def look_up(name: str, floor: float, ceiling: float, step: float) -> NDArray[np.uint32]:
    """The colour of every byte of a tile: ``floor`` decibels and below get the first of the map, ``ceiling`` and
    above the last.
    """
    decibels = QUIETEST + step * np.arange(256)
    place = (decibels - floor) / max(1e-6, ceiling - floor) * (LEVELS - 1)
    return table(name)[np.clip(np.round(place), 0, LEVELS - 1).astype(int)]


def rows_to_pixels(columns: Levels, edges: NDArray[np.float64]) -> Levels:
    """Spread or gather rows over pixels.

    Parameters
    ----------
    columns : [shape=(rows, n)], the lowest frequency first
    edges : row, with fractions, at the upper and lower edge of every pixel from the top down [shape=(height + 1,)]

    Returns
    -------
    ndarray of uint8 [shape=(height, n)]
        0 where a pixel lies beyond the first or the last row.
    """
    count = len(columns)
    top, bottom = edges[:-1], edges[1:]
    middle = (top + bottom) / 2
    result = np.zeros((len(top), columns.shape[1]), np.uint8)
    inside = (middle >= -0.5) & (middle <= count - 0.5)
    many = inside & (top - bottom > 1.0)
    one = inside & ~many
    if many.any():
        low = np.clip(np.ceil(bottom[many]).astype(int), 0, count - 1)
        high = np.clip(np.floor(top[many]).astype(int) + 1, low + 1, count)
        # Thirty times as fast as one reduceat, whose stretches are short.
        for pixel, first, last in zip(
            np.flatnonzero(many).tolist(), low.tolist(), high.tolist(), strict=True
        ):
            np.max(columns[first:last], axis=0, out=result[pixel])
    if one.any():
        place = np.clip(middle[one], 0, count - 1)
        low = np.minimum(place.astype(int), max(0, count - 2))
        # In 128ths, so that a product fits into 16 bits.
        weight = np.round((place - low) * 128).astype(np.int16)[:, np.newaxis]
        below = np.take(columns, low, axis=0).astype(np.int16)
        mixed = np.take(columns, np.minimum(low + 1, count - 1), axis=0).astype(np.int16)
        mixed -= below
        mixed *= weight
        mixed >>= 7
        mixed += below
        result[one] = mixed
    return result
