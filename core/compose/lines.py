"""The lines of a song: what the ear follows in each part, as intervals and rhythm that no transposition changes.

A part's *top line* is its highest note at every onset, but for notes that begin beneath a higher one that still
sounds (the skyline: Uitdenbogerd & Zobel, "Manipulation of Music for Melody Matching", ACM Multimedia 1998,
section 3). Its *bottom line* is the same upside down, where it differs enough. Drums have no lines.

Swing is a way of playing: a beat whose off-beat lies on its last triplet is read as straight eighths, so that a tune
is the same tune swung.

From note to note a line takes *steps*: the interval in semitones, and the time to the next note as a ratio of the
time before. A step is one number, the same in every key, at every tempo and on every instrument.

A *figure* is `FIGURE` steps in a row, without the time before them: five notes. Its *mark* is a digest of `MARK_BITS`
bits. Marks tell where two lines are the same, and do not tell the line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.song.notes import Notes, Song

GRID = 12
"""Onsets are counted in twelfths of a beat."""

WIDEST = 24
"""Intervals wider than this, in semitones, count as this wide."""

RATIO_CLASSES = 17
"""Classes of the ratio of two times between onsets: thirds of an octave, so 1, 4/3, 3/2, 2, 3, 4, 6 and what lies
between, either way, up to 6.3 and beyond."""

NO_RATIO = RATIO_CLASSES
"""The class of a line's first step, before which there was no time."""

CLASSES = (2 * WIDEST + 1) * (RATIO_CLASSES + 1)
"""How many different steps there are; they are numbered from 1."""

FIGURE = 4
MARK_BITS = 6

DIFFERENT = 0.2
"""A part has a bottom line if at least this share of its notes is not in the top line."""

Steps = NDArray[np.uint16]
Marks = NDArray[np.uint8]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Line:
    """One line of a part.

    Attributes
    ----------
    notes : places in ``song.notes`` [shape=(n,)], n at least 2
    steps : from each note to the next [shape=(n - 1,)], 1 to `CLASSES`
    """

    notes: Indices
    steps: Steps


def lines_of(song: Song) -> list[Line]:
    """The lines of every part but the drums, from the first track to the last, top before bottom."""
    lines = []
    for track, about in enumerate(song.tracks):
        if about.is_drum:
            continue
        index = np.flatnonzero(song.notes["track"] == track)
        if len(index) < 2:
            continue
        top = _line(song.notes[index], song.ticks_per_beat, 1)
        bottom = _line(song.notes[index], song.ticks_per_beat, -1)
        if len(np.setdiff1d(bottom, top, assume_unique=True)) < DIFFERENT * len(bottom):
            chosen = [top]
        else:
            chosen = [top, bottom]
        lines += [_with_steps(song, index[line]) for line in chosen if len(line) > 1]
    return lines


def interval_of(steps: Steps) -> NDArray[np.int64]:
    """The interval of each step, in semitones."""
    return (steps.astype(np.int64) - 1) // (RATIO_CLASSES + 1) - WIDEST


def ratio_of(steps: Steps) -> NDArray[np.int64]:
    """The class of each step's time ratio; `RATIO_CLASSES` // 2 is that of equal times."""
    return (steps.astype(np.int64) - 1) % (RATIO_CLASSES + 1)


def marks_of(steps: Steps) -> Marks:
    """The mark of every figure of a line [shape=(len(steps) - FIGURE + 1,)], 0 to 2**MARK_BITS - 1."""
    count = max(len(steps) - FIGURE + 1, 0)
    intervals, whole = (interval_of(steps) + WIDEST).astype(np.uint64), steps.astype(np.uint64)
    figure = intervals[:count]
    for ahead in range(1, FIGURE):
        figure = (figure ^ figure >> np.uint64(29)) * _MIXER + whole[ahead : ahead + count]
    figure = (figure ^ figure >> np.uint64(32)) * _MIXER
    return (figure >> np.uint64(64 - MARK_BITS)).astype(np.uint8)


_MIXER = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: multiplying spreads what differs over the upper bits (Knuth, "The Art of Computer
Programming" 3, section 6.4)."""


def _grid(ticks: NDArray[np.int64], ticks_per_beat: int) -> NDArray[np.int64]:
    """Ticks to the nearest twelfth of a beat."""
    return (2 * GRID * ticks + ticks_per_beat) // (2 * ticks_per_beat)


def _line(notes: Notes, ticks_per_beat: int, sign: int) -> Indices:
    """Places in ``notes`` of the top line, or of the bottom line for a ``sign`` of -1."""
    onset = _grid(notes["onset"], ticks_per_beat)
    end = np.maximum(_grid(notes["onset"] + notes["duration"], ticks_per_beat), onset + 1)
    height = sign * notes["pitch"].astype(np.int64)
    order = np.lexsort((end, height, onset))
    outermost = order[np.append(np.diff(onset[order]) > 0, True)]
    line: list[int] = []
    sounding: list[tuple[int, int]] = []
    rows = zip(
        outermost.tolist(),
        onset[outermost].tolist(),
        end[outermost].tolist(),
        height[outermost].tolist(),
        strict=True,
    )
    for place, begins, ends, high in rows:
        # One that ends before this one's middle only overlaps, as in legato playing.
        middle = (begins + ends) / 2
        if any(other > high and until > middle for until, other in sounding):
            continue
        sounding = [(until, other) for until, other in sounding if until > begins]
        sounding.append((ends, high))
        line.append(place)
    return np.array(line, np.int64)


_SWUNG = {0: 0, 4: 3, 8: 6, 10: 9}
"""Where the four sixteenths of a beat lie when they are swung, and where they lie straight."""


def _straight(onsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Onsets (ascending, in twelfths of a beat) with their swung beats played straight; triplets stay."""
    beat, place = np.divmod(onsets, GRID)
    opens = np.append(True, np.diff(beat) > 0)
    taken = np.bitwise_or.reduceat(1 << place, np.flatnonzero(opens))[np.cumsum(opens) - 1]
    others = taken & ~sum(1 << swung for swung in _SWUNG)
    triplet = taken & (1 << 4 | 1 << 10) == 1 << 4
    swung = (others == 0) & (taken & (1 << 8 | 1 << 10) != 0) & ~triplet
    straight = np.arange(GRID)
    straight[list(_SWUNG)] = list(_SWUNG.values())
    return np.where(swung, beat * GRID + straight[place], onsets)


def _with_steps(song: Song, line: Indices) -> Line:
    notes = song.notes[line]
    intervals = np.clip(np.diff(notes["pitch"].astype(np.int64)), -WIDEST, WIDEST)
    times = np.diff(_straight(_grid(notes["onset"], song.ticks_per_beat))).astype(float)
    ratios = np.full(len(times), NO_RATIO)
    middle = RATIO_CLASSES // 2
    ratios[1:] = np.clip(np.rint(3 * np.log2(times[1:] / times[:-1])), -middle, middle) + middle
    return Line(line, ((intervals + WIDEST) * (RATIO_CLASSES + 1) + ratios + 1).astype(np.uint16))
