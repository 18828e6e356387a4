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

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.listen.analysis_frames import BINS_PER_SEMITONE, MELODY_LOWEST, MELODY_RATE, Frames
from core.listen.report import MelodyNote

_SHORTEST_S = 0.08
_CHANGE = 1.9
_LEAP = 0.03
_HIGH = 0.095
_SALIENT, _VOICED = 9.6, 0.8
_TURN = 2.3
_CHUNK = 2048


def find_melody(frames: Frames, look: Callable[[], None] = lambda: None) -> tuple[MelodyNote, ...]:
    """The notes of the leading voice of a recording; ``look`` is called on the way, and may raise to end it."""
    path, exact = melody_path(frames, look)
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1, [len(path)]])
    notes = []
    for a, b in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        if path[a] >= 0 and b - a >= _SHORTEST_S * MELODY_RATE:
            begin, end = max(0.0, (a - 0.5) / MELODY_RATE), min(frames.duration_s, (b - 0.5) / MELODY_RATE)
            notes.append(MelodyNote(begin, end, float(np.median(exact[a:b]))))
    return tuple(notes)


def melody_path(
    frames: Frames, look: Callable[[], None] = lambda: None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The melody's piano key in each frame, -1 where there is none, and its pitch with fractions."""
    count = len(frames.salience)
    if not count or not frames.salience.any():
        return np.full(count, -1), np.zeros(count)
    shift = round(frames.tuning * BINS_PER_SEMITONE)
    thirds = np.roll(frames.salience, -shift, axis=1).reshape(count, -1, BINS_PER_SEMITONE)
    keys = thirds.max(2)
    usual = max(float(np.percentile(keys.max(1), 75)), 1.0)
    path = _path(keys, usual, look)
    silent = path == keys.shape[1]
    inner = thirds[np.arange(count), np.where(silent, 0, path)].argmax(1)
    exact = MELODY_LOWEST + path + (inner - BINS_PER_SEMITONE // 2 + shift) / BINS_PER_SEMITONE
    return np.where(silent, -1, path + MELODY_LOWEST), exact


def _path(keys: NDArray[np.uint8], usual: float, look: Callable[[], None]) -> NDArray[np.int64]:
    """Viterbi over keys and the state "none", the last: leaps and turning on and off cost."""
    states = keys.shape[1] + 1
    leap = np.abs(np.arange(states)[:, None] - np.arange(states)).astype(np.float32)
    costs = np.where(leap > 0, _CHANGE + _LEAP * np.minimum(leap, 12), 0).astype(np.float32)
    costs[-1, :-1] = costs[:-1, -1] = _TURN
    height = (_HIGH * np.arange(states)).astype(np.float32)
    height[-1] = _SALIENT * _VOICED + _HIGH * states / 2
    back = np.empty((len(keys), states), np.uint8)
    at = np.arange(states)
    best = np.zeros(states, np.float32)
    scores = np.tile(height, (_CHUNK, 1))
    for number in range(len(keys)):
        within = number % _CHUNK
        if within == 0:
            look()
            piece = keys[number : number + _CHUNK]
            scores[: len(piece), :-1] = np.float32(_SALIENT / usual) * piece + height[:-1]
        reached = best - costs  # row: to, column: from (the costs are symmetric)
        origin = reached.argmax(1)
        back[number] = origin
        best = reached[at, origin] + scores[within]
    path = np.empty(len(keys), np.int64)
    path[-1] = best.argmax()
    for number in range(len(keys) - 1, 0, -1):
        path[number - 1] = back[number, path[number]]
    return path
