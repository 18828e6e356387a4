"""Samples, and the grid of frequencies on which a loop closes without a seam.

A loop of `loop` frames holds a whole number of cycles of the note. Every partial is moved to the nearest multiple of
`rate / loop` Hz (a *bin*), which makes the wave inside the loop periodic by construction: no crossfade is needed, and
there can be no click. The sample rate is then trimmed so that the note itself is in tune to a few hundredths of a cent.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.floating[Any]]

#: Frames that repeat the loop's beginning after its end: interpolating players read past the end.
TAIL = 12
#: A loop shorter than this is lengthened by whole cycles.
SHORTEST_LOOP = 64


@dataclass(frozen=True)
class Sample:
    """One recorded note.

    Attributes
    ----------
    wave : float64 ndarray [shape=(frames,)]
    rate : int
        Frames per second.
    key : int
        The MIDI key at which it sounds unshifted.
    loop : tuple of int or None
        First frame of the loop and the frame after its last; None for a sound played once.
    decay : float
        Seconds in which the player is to fall by 60 dB while the note is held; 0 for a sound that holds.
    """

    wave: Wave
    rate: int
    key: int
    loop: tuple[int, int] | None = None
    decay: float = 0.0


@dataclass(frozen=True)
class Voice:
    """A sound over the whole keyboard: `make(root)` gives the sample for each of `roots` (MIDI keys, ascending)."""

    make: Callable[[int], Sample]
    roots: tuple[int, ...]

    def ranges(self) -> list[tuple[int, int]]:
        """The keys (lowest, highest) that each root serves; together they cover 0-127."""
        edges = [(low + high + 1) // 2 for low, high in zip(self.roots, self.roots[1:], strict=False)]
        return list(zip([0, *edges], [*[edge - 1 for edge in edges], 127], strict=True))


@dataclass(frozen=True)
class Grid:
    """The time and frequency grid of one looped sample (frames, frames per second)."""

    key: int
    rate: int
    lead: int
    loop: int
    cycles: int

    @property
    def frames(self) -> int:
        """Length of the whole sample."""
        return self.lead + self.loop + TAIL

    @property
    def bin_hz(self) -> float:
        """Distance of two neighbouring loopable frequencies in Hz."""
        return self.rate / self.loop

    @property
    def f0(self) -> float:
        """The note's frequency in Hz."""
        return self.cycles * self.bin_hz

    def seconds(self) -> Wave:
        """Time of each frame."""
        return np.arange(self.frames) / self.rate

    def bins(self, frequencies: Wave) -> NDArray[np.int64]:
        """The nearest loopable frequency to each of `frequencies` (Hz), counted in bins."""
        return np.maximum(1, np.rint(np.asarray(frequencies) / self.bin_hz)).astype(np.int64)

    def sample(self, wave: Wave, decay: float = 0.0) -> Sample:
        """The finished sample made of `wave` [shape=(frames,)]."""
        return Sample(wave, self.rate, self.key, (self.lead, self.lead + self.loop), decay)


def frequency(key: float) -> float:
    """Frequency in Hz of a MIDI key, A4 = 69 = 440 Hz."""
    return float(440.0 * 2.0 ** ((key - 69) / 12))


def make_grid(key: int, rate: int, lead: float, loop: float) -> Grid:
    """A grid for `key` with about `lead` seconds before the loop and about `loop` seconds in it."""
    f0 = frequency(key)
    cycles = max(1, round(f0 * loop), int(np.ceil(SHORTEST_LOOP * f0 / rate)))
    length = round(cycles * rate / f0)
    exact_rate = round(length * f0 / cycles)
    return Grid(key, exact_rate, max(TAIL, round(lead * exact_rate)), length, cycles)


def dice(*names: object) -> np.random.RandomState:
    """Random numbers that depend on `names` alone.

    RandomState and not Generator, because numpy promises never to change its streams.
    """
    return np.random.RandomState(zlib.crc32(repr(names).encode()))


def across(key: float, low: float, high: float, *, keys: tuple[int, int] = (24, 96)) -> float:
    """A value that moves from `low` to `high` (geometrically) as the key moves over `keys`; held beyond."""
    share = min(1.0, max(0.0, (key - keys[0]) / (keys[1] - keys[0])))
    return float(low * (high / low) ** share)
