"""What a spectrogram can show: short-time Fourier transform, mel bands, constant-Q bins, chroma; without Qt.

Conventions
-----------
* A column belongs to one moment, the middle of its windows; columns may lie as far apart as the view asks. Where
  they lie farther apart than the windows reach, each is the mean power of several windows spread over its time.
* Levels are in decibels of full scale: a sine of amplitude 1 is 0 dB in the row of its frequency. Chroma is in
  decibels of its column's strongest pitch class.
* Windows are Hann's. Mel bands are triangles on Slaney's scale with a peak of 1. Constant-Q bins follow Brown and
  Puckette ("An efficient algorithm for the calculation of a constant Q transform", JASA 92, 1992): kernels applied
  in the frequency domain, here with a shorter transform for every higher octave, and shorter windows in the bass as
  in the variable-Q transform (Schoerkhuber, Klapuri, Holighaus & Doerfler, AES 53, 2014).

This is about pictures, moment by moment, in a few milliseconds a tile and without PyTorch; what networks are fed
with comes from `core.listen`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from desktop.spectrogram.frequency_axis import hertz_to_mel, hertz_to_pitch, mel_to_hertz, pitch_to_hertz
from desktop.spectrogram.sound import SAMPLE_RATE

Floats = NDArray[np.float32]
Read = Callable[[int, int], Floats]
"""Samples from one place to another, zeros beyond the ends."""

N_FFT = 2048
N_MELS = 128
QUIETEST = -120.0
FEWEST_WINDOWS, MOST_WINDOWS, MOST_SAMPLES = 2, 8, 16384
"""How many windows a column that needs several is the mean of: fewer where they are long."""
ROWS_A_SEMITONE = 3
LOWEST_PITCH, HIGHEST_PITCH = 21, 123
Q = 34.0
"""Of the constant-Q bins: frequency by bandwidth. At 34 the window's first zero is a semitone away."""
GAMMA = 20.0
"""Hertz that a constant-Q bin's bandwidth is widened by, times `Q`: in the bass, time matters more than cents."""
_SMALLEST_FFT = 128
_KERNEL_FLOOR = 1e-3


@dataclass(frozen=True)
class Transform:
    """One way to look at sound.

    Attributes
    ----------
    rows : how many numbers a column has, the lowest frequency first
    row : hertz -> row, with fractions
    hertz : row -> hertz
    reach : samples that a column needs on either side of its moment
    compute : (read, moments in samples, samples between columns) -> decibels float32 [shape=(rows, columns)]
    axes : which frequency axes it can be seen on, the usual one first
    """

    title: str
    description: str
    rows: int
    row: Callable[[ArrayLike], NDArray[np.float64]]
    hertz: Callable[[ArrayLike], NDArray[np.float64]]
    reach: int
    compute: Callable[[Read, NDArray[np.int64], int], Floats]
    axes: tuple[str, ...]


def frames(read: Read, moments: NDArray[np.int64], size: int) -> Floats:
    """Windows of ``size`` samples around ascending ``moments`` [shape=(len(moments), size)]."""
    starts = moments - size // 2
    if len(moments) > 1 and starts[-1] - starts[0] > 4 * size * len(moments):
        return np.stack([read(int(start), int(start) + size) for start in starts])
    block = read(int(starts[0]), int(starts[-1]) + size)
    return np.lib.stride_tricks.sliding_window_view(block, size)[starts - starts[0]]


def spread(moments: NDArray[np.int64], spacing: int, window: int) -> tuple[NDArray[np.int64], int]:
    """The moments of the windows that each column is the mean of, and how many a column has."""
    most = min(MOST_WINDOWS, max(FEWEST_WINDOWS, MOST_SAMPLES // window))
    count = int(min(most, max(1, np.ceil(spacing / (window / 2)))))
    offsets = np.round((np.arange(count) - (count - 1) / 2) * spacing / count).astype(np.int64)
    return (moments[:, np.newaxis] + offsets).ravel(), count


def power(read: Read, moments: NDArray[np.int64], spacing: int) -> Floats:
    """Mean power of the Fourier bins [shape=(columns, N_FFT // 2 + 1)]; a full-scale sine has 1."""
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    window /= window.sum() / 2
    places, count = spread(moments, spacing, N_FFT)
    spectra = np.fft.rfft(frames(read, places, N_FFT) * window, axis=1)
    squared = spectra.real**2 + spectra.imag**2
    return np.asarray(squared.reshape(len(moments), count, -1).mean(axis=1), np.float32)


def decibels(power: Floats) -> Floats:
    """Power [shape=(columns, rows)] as decibels [shape=(rows, columns)]."""
    return np.ascontiguousarray(10 * np.log10(np.maximum(power, 1e-12, dtype=np.float32)).T)


def _stft(read: Read, moments: NDArray[np.int64], spacing: int) -> Floats:
    return decibels(power(read, moments, spacing))


@cache
def mel_triangles() -> Floats:
    """Weights of the mel bands [shape=(N_MELS, N_FFT // 2 + 1)], from 0 Hz to half the sample rate."""
    edges = mel_to_hertz(np.linspace(0, hertz_to_mel(SAMPLE_RATE / 2), N_MELS + 2))
    bins = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    rising = (bins - edges[:-2, np.newaxis]) / np.diff(edges)[:-1, np.newaxis]
    falling = (edges[2:, np.newaxis] - bins) / np.diff(edges)[1:, np.newaxis]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


@cache
def _bands() -> tuple[slice, ...]:
    """The Fourier bins that each mel band has a weight for."""
    used = [np.flatnonzero(row) for row in mel_triangles()]
    return tuple(slice(int(row[0]), int(row[-1]) + 1) if len(row) else slice(0, 1) for row in used)


def _mel(read: Read, moments: NDArray[np.int64], spacing: int) -> Floats:
    bins, weights = power(read, moments, spacing), mel_triangles()
    result = np.empty((len(bins), N_MELS), np.float32)
    for row, band in enumerate(_bands()):
        np.einsum("ij,j->i", bins[:, band], weights[row, band], out=result[:, row])
    return decibels(result)


def _product(a: NDArray[np.complex64], b: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """The matrix product in this thread alone: for so small ones, waking others costs more than they help."""
    return np.asarray(np.einsum("ij,jk->ik", a, b))


@dataclass(frozen=True)
class _Octave:
    """The constant-Q bins that share a transform: their kernels, over Fourier bins ``first`` and on."""

    size: int
    first: int
    rows: slice
    kernels: NDArray[np.complex64]


@cache
def cqt_pitches() -> NDArray[np.float64]:
    """The pitch of every constant-Q row; each key has a row below it, one on it and one above it."""
    count = (HIGHEST_PITCH - LOWEST_PITCH + 1) * ROWS_A_SEMITONE
    return LOWEST_PITCH - 1 / ROWS_A_SEMITONE + np.arange(count) / ROWS_A_SEMITONE


@cache
def _octaves() -> tuple[_Octave, ...]:
    hertz = pitch_to_hertz(cqt_pitches())
    lengths = np.ceil(Q * SAMPLE_RATE / (hertz + GAMMA)).astype(int)
    sizes = np.maximum(_SMALLEST_FFT, 2 ** np.ceil(np.log2(lengths + 1)).astype(int))
    found = []
    for size in sorted(set(sizes.tolist()), reverse=True):
        rows = np.flatnonzero(sizes == size)
        kernels = np.zeros((len(rows), size), np.complex128)
        for line, row in enumerate(rows):
            # An odd window, its middle on the frame's.
            length = lengths[row] | 1
            time = np.arange(length) - length // 2
            window = np.hanning(length + 2)[1:-1]
            wave = window / (window.sum() / 2) * np.exp(2j * np.pi * hertz[row] / SAMPLE_RATE * time)
            start = size // 2 - length // 2
            kernels[line, start : start + length] = wave
        spectra = np.conj(np.fft.fft(kernels, axis=1))[:, : size // 2 + 1] / size
        strength = np.abs(spectra).max(axis=0)
        used = np.flatnonzero(strength > _KERNEL_FLOOR * strength.max())
        band = slice(int(used[0]), int(used[-1]) + 1)
        found.append(
            _Octave(
                size,
                band.start,
                slice(int(rows[0]), int(rows[-1]) + 1),
                spectra[:, band].T.astype(np.complex64),
            )
        )
    return tuple(found)


def constant_q_power(read: Read, moments: NDArray[np.int64], spacing: int) -> Floats:
    """Mean power of the constant-Q bins [shape=(columns, rows)]."""
    result = np.empty((len(moments), len(cqt_pitches())), np.float32)
    for octave in _octaves():
        places, count = spread(moments, spacing, octave.size)
        spectra = np.fft.rfft(frames(read, places, octave.size), axis=1)
        band = spectra[:, octave.first : octave.first + len(octave.kernels)].astype(np.complex64)
        answers = _product(band, octave.kernels)
        squared = (answers.real**2 + answers.imag**2).reshape(len(moments), count, -1)
        result[:, octave.rows] = squared.mean(axis=1)
    return result


def _cqt(read: Read, moments: NDArray[np.int64], spacing: int) -> Floats:
    return decibels(constant_q_power(read, moments, spacing))


@cache
def _classes() -> tuple[NDArray[np.intp], ...]:
    """The constant-Q rows that count for each of the twelve pitch classes: those on a key, not between two."""
    pitches = cqt_pitches()
    on_key = np.abs(pitches - np.round(pitches)) < 0.1
    return tuple(np.flatnonzero(on_key & (np.round(pitches) % 12 == each)) for each in range(12))


def _chroma(read: Read, moments: NDArray[np.int64], spacing: int) -> Floats:
    rows = constant_q_power(read, moments, spacing)
    classes = np.stack([rows[:, used].sum(axis=1) for used in _classes()], axis=1)
    strongest = classes.max(axis=1, keepdims=True)
    shown = np.where(strongest > 1e-8, classes / np.maximum(strongest, 1e-12), 1e-12)
    return decibels(shown.astype(np.float32))


def _mel_row(hertz: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(hertz_to_mel(hertz) / hertz_to_mel(SAMPLE_RATE / 2) * (N_MELS + 1) - 1)


def _mel_hertz(row: ArrayLike) -> NDArray[np.float64]:
    return mel_to_hertz((np.asarray(row, float) + 1) / (N_MELS + 1) * hertz_to_mel(SAMPLE_RATE / 2))


def _cqt_row(hertz: ArrayLike) -> NDArray[np.float64]:
    return np.asarray((hertz_to_pitch(hertz) - LOWEST_PITCH) * ROWS_A_SEMITONE + 1)


def _cqt_hertz(row: ArrayLike) -> NDArray[np.float64]:
    return pitch_to_hertz(LOWEST_PITCH + (np.asarray(row, float) - 1) / ROWS_A_SEMITONE)


TRANSFORMS = {
    "stft": Transform(
        "STFT", "Short-time Fourier transform: even steps in hertz", N_FFT // 2 + 1,
        lambda hertz: np.asarray(hertz, float) * N_FFT / SAMPLE_RATE,
        lambda row: np.asarray(row, float) * SAMPLE_RATE / N_FFT,
        N_FFT // 2, _stft, ("log", "mel", "linear", "keys"),
    ),
    "mel": Transform(
        "Mel", "Mel bands, as the networks hear them", N_MELS, _mel_row, _mel_hertz, N_FFT // 2, _mel,
        ("mel", "log", "linear"),
    ),
    "cqt": Transform(
        "CQT", "Constant-Q transform: three rows a semitone, in line with the piano keys",
        (HIGHEST_PITCH - LOWEST_PITCH + 1) * ROWS_A_SEMITONE, _cqt_row, _cqt_hertz, 8192, _cqt,
        ("keys", "log", "mel"),
    ),
    "chroma": Transform(
        "Chroma", "How strong each pitch class is, whatever the octave", 12,
        lambda hertz: hertz_to_pitch(hertz) - 60, lambda row: pitch_to_hertz(60 + np.asarray(row, float)),
        8192, _chroma, ("chroma",),
    ),
}  # fmt: skip
