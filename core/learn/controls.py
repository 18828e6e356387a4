"""Music that is meant to be worse, measured like the rest: real music in disorder, and a Markov chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.compose.context import NO_DURATION
from core.compose.encoding import (
    BAR,
    DRUMS,
    EVENT,
    NO_PITCH,
    VELOCITIES,
    Events,
    Piece,
    chords_of_bars,
    copies_of_bars,
    event_keys,
)
from core.learn.baselines import ATTRIBUTES, Ngram, gather
from core.learn.data import Example

MOST_IN_BAR = 128
"""Notes after which the chain's bar ends, whatever the chain says."""


def with_bars_in_order(piece: Piece, order: Sequence[int]) -> Piece:
    """The bars of a piece, all of one length, in another order; chords and form are found anew."""
    bounds = np.searchsorted(piece.events["bar"], np.arange(len(piece.bar_steps) + 1))
    bars = [piece.events[bounds[bar] : bounds[bar + 1]].copy() for bar in order]
    for place, events in enumerate(bars):
        events["bar"] = place
    return _again(piece, np.concatenate(bars))


def with_shuffled_bars(piece: Piece, first: int, rng: np.random.Generator) -> Piece:
    """A piece whose bars from ``first`` on stand in another order than they did."""
    order = np.arange(len(piece.bar_steps))
    while (order == np.arange(len(order))).all() and len(order) > first + 1:
        order[first:] = rng.permutation(order[first:])
    return with_bars_in_order(piece, order.tolist())


def with_shuffled_pitches(piece: Piece, first: int, rng: np.random.Generator) -> Piece:
    """A piece in which the notes of every part, from bar ``first`` on, have changed their pitches about.

    Rhythm, parts and the notes of every part stay; of two that come to be the same, one is left.
    """
    events = piece.events.copy()
    may_move = (events["time"] != BAR) & (events["bar"] >= first)
    for part in np.unique(events["part"][may_move]):
        rows = np.flatnonzero(may_move & (events["part"] == part))
        events["pitch"][rows] = rng.permutation(events["pitch"][rows])
    return _again(piece, events)


def _again(piece: Piece, events: Events) -> Piece:
    _, places = np.unique(event_keys(events), return_index=True)
    events = events[places]
    starts = np.concatenate([[0], np.cumsum(piece.bar_steps.astype(np.int64))])
    return replace(
        piece,
        events=events,
        chords=chords_of_bars(events, starts),
        copies=copies_of_bars(events, piece.bar_steps),
    )


class Markov:
    """A chain that draws each attribute of an event after one or two values before it, for a given band.

    Parameters
    ----------
    training : pieces that it counts
    """

    def __init__(self, training: Sequence[Example]) -> None:
        known = gather(training)
        self._grams = {name: Ngram(attribute, known) for name, attribute in ATTRIBUTES.items()}

    def compose(self, like: Piece, bars: int, seed: int) -> Piece:
        """``bars`` bars for the band, meter and tempo of ``like``."""
        rng = np.random.default_rng(seed)
        steps = np.full(bars, like.bar_steps[0])
        is_drum = like.parts[:, 0] == DRUMS
        pitches = [(NO_PITCH, NO_PITCH)] * len(is_drum)
        durations, velocities = [NO_DURATION] * len(is_drum), [VELOCITIES] * len(is_drum)
        rows: list[tuple[int, ...]] = []
        for bar in range(bars):
            rows.append((bar, BAR, 0, 0, 0, 0))
            time, part, earliest = BAR, 0, 0
            for _ in range(MOST_IN_BAR):
                may = np.zeros(BAR + 1, bool)
                may[earliest : int(steps[0])] = may[BAR] = True
                following = self._draw("time", (time, part), may, rng)
                if following == BAR:
                    break
                part = self._draw("part", (part, following), np.arange(len(is_drum)), rng)
                time = earliest = following
                may = (np.arange(256) >= 128) == is_drum[part]
                pitch = self._draw("pitch", pitches[part], may, rng)
                duration = self._draw("duration", (durations[part], pitch), np.arange(NO_DURATION), rng)
                velocity = self._draw("velocity", (velocities[part], time), np.arange(VELOCITIES), rng)
                pitches[part] = (pitch, pitches[part][0])
                durations[part], velocities[part] = duration, velocity
                rows.append((bar, time, part, pitch, duration, velocity))
        piece = replace(
            like,
            events=np.array(rows, EVENT),
            bar_steps=steps,
            chords=np.zeros((bars, 2), np.uint8),
            copies=np.zeros(bars, np.uint8),
        )
        return _again(piece, piece.events)

    def _draw(
        self,
        name: str,
        context: tuple[int, ...],
        may: NDArray[np.bool_] | NDArray[np.int64],
        rng: np.random.Generator,
    ) -> int:
        """One of the classes that may be, by its chance after ``context``."""
        chances = self._grams[name].after(*context)
        allowed = np.zeros(len(chances))
        allowed[may] = chances[may]
        return int(rng.choice(len(chances), p=allowed / allowed.sum()))
