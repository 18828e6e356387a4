"""The flagship composer: plans the parts, then writes bar after bar with the LSTM, note by note.

What no network can promise is kept by construction: every note is valid and ends, no note stands outside
the key at strictness 100, every instrument plays, and the piece ends with a closing chord in the last bar
that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.compose.constraints import MOST_IN_BAR, Rules
from core.compose.continuation import Lead, lead_of
from core.compose.encoding import (
    BAR,
    DURATIONS,
    LONGEST_BAR,
    LOOKBACKS,
    STEPS_PER_BEAT,
    Piece,
    duration_class,
    notes_from_events,
    song_frame,
    tempo_class,
)
from core.compose.planning import plan_parts
from core.compose.request import Request, Update
from core.compose.sampling import Logits, choose
from core.compose.state import Echo, Event, State, to_array
from core.compose.styles import COMPOSERS, STYLES
from core.errors import Cancelled, TunesmithError
from core.song.harmony import parse_key
from core.song.notes import Notes, empty_notes
from core.store.model_file import ModelFile, find_models

if TYPE_CHECKING:
    from torch import Tensor

    from core.compose.network import Network

NAME = "flagship"

TASKS = ("new", "continue")

CONDITIONS = frozenset(
    ("style", "key", "tempo", "meter", "bars", "instruments", "density", "strictness", "temperature", "top_p")
)

RHYTHM_TEMPERATURE = 0.92
"""Rhythm is drawn a little more firmly than pitch: a stray onset disturbs more than a stray note."""

CLOSING_DRUMS = (128 + 36, 128 + 49)
"""Bass drum and crash cymbal."""

NEWS = 4
"""Notes told together while composing."""

TICKS_PER_STEP = 40


@dataclass(frozen=True)
class Loaded:
    """The network in memory, where it runs, and what its card says."""

    network: Network
    card: dict[str, Any]


def model_file() -> ModelFile:
    """The shipped weights, or those that the user trained.

    Raises
    ------
    TunesmithError
        If there are none.
    """
    files = {model.name: model for model in find_models("compose")}
    if NAME not in files:
        raise TunesmithError(
            "the flagship's weights are missing; install Tunesmith again, or run: tunesmith learn flagship"
        )
    return files[NAME]


@lru_cache(maxsize=1)
def load() -> Loaded:
    """The network of `model_file`.

    Raises
    ------
    TunesmithError
        If there are no weights or they are damaged.
    """
    import torch

    from core.compose.network import network_from_card

    tensors, card = model_file().load()
    network = network_from_card(card)
    weights = {name: torch.from_numpy(array) for name, array in unpacked(tensors).items()}
    network.load_state_dict(weights)
    # One sequence is a chain of small products: more threads only wait for each other.
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Loaded(network.to(device).eval(), card)


def unpacked(tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """float32 weights from a shipped file: int8 with a scale a row, or half precision."""
    return {
        name: (
            array.astype(np.float32) * tensors[f"{name}.scale"]
            if f"{name}.scale" in tensors
            else array.astype(np.float32)
        )
        for name, array in tensors.items()
        if not name.endswith(".scale")
    }


def warm_up() -> None:
    """Load the network and run it once, so that the first note comes at once."""
    for _ in compose(Request(bars=1, instruments=("piano",), strictness=0)):
        pass


def compose(request: Request, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Update]:
    """Compose as ``request`` says; see `core.compose.registry.compose`."""
    yield from compose_with(load(), request, cancelled=cancelled)


def compose_with(
    loaded: Loaded, request: Request, *, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Update]:
    """Compose with a network of one's own instead of the installed one."""
    yield from _Run(request, loaded, cancelled).updates()


class _Run:
    """One piece in the making."""

    def __init__(self, request: Request, loaded: Loaded, cancelled: Callable[[], bool]) -> None:
        from core.compose.stepper import Stepper

        self.request, self.cancelled = request, cancelled
        self.rng = np.random.default_rng(request.seed)
        self.lead: Lead | None = None
        if request.task == "continue":
            self.lead = lead_of(request.song, request.key)
            self.key, self.rows, self.tracks = self.lead.key, self.lead.rows, self.lead.tracks
            self.frame, self.bar_steps = self.lead.song, int(self.lead.piece.bar_steps[-1])
        else:
            self.key = parse_key(request.key or "C major")
            habits = loaded.card.get("habits", {})
            plan = plan_parts(request.instruments, request.style, habits, request.density, self.rng)
            self.rows, self.tracks, self.bar_steps = list(plan.rows), plan.tracks, steps_in_bar(request.meter)
            firsts = [plan.rows[plan.tracks.index(track)] for track in range(len(plan.names))]
            frame = song_frame(np.array(firsts), plan.names, self.key, request.tempo, request.meter)
            self.frame = replace(frame, title=f"{request.style.capitalize() or 'Tune'} in {self.key.name}")
        self.first_bar = self.lead.bars if self.lead else 0
        held = request.density is not None and self.lead is None
        self.rules = Rules(self.key, request.strictness, self.rows, self.bar_steps, hold_density=held)
        self.state = State(self.first_bar + request.bars, self.bar_steps)
        style = STYLES.index(request.style) if request.style in STYLES else len(STYLES)
        wish = [style, len(COMPOSERS), int(self.key.is_minor), tempo_class(request.tempo), 1]
        self.stepper = Stepper(loaded.network, wish, self.rows)

    def updates(self) -> Iterator[Update]:
        """Compose; see `Update`."""
        yield Update(0.0, empty_notes(), song=self.frame)
        if self.lead:
            self._read(self.lead.piece)
        self.stepper.step(self.state)
        made: list[Event] = []
        told = 0
        for bar in range(self.first_bar, self.state.bars_asked):
            closing = bar == self.state.bars_asked - 1 and self.request.bars > 1
            repeated = self._open_bar(closing)
            for event in (
                self._closing_bar() if closing else self._again(repeated) if repeated else self._bar()
            ):
                if self.cancelled():
                    raise Cancelled
                made.append(event)
                if len(made) - told >= NEWS:
                    yield Update(self._progress(event), self._notes(made[told:]))
                    told = len(made)
        if made[told:]:
            yield Update(1.0, self._notes(made[told:]))
        whole = np.concatenate([self.frame.notes, without_overlaps(self._notes(made))])
        yield Update(1.0, empty_notes(), song=self.frame.with_notes(whole), done=True)

    def _progress(self, event: Event) -> float:
        return min(1.0, (event.bar - self.first_bar + event.time / self.bar_steps) / self.request.bars)

    def _read(self, piece: Piece) -> None:
        for event in piece.events:
            if self.cancelled():
                raise Cancelled
            self.stepper.step(self.state)
            if event["time"] == BAR:
                bar = int(event["bar"])
                first, second = (int(chord) for chord in piece.chords[bar])
                self.state.begin_bar(int(piece.bar_steps[bar]), int(piece.copies[bar]), (first, second))
            else:
                fields = ("time", "part", "pitch", "duration", "velocity")
                self.state.add_note(*(int(event[name]) for name in fields))

    def _choose(self, logits: Tensor, bias: Logits | float = 0.0, temperature: float = 1.0) -> int:
        return choose(
            logits.double().cpu().numpy() + bias,
            self.rng,
            temperature=temperature * self.request.temperature,
            top_p=self.request.top_p,
        )

    def _open_bar(self, closing: bool) -> list[Event]:
        """Begin a bar with its form and chords; the notes to repeat in it, if it repeats an earlier bar."""
        copy = self._choose(self.stepper.copy_logits(), self.rules.copy(self.state))
        again = self._repeated(copy)
        if closing:
            tonic = self.rules.tonic + (12 if self.key.is_minor else 0)
            chords = (tonic, tonic)
        elif again:
            chords = self.state.chords[again[0].bar]
        else:
            first = self._choose(self.stepper.chord_logits(copy), self.rules.chord)
            chords = (first, self._choose(self.stepper.second_chord_logits(copy, first), self.rules.chord))
        self.state.begin_bar(self.bar_steps, copy, chords)
        self.stepper.step(self.state)
        return again

    def _repeated(self, copy: int) -> list[Event]:
        """The notes of the earlier bar that a bar of this kind is to repeat; none if it is to be new."""
        index, same = divmod(copy - 1, 2)
        bar = self.state.bar + 1 - LOOKBACKS[index]
        return self.state.notes_of(bar) if copy and same else []

    def _bar(self) -> Iterator[Event]:
        for count in range(MOST_IN_BAR):
            bias = self.rules.time(self.state, count)
            time = self._choose(self.stepper.time_logits(), bias, RHYTHM_TEMPERATURE)
            if time == BAR:
                return
            silence = self.state.silence(time, len(self.rows))
            part = self._choose(
                self.stepper.part_logits(time, silence), self.rules.part(self.state, time, self.first_bar)
            )
            echo = self.state.echo(time, part)
            pitch = self._choose(
                self.stepper.pitch_logits(time, part, echo), self.rules.pitch(part, echo.lowest_pitch)
            )
            duration = self._choose(
                self.stepper.duration_logits(time, part, pitch, echo),
                self.rules.duration(self.state, time),
                RHYTHM_TEMPERATURE,
            )
            yield self._write(time, part, pitch, duration, echo)

    def _again(self, notes: list[Event]) -> Iterator[Event]:
        """An earlier bar once more, note for note; only its dynamics are played anew."""
        for note in notes:
            echo = self.state.echo(note.time, note.part)
            longest = int(np.flatnonzero(np.isfinite(self.rules.duration(self.state, note.time)))[-1])
            yield self._write(note.time, note.part, note.pitch, min(note.duration, longest), echo)

    def _closing_bar(self) -> Iterator[Event]:
        """The last bar: everyone holds the tonic chord; the drums end on bass drum and crash."""
        held = int(duration_class(np.array(self.bar_steps)))
        held -= int(DURATIONS[held] > self.bar_steps)
        bass = next((part for part in range(len(self.rows)) if not self.rules.is_drum(part)), None)
        floor = 0
        for part, row in enumerate(self.rows):
            if self.rules.is_drum(part):
                for pitch in CLOSING_DRUMS:
                    yield self._write(0, part, pitch, held, self.state.echo(0, part))
                continue
            for _ in range(1 if part == bass else min(1 + row[2], 3)):
                echo = self.state.echo(0, part)
                bias = self.rules.closing_pitch(part, max(echo.lowest_pitch, floor), part == bass)
                if not np.isfinite(bias).any():
                    break
                pitch = self._choose(self.stepper.pitch_logits(0, part, echo), bias)
                floor = max(floor, pitch if part == bass else 0)
                yield self._write(0, part, pitch, held, echo)

    def _write(self, time: int, part: int, pitch: int, duration: int, echo: Echo) -> Event:
        velocity = self._choose(self.stepper.velocity_logits(time, part, pitch, duration, echo))
        event = self.state.add_note(time, part, pitch, duration, max(velocity, 1))
        self.stepper.step(self.state)
        return event

    def _notes(self, events: list[Event]) -> Notes:
        """Events as notes of the song that is being made."""
        steps = np.array(self.state.bar_steps, np.uint8)
        per_beat = STEPS_PER_BEAT * TICKS_PER_STEP
        notes = notes_from_events(to_array(events), steps, self.key, np.array(self.rows), per_beat)
        notes["track"] = np.array(self.tracks)[notes["track"]]
        return self.lead.placed(notes, per_beat) if self.lead else notes


def steps_in_bar(meter: tuple[int, int]) -> int:
    """Steps in a bar.

    Raises
    ------
    TunesmithError
        For a meter whose bars the network cannot write.
    """
    numerator, denominator = meter
    steps, over = divmod(numerator * 4 * STEPS_PER_BEAT, denominator)
    if over or not STEPS_PER_BEAT <= steps <= LONGEST_BAR:
        raise TunesmithError(
            f"bars of {numerator}/{denominator} cannot be composed; ask for one to eight beats, like 4/4, 3/4 or 6/8"
        )
    return steps


def without_overlaps(notes: Notes) -> Notes:
    """Notes cut short where the same track begins the same pitch again; of two that begin together, one."""
    ordered = notes[np.lexsort((notes["onset"], notes["pitch"], notes["track"]))]
    _, first = np.unique(ordered[["track", "pitch", "onset"]], return_index=True)
    ordered = ordered[np.sort(first)].copy()
    again = (ordered["track"][:-1] == ordered["track"][1:]) & (ordered["pitch"][:-1] == ordered["pitch"][1:])
    gap = np.where(again, np.diff(ordered["onset"]), np.iinfo(np.int32).max)
    ordered["duration"][:-1] = np.minimum(ordered["duration"][:-1], np.maximum(gap, 1))
    return ordered
