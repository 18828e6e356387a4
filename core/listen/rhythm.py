"""Tempo, beats and bars.

Conventions
-----------
* A period is the time from beat to beat in frames of `ONSET_RATE`; a tempo is in beats a minute.
* Beats and downbeats are in seconds, rising; downbeats are among the beats, and none are told where the meter is
  not clear.

Sources
-------
What is looked at is the chance of a beat that `core.listen.beat_network` gives. Tempo from the autocorrelation's comb
with a prior: Ellis, "Beat tracking by dynamic programming", J. New Music Research 36 (2007), section 3. Beats by
dynamic programming: the same, section 2; here the period may change along the recording, on a Viterbi path through
the tempogram (Grosche and Müller, "Extracting predominant local pulse information from music recordings", IEEE TASLP
19 (2011)). Bars by a Viterbi path over places in the bar: Böck, Krebs and Widmer, "Joint beat and downbeat tracking
with recurrent neural networks", ISMIR 2016, section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.listen import beat_network
from core.listen.analysis_frames import ONSET_RATE, Frames
from core.listen.onsets import onset_strength, refined

Array = NDArray[np.float64]

SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
TEMPI = np.exp(np.arange(np.log(SLOWEST_BPM), np.log(FASTEST_BPM), 0.01))
"""Tempi that are compared: a hundredth apart."""

PRIOR_BPM, PRIOR_OCTAVES = 113.0, 0.5
"""Tempi people tap at: where most lie, and the standard deviation in octaves. Of 970 excerpts of ten genres (GTZAN's
annotations; none that we are scored on) the mean is 113.3 and the deviation 0.47."""

_WINDOW_S, _HOP_S = 12.0, 3.0
_COMB = (1.0, 0.7, 0.75, 1.3)
_HALF = 0.29
_LOCAL, _GLOBAL, _PRIOR_WEIGHT = 2.0, 9.0, 1.4
_TIGHTNESS = 150.0
_CHANGE = 18.0


@dataclass(frozen=True, slots=True, eq=False)
class Rhythm:
    """``confidence`` (0-1) says how clearly the beats stand out; 0 with ``tempo_bpm`` 0 where nothing beats.

    ``strength`` is that of the onsets, frame by frame.
    """

    tempo_bpm: float
    confidence: float
    beats_s: Array
    downbeats_s: Array
    strength: Array


def find_rhythm(frames: Frames, weights: Mapping[str, NDArray[Any]]) -> Rhythm:
    """Tempo, beats and bars of a recording; ``weights`` are those of the model ``analysis``."""
    strength = onset_strength(frames)
    none = np.empty(0)
    if len(strength) < 2 * ONSET_RATE or not strength.any():
        return Rhythm(0.0, 0.0, none, none, strength)
    chances = beat_network.activations(weights, beat_network.inputs_of(frames)).astype(np.float64)
    chances *= (frames.level > _SILENT_LEVEL)[:, None]
    pulse = chances[:, 0]
    picture = tempogram(pulse)
    path = tempo_path(picture)
    periods = np.interp(
        np.arange(len(pulse)) / ONSET_RATE,
        np.arange(len(path)) * _HOP_S + _WINDOW_S / 2,
        60 * ONSET_RATE / TEMPI[path],
    )
    places = track_beats(pulse, periods)
    if len(places) < 2:
        return Rhythm(0.0, 0.0, none, none, strength)
    beats = np.maximum(refined(pulse, places) / ONSET_RATE, 0.0)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(chances, ((2, 2), (0, 0))), 5, axis=0).max(2)
    bpm = main_tempo(path)
    counted = _counted_tempo(beats)  # what was counted is more exact than what was correlated
    bpm = counted if abs(np.log(counted / bpm)) < _SAME_TEMPO else bpm
    first = find_downbeats(around[places, 1])
    return Rhythm(bpm, float(around[places, 0].mean()), beats, beats[first], strength)


def find_downbeats(chances: Array) -> NDArray[np.int64]:
    """Which of the beats begin a bar, by the chance that each does; none where that is not clear.

    Bars have three or four beats; that their beats are miscounted or their meter changes is unlikely.
    """
    if len(chances) < _FEWEST_BEATS:
        return np.empty(0, np.int64)
    place = np.concatenate([np.arange(meter) for meter in METERS])
    before = np.concatenate([np.roll(np.arange(m), 1) + at for m, at in zip(METERS, _STARTS, strict=True)])
    chances = chances.clip(0.02, 0.98)[:, None]
    scores = np.where(place == 0, np.log(chances), np.log(1 - chances))
    best, back = scores[0], []
    for row in scores[1:]:
        top = int(best.argmax())
        jumps = best[top] - _LOST_COUNT > best[before]
        back.append(np.where(jumps, top, before))
        best = np.where(jumps, best[top] - _LOST_COUNT, best[before]) + row
    states = [int(best.argmax())]
    for origin in reversed(back):
        states.append(int(origin[states[-1]]))
    is_first = place[np.array(states[::-1])] == 0
    inside, outside = chances[is_first].mean(), chances[~is_first].mean()
    clear = inside > _CLEAR_DOWNBEAT and inside > _CLEARER * outside
    return np.flatnonzero(is_first) if clear else np.empty(0, np.int64)


METERS = (3, 4)
_STARTS = (0, 3)
_FEWEST_BEATS = 8
_LOST_COUNT = 8.0
_CLEAR_DOWNBEAT, _CLEARER = 0.16, 1.5
_SILENT_LEVEL = 1e-4
_SAME_TEMPO = 0.08


def _counted_tempo(beats: Array) -> float:
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
    eased = np.convolve(strength, (0.25, 0.5, 0.25), "same")
    padded = np.pad(eased, (0, max(0, window - len(eased))))
    cuts = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    return np.concatenate([_combed(cuts[at : at + 256], longest) for at in range(0, len(cuts), 256)])


def _combed(cuts: Array, longest: int) -> Array:
    """The tempogram of some windows, from autocorrelations up to the ``longest`` lag."""
    window = cuts.shape[1]
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
    # A tempo two thirds as fast as the true one would find a beat here.
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
    scores = _LOCAL * picture + _GLOBAL * whole + _PRIOR_WEIGHT * _prior()
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


def main_tempo(path: NDArray[np.int64]) -> float:
    """The tempo that holds longest."""
    counts = np.convolve(np.bincount(path, minlength=len(TEMPI)), np.ones(5), "same")
    return float(TEMPI[int(counts.argmax())])


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
