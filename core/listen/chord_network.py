"""A small network that names chords; applied with numpy alone.

Conventions
-----------
* Its input is what stands out of the semitone levels, averaged over each stretch (from beat to beat), with the stretch
  before and the one after.
* It treats all twelve roots alike: what it learns of C it knows of every key. Outputs are ordered by quality, then by
  root from C up; the last is "no chord".

Sources
-------
Learnt features for chords from semitone spectra: Korzeniowski and Widmer, "Feature learning for chord recognition:
the deep chroma extractor", ISMIR 2016. Equivariance by rotation of the pitch classes: as in Humphrey, Cho and Bello,
"Learning a robust Tonnetz-space transform for automatic chord recognition", ICASSP 2012.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.listen.analysis_frames import HIGHEST_PITCH, LOWEST_PITCH

QUALITIES = ("", "m", "7", "maj7", "m7", "dim")
"""Chord suffixes of `core.song.harmony`."""

STATES = 12 * len(QUALITIES) + 1
PITCHES = HIGHEST_PITCH - LOWEST_PITCH
OCTAVES = PITCHES // 12
CHANNELS, FOLDED, HIDDEN = 8, 12, 24
BELOW, ABOVE = 24, 36
"""Semitones below and above each pitch that its own sound is told by."""

_AT_ONCE = 256

Array = NDArray[np.float32]


def normalised(notes: Array) -> Array:
    """What stands out of the levels, on a scale that does not depend on loudness."""
    tops = notes.max(1) if len(notes) else np.zeros(1)
    return (notes / max(float(tops.mean()), 1e-3)).astype(np.float32, copy=False)


def with_neighbours(rows: Array) -> Array:
    """Each stretch after the one before and before the one after it, a view [shape=(n, 3, PITCHES)]."""
    if not len(rows):
        return np.zeros((0, 3, PITCHES), np.float32)
    padded = np.concatenate([rows[:1], rows, rows[-1:]])
    return np.moveaxis(np.lib.stride_tricks.sliding_window_view(padded, 3, 0), 2, 1)


def chances(weights: Mapping[str, NDArray[Any]], stretches: Array) -> NDArray[np.float64]:
    """Logarithms of the chances of every chord [shape=(n, STATES)] of stretches [shape=(n, 3, PITCHES)]."""
    get = {
        name: np.asarray(value, np.float32) for name, value in weights.items() if name.startswith("chord.")
    }
    kernel = toeplitz(get["chord.pitch.weight"])
    parts = [
        _forward(get, kernel, stretches[at : at + _AT_ONCE]) for at in range(0, len(stretches), _AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, STATES))


def _forward(get: Mapping[str, Array], kernel: Array, stretches: Array) -> NDArray[np.float64]:
    count = len(stretches)
    own = stretches.reshape(count * 3, PITCHES) @ kernel
    own = np.maximum(
        0, own.reshape(count * 3, CHANNELS, OCTAVES, 12) + get["chord.pitch.bias"][:, None, None]
    )
    # [stretch, pitch class, octave and channel] -> features of each pitch class
    own = own.transpose(0, 3, 1, 2).reshape(count * 3 * 12, CHANNELS * OCTAVES)
    folded = np.maximum(0, own @ get["chord.fold.weight"].T + get["chord.fold.bias"])
    folded = folded.reshape(count, 3, 12, FOLDED).transpose(0, 2, 1, 3).reshape(count, 12, 3 * FOLDED)
    # For every root the pitch classes from it up.
    from_root = (np.arange(12)[:, None] + np.arange(12)) % 12
    seen = folded[:, from_root].reshape(count * 12, 12 * 3 * FOLDED)
    hidden = np.maximum(0, seen @ get["chord.roots.weight"].T + get["chord.roots.bias"])
    scores = hidden @ get["chord.last.weight"].T + get["chord.last.bias"]
    scores = scores.reshape(count, 12, -1)
    none = scores[:, :, -1].mean(1, keepdims=True)
    logits = np.concatenate([scores[:, :, :-1].transpose(0, 2, 1).reshape(count, -1), none], 1)
    logits = logits.astype(np.float64)
    top = logits.max(1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))


def toeplitz(kernel: Array) -> Array:
    """A convolution over pitch as a matrix [shape=(PITCHES, CHANNELS * PITCHES)] of ``kernel`` [channels, taps]."""
    offset = np.arange(PITCHES)[:, None] - np.arange(PITCHES) + BELOW  # from, to
    inside = (offset >= 0) & (offset < kernel.shape[1])
    matrix = np.where(inside[None], kernel[:, offset.clip(0, kernel.shape[1] - 1)], 0)
    return np.ascontiguousarray(matrix.transpose(1, 0, 2).reshape(PITCHES, -1), np.float32)
