"""Sound that is no song's: samples handed over piece by piece and mixed into what the engine makes.

The pieces are brought to the engine's rate in the thread that hands them over; the thread that sounds only adds.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

FADE_SECONDS = 0.005
"""How long it takes to fall silent when stopped: a sudden end would click."""


class Clip:
    """A queue of stereo blocks at ``rate`` frames a second."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._resampler: Any = None
        self._from = 0

    def prepare(
        self, samples: NDArray[np.int16], sample_rate: int, *, fresh: bool, last: bool
    ) -> NDArray[np.float32]:
        """A piece [shape=(n,)], mono, as stereo at this clip's rate; ``fresh`` begins anew, ``last`` ends it."""
        mono = np.asarray(samples, np.float32) / np.float32(32768)
        if sample_rate != self.rate:
            import soxr

            if fresh or self._resampler is None or self._from != sample_rate:
                self._resampler = soxr.ResampleStream(
                    sample_rate, self.rate, 1, dtype="float32", quality="HQ"
                )
                self._from = sample_rate
            mono = self._resampler.resample_chunk(mono, last=last)
        return np.repeat(mono[:, np.newaxis], 2, axis=1)

    def add(self, block: NDArray[np.float32], *, fresh: bool) -> None:
        """Sound a prepared piece after those that wait; with ``fresh`` in their place."""
        if fresh:
            self.stop()
        if len(block):
            self._blocks.append(block)

    def stop(self) -> None:
        """Fade out at once."""
        if self._blocks:
            rest = self._blocks[0][: max(1, round(FADE_SECONDS * self.rate))]
            fade = np.linspace(1, 0, len(rest), dtype=np.float32)[:, np.newaxis]
            self._blocks = deque([rest * fade])

    def mix_into(self, out: NDArray[np.float32]) -> bool:
        """Add what is next to ``out`` [shape=(n, 2)]; whether there was anything."""
        at, sounds = 0, bool(self._blocks)
        while self._blocks and at < len(out):
            block = self._blocks[0]
            count = min(len(block), len(out) - at)
            out[at : at + count] += block[:count]
            at += count
            if count == len(block):
                self._blocks.popleft()
            else:
                self._blocks[0] = block[count:]
        return sounds
