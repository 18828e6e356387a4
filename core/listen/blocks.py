"""A mel spectrogram of sound that comes in blocks, the same as of the whole.

Conventions
-----------
* Frame ``t`` is centred on sample ``t * HOP_LENGTH``; before and after the sound there are zeros, as in librosa.
* However the sound is cut, the frames are those of `core.listen.features.mel_spectrogram` to 1e-4.
"""

from __future__ import annotations

import tempfile
from functools import cache
from typing import IO, TYPE_CHECKING

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

ROOM_FRAMES = 51_680
"""What is kept in memory, 13 MB or 20 minutes; of more, hours would need too much."""


class MelStream:
    """Power of mel bins in decibels, as float16, of what is pushed.

    >>> stream = MelStream()
    >>> stream.push(np.zeros(22050, np.float32))
    >>> stream.finish().shape
    (128, 44)
    """

    def __init__(self) -> None:
        self._rest = np.zeros(WINDOW // 2, np.float32)
        self._room = np.empty((ROOM_FRAMES, BINS), np.float16)
        self._held = self._count = 0
        self._file: IO[bytes] | None = None

    def push(self, block: NDArray[np.float32]) -> None:
        """Take the next samples [shape=(n,)]."""
        self._compute(np.concatenate([self._rest, block]))

    def finish(self) -> NDArray[np.float16]:
        """All frames [shape=(128, frames)]; of a long recording they lie on the disk and are read when looked at."""
        self._compute(np.concatenate([self._rest, np.zeros(WINDOW // 2, np.float32)]))
        if self._file is None:
            return self._room[: self._held].T.copy("K")
        self._spill()
        self._file.flush()
        return np.memmap(self._file, np.float16, "r", shape=(self._count, BINS)).T

    def _compute(self, samples: NDArray[np.float32]) -> None:
        count = max(0, (len(samples) - WINDOW) // HOP_LENGTH + 1)
        for start in range(0, count, _FRAMES_AT_ONCE):
            frames = min(_FRAMES_AT_ONCE, count - start)
            first = start * HOP_LENGTH
            if self._held + frames > ROOM_FRAMES:
                self._spill()
            made = _mel_db(samples[first : first + (frames - 1) * HOP_LENGTH + WINDOW])
            self._room[self._held : self._held + frames] = made
            self._held += frames
            self._count += frames
        self._rest = samples[count * HOP_LENGTH :].copy()

    def _spill(self) -> None:
        """Put what is held into a file without a name, which ends with the last who looks at it."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # the memory map keeps it
        self._file.write(self._room[: self._held].data)
        self._held = 0


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
