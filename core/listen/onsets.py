"""Onsets: the moments at which something begins to sound.

Conventions
-----------
* Strength has no unit: 1 is the mean of a recording's own strength, so loud and soft recordings are alike.
* Onsets are in seconds, rising.

Sources
-------
Peaks above a moving mean: Böck, Krebs and Schedl, "Evaluating the online capabilities of onset detection methods",
ISMIR 2012, section 2.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.listen.analysis_frames import ONSET_RATE, Frames

Array = NDArray[np.float64]

BAND_WEIGHTS = np.array([1.6, 1.3, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
"""Low bands count more: there bass and drums mark the beat."""

_MEAN_SECONDS = 0.5
_REACH_SECONDS = 0.06
_ABOVE_MEAN = 0.9
_SILENT_LEVEL = 1e-4


def onset_strength(frames: Frames) -> Array:
    """How much begins in each frame, its slow course taken out [shape=(onset frames,)], 0 or more."""
    raw = frames.onset_bands @ BAND_WEIGHTS
    raw = raw * (frames.level > _SILENT_LEVEL)
    strength = np.maximum(0.0, raw - moving_mean(raw, round(2 * _MEAN_SECONDS * ONSET_RATE)))
    mean = strength.mean() if len(strength) else 0.0
    return strength / mean if mean > 0 else strength


def find_onsets(strength: Array) -> Array:
    """The onsets, in seconds: frames above all within 60 ms and well above the mean around them."""
    if len(strength) < 3:
        return np.empty(0)
    reach = round(_REACH_SECONDS * ONSET_RATE)
    padded = np.pad(strength, reach)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(1)
    around = moving_mean(strength, round(2 * ONSET_RATE))
    peaks = np.flatnonzero((strength >= highest) & (strength > around + _ABOVE_MEAN))
    return refined(strength, peaks) / ONSET_RATE


def refined(strength: Array, peaks: NDArray[np.integer]) -> Array:
    """Peaks to fractions of a frame: the tops of the parabolas through them and their neighbours."""
    inner = peaks.clip(1, len(strength) - 2)
    left, top, right = strength[inner - 1], strength[inner], strength[inner + 1]
    bend = 2 * top - left - right
    shift = np.where(bend > 1e-9, 0.5 * (right - left) / np.where(bend > 1e-9, bend, 1), 0.0)
    return np.where(inner == peaks, peaks + shift.clip(-0.5, 0.5), peaks)


def moving_mean(values: Array, width: int) -> Array:
    """The mean of ``width`` values around each, of fewer at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    left, right = np.maximum(0, at - width // 2), np.minimum(len(values), at + width // 2 + 1)
    return (sums[right] - sums[left]) / (right - left)
