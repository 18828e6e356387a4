"""Chords: which one sounds from beat to beat.

Conventions
-----------
* A chord's name is that of `core.song.harmony`: "C", "Am", "G7"; "N" where none sounds.

Sources
-------
Pitch averaged from beat to beat, and a Viterbi path: Bello and Pickens, "A robust mid-level representation for
harmonic content in music signals", ISMIR 2005; in place of their templates stands `core.listen.chord_network`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.listen import chord_network
from core.listen.analysis_frames import PITCH_RATE
from core.listen.report import Span

Array = NDArray[np.float64]

NO_CHORD = "N"
_MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
NAMES = (
    *(
        name + quality
        for quality in chord_network.QUALITIES
        for name in (_MINOR if quality.startswith("m") and quality != "maj7" or quality == "dim" else _MAJOR)
    ),
    NO_CHORD,
)
"""By the states of `chord_network`."""

_STAY = 0.8
_LONGEST_SPAN = 1.2
_SILENT, _NEVER = 0.05, 50.0


def spans_of(beats: Array, duration: float) -> Array:
    """The edges of the stretches whose chord is told: beats, and about a second where there are none."""
    inner = beats[(beats > 0.05) & (beats < duration - 0.05)]
    edges = np.concatenate([[0.0], inner, [duration]])
    steps = np.maximum(1, np.ceil(np.diff(edges) / _LONGEST_SPAN).astype(np.int64))
    cut = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(edges[:-1], edges[1:], steps, strict=True)]
    return np.concatenate([*cut, [duration]])


def averaged(values: NDArray[np.float32], edges: Array, rate: float = PITCH_RATE) -> Array:
    """Means of the frames between each two edges in seconds [shape=(len(edges) - 1, ...)]."""
    at = np.clip(np.rint(edges * rate).astype(np.int64), 0, len(values))
    left = np.minimum(at[:-1], len(values) - 1)
    counts = np.maximum(1, np.append(left[1:], max(at[-1], left[-1] + 1)) - left)
    # An empty stretch takes the frame at its edge: so does `reduceat`.
    sums = np.add.reduceat(values[: max(at[-1], left[-1] + 1)], left, axis=0)
    return sums.astype(np.float64) / counts[:, None]


def find_chords(
    notes: NDArray[np.float32], beats: Array, duration: float, weights: Mapping[str, NDArray[Any]]
) -> tuple[Span, ...]:
    """The chords of a recording, equal neighbours joined.

    Parameters
    ----------
    notes : ndarray [shape=(pitch frames, 84)]
        `core.listen.tonality.Harmony.notes`
    weights : those of the model ``analysis``
    """
    if not len(notes) or duration <= 0:
        return ()
    edges = spans_of(beats, duration)
    rows = averaged(notes, edges).astype(np.float32)
    scores = chord_network.chances(weights, chord_network.with_neighbours(rows))
    scores[rows.max(1) < _SILENT, :-1] -= _NEVER
    path = viterbi(scores, _STAY)
    sure = np.exp(scores[np.arange(len(path)), path])
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1, [len(path)]])
    return tuple(
        Span(float(edges[a]), float(edges[b]), NAMES[path[a]], float(sure[a:b].mean()))
        for a, b in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)
    )


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
