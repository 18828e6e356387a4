"""A mel spectrogram of sound that comes in blocks, the same as of the whole.

Conventions
-----------
* Frame ``t`` is centred on sample ``t * HOP_LENGTH``; before and after the sound there are zeros, as in librosa.
* However the sound is cut, the frames are those of `core.listen.features.mel_spectrogram` to 1e-4.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE_RATE = 22050
WINDOW = 2048
HOP_LENGTH = 512
BINS = 128
SMALLEST_POWER = 1e-10

_FRAMES_AT_ONCE = 512
"""How many frames are computed together: a spectrum of these is 4 MB."""

_FIRST_ROOM = 4096


class MelStream:
    """Power of mel bins in decibels, as float16, of what is pushed.

    >>> stream = MelStream()
    >>> stream.push(np.zeros(22050, np.float32))
    >>> stream.finish().shape
    (128, 44)
    """

    def __init__(self) -> None:
        self._rest = np.zeros(WINDOW // 2, np.float32)
        self._frames = np.empty((_FIRST_ROOM, BINS), np.float16)
        self._count = 0

    def push(self, block: NDArray[np.float32]) -> None:
        """Take the next samples [shape=(n,)]."""
        self._compute(np.concatenate([self._rest, block]))

    def finish(self) -> NDArray[np.float16]:
        """All frames [shape=(128, frames)]."""
        self._compute(np.concatenate([self._rest, np.zeros(WINDOW // 2, np.float32)]))
        # In place, as are the ones before: two copies of hours of sound would be a quarter of a gigabyte.
        self._frames.resize((self._count, BINS), refcheck=False)
        return self._frames.T

    def _compute(self, samples: NDArray[np.float32]) -> None:
        count = max(0, (len(samples) - WINDOW) // HOP_LENGTH + 1)
        while len(self._frames) < self._count + count:
            self._frames.resize((len(self._frames) * 3 // 2, BINS), refcheck=False)
        for start in range(0, count, _FRAMES_AT_ONCE):
            frames = min(_FRAMES_AT_ONCE, count - start)
            first = start * HOP_LENGTH
            made = _mel_db(samples[first : first + (frames - 1) * HOP_LENGTH + WINDOW])
            self._frames[self._count : self._count + frames] = made
            self._count += frames
        self._rest = samples[count * HOP_LENGTH :].copy()


def _mel_db(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Decibels of every window that fits [shape=(frames, BINS)]."""
    import torch

    with torch.no_grad():
        spectrum = torch.stft(
            torch.from_numpy(np.ascontiguousarray(samples)),
            n_fft=WINDOW,
            hop_length=HOP_LENGTH,
            window=_window(),
            center=False,
            return_complex=True,
        )
        power = spectrum.real.square() + spectrum.imag.square()
        mel = power.T @ _filters()
        return mel.clamp_min(SMALLEST_POWER).log10().mul(10).numpy()


@cache
def _window() -> Tensor:
    import torch

    return torch.hann_window(WINDOW)


@cache
def _filters() -> Tensor:
    """[shape=(bins of the spectrum, BINS)]."""
    import torch

    from core.listen.features import mel_filters

    return torch.from_numpy(mel_filters(SAMPLE_RATE, WINDOW, BINS).T.copy())
