"""What of a piece's notes tells its style: shares and means that no key, tempo or loudness changes.

Conventions
-----------
* A row of features describes a stretch of bars. Histograms are shares; counts are on a logarithmic scale.
* Pitch classes stand above the tonic of the key that the notes of the stretch are in.
* Loudness and tempo are left out: how a data set was made tells itself in the first, and whoever asks for a style
  names the second.
* `GROUPS` says which features are about which matter, so that a classifier can do without what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.song import measures
from core.song.harmony import estimate_key
from core.song.instruments import FAMILIES
from core.song.notes import Notes, Song, Track

Row = NDArray[np.float64]

WINDOW = 16
"""Bars that one row of features describes."""

FEWEST_NOTES = 8

SLOTS = 16
"""Places of a bar, whatever its meter."""

STEPS = 12
"""Places of a beat, so that triplets and swung eighths have theirs."""

LENGTHS = np.array([0.19, 0.29, 0.42, 0.58, 0.8, 1.2, 1.8, 2.6, 3.5, 5.0])
"""Edges in beats between kinds of durations and of steps from one onset to the next."""

WIDEST_STEP = 12
MOST_TOGETHER = 6

KIT = {
    "kick": (35, 36),
    "snare": (37, 38, 39, 40),
    "closed hat": (42, 44),
    "open hat": (46,),
    "ride": (51, 53, 59),
    "crash": (49, 52, 55, 57),
    "toms": (41, 43, 45, 47, 48, 50),
    "hand drums": (60, 61, 62, 63, 64, 65, 66),
    "shakers": (54, 69, 70, 82),
    "bells and blocks": (56, 67, 68, 73, 74, 75, 76, 77, 80, 81),
}
"""Pieces of the drum kit that play one role in a pattern, by General MIDI number."""

PATTERNED = (("kick",), ("snare",), ("closed hat", "open hat", "ride", "shakers"))
"""Roles whose pattern in the bar is described slot by slot."""


@dataclass(frozen=True)
class Stretch:
    """Some bars of a song.

    Attributes
    ----------
    notes : those that begin in it
    is_drum : of every note
    slot : place in its bar of every note (0-15)
    bars : how many bars there are
    """

    song: Song
    notes: Notes
    is_drum: NDArray[np.bool_]
    slot: NDArray[np.int64]
    bars: int

    @property
    def tones(self) -> Notes:
        return self.notes[~self.is_drum]


def windows(song: Song, bars: int = WINDOW) -> list[Stretch]:
    """The song in stretches of ``bars`` bars, those with `FEWEST_NOTES` notes; a short last one is left out
    where there is another.
    """
    if not len(song.notes):
        return []
    bar, start, length = song.bars.locate(song.notes["onset"])
    slot = (song.notes["onset"] - start) * SLOTS // length
    is_drum = np.array([track.is_drum for track in song.tracks], bool)[song.notes["track"]]
    first = int(bar.min())
    found = []
    for place in np.unique((bar - first) // bars).tolist():
        inside = (bar - first) // bars == place
        if inside.sum() < FEWEST_NOTES:
            continue
        here = bar[inside]
        count = int(here.max()) - (first + place * bars) + 1
        found.append(Stretch(song, song.notes[inside], is_drum[inside], slot[inside], count))
    whole = [stretch for stretch in found if stretch.bars > bars // 2]
    return whole or found


def features(song: Song, bars: int = WINDOW, most: int | None = None) -> NDArray[np.float32]:
    """A row for every stretch of ``bars`` bars [shape=(stretches, features)].

    Parameters
    ----------
    most : where there are more stretches than this, so many of them, evenly spread
    """
    found = windows(song, bars)
    if most is not None and len(found) > most:
        found = [found[(2 * place + 1) * len(found) // (2 * most)] for place in range(most)]
    rows = [
        np.concatenate([_described(stretch, group) for group in _DESCRIBED.values()]) for stretch in found
    ]
    return np.array(rows, np.float32).reshape(len(rows), COUNT)


def _described(stretch: Stretch, group: _Group) -> Row:
    is_there = len(stretch.tones) or not group.of_tones
    return group.describe(stretch) if is_there else np.zeros(group.size)


def _share(values: ArrayLike, size: int) -> Row:
    counts = np.bincount(np.asarray(values, np.int64), minlength=size)[:size].astype(float)
    return counts / max(1.0, counts.sum())


def _rhythm(stretch: Stretch) -> Row:
    tones, slot = stretch.tones, stretch.slot[~stretch.is_drum]
    onset, first = np.unique(tones["onset"], return_index=True)
    beat = stretch.song.ticks_per_beat
    phase = np.rint(onset % beat * STEPS / beat).astype(np.int64) % STEPS
    durations = np.searchsorted(LENGTHS, tones["duration"] / beat)
    gaps = np.searchsorted(LENGTHS, np.diff(onset) / beat)
    low = tones["pitch"] <= np.quantile(tones["pitch"], 0.25)
    off_beat = phase != 0
    followed = np.isin((onset // beat + 1) * beat, onset)
    return np.concatenate(
        [
            _share(slot[first], SLOTS),
            _share(slot[low], SLOTS),
            _share(phase, STEPS),
            _share(durations, len(LENGTHS) + 1),
            _share(gaps, len(LENGTHS) + 1),
            [
                off_beat.mean(),
                (off_beat & ~followed).mean(),
                np.log1p(len(tones) / stretch.bars),
                np.log1p(len(onset) / stretch.bars),
                measures.groove(stretch.song.with_notes(stretch.notes)),
            ],
        ]
    )


def _pitch(stretch: Stretch) -> Row:
    tones = stretch.tones
    steps = 2 * WIDEST_STEP + 1
    key, _ = estimate_key(tones)
    onset, place = np.unique(tones["onset"], return_inverse=True)
    top, bottom = np.zeros(len(onset), np.int64), np.full(len(onset), 127)
    np.maximum.at(top, place, tones["pitch"])
    np.minimum.at(bottom, place, tones["pitch"])
    above = (tones["pitch"] - bottom[place]) % 12
    return np.concatenate(
        [
            _share((tones["pitch"] - key.tonic) % 12, 12),
            *(
                _share(np.clip(np.diff(line), -WIDEST_STEP, WIDEST_STEP) + WIDEST_STEP, steps)
                for line in (top, bottom)
            ),
            _share(above[tones["pitch"] > bottom[place]], 12),
            [
                measures.pitch_class_entropy(tones),
                measures.windowed_entropy(stretch.song.with_notes(tones), 1),
                measures.scale_consistency(tones),
                float(key.is_minor),
            ],
        ]
    )


def _texture(stretch: Stretch) -> Row:
    tones = stretch.tones
    together = np.unique(tones["onset"], return_counts=True)[1]
    polyphony, chords = measures.texture(tones)
    repeats, likeness = measures.structure(stretch.song.with_notes(stretch.notes))
    return np.concatenate(
        [
            _share(tones["pitch"] // 12, 11),
            _share(np.minimum(together, MOST_TOGETHER) - 1, MOST_TOGETHER),
            [
                tones["pitch"].mean() / 12,
                tones["pitch"].std() / 12,
                np.log(polyphony),
                chords,
                repeats,
                likeness,
            ],
        ]
    )


def _drums(stretch: Stretch) -> Row:
    hits, slot = stretch.notes[stretch.is_drum], stretch.slot[stretch.is_drum]
    role = np.full(128, len(KIT))
    for number, pitches in enumerate(KIT.values()):
        role[list(pitches)] = number
    names = list(KIT)
    played = role[hits["pitch"]]
    patterns = [
        np.bincount(slot[np.isin(played, [names.index(name) for name in roles])], minlength=SLOTS)
        / stretch.bars
        for roles in PATTERNED
    ]
    return np.concatenate(
        [
            np.minimum(np.concatenate(patterns), 2.0),
            _share(played, len(KIT) + 1),
            [np.log1p(len(hits) / stretch.bars)],
        ]
    )


def _instruments(stretch: Stretch) -> Row:
    tones = stretch.tones
    playing = [stretch.song.tracks[number] for number in np.unique(stretch.notes["track"])]
    programs = np.array([track.program for track in stretch.song.tracks])[tones["track"]]
    kinds = {_kind(track) for track in playing}
    return np.concatenate(
        [
            _share(programs // 8, len(FAMILIES)),
            [
                float(bool(stretch.is_drum.any())),
                np.log(len(playing)),
                np.log(max(1, len(kinds))),
            ],
        ]
    )


def _kind(track: Track) -> int:
    return -1 if track.is_drum else track.program


@dataclass(frozen=True)
class _Group:
    """How many features, found how, and whether they are about tones, without which all are 0."""

    size: int
    describe: Callable[[Stretch], Row]
    of_tones: bool = True


_DESCRIBED = {
    "rhythm": _Group(2 * SLOTS + STEPS + 2 * (len(LENGTHS) + 1) + 5, _rhythm),
    "pitch": _Group(2 * 12 + 2 * (2 * WIDEST_STEP + 1) + 4, _pitch),
    "texture": _Group(11 + MOST_TOGETHER + 6, _texture),
    "drums": _Group(len(PATTERNED) * SLOTS + len(KIT) + 2, _drums, of_tones=False),
    "instruments": _Group(len(FAMILIES) + 3, _instruments, of_tones=False),
}
_ENDS = np.cumsum([group.size for group in _DESCRIBED.values()]).tolist()

COUNT: int = _ENDS[-1]
"""Features in a row."""

GROUPS = {
    name: slice(end - group.size, end) for (name, group), end in zip(_DESCRIBED.items(), _ENDS, strict=True)
}
"""Where each group of features stands in a row."""
