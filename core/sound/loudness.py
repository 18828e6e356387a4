"""How loud a recording is: integrated loudness as ITU-R BS.1770-4 and EBU R 128 define it.

The K-weighting filter is applied as a finite response (its recursion's first 80 ms, after which
it has fallen below -140 dB) by Fourier transform, so that long recordings need no recursion
in Python and no further library.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import pi, tan

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled

ABSOLUTE_GATE = -70.0
RELATIVE_GATE = -10.0
_OFFSET = -0.691
_RESPONSE_SECONDS = 0.08
_FRAMES_AT_ONCE = 1 << 18  # some milliseconds of work between looks at `cancelled`


def peak_dbfs(samples: NDArray[np.float32], *, cancelled: Callable[[], bool] | None = None) -> float:
    """The highest sample in dB of full scale; -inf for silence."""
    peak = 0.0
    for start in range(0, len(samples), _FRAMES_AT_ONCE):
        if cancelled and cancelled():
            raise Cancelled
        some = samples[start : start + _FRAMES_AT_ONCE]
        peak = max(peak, float(some.max()), -float(some.min()))
    return 20.0 * float(np.log10(peak)) if peak else -float("inf")


def integrated_lufs(
    samples: NDArray[np.float32], sample_rate: int, *, cancelled: Callable[[], bool] | None = None
) -> float:
    """Gated loudness of ``samples`` [shape=(frames, channels)] in LUFS; -inf if all is below the gate.

    Blocks of 0.4 s overlap by three quarters; a sound shorter than that is taken as one block.
    """
    hop = max(1, round(0.1 * sample_rate))
    powers = _hop_powers(samples, sample_rate, hop, cancelled)
    if len(powers) >= 4:
        blocks = np.convolve(powers, np.full(4, 0.25), "valid")
    else:
        blocks = powers.sum(keepdims=True) * hop / max(1, len(samples))
    loud = blocks[_lufs(blocks) > ABSOLUTE_GATE]
    if not len(loud):
        return -float("inf")
    gated = loud[_lufs(loud) > _lufs(loud.mean()) + RELATIVE_GATE]
    return float(_lufs(gated.mean()))


def k_weighting(sample_rate: int) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    """The two stages of K-weighting as (b, a) of second-order sections, for any sample rate.

    The analogue prototypes behind the standard's 48 kHz coefficients, by the bilinear transform.
    """
    shelf_hz, shelf_q, gain_db = 1681.974450955533, 0.7071752369554196, 3.999843853973347
    k = tan(pi * shelf_hz / sample_rate)
    high = 10 ** (gain_db / 20)
    middle = high**0.4996667741545416
    b_shelf = np.array(
        [high + middle * k / shelf_q + k * k, 2 * (k * k - high), high - middle * k / shelf_q + k * k]
    )
    a_shelf = np.array([1 + k / shelf_q + k * k, 2 * (k * k - 1), 1 - k / shelf_q + k * k])
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k = tan(pi * pass_hz / sample_rate)
    a_pass = np.array([1 + k / pass_q + k * k, 2 * (k * k - 1), 1 - k / pass_q + k * k])
    b_pass = np.array([1.0, -2.0, 1.0])
    return (b_shelf / a_shelf[0], a_shelf / a_shelf[0]), (b_pass, a_pass / a_pass[0])


@lru_cache(maxsize=4)
def _response(sample_rate: int) -> NDArray[np.float64]:
    """The impulse response of the K-weighting filter."""
    signal = [0.0] * round(_RESPONSE_SECONDS * sample_rate)
    signal[0] = 1.0
    for b, a in k_weighting(sample_rate):
        x1 = x2 = y1 = y2 = 0.0
        (b0, b1, b2), (_, a1, a2) = b.tolist(), a.tolist()
        for index, x in enumerate(signal):
            y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
            x1, x2, y1, y2 = x, x1, y, y1
            signal[index] = y
    return np.array(signal)


def _hop_powers(
    samples: NDArray[np.float32], sample_rate: int, hop: int, cancelled: Callable[[], bool] | None
) -> NDArray[np.float64]:
    """Power of each hop of the weighted sound, summed over channels."""
    if samples.ndim == 1:
        samples = samples[:, np.newaxis]
    response = _response(sample_rate)
    overlap = len(response) - 1
    size = 1 << (max(4 * len(response), 2 * hop)).bit_length()  # small enough for the processor's cache
    # A whole number of hops a step, so that powers are sums over whole rows.
    step = (size - overlap) // hop * hop
    spectrum = np.fft.rfft(response, size).astype(np.complex64)
    count = max(1, len(samples) // hop)
    powers = np.zeros(-(-max(len(samples), 1) // hop))
    window = np.zeros((samples.shape[1], size), np.float32)
    for start in range(0, len(samples), step):
        if cancelled and cancelled():
            raise Cancelled
        first = max(0, start - overlap)
        last = min(len(samples), start - overlap + size)
        window[:] = 0.0
        window[:, first - start + overlap : last - start + overlap] = samples[first:last].T
        weighted = np.fft.irfft(np.fft.rfft(window) * spectrum, size)
        fresh = weighted[:, overlap : overlap + min(step, len(samples) - start)]
        rows = -(-fresh.shape[1] // hop)
        padded = np.zeros((len(fresh), rows * hop), np.float32)
        padded[:, : fresh.shape[1]] = fresh
        powers[start // hop : start // hop + rows] = (
            np.square(padded).reshape(len(fresh), rows, hop).sum(axis=(0, 2), dtype=np.float64) / hop
        )
    # The last hop counts only where it is whole; a sound shorter than one hop is all there is.
    return powers[:count]


def _lufs(power: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return _OFFSET + 10.0 * np.log10(power)
