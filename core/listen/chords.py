"""Chords: which triad sounds from beat to beat.

Conventions
-----------
* States are the twelve major triads from C up, the twelve minor ones, and no chord.
* A chord's name is that of `core.song.harmony`: "C", "Am"; "N" where none sounds.

Sources
-------
Chroma averaged from beat to beat, templates and a Viterbi path: Bello and Pickens, "A robust mid-level representation
for harmonic content in music signals", ISMIR 2005.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.listen.analysis_frames import PITCH_RATE
from core.listen.report import Span

Array = NDArray[np.float64]

NO_CHORD = "N"
_MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
NAMES = (*_MAJOR, *(name + "m" for name in _MINOR), NO_CHORD)

_STAY = 3.0
_SHARPNESS = 14.0
_BASS = 0.25
_NONE = 0.62
_LONGEST_SPAN = 1.2


def spans_of(beats: Array, duration: float) -> Array:
    """The edges of the stretches whose chord is told: half beats, and half a second where there are no beats."""
    inner = beats[(beats > 0.05) & (beats < duration - 0.05)]
    edges = np.concatenate([[0.0], inner, [duration]])
    steps = np.maximum(1, np.ceil(np.diff(edges) / _LONGEST_SPAN).astype(np.int64))
    cut = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(edges[:-1], edges[1:], steps, strict=True)]
    return np.concatenate([*cut, [duration]])


def averaged(values: NDArray[np.float32], edges: Array, rate: float = PITCH_RATE) -> Array:
    """Means of the frames between each two edges in seconds [shape=(len(edges) - 1, ...)]."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, 0, dtype=np.float64)])
    at = np.clip(np.rint(edges * rate).astype(np.int64), 0, len(values))
    left = np.minimum(at[:-1], len(values) - 1)
    right = np.maximum(at[1:], left + 1)
    return (sums[right] - sums[left]) / (right - left)[:, None]


def find_chords(
    treble: NDArray[np.float32], bass: NDArray[np.float32], beats: Array, duration: float
) -> tuple[Span, ...]:
    """The chords of a recording, equal neighbours joined."""
    if not len(treble) or duration <= 0:
        return ()
    edges = spans_of(beats, duration)
    scores = _scores(averaged(treble, edges), averaged(bass, edges))
    path = viterbi(_SHARPNESS * scores, _STAY)
    chances = np.exp(_SHARPNESS * (scores - scores.max(1, keepdims=True)))
    sure = chances[np.arange(len(path)), path] / chances.sum(1)
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1, [len(path)]])
    return tuple(
        Span(float(edges[a]), float(edges[b]), NAMES[path[a]], float(sure[a:b].mean()))
        for a, b in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)
    )


def _scores(treble: Array, bass: Array) -> Array:
    triads, roots = _templates()
    loud = np.linalg.norm(treble, axis=1)
    quiet = loud < 0.08 * max(float(np.median(loud)), 1e-6)
    scores = _unit(treble) @ triads.T + _BASS * (_unit(bass) @ roots.T)
    none = np.where(quiet, 2.0, _NONE)[:, None]
    return np.hstack([scores, none])


def _unit(rows: Array) -> Array:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def viterbi(scores: Array, stay: float) -> NDArray[np.int64]:
    """The path of the highest sum of scores [shape=(steps, states)]; each change of state costs ``stay``."""
    states = np.arange(scores.shape[1])
    best, back = scores[0], []
    for row in scores[1:]:
        top = int(best.argmax())
        moved = best[top] - stay
        back.append(np.where(best >= moved, states, top))
        best = np.maximum(best, moved) + row
    path = [int(best.argmax())]
    for origin in reversed(back):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1])


@cache
def _templates() -> tuple[Array, Array]:
    triads, roots = np.zeros((24, 12)), np.zeros((24, 12))
    for state in range(24):
        third = 3 if state >= 12 else 4
        triads[state, [state % 12, (state + third) % 12, (state + 7) % 12]] = 3**-0.5
        roots[state, state % 12] = 1.0
    return triads, roots
