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
from core.compose.request import Request
from core.compose.sampling import NEVER, Logits
from core.compose.state import Echo, Event, State
from core.song.harmony import Key, scale_pitch_classes

FIRMNESS = 2.5
"""Nats by which a note outside the key is held back just below strictness 100."""

MOST_AT_ONCE = 8
"""Notes that one part may begin together."""

MOST_IN_BAR = 256
"""Notes in a bar."""

PATIENCE = 2
"""Bars after which a part that has not played yet is urged to."""

URGE = 3.0

NOTES_A_BAR = (0.8, 2.2, 4.0, 6.4, 10.3, 16.5, 28.0)
"""What the density classes stand for."""

SCHEDULE, PART_SCHEDULE = 600.0, 600.0
"""Nats, times a squared logarithm, by which an onset is held back that comes too early or too late for the density
asked for, and a part that has too many notes; see `_off_schedule`."""

FREEDOM = 0.02
"""How far, as a logarithm, the number of notes may be off without being held back."""

HABIT = 1.6
"""Nats by which what has e times too many notes is held back, where no density was asked for but one was planned."""

ROOM = 4
"""Semitones kept free above for each note that is to begin together with another."""

LENGTHENING = 4.0
"""Nats by which a note e times as long is favoured at the longest note length asked for."""

LASTING = 0.05
"""The same where no length was asked for: hearing its own notes, the network lets them sound a little too short."""

SPREAD = 9
"""Semitones around a part's register that are free where a register was asked for."""

REPEATING = 10.0
"""Nats between never repeating a bar and repeating whenever one may."""

VARYING = 3.0
"""The same for bars that are like an earlier one."""

LOWEST, HIGHEST = 21, 108
"""A piano's range, which holds every instrument's."""

DRUM_LOWEST, DRUM_HIGHEST = 128 + 35, 128 + 81
"""General MIDI's drum kit."""


class Rules:
    """The biases of one piece.

    Parameters
    ----------
    request : what was asked
    key : the piece's key
    rows : the parts' classes, see `core.compose.encoding.Piece`
    bar_starts : the step at which every bar begins, and the end of the last that notes may reach into
    lane : the chords asked for, a pair of classes a bar, from the first over again; may be empty
    notes_a_bar : how many notes every part is to have in a bar, 0 for as many as come
    """

    def __init__(
        self,
        request: Request,
        key: Key,
        rows: Sequence[Sequence[int]],
        bar_starts: Sequence[int],
        lane: Sequence[tuple[int, int]] = (),
        notes_a_bar: Sequence[float] = (),
    ) -> None:
        shift = shift_to_common_key(key)
        self.rows, self.lane = rows, lane
        self._request, self._bar_starts = request, bar_starts
        self._targets = notes_a_bar or [planned_notes(row) for row in rows]
        self._counts_before, self._bars_before = [0] * len(rows), 0
        self._has_schedule = request.density is not None
        self.tonic = (plain_key(key).tonic + shift) % 12
        self.third = (self.tonic + (3 if key.is_minor else 4)) % 12
        self.scale = {(pitch_class + shift) % 12 for pitch_class in scale_pitch_classes(key)}
        # Pitches that stay in range when they are moved to the asked key.
        self._low, self._high = LOWEST + max(shift, 0), HIGHEST + min(shift, 0)
        self._hold = NEVER if request.strictness >= 100 else -FIRMNESS * (request.strictness / 100) ** 2
        self._pitch = self._held_to(self.scale)
        self._drum = np.full(PITCHES, NEVER)
        self._drum[DRUM_LOWEST : DRUM_HIGHEST + 1] = 0.0
        self.chord = np.zeros(NO_CHORD + 1)
        for chord in range(NO_CHORD):
            outside = len(_tones(chord) - self.scale)
            if outside:
                self.chord[chord] = self._hold * (0.5 + 0.25 * outside)
        tilt = LASTING if request.note_length is None else LENGTHENING * (2 * request.note_length - 1)
        self._length = tilt * np.log(DURATIONS / 12)
        # A kit's hits have no length to speak of, and its pieces no register.
        self._is_drum = [row[0] == DRUMS for row in rows]

    def _held_to(self, pitch_classes: set[int]) -> Logits:
        bias = np.full(PITCHES, NEVER)
        inside = np.array([pitch % 12 in pitch_classes for pitch in range(self._low, self._high + 1)])
        bias[self._low : self._high + 1] = np.where(inside, 0.0, self._hold)
        return bias

    def begin(self, state: State) -> None:
        """What is in ``state`` was read; notes are counted from here on."""
        self._counts_before = state.counts[: len(self.rows)]
        self._bars_before = state.bar + 1

    def is_drum(self, part: int) -> bool:
        """Whether a part is the drums."""
        return self._is_drum[part]

    def copy(self, state: State) -> Logits:
        """A bar cannot repeat one that there is not; the rest is as repetition was asked for."""
        bias = np.zeros(COPIES)
        wish = self._request.repetition
        if wish is not None:
            bias[2::2] = REPEATING * (wish - 0.5)
            bias[1::2] = VARYING * (wish - 0.5)
            bias[2::2] += NEVER if wish == 0 else 0.0
        bias[1:][np.repeat(LOOKBACKS, 2) > state.bar + 1] = NEVER
        if wish == 1 and np.isfinite(bias[2::2]).any():
            bias[0] = NEVER
        return bias

    def chords(self, bar: int) -> tuple[int, int] | None:
        """The chords asked for in a bar, if any; bars are counted from the first that is written."""
        return self.lane[bar % len(self.lane)] if self.lane else None

    def time(self, state: State, count: int, *, may_rest: bool = False) -> Logits:
        """Onsets go forward in the bar, not beyond the next given note, and no two bars in a row are silent.

        Parameters
        ----------
        state : the piece so far
        count : notes in this bar so far
        may_rest : silent bars in a row are allowed after all
        """
        bias = np.zeros(TIMES)
        bias[state.bar_steps[-1] : BAR] = NEVER
        here, given = state.here, state.next_given
        if here.time != BAR:
            bias[: here.time] = NEVER
            if not (given and given.time == here.time) and not self._may_join(state, here):
                bias[here.time] = NEVER
            elif self._is_thin(state, here):
                bias[np.arange(TIMES) != here.time] = NEVER
                return bias
        if any(self._targets):
            bias += self._in_time(state)
        if given:
            bias[given.time + 1 :] = NEVER
            return bias
        silent_before = len(state.events) < 2 or state.events[-2].time == BAR
        if count == 0 and silent_before and not may_rest:
            bias[BAR] = NEVER
        return bias

    def _open_parts(self, state: State) -> list[int]:
        return [part for part in range(len(self.rows)) if state.is_open(part)]

    def part(self, state: State, time: int, first_bar: int) -> Logits:
        """Parts that begin together stand in order; one that never played is urged to.

        Parameters
        ----------
        first_bar : the first bar that is being composed
        """
        bias = np.zeros(len(self.rows))
        here, given = state.here, state.next_given
        lowest = state.lowest_part(time)
        if here.time == time:
            if self._no_room(state, here):
                lowest = here.part + 1
            elif self._is_thin(state, here):
                bias[:] = NEVER
                bias[here.part] = 0.0
                return bias
        bias[:lowest] = NEVER
        if any(self._targets):
            bias -= self._ahead(state)
        if state.bar >= first_bar + PATIENCE:
            for part in range(lowest, len(self.rows)):
                if not state.has_played(part):
                    bias[part] = URGE
        bias[[not state.is_open(part) for part in range(len(self.rows))]] = NEVER
        if given and given.time == time:
            bias[given.part + 1 :] = NEVER
            bias[given.part] = max(bias[given.part], 0.0)
        return bias

    def pitch(self, state: State, time: int, part: int, echo: Echo) -> Logits:
        """Pitches of ``part`` in range and, as far as it is strict, in the key and the chord.

        The given note of this place, if there is one, is always possible and nothing is above it.
        """
        given = state.next_given
        meets = given is not None and given.time == time and given.part == part
        bias = np.full(PITCHES, NEVER)
        if state.is_open(part) and not (meets and self._is_full(state, part, time)):
            bias = self.in_range(part, echo.lowest_pitch)
            if not self.is_drum(part):
                bias += self._towards_register(part)
                bias = self._with_room_above(bias, state, time, part)
                if self.lane:
                    bias = self._towards_chord(bias, echo.chord, on_beat=time % 12 == 0)
        if meets and given:
            bias[given.pitch :] = NEVER
            bias[given.pitch] = 0.0
        return bias

    def in_range(self, part: int, lowest: int) -> Logits:
        """Pitches of ``part`` from ``lowest`` up, held to the key."""
        bias = (self._drum if self.is_drum(part) else self._pitch).copy()
        bias[:lowest] = NEVER
        return bias

    def _with_room_above(self, bias: Logits, state: State, time: int, part: int) -> Logits:
        """Low enough for the notes that are still to begin together with this one, which stand above it."""
        if self._request.polyphony is None:
            return bias
        here = state.here
        begun = self._together(state, here) if (here.time, here.part) == (time, part) else 0
        lower = bias.copy()
        lower[self._high + 1 - ROOM * (self._most_together(part) - begun - 1) :] = NEVER
        return lower if np.isfinite(lower).any() else bias

    def _towards_register(self, part: int) -> Logits | float:
        if self._request.register is None:
            return 0.0
        away = np.abs(np.arange(PITCHES) - self._centre(part))
        return -0.02 * np.maximum(away - SPREAD, 0) ** 2

    def _towards_chord(self, bias: Logits, chord: int, *, on_beat: bool) -> Logits:
        """Chord tones are as good as those of the key; on the beat others are held back."""
        if chord == NO_CHORD:
            return bias
        in_chord = np.isin(np.arange(PITCHES) % 12, list(_tones(chord)))
        bias = bias.copy()
        sounding = np.zeros(PITCHES, bool)
        sounding[self._low : self._high + 1] = True
        allowed = in_chord & sounding & ((bias == self._hold) | np.isfinite(bias))
        bias[allowed] = np.maximum(bias[allowed], 0.0)
        if on_beat and np.isfinite(bias[in_chord]).any():
            bias[~in_chord] += self._hold
        return bias

    def _centre(self, part: int) -> int:
        return self.rows[part][1] * 6 + 3

    def duration(self, state: State, time: int, part: int) -> Logits:
        """No note outlasts what is being written."""
        left = self._bar_starts[-1] - self._bar_starts[state.bar] - time
        return np.where(max(left, 1) < DURATIONS, NEVER, 0.0 if self.is_drum(part) else self._length)

    def closing_pitch(self, part: int, lowest: int, root_only: bool) -> Logits:
        """The tonic chord, near the part's own register; the root alone for the bass."""
        bias = self.in_range(part, lowest)
        pitches = np.arange(128)
        wanted = (
            {self.tonic} if root_only else {self.tonic} | ({self.third, (self.tonic + 7) % 12} & self.scale)
        )
        bias[:128] += np.where(np.isin(pitches % 12, list(wanted)), 0.0, NEVER)
        # An octave around the register is free; further away costs more and more.
        bias[:128] -= 0.02 * np.maximum(np.abs(pitches - self._centre(part)) - 12, 0) ** 2
        return bias

    def _in_time(self, state: State) -> Logits:
        """How well each onset, and the end of the bar, suits the number of notes there should be by then."""
        parts, here = self._open_parts(state), state.here
        bias = np.zeros(TIMES)
        if not self._has_schedule:
            pull = HABIT * self._excess(state, parts)
            bias[BAR] = pull
            if here.time != BAR:
                bias[here.time] = -max(pull, 0.0)
            return bias
        steps = state.bar_steps[-1]
        when = np.minimum(np.arange(TIMES), steps) / steps + state.bar - self._bars_before
        planned = [part for part in parts if self._targets[part]]
        count = sum(state.counts[part] - self._counts_before[part] for part in planned)
        return -SCHEDULE * _off_schedule(count, sum(self._targets[part] for part in planned), when) ** 2

    def _ahead(self, state: State) -> Logits:
        """By how much every part is held back that has more notes than it should by now."""
        if not self._has_schedule:
            return np.array([HABIT * self._excess(state, (part,)) for part in range(len(self.rows))])
        within = state.here.time / state.bar_steps[-1] if state.here.time != BAR else 0.0
        when = state.bar - self._bars_before + within
        off = np.array(
            [
                float(_off_schedule(state.counts[part] - self._counts_before[part], target, when))
                for part, target in enumerate(self._targets)
            ]
        )
        return PART_SCHEDULE * np.sign(off) * off**2

    def _excess(self, state: State, parts: Sequence[int]) -> float:
        """The logarithm of how many more notes some parts have than they should by now; 0 if none is planned."""
        parts = [part for part in parts if self._targets[part]]
        bars = (
            state.bar
            - self._bars_before
            + (state.here.time / state.bar_steps[-1] if state.here.time != BAR else 0.0)
        )
        wanted = sum(self._targets[part] for part in parts)
        count = sum(state.counts[part] - self._counts_before[part] for part in parts)
        return math.log((count + 1) / (wanted * bars + 1 + wanted / 2))

    def _may_join(self, state: State, here: Event) -> bool:
        """Whether some part can begin another note together with the last one."""
        if any(state.is_open(part) for part in range(here.part + 1, len(self.rows))):
            return True
        return state.is_open(here.part) and not self._no_room(state, here)

    def _together(self, state: State, here: Event) -> int:
        return sum(e.onset == here.onset and e.part == here.part for e in state.events[-MOST_AT_ONCE:])

    def _most_together(self, part: int) -> int:
        wish = self._request.polyphony
        return MOST_AT_ONCE if wish is None or self.is_drum(part) else wish

    def _is_full(self, state: State, part: int, time: int) -> bool:
        here = state.here
        return (
            here.time == time
            and here.part == part
            and self._together(state, here) >= self._most_together(part)
        )

    def _is_thin(self, state: State, here: Event) -> bool:
        """Whether the part of the last note has begun fewer notes together than were asked for, and can go on."""
        asked = self._request.polyphony is not None and not self.is_drum(here.part)
        return asked and state.is_open(here.part) and not self._no_room(state, here)

    def _no_room(self, state: State, here: Event) -> bool:
        """Whether the part of the last note can begin nothing more together with it."""
        full = self._together(state, here) >= self._most_together(here.part)
        return full or not np.isfinite(self.in_range(here.part, here.pitch + 1)).any()


def _off_schedule(count: int, notes_a_bar: float, when: Logits | float) -> Logits:
    """The logarithm of how many times too many notes there are if the next comes ``when`` (bars), less `FREEDOM`."""
    slack = 1 + notes_a_bar / 2
    off = np.log((count + slack) / (notes_a_bar * np.asarray(when) + slack))
    return np.sign(off) * np.maximum(np.abs(off) - FREEDOM, 0) if notes_a_bar else np.zeros_like(off)


def planned_notes(row: Sequence[int]) -> float:
    """Notes in a bar that a part's density class stands for; 0 where it is open."""
    return NOTES_A_BAR[row[3]] if row[3] < DENSITIES else 0.0


def _tones(chord: int) -> set[int]:
    """Pitch classes of a chord class."""
    quality, root = divmod(chord, 12)
    return {(root + interval) % 12 for interval in list(CHORD_QUALITIES.values())[quality]}
