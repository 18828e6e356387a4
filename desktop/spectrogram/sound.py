"""The sound that a spectrogram shows: mono, at one sample rate, on disk rather than in memory.

A file of three hours is 476 MB at the 22,050 Hz that everything here listens at; it lies in a nameless temporary
file as 16-bit numbers, grows while the file is decoded, and is read a piece at a time from any thread.
"""

from __future__ import annotations

import tempfile
import threading

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 22050
_BYTES = 2
_FULL_SCALE = 32767.0
_WRITTEN_AT_ONCE = 1 << 20


class Sound:
    """Samples that come block by block. ``length`` counts those there are, ``done`` says that no more will come."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="tunesmith-sound-")  # noqa: SIM115 (closed by `close`)
        self._lock = threading.Lock()
        self.length = 0
        self.done = False

    @property
    def seconds(self) -> float:
        return self.length / SAMPLE_RATE

    def append(self, samples: NDArray[np.float32]) -> None:
        """Add samples, float32 [shape=(n,)] or [shape=(n, channels)], -1 to 1; channels are averaged."""
        for start in range(0, len(samples), _WRITTEN_AT_ONCE):
            block = samples[start : start + _WRITTEN_AT_ONCE]
            mono = block if block.ndim == 1 else block.mean(axis=1)
            numbers = np.round(np.clip(mono, -1, 1) * _FULL_SCALE).astype("<i2")
            with self._lock:
                if self._file.closed:
                    return
                self._file.seek(_BYTES * self.length)
                self._file.write(numbers.tobytes())
                self.length += len(numbers)

    def finish(self) -> None:
        self.done = True

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples ``start`` to ``stop``, float32 [shape=(stop - start,)]; zeros beyond the ends."""
        result = np.zeros(max(0, stop - start), np.float32)
        with self._lock:
            first, last = max(0, start), min(stop, self.length)
            if last <= first or self._file.closed:
                return result
            self._file.seek(_BYTES * first)
            data = self._file.read(_BYTES * (last - first))
        numbers = np.frombuffer(data, "<i2")
        result[first - start : first - start + len(numbers)] = numbers
        result /= np.float32(_FULL_SCALE)
        return result

    def close(self) -> None:
        """Let go of the file; reading gives silence from now on."""
        with self._lock:
            self._file.close()
