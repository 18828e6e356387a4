"""The constant-Q transform: a spectrum whose bins are as far apart as the keys of a piano.

Octave by octave from the top, halving the sample rate in between, so that one small bank of filters serves all:
Schörkhuber and Klapuri, "Constant-Q transform toolbox for music processing", SMC 2010, sections 3 and 4; filter
lengths, sparsening and scaling are those of librosa 0.11, which this equals to 1e-4.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.listen.spectra import Numbers, Sound, Spectrum, stft, window_of

C1_HZ = 440.0 * 2.0 ** ((24 - 69) / 12)

SPARSITY = 0.01
"""Share of a filter's magnitude that is left out, its smallest bins."""

HANN_BANDWIDTH = 1.50018310546875
"""Equivalent noise bandwidth of a Hann window, in bins, with the digits librosa has."""


def cqt(
    y: Sound,
    *,
    sample_rate: float = 22050,
    hop_length: int = 512,
    fmin: float | None = None,
    n_bins: int = 84,
    bins_per_octave: int = 12,
    tuning: float = 0.0,
    device: str = "cpu",
) -> Spectrum:
    """Constant-Q transform.

    Parameters
    ----------
    y : sound [shape=(n,)]
    sample_rate : of the sound, in Hz
    hop_length : samples from frame to frame
    fmin : Hz of the lowest bin; C1 (32.7 Hz) unless told
    n_bins, bins_per_octave : int
    tuning : by which part of a bin all are higher
    device : "cpu" or "cuda"

    Returns
    -------
    ndarray
        complex64 [shape=(n_bins, frames)]

    Raises
    ------
    ValueError
        Where the highest bin lies above half the sample rate.

    Examples
    --------
    >>> cqt(np.zeros(22050, np.float32)).shape
    (84, 44)
    """
    import torch

    octaves = -(-n_bins // bins_per_octave)
    filters = min(bins_per_octave, n_bins)
    lowest = (C1_HZ if fmin is None else fmin) * 2.0 ** (tuning / bins_per_octave)
    hertz = lowest * 2.0 ** (np.arange(n_bins) / bins_per_octave)
    width = relative_bandwidths(hertz, bins_per_octave)
    highest = float((hertz * (1 + 0.5 * HANN_BANDWIDTH * width)).max())
    if highest > sample_rate / 2:
        raise ValueError(
            f"a highest bin of {hertz[-1]:.0f} Hz needs more than {sample_rate:.0f} samples a second"
        )
    y = np.asarray(y, np.float32)
    rate = float(sample_rate)
    halvings = min(
        max(0, int(np.ceil(np.log2(rate / 2 / highest)) - 2)), max(0, _twos(hop_length) - octaves + 1)
    )
    if halvings:
        y, rate, hop_length = _slower(y, 2**halvings), rate / 2**halvings, hop_length >> halvings
    first_rate = rate
    responses: list[Spectrum] = []
    for octave in range(octaves):
        stop = n_bins - filters * octave
        bins = slice(max(0, stop - filters), stop)
        basis, n_fft = _filters(rate, tuple(hertz[bins]), tuple(width[bins]))
        spectrum = torch.from_numpy(stft(y, n_fft=n_fft, hop_length=hop_length, window="ones", device=device))
        kernel = torch.from_numpy(basis * np.float32(np.sqrt(first_rate / rate)))
        with torch.no_grad():
            responses.append((kernel.to(device) @ spectrum.to(device)).cpu().numpy())
        if hop_length % 2 == 0:
            y, rate, hop_length = _slower(y, 2), rate / 2, hop_length // 2
    frames = min(response.shape[1] for response in responses)
    joined = np.concatenate([response[:, :frames] for response in reversed(responses)])
    lengths = first_rate / (width * hertz)
    return (joined / np.sqrt(lengths)[:, None]).astype(np.complex64)


def relative_bandwidths(hertz: Numbers, bins_per_octave: int) -> Numbers:
    """Bandwidth over frequency of every bin, from how far its neighbours are.

    >>> relative_bandwidths(np.array([100.0, 200.0]), 1).tolist()
    [0.6, 0.6]
    """
    if len(hertz) == 1:
        density = np.array([float(bins_per_octave)])
    else:
        at = np.log2(hertz)
        density = np.empty_like(at)
        density[0], density[-1] = 1 / (at[1] - at[0]), 1 / (at[-1] - at[-2])
        density[1:-1] = 2 / (at[2:] - at[:-2])
    ratio = 2.0 ** (2 / density)
    return (ratio - 1) / (ratio + 1)


@lru_cache(maxsize=64)
def _filters(
    rate: float, hertz: tuple[float, ...], width: tuple[float, ...]
) -> tuple[NDArray[np.complex64], int]:
    """The filters of one octave in the frequency domain [shape=(filters, 1 + n_fft // 2)], and ``n_fft``."""
    lengths = rate / (np.array(width) * np.array(hertz))
    n_fft = int(2.0 ** np.ceil(np.log2(lengths.max())))
    basis = np.zeros((len(hertz), n_fft), np.complex64)
    for row, (length, frequency) in enumerate(zip(lengths, hertz)):
        at = np.arange(-length // 2, length // 2, dtype=float)
        wave = np.exp(2j * np.pi * frequency / rate * at) * window_of("hann", len(at))
        wave /= np.abs(wave).sum()
        left = (n_fft - len(wave)) // 2
        basis[row, left : left + len(wave)] = wave
    basis *= (lengths / n_fft)[:, None]
    spectra = np.fft.fft(basis)[:, : n_fft // 2 + 1]
    return _sparse(spectra).astype(np.complex64), n_fft


def _sparse(spectra: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
    """Each row without its smallest values, which together are `SPARSITY` of its magnitude."""
    magnitudes = np.abs(spectra)
    ordered = np.sort(magnitudes, axis=1)
    share = np.cumsum(ordered / magnitudes.sum(axis=1, keepdims=True), axis=1)
    smallest = np.take_along_axis(ordered, np.argmin(share < SPARSITY, axis=1)[:, None], axis=1)
    return np.where(magnitudes >= smallest, spectra, 0)


def _slower(y: Sound, factor: int) -> Sound:
    """A ``factor``-th of the sample rate with the same energy."""
    import soxr

    length = -(-len(y) // factor)
    resampled = soxr.resample(y, factor, 1, quality="HQ")[:length]
    resampled = np.pad(resampled, (0, length - len(resampled)))
    return (resampled * np.float32(np.sqrt(factor))).astype(np.float32)


def _twos(number: int) -> int:
    """How often a whole number can be halved.

    >>> _twos(512), _twos(441)
    (9, 0)
    """
    return (number & -number).bit_length() - 1 if number > 0 else 0
