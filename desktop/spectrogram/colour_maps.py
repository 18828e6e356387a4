"""Colour maps whose steps look even: lightness rises in equal steps of L*, hue and chroma follow a table.

A map is a row: the lightness it begins and ends with, and chroma and hue at points spread evenly between. Where a
colour cannot be shown, its chroma gives way and its lightness stays, so that equal steps of level stay equal steps
to the eye. Lightness, chroma and hue are those of CIELAB (CIE 15:2004, section 8.2.1) under D65.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

LEVELS = 256


@dataclass(frozen=True, slots=True)
class ColourMap:
    """``path``: (chroma, hue in degrees) at even steps from the lowest level to the highest."""

    title: str
    first_lightness: float
    last_lightness: float
    path: tuple[tuple[float, float], ...]


COLOUR_MAPS = {
    "ember": ColourMap("Ember", 4, 97, ((18, 290), (62, 305), (72, 345), (74, 390), (70, 430), (40, 460))),
    "lagoon": ColourMap("Lagoon", 5, 97, ((30, 300), (46, 275), (38, 225), (48, 165), (70, 125), (60, 105))),
    "ice": ColourMap("Ice", 4, 98, ((14, 285), (50, 280), (44, 255), (26, 220), (8, 200))),
    "grey": ColourMap("Grey", 3, 98, ((0, 0), (0, 0))),
    "paper": ColourMap("Paper (dark on light)", 98, 12, ((2, 270), (24, 275), (52, 285), (60, 295), (46, 300))),
}  # fmt: skip

_WHITE = np.array([0.95047, 1.0, 1.08883])
_TO_RGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)


@cache
def colours(name: str) -> NDArray[np.uint8]:
    """The colours of a map [shape=(256, 3)], red, green and blue."""
    row = COLOUR_MAPS[name]
    at = np.linspace(0, 1, LEVELS)
    lightness = row.first_lightness + at * (row.last_lightness - row.first_lightness)
    points = np.linspace(0, 1, len(row.path))
    chroma = np.interp(at, points, [chroma for chroma, _ in row.path])
    hue = np.radians(np.interp(at, points, [hue for _, hue in row.path]))
    result = np.zeros((LEVELS, 3))
    found = np.zeros(LEVELS, bool)
    # Less chroma, in small steps, until the screen can show it.
    for share in np.linspace(1, 0, 41):
        linear = _linear_rgb(lightness, share * chroma, hue)
        shown = ((linear >= -1e-4) & (linear <= 1 + 1e-4)).all(axis=1) & ~found
        result[shown] = linear[shown]
        found |= shown
    result = np.clip(result, 0, 1)
    encoded = np.where(result <= 0.0031308, 12.92 * result, 1.055 * result ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8)


@cache
def table(name: str) -> NDArray[np.uint32]:
    """The same as 0xffRRGGBB [shape=(256,)], as Qt's pictures want them."""
    red, green, blue = colours(name).astype(np.uint32).T
    return np.uint32(0xFF000000) | (red << np.uint32(16)) | (green << np.uint32(8)) | blue


def _linear_rgb(
    lightness: NDArray[np.float64], chroma: NDArray[np.float64], hue: NDArray[np.float64]
) -> NDArray[np.float64]:
    """CIELAB, as lightness, chroma and hue, to linear sRGB [shape=(n, 3)]."""
    middle = (lightness + 16) / 116
    lab = np.stack([middle + chroma * np.cos(hue) / 500, middle, middle - chroma * np.sin(hue) / 200], 1)
    xyz = np.where(lab > 6 / 29, lab**3, 3 * (6 / 29) ** 2 * (lab - 4 / 29)) * _WHITE
    return np.asarray(xyz @ _TO_RGB.T)
