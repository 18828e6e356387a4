"""Writing a piece: bar after bar, note after note, each choice drawn from what the network says within the rules.

What no network can promise is kept by construction: every note is valid and ends, no note stands outside
the key at strictness 100, every instrument plays, notes that are given stay, and a new piece ends with a
closing chord in the last bar that was asked for.

A `Writer` is a coroutine. It yields what it wants to know, as an `Ask`, and is sent the logits; so one
driver can ask the network for several pieces at once (`write`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from core.compose.constraints import MOST_IN_BAR, Rules
from core.compose.encoding import (
    BAR,
    CHORD_QUALITIES,
    DURATIONS,
    LOOKBACKS,
    duration_class,
    shift_to_common_key,
)
from core.compose.request import Request, Update
from core.compose.sampling import Logits, choose, log_probability
from core.compose.state import Echo, Event, State, to_array
from core.compose.workpiece import Workpiece
from core.errors import Cancelled
from core.song.harmony import CHORDS, Key, parse_chord
from core.song.notes import Notes, Song, empty_notes

if TYPE_CHECKING:
    from core.compose.stepper import Steppers

RHYTHM_TEMPERATURE = 0.83
"""Rhythm is drawn a little more firmly than pitch: a stray onset disturbs more than a stray note."""

CLOSING_DRUMS = (128 + 36, 128 + 49)
"""Bass drum and crash cymbal."""

NEWS = 4
"""Notes told together while composing."""

RHYTHM_HEADS = frozenset(("time", "part"))


class Ask(NamedTuple):
    """What a writer wants of the network: a head's logits, or ("step") that it read the last event."""

    head: str
    args: tuple[Any, ...] = ()


Writing = Generator["Ask | Update", "Logits | None", None]
Choice = Generator["Ask | Update", "Logits | None", int]
Passage = Generator["Ask | Update", "Logits | None", list[Event]]

STEP = Ask("step")


def chord_lane(chords: Sequence[str], key: Key) -> list[tuple[int, int]]:
    """The chord classes of each bar from the names that were asked for.

    Raises
    ------
    TunesmithError
        For a chord that is none.
    """
    lane = []
    for bar in chords:
        classes = [_chord_class(name, key) for name in bar.split(",")][:2]
        lane.append((classes[0], classes[-1]))
    return lane


def _chord_class(name: str, key: Key) -> int:
    """The class of the chord's own quality, or of the one that shares most with it."""
    root, suffix = parse_chord(name)
    tones = set(CHORDS[suffix])
    likeness = [len(tones & set(other)) / len(tones | set(other)) for other in CHORD_QUALITIES.values()]
    return int(np.argmax(likeness)) * 12 + (root + shift_to_common_key(key)) % 12


class Writer:
    """One piece in the making.

    Attributes
    ----------
    song : the finished song, once it is
    made : the new events
    log_likelihood : of everything drawn so far, in nats
    silent_bars : bars written without a note
    longest_copy : the longest run shared with the training music, once it was looked for
    """

    def __init__(self, request: Request, work: Workpiece, rng: np.random.Generator) -> None:
        self.request, self.work, self.rng = request, work, rng
        starts = np.concatenate([[0], np.cumsum(work.bar_steps[: work.last].astype(np.int64))]).tolist()
        lane = chord_lane(request.chords, work.key)
        self.rules = Rules(request, work.key, work.rows, starts, lane, work.notes_a_bar)
        self.state = State(work.whole_bars, int(work.bar_steps[0]), work.given)
        self.made: list[Event] = []
        self.song: Song | None = None
        self.log_likelihood = 0.0
        self.silent_bars = 0
        self.longest_copy: int | None = None
        self._told = 0
        self._is_new = request.task in ("new", "continue")

    @property
    def frame(self) -> Update:
        """The first news: what stands."""
        return Update(0.0, empty_notes(), song=self.work.song)

    def notes(self) -> Notes:
        """All new notes."""
        return self.work.notes(to_array(self.made))

    def write(self) -> Writing:
        """Write the piece; yields `Ask`, and `Update` after the `frame`."""
        yield from self._read()
        self.rules.begin(self.state)
        for bar in range(self.work.first, self.work.last):
            before = len(self.made)
            closing = self._is_new and bar == self.work.last - 1 and self.request.bars > 1
            yield from self._write_bar(bar, closing)
            self.silent_bars += len(self.made) == before
        if self.made[self._told :]:
            yield self._news()
        self.song = self.work.finished(self.notes())
        yield Update(1.0, empty_notes(), song=self.song, done=True)

    def _read(self) -> Writing:
        yield STEP
        for event in self.work.read:
            if event["time"] == BAR:
                bar = int(event["bar"])
                first, second = (int(chord) for chord in self.work.chords[bar])
                self.state.begin_bar(
                    int(self.work.bar_steps[bar]), int(self.work.copies[bar]), (first, second)
                )
            else:
                fields = ("time", "part", "pitch", "duration", "velocity")
                self.state.add_note(*(int(event[name]) for name in fields))
            yield STEP

    def _write_bar(self, bar: int, closing: bool) -> Writing:
        again = yield from self._open_bar(bar, closing)
        if closing:
            yield from self._closing_bar()
        elif again:
            yield from self._again(again)
        else:
            yield from self._bar()

    def _choose(self, ask: Ask, bias: Logits | float = 0.0) -> Choice:
        """Draw one class of a head's; where only one is possible the network is not asked."""
        if not isinstance(bias, float):
            possible = np.flatnonzero(np.isfinite(bias))
            if len(possible) == 1:
                return int(possible[0])
        logits = yield ask
        assert logits is not None
        temperature, top_p = self.request.temperature, self.request.top_p
        if ask.head in RHYTHM_HEADS:
            temperature = self.request.rhythm_temperature * RHYTHM_TEMPERATURE
        elif ask.head == "duration":
            # Long notes are many rare classes: cut off or sharpened, all music grows short of breath.
            temperature, top_p = self.request.rhythm_temperature, 1.0
        chosen = choose(logits + bias, self.rng, temperature=temperature, top_p=top_p)
        self.log_likelihood += log_probability(logits, chosen)
        return chosen

    def _open_bar(self, bar: int, closing: bool) -> Passage:
        """Begin a bar with its form and chords; the notes to repeat in it, if it repeats an earlier bar."""
        lane = self.rules.chords(bar - self.work.first)
        if self.work.keeps_form:
            copy, again = int(self.work.copies[bar]), []
            chords = lane or (int(self.work.chords[bar][0]), int(self.work.chords[bar][1]))
        else:
            copy = yield from self._choose(Ask("copy"), self.rules.copy(self.state))
            again = self._repeated(copy)
            if closing:
                tonic = self.rules.tonic + (12 if self.work.key.is_minor else 0)
                chords = (tonic, tonic)
            elif again and (lane is None or lane == self.state.chords[again[0].bar]):
                chords = self.state.chords[again[0].bar]
            elif lane:
                chords, again = lane, []
            else:
                first = yield from self._choose(Ask("chord", (copy,)), self.rules.chord)
                second = yield from self._choose(Ask("second_chord", (copy, first)), self.rules.chord)
                chords = (first, second)
        self.state.begin_bar(int(self.work.bar_steps[bar]), copy, chords)
        yield STEP
        return again

    def _repeated(self, copy: int) -> list[Event]:
        """The notes of the earlier bar that a bar of this kind is to repeat; none if it is to be new."""
        index, same = divmod(copy - 1, 2)
        bar = self.state.bar + 1 - LOOKBACKS[index]
        return self.state.notes_of(bar) if copy and same and self._is_new else []

    def _bar(self) -> Writing:
        count = 0
        while True:
            given = self.state.next_given
            if given and (count >= MOST_IN_BAR or not self._some_open()):
                yield from self._take(given)
                continue
            if count >= MOST_IN_BAR or not self._some_open():
                return
            bias = self.rules.time(self.state, count, may_rest=not self._is_new)
            time = yield from self._choose(Ask("time"), bias)
            if time == BAR:
                return
            ask = Ask("part", (time, self.state.silence(time, len(self.work.rows))))
            part = yield from self._choose(ask, self.rules.part(self.state, time, self.work.first))
            echo = self.state.echo(time, part)
            bias = self.rules.pitch(self.state, time, part, echo)
            pitch = yield from self._choose(Ask("pitch", (time, part, echo)), bias)
            if given and (given.time, given.part, given.pitch) == (time, part, pitch):
                yield from self._take(given)
                continue
            bias = self.rules.duration(self.state, time, part)
            duration = yield from self._choose(Ask("duration", (time, part, pitch, echo)), bias)
            yield from self._write(time, part, pitch, duration, echo)
            count += 1

    def _some_open(self) -> bool:
        return any(self.state.is_open(part) for part in range(len(self.work.rows)))

    def _take(self, given: Event) -> Writing:
        """The next given note, as it is."""
        self.state.add_note(given.time, given.part, given.pitch, given.duration, given.velocity)
        yield STEP

    def _again(self, notes: list[Event]) -> Writing:
        """An earlier bar once more, note for note; only its dynamics are played anew."""
        for note in notes:
            echo = self.state.echo(note.time, note.part)
            possible = self.rules.duration(self.state, note.time, note.part)
            longest = int(np.flatnonzero(np.isfinite(possible))[-1])
            yield from self._write(note.time, note.part, note.pitch, min(note.duration, longest), echo)

    def _closing_bar(self) -> Writing:
        """The last bar: everyone holds the tonic chord; the drums end on bass drum and crash."""
        steps = int(self.work.bar_steps[self.state.bar])
        held = int(duration_class(np.array(steps)))
        held -= int(DURATIONS[held] > steps)
        bass = next((part for part in range(len(self.work.rows)) if not self.rules.is_drum(part)), None)
        floor = 0
        for part, row in enumerate(self.work.rows):
            if self.rules.is_drum(part):
                for pitch in CLOSING_DRUMS:
                    yield from self._write(0, part, pitch, held, self.state.echo(0, part))
                continue
            together = self.request.polyphony or min(1 + row[2], 3)
            for _ in range(1 if part == bass else together):
                echo = self.state.echo(0, part)
                bias = self.rules.closing_pitch(part, max(echo.lowest_pitch, floor), part == bass)
                if not np.isfinite(bias).any():
                    break
                pitch = yield from self._choose(Ask("pitch", (0, part, echo)), bias)
                floor = max(floor, pitch if part == bass else 0)
                yield from self._write(0, part, pitch, held, echo)

    def _write(self, time: int, part: int, pitch: int, duration: int, echo: Echo) -> Writing:
        velocity = yield from self._choose(Ask("velocity", (time, part, pitch, duration, echo)))
        self.made.append(self.state.add_note(time, part, pitch, duration, max(velocity, 1)))
        yield STEP
        if len(self.made) - self._told >= NEWS:
            yield self._news()

    def _news(self) -> Update:
        fresh = self.made[self._told :]
        self._told = len(self.made)
        last = fresh[-1]
        done = last.bar - self.work.first + last.time / int(self.work.bar_steps[last.bar])
        progress = done / max(1, self.work.last - self.work.first)
        return Update(min(1.0, progress), self.work.notes(to_array(fresh)))


def write(
    writers: Sequence[Writer], steppers: Steppers, *, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[tuple[int, Update]]:
    """Let several writers write side by side.

    Yields
    ------
    (place of the writer, its news)

    Raises
    ------
    core.errors.Cancelled
        Soon after ``cancelled`` first answers True.
    """
    running = {place: writer.write() for place, writer in enumerate(writers)}
    answers: dict[int, Logits | None] = dict.fromkeys(running)
    while running:
        if cancelled():
            raise Cancelled
        asks: dict[int, Ask] = {}
        for place, writing in list(running.items()):
            answer = answers.get(place)
            try:
                message = writing.send(answer)
                while isinstance(message, Update):
                    yield place, message
                    message = writing.send(None)
                asks[place] = message
            except StopIteration:
                del running[place]
        answers = {}
        ordered = sorted(asks.items(), key=lambda item: item[1].head)
        for head, group in groupby(ordered, key=lambda item: item[1].head):
            places, asked = zip(*group, strict=True)
            if head == "step":
                steppers.step(places, [writers[place].state for place in places])
                answers |= dict.fromkeys(places)
            else:
                found = steppers.logits(head, places, [ask.args for ask in asked])
                answers |= {
                    place: logits.double().cpu().numpy() for place, logits in zip(places, found, strict=True)
                }
