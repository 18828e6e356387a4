"""Notes that stand before composing begins: what is around a region to fill, beneath a melody to accompany.

Given notes are met in their order among the new ones: every choice goes at most as far as the next given
note, so that the network decides what comes before it and then takes it as it is. Where a part is not
open, only given notes may stand. The network is told the next given note of the bar, what given notes
will sound together with the one being chosen, and, by a description of every bar read from the end, all
that is still to come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compose.encoding import BAR, START, Events, event_keys

SLOTS = 16
"""Onsets of a bar are described in so many places."""

QUARTERS = 4
"""Pitch classes of a bar are described in so many places."""

OCTAVES = 8

BAR_ROW = 2 * SLOTS + 12 * QUARTERS + OCTAVES + 2
"""Numbers that describe the given notes of a bar: onsets of tones and of drums, pitch classes, octaves,
the share of parts that are open, and whether the bar is described at all."""


@dataclass(frozen=True)
class Given:
    """What is given of a piece.

    Attributes
    ----------
    events : the given notes in order, without bar events [shape=(n,)]
    open : whether a part may have new notes in a bar [shape=(bars, MOST_PARTS)]
    """

    events: Events
    open: NDArray[np.bool_]


def bar_rows(given: Given, bar_steps: NDArray[np.uint8], parts: int) -> NDArray[np.float32]:
    """A description of the given notes of every bar [shape=(bars, BAR_ROW)].

    Parameters
    ----------
    parts : number of parts
    """
    bars = len(bar_steps)
    rows = np.zeros((bars, BAR_ROW), np.float32)
    events = given.events[given.events["bar"] < bars]
    bar = events["bar"].astype(np.int64)
    time, steps = events["time"].astype(np.int64), bar_steps[bar].astype(np.int64)
    drum = events["pitch"] >= 128
    rows[bar, np.where(drum, SLOTS, 0) + np.minimum(time * SLOTS // steps, SLOTS - 1)] = 1.0
    tone = ~drum
    quarter = np.minimum(time * QUARTERS // steps, QUARTERS - 1)
    rows[bar[tone], 2 * SLOTS + 12 * quarter[tone] + events["pitch"][tone] % 12] = 1.0
    octave = np.clip(events["pitch"][tone].astype(np.int64) // 12 - 1, 0, OCTAVES - 1)
    np.add.at(rows, (bar[tone], 2 * SLOTS + 12 * QUARTERS + octave), 1.0)
    octaves = slice(2 * SLOTS + 12 * QUARTERS, 2 * SLOTS + 12 * QUARTERS + OCTAVES)
    rows[:, octaves] = np.log1p(rows[:, octaves]) / 2
    rows[:, -2] = given.open[:bars, :parts].mean(1) if parts else 1.0
    rows[:, -1] = 1.0
    return rows


def next_given(events: Events, is_given: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For row t, before event t, the place of the next given event of the bar that row t stands in, or -1.

    Row 0 stands before the first bar event and has none.

    Returns
    -------
    ndarray of int64 [shape=(n + 1,)]
    """
    count = len(events)
    place = np.where(is_given, np.arange(count), count)
    coming = np.minimum.accumulate(np.append(place, count)[::-1])[::-1]
    here = np.append(events["bar"][:1], events["bar"]).astype(np.int64)
    found = events["bar"][np.minimum(coming, count - 1)].astype(np.int64)
    coming = np.where((coming < count) & (found == here), coming, -1)
    coming[0] = -1
    return coming


def chroma_to_come(events: Events, is_given: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For row t bits of the pitch classes of the given notes, from event t on, at event t's own position.

    Returns
    -------
    ndarray of int64 [shape=(n + 1,)]
    """
    count = len(events)
    position = event_keys(events) >> 12
    bits = np.where(
        is_given & (events["time"] != BAR) & (events["pitch"] < 128),
        1 << (events["pitch"] % 12).astype(np.int64),
        0,
    )
    found = bits.copy()
    for ahead in range(1, MOST_TOGETHER):
        same = position[ahead:] == position[:-ahead]
        found[:-ahead] |= np.where(same, bits[ahead:], 0)
    return np.append(found, 0)[: count + 1]


MOST_TOGETHER = 24
"""Notes at one position that are looked through for `chroma_to_come`."""

NOTHING_GIVEN = START
"""The time class of the next given note where a piece has none at all; `BAR` where this bar has no more."""


__all__ = [
    "BAR_ROW",
    "MOST_TOGETHER",
    "NOTHING_GIVEN",
    "Given",
    "bar_rows",
    "chroma_to_come",
    "next_given",
]
