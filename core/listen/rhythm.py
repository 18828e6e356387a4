"""Tempo, beats and bars.

Conventions
-----------
* A period is the time from beat to beat in frames of `ONSET_RATE`; a tempo is in beats a minute.
* Beats and downbeats are in seconds, rising; downbeats are among the beats, and none are told where the meter is
  not clear.

Sources
-------
Tempo from the autocorrelation's comb with a prior: Ellis, "Beat tracking by dynamic programming", J. New Music
Research 36 (2007), section 3. Beats by dynamic programming: the same, section 2; here the period may change along the
recording, on a Viterbi path through the tempogram (Grosche and Müller, "Extracting predominant local pulse information
from music recordings", IEEE TASLP 19 (2011), uses the same picture).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.listen.analysis_frames import ONSET_RATE, Frames
from core.listen.onsets import onset_strength, refined

Array = NDArray[np.float64]

SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
TEMPI = np.exp(np.arange(np.log(SLOWEST_BPM), np.log(FASTEST_BPM), 0.01))
"""Tempi that are compared: a hundredth apart."""

PRIOR_BPM, PRIOR_OCTAVES = 110.0, 0.9
"""Tempi people tap at: where most lie, and the standard deviation in octaves."""

_WINDOW_S, _HOP_S = 12.0, 3.0
_COMB = (1.0, 0.9, 0.6, 0.6)
_HALF = 0.35
_TIGHTNESS = 120.0
_CHANGE = 18.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """``confidence`` (0-1) says how clearly one tempo stands out; 0 with ``tempo_bpm`` 0 where nothing beats."""

    tempo_bpm: float
    confidence: float
    beats_s: Array
    strength: Array


def find_rhythm(frames: Frames) -> Rhythm:
    """Tempo and beats of a recording."""
    strength = onset_strength(frames)
    if len(strength) < 2 * ONSET_RATE or not strength.any():
        return Rhythm(0.0, 0.0, np.empty(0), strength)
    picture = tempogram(strength)
    path = tempo_path(picture)
    bpm, confidence = main_tempo(picture, path)
    periods = np.interp(
        np.arange(len(strength)) / ONSET_RATE,
        (np.arange(len(path)) * _HOP_S) + _WINDOW_S / 2,
        60 * ONSET_RATE / TEMPI[path],
    )
    beats = refined(strength, track_beats(strength, periods)) / ONSET_RATE
    if len(beats) > 4:  # what was counted is more exact than what was correlated
        counted = 60 / np.median(np.diff(beats))
        bpm = float(_mean_tempo(beats)) if abs(np.log(counted / bpm)) < 0.08 else bpm
    return Rhythm(bpm, confidence, np.maximum(beats, 0.0), strength)


def _mean_tempo(beats: Array) -> float:
    """Beats a minute by a line through the beats whose steps are near the median."""
    steps = np.diff(beats)
    usual = np.abs(np.log(steps / np.median(steps))) < 0.12
    return float(60 / steps[usual].mean()) if usual.any() else float(60 / np.median(steps))


def tempogram(strength: Array) -> Array:
    """How well each of `TEMPI` explains the onsets around each moment [shape=(windows, tempi)].

    Windows of `_WINDOW_S` seconds begin every `_HOP_S` seconds.
    """
    window, hop = round(_WINDOW_S * ONSET_RATE), round(_HOP_S * ONSET_RATE)
    longest = int(np.ceil(60 * ONSET_RATE / SLOWEST_BPM * len(_COMB))) + 2
    eased = np.convolve(np.sqrt(strength), (0.25, 0.5, 0.25), "same")
    padded = np.pad(eased, (0, max(0, window - len(eased))))
    cuts = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    cuts = cuts - cuts.mean(1, keepdims=True)
    size = 1 << (2 * window - 1).bit_length()
    spectrum = np.fft.rfft(cuts, size)
    lagged = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[:, : min(longest, window)]
    lagged = lagged / (window - np.arange(lagged.shape[1]))  # shorter overlaps count no less
    lagged = lagged / np.maximum(lagged[:, :1], 1e-9)
    lags = 60 * ONSET_RATE / TEMPI
    picture = np.zeros((len(cuts), len(TEMPI)))
    for multiple, weight in enumerate(_COMB, 1):
        picture += weight * _at(lagged, multiple * lags)
    return (picture - _HALF * _at(lagged, 1.5 * lags)) / sum(_COMB)


def _at(rows: Array, places: Array) -> Array:
    """Rows read between their columns; 0 beyond the last."""
    below = np.floor(places).astype(np.int64)
    share = places - below
    rows = np.pad(rows, ((0, 0), (0, max(0, int(below.max()) + 2 - rows.shape[1]))))
    return (1 - share) * rows[:, below] + share * rows[:, below + 1]


def _prior() -> Array:
    """Logarithm of how usual each tempo is."""
    return -0.5 * (np.log2(TEMPI / PRIOR_BPM) / PRIOR_OCTAVES) ** 2


def tempo_path(picture: Array) -> NDArray[np.int64]:
    """The likeliest tempo of each window, as an index of `TEMPI`: it seldom changes much."""
    whole = np.clip(picture, 0, None).mean(0)
    scores = 3.0 * picture + 9.0 * whole + 0.8 * _prior()
    steps = np.abs(np.arange(len(TEMPI))[:, None] - np.arange(len(TEMPI)))
    costs = np.minimum(_CHANGE * 0.01 * steps, 2.0)
    best, back = scores[0], []
    for row in scores[1:]:
        reached = best[:, None] - costs
        back.append(reached.argmax(0))
        best = reached.max(0) + row
    path = [int(best.argmax())]
    for origin in reversed(back):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1])


def main_tempo(picture: Array, path: NDArray[np.int64]) -> tuple[float, float]:
    """The tempo that holds longest, and how clearly the beat stands out (0-1)."""
    counts = np.bincount(path, minlength=len(TEMPI))
    near = np.convolve(counts, np.ones(5), "same")
    bpm = float(TEMPI[int(near.argmax())])
    clear = picture[np.arange(len(path)), path].mean()
    return bpm, float(np.clip(2.5 * clear, 0.0, 1.0))


def track_beats(strength: Array, periods: Array) -> NDArray[np.int64]:
    """The frames of the beats: strong ones that lie about a period apart [shape=(beats,)].

    Parameters
    ----------
    strength : ndarray [shape=(frames,)]
    periods : ndarray [shape=(frames,)]
        The expected distance to the beat before, in frames.
    """
    count = len(strength)
    gain = np.convolve(strength, (0.25, 0.5, 0.25), "same")
    gain = gain / max(float(gain.std()), 1e-9)
    longest = int(np.ceil(2 * periods.max()))
    total = np.zeros(count + longest)  # frames before the first count as 0
    back = np.full(count, -1)
    at = 0
    while at < count:
        period = float(periods[at])
        shortest = max(1, round(0.5 * period))
        lags = np.arange(shortest, round(2 * period) + 1)
        cost = _TIGHTNESS * np.log(lags / period) ** 2
        # No frame in a block as long as the shortest lag depends on another in it.
        block = np.arange(at, min(at + shortest, count))
        reached = total[block[:, None] - lags + longest] - cost
        best = reached.argmax(1)
        value = reached[np.arange(len(block)), best]
        total[block + longest] = gain[block] + np.maximum(value, 0.0)
        back[block] = np.where(value > 0, block - lags[best], -1)
        at += shortest
    total = total[longest:]
    beat = _last_beat(total, periods)
    beats = []
    while beat >= 0:
        beats.append(beat)
        beat = int(back[beat])
    return _trimmed(np.array(beats[::-1], np.int64), gain)


def _last_beat(total: Array, periods: Array) -> int:
    """The best frame within the last beat."""
    start = max(0, len(total) - round(periods[-1]))
    return start + int(total[start:].argmax())


def _trimmed(beats: NDArray[np.int64], gain: Array) -> NDArray[np.int64]:
    """Beats from the first to the last at which something sounds: none in the silence around a recording."""
    if len(beats) < 3:
        return beats
    around = np.array([gain[max(0, beat - 2) : beat + 3].max() for beat in beats.tolist()])
    sounding = np.flatnonzero(around > 0.3 * np.sqrt((around**2).mean()))
    return beats[sounding[0] : sounding[-1] + 1] if len(sounding) else beats[:0]
