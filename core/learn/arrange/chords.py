"""Which chord sounds when: chord templates matched to a song's notes, half bar by half bar.

A window's notes are summed into a chroma (12 pitch classes, weighted by how long each sounds); every
chord of `KINDS` on every root is scored against it, and the best *path* through all windows is taken,
so that a passing note does not change the harmony and a chord may be held through a rest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.song.notes import Notes

KINDS: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "sus4": (0, 5, 7),
    "dim": (0, 3, 6),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "aug": (0, 4, 8),
}
"""Chord suffix to semitones above the root."""

_PRIOR = {"": 0.0, "m": 0.0, "7": -0.03, "m7": -0.03, "maj7": -0.04, "sus4": -0.08, "dim": -0.12,
          "m7b5": -0.08, "dim7": -0.12, "aug": -0.14}  # fmt: skip
"""How much likelier than it looks a chord must be; rare chords need more evidence."""

_TONE_WEIGHTS = (1.0, 0.9, 0.8, 0.65)
_CHANGE_COST = 0.18
_OUT_OF_KEY_COST = 0.05
_BASS_BONUS = 0.35

_MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""Krumhansl and Kessler's weights of the pitch classes in a major and a minor key."""

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}


class Chord(NamedTuple):
    """A root (pitch class, 0 = C) and a key of `KINDS`."""

    root: int
    kind: str

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Root first, then as stacked in `KINDS`."""
        return tuple((self.root + step) % 12 for step in KINDS[self.kind])


CHORDS = tuple(Chord(root, kind) for kind in KINDS for root in range(12))


def _templates() -> NDArray[np.float64]:
    rows = np.zeros((len(CHORDS), 12))
    for row, chord in zip(rows, CHORDS, strict=True):
        for pitch_class, weight in zip(chord.pitch_classes, _TONE_WEIGHTS, strict=False):
            row[pitch_class] = weight
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


_TEMPLATES = _templates()
_ROOTS = np.array([chord.root for chord in CHORDS])
_PRIORS = np.array([_PRIOR[chord.kind] for chord in CHORDS])


def chroma(notes: Notes, window: int, count: int) -> NDArray[np.float64]:
    """How long each pitch class sounds in each of ``count`` windows of ``window`` ticks.

    Returns
    -------
    ndarray [shape=(count, 12)], in windows (1.0 = one note through the whole window)
    """
    table = np.zeros((count, 12))
    start, length = notes["onset"], notes["duration"].astype(np.int64)
    first = start // window
    pitch_class = notes["pitch"].astype(np.int64) % 12
    # A held note reaches past its first window; few reach past four, and those are pads.
    for reach in range(5):
        at = first + reach
        sounding = np.minimum(start + length, (at + 1) * window) - np.maximum(start, at * window)
        used = (sounding > 0) & (at < count) & (at >= 0)
        np.add.at(table, (at[used], pitch_class[used]), sounding[used] / window)
    return table


def estimate_tonality(weights: NDArray[np.float64]) -> tuple[int, str]:
    """(tonic, "major" or "minor") whose profile fits 12 pitch-class ``weights`` best."""
    scores = [
        (float(np.corrcoef(weights, np.roll(profile, tonic))[0, 1]), tonic, mode)
        for mode, profile in (("major", _MAJOR_PROFILE), ("minor", _MINOR_PROFILE))
        for tonic in range(12)
    ]
    _, tonic, mode = max(scores)
    return tonic, mode


def find_chords(
    backing: Notes, melody: Notes, window: int, count: int
) -> tuple[list[Chord], tuple[int, str]]:
    """The chord of each window, and the key.

    Parameters
    ----------
    backing, melody : notes counted from the first window's start
        The melody counts for little where there is backing: it passes through notes of no chord.
    window : ticks in a window
    count : number of windows

    Returns
    -------
    chords : list of Chord, ``count`` long
    key : (tonic, mode)
    """
    played = chroma(backing, window, count)
    sung = chroma(melody, window, count)
    weight = np.where(played.sum(axis=1, keepdims=True) > 0.5, 0.25, 0.7)
    both = np.sqrt(played) + weight * np.sqrt(sung)
    norm = np.linalg.norm(both, axis=1, keepdims=True)
    both = np.divide(both, norm, out=np.zeros_like(both), where=norm > 0)
    bass = _bass(backing, window, count)

    tonic, mode = estimate_tonality(both.sum(axis=0) + 1e-9 * np.arange(12))
    in_key = np.zeros(12)
    in_key[[(tonic + step) % 12 for step in SCALES[mode]]] = 1
    if mode == "minor":
        in_key[(tonic + 11) % 12] = 1
    foreign = ((_TEMPLATES > 0) * (1 - in_key)).sum(axis=1)

    scores = both @ _TEMPLATES.T + _BASS_BONUS * bass[:, _ROOTS] + _PRIORS - _OUT_OF_KEY_COST * foreign
    scores[norm[:, 0] == 0] = 0.0
    return [CHORDS[index] for index in _best_path(scores)], (tonic, mode)


def _bass(backing: Notes, window: int, count: int) -> NDArray[np.float64]:
    """Share of each pitch class among each window's lowest notes [shape=(count, 12)]."""
    table = np.zeros((count, 12))
    at = backing["onset"] // window
    lowest = np.full(count, 128)
    inside = (at >= 0) & (at < count)
    np.minimum.at(lowest, at[inside], backing["pitch"][inside])
    low = inside.copy()
    low[inside] = backing["pitch"][inside] <= lowest[at[inside]] + 2
    # A bass note at the window's start says more than one that walks away from it.
    early = np.where(backing["onset"][low] % window < window // 4, 1.0, 0.35)
    np.add.at(table, (at[low], backing["pitch"][low] % 12), early)
    sums = table.sum(axis=1, keepdims=True)
    return np.divide(table, sums, out=table, where=sums > 0)


def _best_path(scores: NDArray[np.float64]) -> list[int]:
    """The row of chord indices with the highest sum, where every change costs; changes on odd windows
    (the middle of a bar) cost more.
    """
    count, width = scores.shape
    back = np.zeros((count, width), np.int64)
    best = scores[0]
    keep = np.arange(width)
    for index in range(1, count):
        cost = _CHANGE_COST * (1.0 if index % 2 == 0 else 1.5)
        top = int(best.argmax())
        move = best[top] - cost > best
        back[index] = np.where(move, top, keep)
        best = np.where(move, best[top] - cost, best) + scores[index]
    path = [int(best.argmax())]
    for index in range(count - 1, 0, -1):
        path.append(int(back[index, path[-1]]))
    return path[::-1]
