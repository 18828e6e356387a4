"""A piece as it grows: the rows of `core.compose.context` and `core.learn.batches`, one event at a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.compose.context import NO_DURATION, RECENT, SILENCE_CLASSES
from core.compose.encoding import (
    BAR,
    DURATIONS,
    EVENT,
    LONGEST_COUNTDOWN,
    LOOKBACKS,
    MOST_PARTS,
    NO_CHORD,
    NO_PITCH,
    PHRASE,
    START,
    VELOCITIES,
    Events,
    event_keys,
    note_key,
    second_chord_at,
)
from core.compose.given import MOST_TOGETHER, NOTHING_GIVEN, Given

_DURATION_STEPS = [int(steps) for steps in DURATIONS]
_RUN_CLASS = [0, 1, 2] + [3] * 2 + [4] * 4 + [5] * 8 + [6] * 16 + [7]
_SILENCE_CLASS = [0] + [int(np.ceil(np.log2(steps / 12 + 1))) for steps in range(1, 12 * 64)]


@dataclass(frozen=True, slots=True)
class Event:
    """One event, with the step at which it begins."""

    bar: int
    time: int
    part: int
    pitch: int
    duration: int
    velocity: int
    onset: int


_START = Event(0, START, 0, NO_PITCH, NO_DURATION, VELOCITIES, 0)


@dataclass
class Echo:
    """What the heads are told once position and part are known. See `core.compose.context.FEATURES`."""

    echo_pitch: list[int]
    echo_duration: list[int]
    last_pitch: tuple[int, int]
    last_duration: int
    last_velocity: int
    chroma: int
    chord: int
    lowest_pitch: int
    to_come: int


@dataclass
class State:
    """Everything that has been composed.

    Attributes
    ----------
    bars_asked : length of the piece, for the countdown
    given : notes that stand already, if any
    bar_steps, chords, copies : of every bar begun
    counts : notes of every part
    """

    bars_asked: int
    first_bar_steps: int
    given: Given | None = None
    events: list[Event] = field(default_factory=list)
    bar_steps: list[int] = field(default_factory=list)
    chords: list[tuple[int, int]] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._keys: list[int] = []
        self._bar_onset = 0
        self._ahead: list[Event | None] = [None] * len(LOOKBACKS)
        self._runs = [0] * len(LOOKBACKS)
        self._last: dict[int, tuple[tuple[int, int], int, int]] = {}
        self._last_onset = [-1] * MOST_PARTS
        self.counts = [0] * MOST_PARTS
        self._chroma = 0
        coming = self.given.events if self.given else np.zeros(0, EVENT)
        self._given_keys: list[int] = event_keys(coming).tolist()
        self._given_rows: list[tuple[int, ...]] = coming.tolist()
        self._given_at = 0

    @property
    def here(self) -> Event:
        """The last event."""
        return self.events[-1] if self.events else _START

    @property
    def bar(self) -> int:
        """The bar being written; -1 before the first."""
        return len(self.bar_steps) - 1

    def begin_bar(self, steps: int, copy: int, chords: tuple[int, int]) -> None:
        """Open the next bar."""
        if self.bar_steps:
            self._bar_onset += self.bar_steps[-1]
        self.bar_steps.append(steps)
        self.copies.append(copy)
        self.chords.append(chords)
        self._push(Event(self.bar, BAR, 0, 0, 0, 0, self._bar_onset), self.bar << 20)
        self._chroma = self._sounding(self._bar_onset)

    def add_note(self, time: int, part: int, pitch: int, duration: int, velocity: int) -> Event:
        """Add a note to the bar being written, at or after the last one."""
        event = Event(self.bar, time, part, pitch, duration, velocity, self._bar_onset + time)
        self._chroma = self._sounding(event.onset)
        if pitch < 128:
            self._chroma |= 1 << (pitch % 12)
        self._push(event, note_key(self.bar, time, part, pitch))
        before = self._last.get(part)
        self._last[part] = ((pitch, before[0][0] if before else NO_PITCH), duration, velocity)
        self._last_onset[part] = event.onset
        self.counts[part] += 1
        return event

    def _push(self, event: Event, key: int) -> None:
        for index, told in enumerate(self._ahead):
            followed = (
                told is not None
                and told.time == event.time
                and told.part == event.part
                and told.pitch == event.pitch
            )
            self._runs[index] = self._runs[index] + 1 if followed else 0
        self.events.append(event)
        self._keys.append(key)
        while self._given_at < len(self._given_keys) and self._given_keys[self._given_at] <= key:
            self._given_at += 1
        for index, back in enumerate(LOOKBACKS):
            if event.bar < back:
                self._ahead[index] = None
            else:
                self._ahead[index] = self.events[bisect_right(self._keys, key - (back << 20))]

    def _sounding(self, when: int) -> int:
        chroma = 0
        for event in self.events[-RECENT:]:
            if (
                event.pitch < 128
                and event.time != BAR
                and event.onset + _DURATION_STEPS[event.duration] > when
            ):
                chroma |= 1 << (event.pitch % 12)
        return chroma

    @property
    def next_given(self) -> Event | None:
        """The next given note of the bar being written."""
        if self._given_at == len(self._given_rows) or self._given_rows[self._given_at][0] != self.bar:
            return None
        bar, time, part, pitch, duration, velocity = self._given_rows[self._given_at]
        return Event(bar, time, part, pitch, duration, velocity, 0)

    def is_open(self, part: int) -> bool:
        """Whether ``part`` may have new notes in the bar being written."""
        return self.given is None or bool(self.given.open[self.bar, part])

    def _to_come(self, time: int) -> int:
        """Bits of the pitch classes of given notes still to come at ``time`` in this bar."""
        bits = 0
        for bar, when, _, pitch, _, _ in self._given_rows[self._given_at : self._given_at + MOST_TOGETHER]:
            if bar == self.bar and when == time and pitch < 128:
                bits |= 1 << (pitch % 12)
        return bits

    def row(self) -> dict[str, Any]:
        """The trunk's inputs for the last event; names as in `core.learn.batches.columns`."""
        here = self.here
        started = here.time != START
        is_note = here.time < BAR
        chords = self.chords[-1] if started else (NO_CHORD, NO_CHORD)
        bar = max(self.bar, 0)
        told = self._ahead
        given = self.next_given
        return {
            "time": here.time,
            "part": here.part,
            "is_note": int(is_note),
            "pitch": here.pitch if is_note else NO_PITCH,
            "duration": here.duration if is_note else NO_DURATION,
            "velocity": here.velocity if is_note else VELOCITIES,
            "chord": chords[0],
            "second_chord": chords[1],
            "copy": self.copies[-1] if started else 0,
            "countdown": min(max(self.bars_asked - bar, 0), LONGEST_COUNTDOWN + 1),
            "phrase": bar % PHRASE,
            "bar_length": self.bar_steps[-1] if started else self.first_bar_steps,
            "chroma_now": self._chroma,
            "ahead_time": [e.time if e else START for e in told],
            "ahead_part": [e.part if e and e.time != BAR else 0 for e in told],
            "ahead_is_note": [int(e is not None and e.time != BAR) for e in told],
            "ahead_pitch": [e.pitch if e and e.time != BAR else NO_PITCH for e in told],
            "ahead_duration": [e.duration if e and e.time != BAR else NO_DURATION for e in told],
            "run": [_RUN_CLASS[min(run, len(_RUN_CLASS) - 1)] for run in self._runs],
            "bar_place": self.bar + 1,
            "given_time": given.time if given else NOTHING_GIVEN if self.given is None else BAR,
            "given_part": given.part if given else 0,
            "given_is_note": int(given is not None),
            "given_pitch": given.pitch if given else NO_PITCH,
            "given_duration": given.duration if given else NO_DURATION,
        }

    def silence(self, time: int, parts: int) -> list[int]:
        """How long each part has not begun a note, at ``time`` in this bar (classes)."""
        when = self._bar_onset + time
        return [
            SILENCE_CLASSES - 1
            if last < 0
            else min(_SILENCE_CLASS[min(when - last, len(_SILENCE_CLASS) - 1)], SILENCE_CLASSES - 2)
            for last in self._last_onset[:parts]
        ]

    def notes_of(self, bar: int) -> list[Event]:
        """The notes that begin in ``bar``."""
        first = bisect_right(self._keys, bar << 20)
        return self.events[first : bisect_left(self._keys, (bar + 1) << 20)]

    def has_played(self, part: int) -> bool:
        """Whether ``part`` has had a note."""
        return part in self._last

    def lowest_part(self, time: int) -> int:
        """The first part that may still play at ``time``."""
        return self.here.part if self.here.time == time else 0

    def echo(self, time: int, part: int) -> Echo:
        """What is known about the next note of ``part`` at ``time`` in this bar."""
        here = self.here
        again = here.time == time and here.part == part and here.bar == self.bar
        lowest = here.pitch + 1 if again else 0
        pitches, durations = [], []
        for back in LOOKBACKS:
            found = self._heard(self.bar - back, time, part, lowest)
            pitches.append(found.pitch if found else NO_PITCH)
            durations.append(found.duration if found else NO_DURATION)
        last_pitch, last_duration, last_velocity = self._last.get(
            part, ((NO_PITCH, NO_PITCH), NO_DURATION, VELOCITIES)
        )
        first, second = self.chords[-1]
        return Echo(
            echo_pitch=pitches,
            echo_duration=durations,
            last_pitch=last_pitch,
            last_duration=last_duration,
            last_velocity=last_velocity,
            chroma=self._sounding(self._bar_onset + time),
            chord=second if time >= second_chord_at(self.bar_steps[-1]) else first,
            lowest_pitch=lowest,
            to_come=self._to_come(time),
        )

    def _heard(self, bar: int, time: int, part: int, lowest: int) -> Event | None:
        if bar < 0:
            return None
        at = bisect_left(self._keys, note_key(bar, time, part, lowest))
        if at == len(self._keys):
            return None
        event = self.events[at]
        return event if (event.bar, event.time, event.part) == (bar, time, part) else None


def to_array(events: Iterable[Event]) -> Events:
    """Events as a table."""
    rows = [(e.bar, e.time, e.part, e.pitch, e.duration, e.velocity) for e in events]
    return np.array(rows, EVENT)
