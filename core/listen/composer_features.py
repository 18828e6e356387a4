"""What of a piece's notes tells its composer: how lines move, how harmonies follow, rhythm, spacing, register.

Conventions
-----------
* A row of features describes a stretch of bars, as in `core.listen.style_features`, whose features come first.
* Histograms are shares. Pitch classes stand above the tonic of the key that the notes of the stretch are in, but in
  the group "key", where they are as written.
* A *line* is the highest, or the lowest, note of every onset. *Harmony* is what sounds at every beat.
* Loudness and tempo are left out: they tell who made the file.
* `GROUPS` says which features are about which matter; classifiers that know one of them alone are the controls.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.listen import style_features
from core.listen.style_features import LENGTHS, Stretch, windows
from core.song.harmony import estimate_key
from core.song.measures import main_meter
from core.song.notes import Song

Row = NDArray[np.float64]

STEP = 7
"""Widest step of a line, in semitones, that is told from wider ones."""

THIRDS = (((), 0), ((3,), 1), ((4,), 2), ((3, 4), 3))
FIFTHS = 4
SEVENTHS = 3
CHORDS = len(THIRDS) * FIFTHS * SEVENTHS

SPACINGS = 24
REGISTER = (21, 109, 4)
"""Lowest pitch, past the highest, and semitones of a part of the register."""

NUMERATORS = (2, 3, 4, 6, 9, 12)
DENOMINATORS = (2, 4, 8, 16)


def _share(values: ArrayLike, size: int) -> Row:
    counts = np.bincount(np.asarray(values, np.int64), minlength=size)[:size].astype(float)
    return counts / max(1.0, counts.sum())


def _pairs(values: NDArray[np.int64], size: int) -> Row:
    """How often each value follows each."""
    return _share(values[:-1] * size + values[1:], size * size)


class _View:
    """A stretch as the describers need it."""

    def __init__(self, stretch: Stretch) -> None:
        tones = stretch.tones
        self.stretch, self.tones = stretch, tones
        self.key = estimate_key(tones)[0]
        self.onset, place = np.unique(tones["onset"], return_inverse=True)
        pitch = tones["pitch"].astype(np.int64)
        self.top, self.bottom = np.zeros(len(self.onset), np.int64), np.full(len(self.onset), 127)
        np.maximum.at(self.top, place, pitch)
        np.minimum.at(self.bottom, place, pitch)
        self.beat = stretch.song.ticks_per_beat
        self.sounding, self.bass = self._harmony(pitch)

    def _harmony(self, pitch: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Pitch classes above the tonic sounding at every beat [shape=(beats, 12)], and the lowest pitch."""
        tones = self.tones
        first = int(tones["onset"].min()) // self.beat
        last = min(int(tones["onset"].max()) // self.beat, first + 512)
        at = np.arange(first, last + 1) * self.beat
        onset, end = tones["onset"], tones["onset"] + tones["duration"]
        active = (onset <= at[:, None]) & (at[:, None] < end)
        at_all = active.any(1)
        active = active[at_all]
        classes = np.zeros((len(pitch), 12), np.float32)
        classes[np.arange(len(pitch)), (pitch - self.key.tonic) % 12] = 1
        lowest = np.where(active, pitch, 128).min(1) if len(active) else np.zeros(0, np.int64)
        return active.astype(np.float32) @ classes > 0, lowest.astype(np.int64)


def _lines(view: _View) -> Row:
    tonic = view.key.tonic
    parts = []
    for line in (view.top, view.bottom):
        steps = np.clip(np.diff(line), -STEP - 1, STEP + 1) + STEP + 1
        parts += [_pairs((line - tonic) % 12, 12), _pairs(steps, 2 * STEP + 3)]
    return np.concatenate(parts)


def _harmonies(view: _View) -> Row:
    degree = (view.bass - view.key.tonic) % 12
    if not len(degree):
        return np.zeros(_SIZES["harmony"])
    above = np.take_along_axis(view.sounding, (degree[:, None] + np.arange(12)) % 12, 1)
    third = above[:, 3] + 2 * above[:, 4]
    fifth = np.select([above[:, 7], above[:, 6], above[:, 8]], [1, 2, 3], 0)
    seventh = np.select([above[:, 10], above[:, 11]], [1, 2], 0)
    kind = (third * FIFTHS + fifth) * SEVENTHS + seventh
    together = np.minimum(view.sounding.sum(1), 8)
    return np.concatenate(
        [
            _share(kind, CHORDS),
            _share(degree * 4 + third, 48),
            _pairs(degree, 12),
            _share(together, 9),
            [float((kind[1:] != kind[:-1]).mean()) if len(kind) > 1 else 0.0],
            view.sounding.mean(0),
        ]
    )


def _rhythms(view: _View) -> Row:
    gaps = np.searchsorted(LENGTHS, np.diff(view.onset) / view.beat)
    held = np.searchsorted(LENGTHS, view.tones["duration"] / view.beat)
    beats = np.unique(view.tones["onset"] // view.beat, return_counts=True)[1]
    gap = np.diff(view.onset) / view.beat
    spread = float(np.std(np.log(np.maximum(gap, 0.02)))) if len(gap) else 0.0
    size = len(LENGTHS) + 1
    return np.concatenate(
        [_pairs(gaps, size), _share(held, size), _share(np.minimum(beats, 16), 17), [spread]]
    )


def _spacing(view: _View) -> Row:
    low, past, width = REGISTER
    pitch = view.tones["pitch"].astype(np.int64)
    span = np.minimum((view.top - view.bottom) // 3, SPACINGS)
    place = (np.clip(pitch, low, past - 1) - low) // width
    order = np.lexsort((pitch, view.tones["onset"]))
    together = np.diff(view.tones["onset"][order]) == 0
    apart = np.minimum(np.diff(pitch[order])[together], SPACINGS)
    repeated = float((np.diff(view.top) == 0).mean()) if len(view.top) > 1 else 0.0
    return np.concatenate(
        [
            _share(span, SPACINGS + 1),
            _share(np.maximum(apart, 0), SPACINGS + 1),
            _share(place, _PLACES),
            [pitch.min() / 12, pitch.max() / 12, repeated],
        ]
    )


def _key(view: _View) -> Row:
    tonic = np.zeros(12)
    tonic[view.key.tonic] = 1
    return np.concatenate(
        [_share(view.tones["pitch"] % 12, 12), tonic * (1 - view.key.is_minor), tonic * view.key.is_minor]
    )


def _meter(view: _View) -> Row:
    meter = main_meter(view.stretch.song)
    return np.array(
        [*(meter.numerator == n for n in NUMERATORS), *(meter.denominator == n for n in DENOMINATORS)], float
    )


_PLACES = -(-(REGISTER[1] - REGISTER[0]) // REGISTER[2])
_DESCRIBED: dict[str, Callable[[_View], Row]] = {
    "lines": _lines,
    "harmony": _harmonies,
    "rhythms": _rhythms,
    "spacing": _spacing,
    "key": _key,
    "meter": _meter,
}
_SIZES = {
    "lines": 2 * (12 * 12 + (2 * STEP + 3) ** 2),
    "harmony": CHORDS + 48 + 144 + 9 + 1 + 12,
    "rhythms": (len(LENGTHS) + 1) ** 2 + (len(LENGTHS) + 1) + 17 + 1,
    "spacing": 2 * (SPACINGS + 1) + _PLACES + 3,
    "key": 36,
    "meter": len(NUMERATORS) + len(DENOMINATORS),
}
_ENDS = (style_features.COUNT + np.cumsum(list(_SIZES.values()))).tolist()

COUNT: int = _ENDS[-1]
"""Features in a row."""

GROUPS: dict[str, slice] = {
    **style_features.GROUPS,
    **{name: slice(end - _SIZES[name], end) for name, end in zip(_SIZES, _ENDS, strict=True)},
}
"""Where each group of features stands in a row."""

STRETCHES = 6
"""Stretches of a piece that are listened to, evenly spread."""


def features(song: Song, most: int = STRETCHES) -> NDArray[np.float32]:
    """A row for each of at most ``most`` stretches of 16 bars [shape=(stretches, features)].

    Stretches without tones are left out, so there may be none.
    """
    found = windows(song)
    if len(found) > most:
        found = [found[(2 * place + 1) * len(found) // (2 * most)] for place in range(most)]
    general = style_features.features(song, most=most)
    rows = []
    for stretch, row in zip(found, general, strict=True):
        if not len(stretch.tones):
            continue
        view = _View(stretch)
        rows.append(np.concatenate([row, *(describe(view) for describe in _DESCRIBED.values())]))
    return np.array(rows, np.float32).reshape(len(rows), COUNT)
