"""The melody: the notes of the leading voice.

Conventions
-----------
* Times in seconds; pitches are MIDI numbers with fractions, a fraction being how far the voice lies from the key of
  a piano tuned to A4 = 440 Hz.
* Notes follow each other and do not overlap.

Sources
-------
Harmonic-sum salience and a smooth path through it, with a state for "no melody": Salamon and Gómez (2012), section
II; the path by Viterbi as in Durrieu et al., IEEE TASLP 18 (2010), section III.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.listen.analysis_frames import BINS_PER_SEMITONE, LEVEL_STEP, MELODY_LOWEST, MELODY_RATE, Frames
from core.listen.report import MelodyNote

_SHORTEST_S = 0.08
_CHANGE = 0.9
_LEAP = 0.05
_HIGH = 0.02
_VOICED = 0.62
_TURN = 1.2
_CHUNK = 2048


def find_melody(frames: Frames) -> tuple[MelodyNote, ...]:
    """The notes of the leading voice of a recording."""
    path, exact = melody_path(frames)
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1, [len(path)]])
    notes = []
    for a, b in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        if path[a] >= 0 and b - a >= _SHORTEST_S * MELODY_RATE:
            begin, end = max(0.0, (a - 0.5) / MELODY_RATE), min(frames.duration_s, (b - 0.5) / MELODY_RATE)
            notes.append(MelodyNote(begin, end, float(np.median(exact[a:b]))))
    return tuple(notes)


def melody_path(frames: Frames) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The melody's piano key in each frame, -1 where there is none, and its pitch with fractions."""
    count = len(frames.salience)
    if not count or not frames.salience.any():
        return np.full(count, -1), np.zeros(count)
    levels = frames.salience.astype(np.float32) * np.float32(LEVEL_STEP)
    shift = round(frames.tuning * BINS_PER_SEMITONE)
    levels = np.roll(levels, -shift, axis=1)
    thirds = levels.reshape(count, -1, BINS_PER_SEMITONE)
    keys = thirds.max(2)
    usual = float(np.percentile(keys.max(1), 75))
    height = np.arange(keys.shape[1])
    scores = 6.0 * (keys / max(usual, 1e-6)) + _HIGH * height
    none = 6.0 * (_VOICED * np.ones(count)) + _HIGH * height.mean()
    path = _path(np.hstack([scores, none[:, None]]).astype(np.float32))
    path = np.where(path == keys.shape[1], -1, path)
    inner = thirds.argmax(2)[np.arange(count), np.maximum(path, 0)]
    exact = MELODY_LOWEST + path + (inner - BINS_PER_SEMITONE // 2 + shift) / BINS_PER_SEMITONE
    return np.where(path >= 0, path + MELODY_LOWEST, -1), exact


def _path(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Viterbi over keys and the state "none", the last: leaps and turning on and off cost."""
    states = scores.shape[1]
    leap = np.abs(np.arange(states)[:, None] - np.arange(states)).astype(np.float32)
    costs = np.where(leap > 0, _CHANGE + _LEAP * np.minimum(leap, 12), 0).astype(np.float32)
    costs[-1, :-1] = costs[:-1, -1] = _TURN
    back = np.empty(scores.shape, np.uint8)
    best = scores[0]
    for number, row in enumerate(scores[1:], 1):
        reached = best - costs  # row: to, column: from (the costs are symmetric)
        origin = reached.argmax(1)
        back[number] = origin
        best = reached[np.arange(states), origin] + row
    path = np.empty(len(scores), np.int64)
    path[-1] = best.argmax()
    for number in range(len(scores) - 1, 0, -1):
        path[number - 1] = back[number, path[number]]
    return path
