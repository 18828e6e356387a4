"""The shape of an arrangement: sections of eight bars, each with an energy: who plays, and how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.learn.arrange.source import Source

SECTION = 8
"""Bars in a section."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar's place in the form.

    Attributes
    ----------
    index : from 0
    section : number of its section, from 0
    place : bar within the section, from 0
    energy : 0 (intro, thin) to 3 (everyone)
    fill : the drummer leads into what follows
    last : the final chord
    """

    index: int
    section: int
    place: int
    energy: int
    fill: bool
    last: bool


def plan_form(source: Source, rng: np.random.Generator) -> list[Bar]:
    """The bars of ``source`` and one more for the final chord.

    Sections are counted from the melody's first bar; what is before is an intro. A section's energy
    follows how much the source itself plays there and how far the song has come; a song may have one
    quiet section before its last.
    """
    entry = min(int(source.melody["onset"][0] + 2 * source.bar // 3) // source.bar, source.bars - 1)
    starts = list(range(entry, source.bars, SECTION))
    if len(starts) > 1 and source.bars - starts[-1] < SECTION // 2:
        starts.pop()
    energies = _energies(source, starts, rng)
    intro = list(range(entry - SECTION, 1, -SECTION))[::-1]
    intro = [0, *intro] if entry else []
    starts = [*intro, *starts]
    first = int(rng.random() < 0.4)
    energies = [first if place == 0 else 1 for place in range(len(intro))] + energies
    ends = [*starts[1:], source.bars]
    half_fills = rng.random() < 0.4
    bars = []
    for section, (start, end, energy) in enumerate(zip(starts, ends, energies, strict=True)):
        for place, index in enumerate(range(start, end)):
            fill = index == end - 1 or (half_fills and place % 4 == 3 and energy > 1)
            bars.append(Bar(index, section, place, energy, fill, False))
    bars.append(Bar(source.bars, len(starts) - 1, 0, max(2, energies[-1]), False, True))
    return bars


def _energies(source: Source, starts: list[int], rng: np.random.Generator) -> list[int]:
    count = len(starts)
    if count == 1:
        return [2]
    bar = np.concatenate([part["onset"] for part in (source.melody, source.backing)]) // source.bar
    ends = [*starts[1:], source.bars]
    pairs = list(zip(starts, ends, strict=True))
    density = np.array([((bar >= start) & (bar < end)).sum() / (end - start) for start, end in pairs])
    sung = source.melody["onset"] // source.bar
    height = np.array([_mean(source.melody["pitch"][(sung >= start) & (sung < end)]) for start, end in pairs])
    score = _standard(density) + _standard(height) + 1.2 * np.linspace(-1, 1, count)
    order = score.argsort(kind="stable").argsort(kind="stable")
    energies = [1 + int(3 * place / count) for place in order.tolist()]
    energies[0] = min(energies[0], 2 if count < 4 else 1)
    energies[-1] = max(energies[-1], 2)
    if count >= 5 and rng.random() < 0.35:
        energies[-2] = 1
        energies[-1] = 3
    return energies


def _mean(values: NDArray[np.uint8]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((values - values.mean()) / (values.std() + 1e-9))
