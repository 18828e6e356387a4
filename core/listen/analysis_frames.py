"""What the analysis keeps of a recording: a few numbers many times a second, made while it streams by.

Conventions
-----------
* Sound comes in as mono float32 at `SAMPLE_RATE`; frame ``t`` of a series is centred on ``t / rate`` seconds.
* A series of a recording of ``n`` samples has ``n // hop + 1`` frames; before and after it there is silence.
* Pitch is in MIDI numbers, with fractions; `Frames.pitch_levels` has `BINS_PER_SEMITONE` bins a semitone from
  `LOWEST_PITCH` up, its middle bins on the keys of a piano tuned to A4 = 440 Hz.
* The result does not depend on how the sound was cut into blocks: whatever comes is computed in pieces of
  `_PIECE` samples.
* Three hours take about 90 MB.

Sources
-------
Onset strength: positive differences of a log-compressed mel spectrogram over bands, Klapuri, Eronen and Astola,
"Analysis of the meter of acoustic musical signals", IEEE TASLP 14 (2006), section II-A; the maximum over
neighbouring bands against vibrato: Böck and Widmer, "Maximum filter vibrato suppression for onset detection",
DAFx 2013, section 3.
Pitch levels with three bins a semitone, and the tuning from their phase: Mauch and Dixon, "Approximate note
transcription for the improved identification of difficult chords", ISMIR 2010, section 3.1.
Melody salience, a weighted sum over harmonics: Salamon and Gómez, "Melody extraction from polyphonic music signals
using pitch contour characteristics", IEEE TASLP 20 (2012), section II-B.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE_RATE = 22050

ONSET_RATE, PITCH_RATE, MELODY_RATE = 50, 10, 25
"""Frames a second of the onset bands and the level, of the pitch levels, and of the melody candidates."""

ONSET_BANDS = 8
LOWEST_PITCH, HIGHEST_PITCH = 24, 108
BINS_PER_SEMITONE = 3
MELODY_LOWEST, MELODY_HIGHEST = 40, 92

LEVEL_STEP = 1 / 36
"""Levels and saliences are kept as whole steps of so much."""

_PIECE = 10 * SAMPLE_RATE
_ONSET_WINDOW, _PITCH_WINDOW, _MELODY_WINDOW = 1024, 8192, 4096
_MARGIN = _PITCH_WINDOW // 2 + 32
_COMPRESSION = 1000.0  # what is 60 dB below a full-scale sine is half way between linear and logarithmic
_MEL_BANDS = 64
_HARMONICS, _HARMONIC_DECAY = 8, 0.8

Array = NDArray[np.float32]
Levels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """A recording as the analysis sees it.

    Attributes
    ----------
    duration_s : float
    level : ndarray [shape=(onset frames,)]
        Root mean square of the samples around the frame, 0-1.
    onset_bands : ndarray [shape=(onset frames, ONSET_BANDS)]
        How much louder each band has become, low bands first.
    pitch_levels : uint8 ndarray [shape=(pitch frames, 252)]
        ``log(1 + 1000 a)`` of the amplitude ``a`` near each third of a semitone, in steps of `LEVEL_STEP`.
    salience : uint8 ndarray [shape=(melody frames, 156)]
        How strong the harmonics of each third of a semitone from `MELODY_LOWEST` up are together, in the same way.
    tuning : float
        How far the recording lies above A4 = 440 Hz, in semitones, -0.5 to 0.5.
    """

    duration_s: float
    level: Array
    onset_bands: Array
    pitch_levels: Levels
    salience: Levels
    tuning: float


class _Growing:
    """Rows that come piece by piece, in one block of memory: many small ones would leave it full of holes."""

    def __init__(self) -> None:
        self._rows: NDArray[Any] = np.empty(0)
        self._used = 0

    def append(self, rows: NDArray[Any]) -> None:
        needed = self._used + len(rows)
        if needed > len(self._rows) or not self._used:
            larger = np.empty((max(needed, 3 * len(self._rows) // 2), *rows.shape[1:]), rows.dtype)
            if self._used:
                larger[: self._used] = self._rows[: self._used]
            self._rows = larger
        self._rows[self._used : needed] = rows
        self._used = needed

    def whole(self) -> NDArray[Any]:
        return self._rows[: self._used].copy()


class FrameMaker:
    """Makes `Frames` of a recording that comes in blocks.

    >>> maker = FrameMaker()
    >>> maker.push(np.zeros(22050, np.float32))
    >>> maker.finish().onset_bands.shape
    (51, 8)
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE) -> None:
        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"the analysis listens at {SAMPLE_RATE} Hz, not at {sample_rate}")
        self._waiting: list[Array] = [np.zeros(_MARGIN, np.float32)]
        self._held = 0  # samples in `_waiting` after the margin before the next piece
        self._total = 0
        self._last_mel: Tensor | None = None
        self._phase = 0j
        self._done = {name: _Growing() for name in _SERIES}

    def push(self, block: NDArray[np.floating]) -> None:
        """Take the next samples [shape=(n,)]; samples that are no numbers count as silence."""
        samples = np.nan_to_num(np.asarray(block, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        self._waiting.append(samples)
        self._held += len(samples)
        self._total += len(samples)
        if self._held >= _PIECE + _MARGIN:
            self._compute_ready(np.concatenate(self._waiting))

    def finish(self) -> Frames:
        """The frames of all that was pushed."""
        samples = np.concatenate([*self._waiting, np.zeros(_MARGIN + _PITCH_WINDOW, np.float32)])
        while self._held >= 0:
            self._compute(samples[: min(_PIECE, self._held + 1) + 2 * _MARGIN], min(_PIECE, self._held + 1))
            samples = samples[_PIECE:]
            self._held -= _PIECE
        joined: dict[str, Any] = {name: self._done.pop(name).whole() for name in _SERIES}
        tuning = float(np.angle(self._phase) / (2 * np.pi)) if self._phase else 0.0
        return Frames(duration_s=self._total / SAMPLE_RATE, tuning=tuning, **joined)

    def _compute_ready(self, samples: Array) -> None:
        while self._held >= _PIECE + _MARGIN:
            self._compute(samples[: _PIECE + 2 * _MARGIN], _PIECE)
            samples = samples[_PIECE:]
            self._held -= _PIECE
        self._waiting = [samples.copy()]

    def _compute(self, samples: Array, length: int) -> None:
        """The frames centred in the ``length`` samples that follow the margin of ``samples``."""
        import torch

        with torch.no_grad():
            sound = torch.from_numpy(np.ascontiguousarray(samples))
            for name, series in self._series(sound, length):
                self._done[name].append(series)

    def _series(self, sound: Tensor, length: int) -> Iterator[tuple[str, NDArray[Any]]]:
        import torch

        cuts = _windows(sound, length, _ONSET_WINDOW, ONSET_RATE)
        yield "level", cuts.square().mean(1).sqrt().numpy()
        mel = torch.log1p(_COMPRESSION * _bands(cuts, _mel_kernel()))
        before = mel[:1] if self._last_mel is None else self._last_mel
        before = torch.cat([before, mel[:-1]])
        self._last_mel = mel[-1:].clone()
        before = torch.nn.functional.max_pool1d(before[:, None], 3, 1, 1)[:, 0]
        rises = torch.relu(mel - before)
        yield "onset_bands", rises.reshape(len(rises), ONSET_BANDS, -1).mean(2).numpy()

        half = _halved(sound)
        cuts = _windows(half, length, _PITCH_WINDOW, PITCH_RATE, 2)
        levels = torch.log1p(_COMPRESSION * _bands(cuts, _pitch_kernel()))
        yield "pitch_levels", _in_steps(levels)
        folded = levels[:, _TUNED_BINS].double().square().sum(0).reshape(-1, BINS_PER_SEMITONE).sum(0)
        turns = np.exp(
            2j * np.pi * (np.arange(BINS_PER_SEMITONE) - BINS_PER_SEMITONE // 2) / BINS_PER_SEMITONE
        )
        self._phase += complex(folded.numpy() @ turns)

        cuts = _windows(half, length, _MELODY_WINDOW, MELODY_RATE, 2)
        amplitudes = _bands(cuts, _melody_kernel())
        yield "salience", _in_steps(torch.log1p(_COMPRESSION * (amplitudes @ _harmonic_kernel())))


_SERIES = ("level", "onset_bands", "pitch_levels", "salience")
_TUNED_BINS = slice((48 - LOWEST_PITCH) * BINS_PER_SEMITONE, (96 - LOWEST_PITCH) * BINS_PER_SEMITONE)
"""Pitches from which the tuning is told: lower ones are not resolved, in higher ones there is little but noise."""


def _windows(sound: Tensor, length: int, window: int, rate: int, every: int = 1) -> Tensor:
    """Stretches of ``window`` samples around the frames that lie in the ``length`` samples after the margin.

    ``every`` says that the sound holds one sample of so many.
    """
    hop = SAMPLE_RATE // rate
    count = (length - 1) // hop + 1
    start = (_MARGIN - window // 2) // every
    window, hop = window // every, hop // every
    return sound[start : start + (count - 1) * hop + window].unfold(0, window, hop)


def _bands(cuts: Tensor, kernel: Tensor) -> Tensor:
    """Amplitudes in the bands of a kernel, of stretches under a Hann window [shape=(frames, bands)]."""
    import torch

    window = torch.hann_window(cuts.shape[1])
    spectrum = torch.fft.rfft(cuts * (2 * window / window.sum()))[:, : len(kernel)]
    return ((spectrum.real.square() + spectrum.imag.square()) @ kernel).sqrt()


def _halved(sound: Tensor) -> Tensor:
    """Every second sample, sample ``i`` being that at ``2 i``: enough for pitch, which ends at 4 kHz."""
    import torch

    taps = _half_band()
    reach = len(taps) // 2
    padded = torch.nn.functional.pad(sound, (reach, reach))
    return padded.unfold(0, len(taps), 2) @ taps


@cache
def _half_band() -> Tensor:
    """A low-pass filter at a quarter of the sample rate, Kaiser-windowed: -80 dB from 6.7 kHz on."""
    import torch

    at = np.arange(-20, 21)
    taps = 0.5 * np.sinc(at / 2) * np.kaiser(len(at), 8.0)
    return torch.from_numpy((taps / taps.sum()).astype(np.float32))


def _in_steps(levels: Tensor) -> Levels:
    import torch

    steps: Levels = (levels / LEVEL_STEP).round().clamp(0, 255).to(torch.uint8).numpy()
    return steps


@cache
def _mel_kernel() -> Tensor:
    """From a spectrum to mel bands, 30 Hz to 10 kHz [shape=(bins, _MEL_BANDS)]."""
    edges = np.linspace(_mel(30.0), _mel(10000.0), _MEL_BANDS + 2)
    edges = 700 * (np.exp(edges) - 1)
    return _triangles(edges[:-2], edges[1:-1], edges[2:], SAMPLE_RATE, _ONSET_WINDOW)


def _mel(hertz: float) -> float:
    return float(np.log1p(hertz / 700))


@cache
def _pitch_kernel() -> Tensor:
    """From a spectrum to thirds of semitones [shape=(bins, 252)]."""
    return _pitch_triangles(LOWEST_PITCH, HIGHEST_PITCH, _PITCH_WINDOW // 2)


@cache
def _melody_kernel() -> Tensor:
    """From a spectrum to thirds of semitones, up to the harmonics that are listened to."""
    return _pitch_triangles(MELODY_LOWEST, HIGHEST_PITCH, _MELODY_WINDOW // 2)


@cache
def _harmonic_kernel() -> Tensor:
    """From thirds of semitones to the sum of each pitch's harmonics [shape=(204, 156)]."""
    import torch

    kernel = np.zeros(
        (
            (HIGHEST_PITCH - MELODY_LOWEST) * BINS_PER_SEMITONE,
            (MELODY_HIGHEST - MELODY_LOWEST) * BINS_PER_SEMITONE,
        ),
        np.float32,
    )
    for harmonic in range(1, _HARMONICS + 1):
        shift = round(12 * BINS_PER_SEMITONE * np.log2(harmonic))
        np.fill_diagonal(kernel[shift:], _HARMONIC_DECAY ** (harmonic - 1))
    return torch.from_numpy(kernel)


def _pitch_triangles(lowest: int, highest: int, window: int) -> Tensor:
    """Triangles around thirds of semitones that reach to the next, or a bin of the spectrum where that is more."""
    rate = SAMPLE_RATE / 2
    count = (highest - lowest) * BINS_PER_SEMITONE
    pitches = lowest + (np.arange(count) - BINS_PER_SEMITONE // 2) / BINS_PER_SEMITONE
    centres = 440 * 2 ** ((pitches - 69) / 12)
    reaches = np.maximum(centres * (2 ** (1 / 12 / BINS_PER_SEMITONE) - 1), rate / window)
    return _triangles(centres - reaches, centres, centres + reaches, rate, window)


def _triangles(
    left: NDArray[np.float64],
    centres: NDArray[np.float64],
    right: NDArray[np.float64],
    rate: float,
    window: int,
) -> Tensor:
    """Triangles over the power spectrum of a window, each of sum 1; bins above the highest are left out."""
    import torch

    hertz = np.arange(window // 2 + 1)[:, None] * rate / window
    rising, falling = (hertz - left) / (centres - left), (right - hertz) / (right - centres)
    kernel = np.maximum(0.0, np.minimum(rising, falling))
    # A band that is narrower than a bin of the spectrum takes the nearest.
    nearest = np.rint(centres * window / rate).astype(np.int64).clip(0, window // 2)
    empty = np.flatnonzero(kernel.sum(0) == 0)
    kernel[nearest[empty], empty] = 1.0
    used = int(np.flatnonzero(kernel.any(1))[-1]) + 1
    return torch.from_numpy((kernel / kernel.sum(0))[:used].astype(np.float32))
