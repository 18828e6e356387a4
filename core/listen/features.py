"""What classifiers and spectrograms are made of: spectra, mel bins, pitch classes, cepstra.

Conventions
-----------
* Sound is mono float32 [shape=(n,)]; every feature has time last and is float32 (`stft` and `cqt` complex64).
* Everything after the sound is keyword-only, with librosa's defaults.
* Results equal librosa 0.11 to 1e-4 of their largest value; tests hold that over many settings.
* Torch does the work; ``device`` is "cpu" or "cuda", and arrays go in and come out in numpy.

Sources
-------
Choi, Fazekas, Cho and Sandler, "A Tutorial on Deep Learning for Music Information Retrieval", arXiv 1709.04396,
section 3.1, tells which is good for what. The formulae are those of librosa (McFee et al., SciPy 2015); of the mel
scales, "slaney" is that of the Auditory Toolbox (Slaney 1998), "htk" that of the HTK Book (Young et al. 2006,
equation 5.13), which the tutorial uses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.listen.constant_q import C1_HZ, cqt
from core.listen.spectra import WINDOWS, Matrix, Numbers, Sound, power, power_spectrogram, stft

if TYPE_CHECKING:
    from torch import Tensor

__all__ = (
    "stft", "power", "cqt", "mel_filters", "mel_spectrogram", "power_to_db", "log_compress", "mfcc",
    "chroma_stft", "chroma_cqt", "chroma_filters", "estimate_tuning", "WINDOWS",
)  # fmt: skip

TUNING_STEP = 0.01
_FRAMES_AT_ONCE = 256
_TUNING_LOWEST_HZ, _TUNING_HIGHEST_HZ, _TUNING_THRESHOLD = 150.0, 4000.0, 0.1


def mel_filters(
    sample_rate: float = 22050,
    n_fft: int = 2048,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    formula: str = "slaney",
) -> Matrix:
    """Triangles from a power spectrum to mel bins, each of the same area.

    Parameters
    ----------
    sample_rate, n_fft : of the spectrum
    n_mels : how many bins
    fmin, fmax : Hz where the first begins and the last ends; half the sample rate unless told
    formula : "slaney" (linear below 1 kHz) or "htk"

    Returns
    -------
    ndarray
        [shape=(n_mels, 1 + n_fft // 2)]

    Raises
    ------
    ValueError
        For another formula.

    Examples
    --------
    >>> mel_filters().shape
    (128, 1025)
    """
    to_mel, to_hertz = _scale(formula)
    highest = sample_rate / 2 if fmax is None else fmax
    edges = to_hertz(np.linspace(to_mel(np.array(fmin)), to_mel(np.array(highest)), n_mels + 2))
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    away = edges[:, None] - bins[None, :]
    width = np.diff(edges)[:, None]
    filters = np.maximum(0, np.minimum(-away[:-2] / width[:-1], away[2:] / width[1:])).astype(np.float32)
    return (filters * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def mel_spectrogram(
    y: Sound,
    *,
    sample_rate: float = 22050,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    formula: str = "slaney",
    window: str = "hann",
    center: bool = True,
    device: str = "cpu",
) -> Matrix:
    """Power in mel bins [shape=(n_mels, frames)]; see `stft` and `mel_filters`.

    >>> mel_spectrogram(np.zeros(22050, np.float32)).shape
    (128, 44)
    """
    import torch

    sound = np.pad(np.asarray(y, np.float32), n_fft // 2 * center)
    frames = (len(sound) - n_fft) // hop_length + 1
    made: list[Matrix] = []
    with torch.no_grad():
        filters = _mel_tensor(sample_rate, n_fft, n_mels, fmin, fmax, formula, device)
        # In pieces that stay in the processor's cache: of a whole song, the spectrum is 60 MB.
        for start in range(0, max(1, frames), _FRAMES_AT_ONCE):
            count = min(_FRAMES_AT_ONCE, frames - start)
            piece = sound[start * hop_length : (start + count - 1) * hop_length + n_fft]
            spectrum = power_spectrogram(
                piece, n_fft=n_fft, hop_length=hop_length, window=window, center=False, device=device
            )
            made.append((filters @ spectrum).cpu().numpy())
    return np.concatenate(made, axis=1)


def power_to_db(
    S: Matrix, *, ref: float | str = 1.0, amin: float = 1e-10, top_db: float | None = 80.0
) -> Matrix:
    """Power in decibels.

    Parameters
    ----------
    S : power
    ref : what 0 dB is; "max" for the largest in ``S``
    amin : the smallest power that is told apart
    top_db : how far below the largest value the smallest may lie; None for as far as it is

    Examples
    --------
    >>> power_to_db(np.array([1.0, 100.0], np.float32)).tolist()
    [0.0, 20.0]
    """
    reference = float(np.max(S)) if isinstance(ref, str) else abs(ref)
    decibels = 10 * np.log10(np.maximum(amin, S)) - 10 * np.log10(max(amin, reference))
    if top_db is not None:
        decibels = np.maximum(decibels, decibels.max() - top_db)
    return decibels.astype(np.float32)


def log_compress(S: Matrix, *, gamma: float = 10.0) -> Matrix:
    """``log(1 + gamma S)``: what is quiet becomes visible, and nothing is minus infinity.

    Müller, "Fundamentals of Music Processing" (2015), section 3.1.2.1.

    >>> log_compress(np.array([0.0], np.float32)).tolist()
    [0.0]
    """
    return np.log1p(gamma * S).astype(np.float32)


def mfcc(
    y: Sound,
    *,
    sample_rate: float = 22050,
    n_mfcc: int = 20,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
    formula: str = "slaney",
    device: str = "cpu",
) -> Matrix:
    """Mel-frequency cepstral coefficients [shape=(n_mfcc, frames)]: the cosine transform of mel bins in decibels.

    >>> mfcc(np.zeros(22050, np.float32)).shape
    (20, 44)
    """
    mel = mel_spectrogram(
        y,
        sample_rate=sample_rate,
        n_fft=n_fft,
        hop_length=hop_length,
        n_mels=n_mels,
        formula=formula,
        device=device,
    )
    return (_cosines(n_mfcc, n_mels) @ power_to_db(mel)).astype(np.float32)


def chroma_stft(
    y: Sound,
    *,
    sample_rate: float = 22050,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_chroma: int = 12,
    tuning: float | None = None,
    device: str = "cpu",
) -> Matrix:
    """Strength of pitch classes from C up, the strongest of a frame being 1 [shape=(n_chroma, frames)].

    Parameters
    ----------
    tuning : by which part of a pitch class the sound is higher than A4 = 440 Hz; estimated unless told

    Examples
    --------
    >>> chroma_stft(np.sin(2 * np.pi * 440 / 22050 * np.arange(22050)).astype(np.float32))[:, 20].argmax()
    np.int64(9)
    """
    import torch

    with torch.no_grad():
        spectrum = power_spectrogram(y, n_fft=n_fft, hop_length=hop_length, device=device)
        if tuning is None:
            tuning = _tuning_of(spectrum.cpu().numpy(), sample_rate, n_fft, n_chroma)
        filters = torch.from_numpy(chroma_filters(sample_rate, n_fft, n_chroma, tuning)).to(device)
        return _loudest_is_one((filters @ spectrum).cpu().numpy())


def chroma_cqt(
    y: Sound,
    *,
    sample_rate: float = 22050,
    hop_length: int = 512,
    fmin: float | None = None,
    n_chroma: int = 12,
    n_octaves: int = 7,
    bins_per_octave: int = 36,
    tuning: float | None = None,
    device: str = "cpu",
) -> Matrix:
    """As `chroma_stft`, of a constant-Q transform.

    >>> chroma_cqt(np.sin(2 * np.pi * 440 / 22050 * np.arange(22050)).astype(np.float32))[:, 20].argmax()
    np.int64(9)
    """
    if bins_per_octave % n_chroma:
        raise ValueError(f"{bins_per_octave} bins an octave cannot be merged into {n_chroma} pitch classes")
    if tuning is None:
        tuning = estimate_tuning(y, sample_rate=sample_rate, bins_per_octave=bins_per_octave)
    spectrum = np.abs(
        cqt(
            y,
            sample_rate=sample_rate,
            hop_length=hop_length,
            fmin=fmin,
            n_bins=n_octaves * bins_per_octave,
            bins_per_octave=bins_per_octave,
            tuning=tuning,
            device=device,
        )
    )
    merged = bins_per_octave // n_chroma
    lowest = 12 * np.log2((C1_HZ if fmin is None else fmin) / 440.0) + 69
    turn = round(lowest % 12 * n_chroma / 12)
    classes = np.roll(np.repeat(np.eye(n_chroma), merged, axis=1), -(merged // 2), axis=1)
    classes = np.roll(np.tile(classes, n_octaves), turn, axis=0).astype(np.float32)
    return _loudest_is_one(classes @ spectrum)


def chroma_filters(
    sample_rate: float = 22050, n_fft: int = 2048, n_chroma: int = 12, tuning: float = 0.0
) -> Matrix:
    """From a power spectrum to pitch classes from C up [shape=(n_chroma, 1 + n_fft // 2)].

    Bumps around the pitch class of each bin, weighed by a bell over the octaves around C5: Ellis, "Chroma feature
    analysis and synthesis" (2007).
    """
    hertz = np.linspace(0, sample_rate, n_fft, endpoint=False)[1:]
    at = n_chroma * np.log2(hertz / (440.0 * 2.0 ** (tuning / n_chroma) / 16))
    at = np.concatenate([[at[0] - 1.5 * n_chroma], at])
    width = np.concatenate([np.maximum(np.diff(at), 1.0), [1.0]])
    half = round(n_chroma / 2)
    away = np.remainder(at - np.arange(n_chroma)[:, None] + half + 10 * n_chroma, n_chroma) - half
    weights = np.exp(-0.5 * (2 * away / width) ** 2)
    weights /= np.sqrt(np.square(weights).sum(0))
    weights *= np.exp(-0.5 * ((at / n_chroma - 5.0) / 2.0) ** 2)
    weights = np.roll(weights, -3 * (n_chroma // 12), axis=0)
    return np.ascontiguousarray(weights[:, : 1 + n_fft // 2], np.float32)


def estimate_tuning(
    y: Sound,
    *,
    sample_rate: float = 22050,
    n_fft: int = 2048,
    bins_per_octave: int = 12,
) -> float:
    """By which part of a bin a sound lies above A4 = 440 Hz, -0.5 to 0.5, in steps of `TUNING_STEP`.

    The commonest distance of spectral peaks, found by parabolas (Smith and Serra, PARSHL 1987), from their
    nearest bin.
    """
    spectrum = np.sqrt(power_spectrogram(y, n_fft=n_fft, hop_length=n_fft // 4).numpy())
    return _tuning_of(spectrum, sample_rate, n_fft, bins_per_octave)


def _tuning_of(S: Matrix, sample_rate: float, n_fft: int, bins_per_octave: int) -> float:
    hertz = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    use = np.flatnonzero((hertz >= _TUNING_LOWEST_HZ) & (hertz < min(_TUNING_HIGHEST_HZ, sample_rate / 2)))
    use = use[(use > 0) & (use < len(S) - 1)]
    if not len(use):
        return 0.0
    loud = np.where(_TUNING_THRESHOLD * S.max(axis=0) < S, S, 0)
    low, here, high = S[use - 1], S[use], S[use + 1]
    curve, slope = high + low - 2 * here, (high - low) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(np.abs(slope) >= np.abs(curve), 0, -slope / curve)
    peak = (loud[use] > loud[use - 1]) & (loud[use] >= loud[use + 1])
    pitch = ((use[:, None] + shift) * sample_rate / n_fft)[peak]
    strength = (here + 0.5 * slope * shift)[peak]
    if not len(pitch):
        return 0.0
    pitch = pitch[strength >= np.median(strength)]
    residual = np.mod(bins_per_octave * np.log2(pitch / (440.0 / 16)), 1.0)
    residual[residual >= 0.5] -= 1.0
    counts, edges = np.histogram(residual, np.linspace(-0.5, 0.5, round(1 / TUNING_STEP) + 1))
    return float(edges[np.argmax(counts)])


def _loudest_is_one(S: NDArray[np.floating]) -> Matrix:
    largest = np.abs(S).max(axis=0)
    return (S / np.where(largest < np.finfo(np.float32).tiny, 1.0, largest)).astype(np.float32)


_LINEAR_TO_HZ, _HZ_A_MEL = 1000.0, 200.0 / 3
_MELS_TO_1_KHZ, _LOG_STEP = 15.0, np.log(6.4) / 27.0


def _slaney_mel(hertz: Numbers) -> Numbers:
    above = _MELS_TO_1_KHZ + np.log(np.maximum(hertz, 1.0) / _LINEAR_TO_HZ) / _LOG_STEP
    return np.where(hertz >= _LINEAR_TO_HZ, above, hertz / _HZ_A_MEL)


def _slaney_hertz(mel: Numbers) -> Numbers:
    above = _LINEAR_TO_HZ * np.exp(_LOG_STEP * (mel - _MELS_TO_1_KHZ))
    return np.where(mel >= _MELS_TO_1_KHZ, above, mel * _HZ_A_MEL)


def _htk_mel(hertz: Numbers) -> Numbers:
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


def _htk_hertz(mel: Numbers) -> Numbers:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


_SCALES = {"slaney": (_slaney_mel, _slaney_hertz), "htk": (_htk_mel, _htk_hertz)}


def _scale(formula: str) -> tuple[Callable[[Numbers], Numbers], Callable[[Numbers], Numbers]]:
    if formula not in _SCALES:
        raise ValueError(f"there is no mel formula {formula!r}; there are {', '.join(_SCALES)}")
    return _SCALES[formula]


@lru_cache(maxsize=16)
def _mel_tensor(
    sample_rate: float,
    n_fft: int,
    n_mels: int,
    fmin: float,
    fmax: float | None,
    formula: str,
    device: str,
) -> Tensor:
    import torch

    return torch.from_numpy(mel_filters(sample_rate, n_fft, n_mels, fmin, fmax, formula)).to(device)


@lru_cache(maxsize=16)
def _cosines(rows: int, columns: int) -> Matrix:
    """The first rows of the orthonormal cosine transform II."""
    at = (np.arange(columns) + 0.5) * np.arange(rows)[:, None]
    matrix = np.cos(np.pi * at / columns) * np.sqrt(2.0 / columns)
    matrix[0] /= np.sqrt(2.0)
    return matrix.astype(np.float32)
