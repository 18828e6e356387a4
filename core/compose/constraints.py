"""What no network can promise, kept by construction: biases added to the logits of every choice.

A bias is 0 where a class is free, negative where it is discouraged, and `NEVER` where it cannot be. Every
bias leaves at least one class possible, so that a draw always succeeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from core.compose.encoding import (
    BAR,
    CHORD_QUALITIES,
    COPIES,
    DENSITIES,
    DRUMS,
    DURATIONS,
    LOOKBACKS,
    NO_CHORD,
    PITCHES,
    TIMES,
    plain_key,
    shift_to_common_key,
)
from core.compose.sampling import NEVER, Logits
from core.compose.state import Event, State
from core.song.harmony import Key, scale_pitch_classes

FIRMNESS = 2.5
"""Nats by which a note outside the key is held back just below strictness 100."""

MOST_AT_ONCE = 8
"""Notes that one part may begin together."""

MOST_IN_BAR = 128
"""Notes in a bar."""

PATIENCE = 2
"""Bars after which a part that has not played yet is urged to."""

URGE = 3.0

NOTES_A_BAR = (0.8, 2.2, 4.0, 6.3, 10.0, 16.0, 25.0)
"""What the density classes stand for."""

PULL = 2.5
"""Nats by which a part that has e times too many notes is held back, where a density was asked for."""

LOWEST, HIGHEST = 21, 108
"""A piano's range, which holds every instrument's."""

DRUM_LOWEST, DRUM_HIGHEST = 128 + 35, 128 + 81
"""General MIDI's drum kit."""


class Rules:
    """The biases of one piece.

    Parameters
    ----------
    key : asked key
    strictness : 0-100; at 100 no pitch and no chord leaves the key's scale
    rows : the parts' classes, see `core.compose.encoding.Piece`
    bar_steps : steps in a bar
    hold_density : pull the parts towards the densities in ``rows``
    """

    def __init__(
        self,
        key: Key,
        strictness: float,
        rows: Sequence[Sequence[int]],
        bar_steps: int,
        *,
        hold_density: bool = False,
    ) -> None:
        shift = shift_to_common_key(key)
        self.rows, self.bar_steps = rows, bar_steps
        self._targets = (
            [NOTES_A_BAR[row[3]] if row[3] < DENSITIES else NOTES_A_BAR[DENSITIES // 2] for row in rows]
            if hold_density
            else []
        )
        self.tonic = (plain_key(key).tonic + shift) % 12
        self.third = (self.tonic + (3 if key.is_minor else 4)) % 12
        self.scale = {(pitch_class + shift) % 12 for pitch_class in scale_pitch_classes(key)}
        # Pitches that stay in range when they are moved to the asked key.
        self._low, self._high = LOWEST + max(shift, 0), HIGHEST + min(shift, 0)
        hold = NEVER if strictness >= 100 else -FIRMNESS * (strictness / 100) ** 2
        self._pitch = np.full(PITCHES, NEVER)
        inside = np.array([pitch % 12 in self.scale for pitch in range(self._low, self._high + 1)])
        self._pitch[self._low : self._high + 1] = np.where(inside, 0.0, hold)
        self._drum = np.full(PITCHES, NEVER)
        self._drum[DRUM_LOWEST : DRUM_HIGHEST + 1] = 0.0
        self.chord = np.zeros(NO_CHORD + 1)
        for quality, intervals in enumerate(CHORD_QUALITIES.values()):
            for root in range(12):
                outside = sum((root + i) % 12 not in self.scale for i in intervals)
                if outside:
                    self.chord[quality * 12 + root] = hold * (0.5 + 0.25 * outside)

    def is_drum(self, part: int) -> bool:
        """Whether a part is the drums."""
        return self.rows[part][0] == DRUMS

    def copy(self, state: State) -> Logits:
        """A bar cannot repeat one that there is not."""
        bias = np.zeros(COPIES)
        bias[1:][np.repeat(LOOKBACKS, 2) > state.bar + 1] = NEVER
        return bias

    def time(self, state: State, count: int) -> Logits:
        """Onsets go forward in the bar, and no two bars in a row are silent.

        Parameters
        ----------
        state : the piece so far
        count : notes in this bar so far
        """
        bias = np.zeros(TIMES)
        bias[self.bar_steps : BAR] = NEVER
        here = state.here
        if here.time != BAR:
            bias[: here.time] = NEVER
            if here.part == len(self.rows) - 1 and self._no_room(state, here):
                bias[here.time] = NEVER
        if self._targets:
            pull = PULL * self._excess(state, range(len(self.rows)))
            bias[BAR] += pull
            if here.time != BAR:
                bias[here.time] -= max(pull, 0.0)
        silent_before = len(state.events) < 2 or state.events[-2].time == BAR
        if count == 0 and silent_before:
            bias[BAR] = NEVER
        return bias

    def part(self, state: State, time: int, first_bar: int) -> Logits:
        """Parts that begin together stand in order; one that never played is urged to.

        Parameters
        ----------
        first_bar : the first bar that is being composed
        """
        bias = np.zeros(len(self.rows))
        here = state.here
        lowest = state.lowest_part(time)
        if here.time == time and self._no_room(state, here):
            lowest = here.part + 1
        bias[:lowest] = NEVER
        if self._targets:
            bias -= [PULL * self._excess(state, (part,)) for part in range(len(self.rows))]
        if state.bar >= first_bar + PATIENCE:
            for part in range(lowest, len(self.rows)):
                if not state.has_played(part):
                    bias[part] = URGE
        return bias

    def pitch(self, part: int, lowest: int) -> Logits:
        """Pitches of ``part`` in range and, as far as it is strict, in the key; from ``lowest`` up."""
        bias = (self._drum if self.is_drum(part) else self._pitch).copy()
        bias[:lowest] = NEVER
        return bias

    def duration(self, state: State, time: int) -> Logits:
        """No note outlasts the piece."""
        left = self.bar_steps - time + self.bar_steps * (state.bars_asked - 1 - state.bar)
        return np.where(max(left, 1) < DURATIONS, NEVER, 0.0)

    def closing_pitch(self, part: int, lowest: int, root_only: bool) -> Logits:
        """The tonic chord, near the part's own register; the root alone for the bass."""
        bias = self.pitch(part, lowest)
        pitches = np.arange(128)
        wanted = (
            {self.tonic} if root_only else {self.tonic} | ({self.third, (self.tonic + 7) % 12} & self.scale)
        )
        bias[:128] += np.where(np.isin(pitches % 12, list(wanted)), 0.0, NEVER)
        centre = self.rows[part][1] * 6 + 3
        # An octave around the register is free; further away costs more and more.
        bias[:128] -= 0.02 * np.maximum(np.abs(pitches - centre) - 12, 0) ** 2
        return bias

    def _excess(self, state: State, parts: Sequence[int]) -> float:
        """The logarithm of how many more notes some parts have than they should by now."""
        bars = state.bar + (state.here.time / self.bar_steps if state.here.time != BAR else 0.0)
        wanted = sum(self._targets[part] for part in parts)
        return math.log((sum(state.counts[part] for part in parts) + 1) / (wanted * bars + 1 + wanted / 2))

    def _no_room(self, state: State, here: Event) -> bool:
        """Whether the part of the last note can begin nothing more together with it."""
        together = sum(e.onset == here.onset and e.part == here.part for e in state.events[-MOST_AT_ONCE:])
        return together >= MOST_AT_ONCE or not np.isfinite(self.pitch(here.part, here.pitch + 1)).any()
