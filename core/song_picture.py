"""A song as a picture: its piano roll in a PNG file, drawn without any window system.

Time runs to the right, pitch upwards; a keyboard at the left, bar numbers above, each track in its colour,
louder notes brighter. Drums have a strip of their own below.
"""

from __future__ import annotations

import os
import struct
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.song.notes import Notes, Song
from core.store.atomic import write_bytes_atomic

Image = NDArray[np.uint8]
Pixels = NDArray[np.int64]

TRACK_COLOURS = (
    "#5b9dff", "#f7a35c", "#57c99a", "#e26fa0", "#a98bff", "#e6cf5a",
    "#4fc3d9", "#f07a6a", "#9bcf5f", "#c98be0", "#d9a37c", "#8fa3c7",
)  # fmt: skip
"""``Track.colour`` is an index into them; the window's theme has the same."""

COLOURS = {
    "ground": "#15171c", "white row": "#1e2128", "black row": "#191b21", "octave": "#303642",
    "beat": "#272b34", "bar": "#424957", "text": "#8b93a3",
    "white key": "#d9dce2", "black key": "#2a2d34", "key line": "#9a9ea8",
}  # fmt: skip

BLACK_KEYS = (1, 3, 6, 8, 10)
KEYBOARD_WIDTH = 44
RULER_HEIGHT = 20
DRUM_ROW = 6
LEAST_PITCHES = 25
LEAST_BEAT_WIDTH = 8
LEAST_BAR_WIDTH = 6
LEAST_LABEL_WIDTH = 44

DIGITS = (
    "### #.# #.# #.# ###", ".#. ##. .#. .#. ###", "### ..# ### #.. ###", "### ..# ### ..# ###",
    "#.# #.# ### ..# ..#", "### #.. ### ..# ###", "### #.. ### #.# ###", "### ..# .#. .#. .#.",
    "### #.# ### #.# ###", "### #.# ### ..# ###",
)  # fmt: skip
DIGIT_SCALE = 2


def write_picture(song: Song, path: str | os.PathLike[str], *, width: int = 1600, height: int = 800) -> None:
    """Draw ``song`` and write it as a PNG file in one step; sizes in pixels."""
    write_bytes_atomic(Path(path), png_bytes(draw_song(song, width=width, height=height)))


def draw_song(song: Song, *, width: int = 1600, height: int = 800) -> Image:
    """The piano roll of ``song``.

    Returns
    -------
    ndarray [shape=(height, width, 3)]
    """
    drum_tracks = [index for index, track in enumerate(song.tracks) if track.is_drum]
    is_drum = np.isin(song.notes["track"], drum_tracks)
    pitched, hits = song.notes[~is_drum], song.notes[is_drum]
    kit = np.unique(hits["pitch"])
    floor = height - (DRUM_ROW * len(kit) + 8 if len(kit) else 0)
    bars = song.bars.bar_at(max(song.end_tick - 1, 0)) + 1
    pixels_per_tick = (width - KEYBOARD_WIDTH) / max(song.bars.start(bars), 1)
    low, high = _pitch_range(pitched)
    edges = np.linspace(floor, RULER_HEIGHT, high - low + 2).astype(np.int64)

    image = np.empty((height, width, 3), np.uint8)
    image[:] = _rgb("ground")
    _draw_rows(image, edges, low)
    image[floor + 4 :, KEYBOARD_WIDTH:] = _rgb("black row")
    _draw_time(image, song, bars, pixels_per_tick)

    left, right = _span(pitched, pixels_per_tick)
    row = pitched["pitch"].astype(np.int64) - low
    _draw_notes(image, song, pitched, (left, right, edges[row + 1], edges[row]))

    left, _ = _span(hits, pixels_per_tick)
    top = height - 4 - DRUM_ROW * (np.searchsorted(kit, hits["pitch"]) + 1)
    _draw_notes(image, song, hits, (left, left + DRUM_ROW, top, top + DRUM_ROW))
    _draw_keyboard(image, edges, low)
    return image


def png_bytes(image: Image) -> bytes:
    """``image`` [shape=(height, width, 3)] as the bytes of a PNG file."""
    height, width, _ = image.shape
    # Every row begins with the number of its filter; 0 is none.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), image.reshape(height, width * 3)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _pitch_range(notes: Notes) -> tuple[int, int]:
    """Lowest and highest pitch to show: those of the notes, two beyond, and two octaves at least."""
    low, high = (int(notes["pitch"].min()), int(notes["pitch"].max())) if len(notes) else (60, 60)
    spare = max(4, LEAST_PITCHES - (high - low + 1))
    low = min(max(0, low - spare // 2), 128 - LEAST_PITCHES)
    return low, min(127, max(high + spare - spare // 2, low + LEAST_PITCHES - 1))


def _span(notes: Notes, pixels_per_tick: float) -> tuple[Pixels, Pixels]:
    """The columns in which notes begin and end."""
    left = KEYBOARD_WIDTH + np.floor(notes["onset"] * pixels_per_tick).astype(np.int64)
    end = notes["onset"] + notes["duration"]
    return left, KEYBOARD_WIDTH + np.floor(end * pixels_per_tick).astype(np.int64)


def _draw_rows(image: Image, edges: Pixels, low: int) -> None:
    for row, (bottom, top) in enumerate(pairwise(edges)):
        pitch_class = (low + row) % 12
        image[top:bottom, KEYBOARD_WIDTH:] = _rgb("black row" if pitch_class in BLACK_KEYS else "white row")
        if pitch_class == 0:
            image[bottom - 1, KEYBOARD_WIDTH:] = _rgb("octave")


def _draw_time(image: Image, song: Song, bars: int, pixels_per_tick: float) -> None:
    """Lines at beats and bars, as far as they stand apart, and bar numbers."""
    bar_width = (image.shape[1] - KEYBOARD_WIDTH) / bars
    every = _rounded_up(LEAST_BAR_WIDTH / bar_width)
    numbered = _rounded_up(LEAST_LABEL_WIDTH / bar_width)
    for bar in range(0, bars, every):
        start = song.bars.start(bar)
        beat = song.ticks_per_beat * 4 // song.bars.meter_at(start).denominator
        if every == 1 and beat * pixels_per_tick >= LEAST_BEAT_WIDTH:
            for tick in range(start + beat, song.bars.start(bar + 1), beat):
                image[RULER_HEIGHT:, _column(tick, pixels_per_tick, image)] = _rgb("beat")
        column = _column(start, pixels_per_tick, image)
        image[RULER_HEIGHT - 4 :, column] = _rgb("bar")
        if bar % numbered == 0:
            _draw_number(image, bar + 1, column + 4, 4)


def _column(tick: int, pixels_per_tick: float, image: Image) -> int:
    return min(KEYBOARD_WIDTH + int(tick * pixels_per_tick), image.shape[1] - 1)


def _rounded_up(least: float) -> int:
    """The first of 1, 2, 4, 8, ... that is not below ``least``."""
    step = 1
    while step < least:
        step *= 2
    return step


def _draw_notes(image: Image, song: Song, notes: Notes, boxes: tuple[Pixels, Pixels, Pixels, Pixels]) -> None:
    """Boxes (left, right, top, bottom) in their tracks' colours, a lit upper edge, a gap to the next."""
    colours = np.array([_rgb(TRACK_COLOURS[track.colour % len(TRACK_COLOURS)]) for track in song.tracks])
    if not len(colours):
        colours = np.array([_rgb(TRACK_COLOURS[0])])
    colour = colours[np.minimum(notes["track"], len(colours) - 1)].astype(float)
    ground = np.array(_rgb("ground"), float)
    loud = 0.45 + 0.55 * (notes["velocity"][:, None] / 127)
    body = (ground + (colour - ground) * loud).astype(np.uint8)
    lit = np.minimum(body * 1.25 + 10, 255).astype(np.uint8)
    left, right, top, bottom = boxes
    right = np.maximum(right - 1, left + 2)
    bottom = np.maximum(bottom - 1, top + 1)
    for l, r, t, b, fill, edge in zip(
        left.tolist(), right.tolist(), top.tolist(), bottom.tolist(), body, lit
    ):
        image[t:b, l:r] = fill
        image[t, l:r] = edge


def _draw_keyboard(image: Image, edges: Pixels, low: int) -> None:
    width = KEYBOARD_WIDTH - 2
    for row, (bottom, top) in enumerate(pairwise(edges)):
        pitch_class = (low + row) % 12
        image[top:bottom, :width] = _rgb("white key")
        if pitch_class in BLACK_KEYS:
            image[top:bottom, : width * 5 // 8] = _rgb("black key")
            image[(top + bottom) // 2, width * 5 // 8 : width] = _rgb("key line")
        if pitch_class in (0, 5):
            image[bottom - 1, :width] = _rgb("key line")


def _draw_number(image: Image, number: int, left: int, top: int) -> None:
    for digit in str(number):
        shape = np.array([[mark == "#" for mark in line] for line in DIGITS[int(digit)].split()])
        shape = shape.repeat(DIGIT_SCALE, axis=0).repeat(DIGIT_SCALE, axis=1)
        place = image[top : top + shape.shape[0], left : left + shape.shape[1]]
        place[shape[:, : place.shape[1]]] = _rgb("text")
        left += shape.shape[1] + DIGIT_SCALE


def _rgb(colour: str) -> tuple[int, int, int]:
    """The parts of a colour written as "#rrggbb" or named in `COLOURS`."""
    text = COLOURS.get(colour, colour)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
