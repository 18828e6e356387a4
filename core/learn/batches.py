"""Encoded pieces as tensors: excerpts, streams with carried state, and what each step must foretell.

A row's inputs describe event t and what is known then; its targets are event t + 1. Row 0 is the start,
before the first bar event; the last target is the bar event that would open the bar after the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.compose.context import FEATURES, NO_DURATION, NO_EVENT, features, silences
from core.compose.encoding import (
    BAR,
    DENSITIES,
    EVENT,
    LONGEST_COUNTDOWN,
    MOST_PARTS,
    NO_CHORD,
    NO_PITCH,
    PHRASE,
    POLYPHONIES,
    REGISTERS,
    START,
    TEMPI,
    VELOCITIES,
    Events,
    Piece,
    excerpt,
    second_chord_at,
)
from core.compose.given import BAR_ROW, NOTHING_GIVEN, Given, bar_rows, chroma_to_come, next_given
from core.compose.styles import COMPOSERS, STYLES
from core.learn.data import Example

Columns = dict[str, NDArray[np.int64]]


def without_parts(piece: Piece, keep: NDArray[np.bool_]) -> Piece:
    """The piece with only the parts marked in ``keep``; chords and copies stay the full score's."""
    place = np.cumsum(keep) - 1
    events = piece.events[(piece.events["time"] == BAR) | keep[piece.events["part"]]].copy()
    events["part"] = np.where(events["time"] == BAR, 0, place[events["part"]])
    return replace(piece, events=events, parts=piece.parts[keep])


def columns(piece: Piece, bars_after: int = 0, is_given: NDArray[np.bool_] | None = None) -> Columns:
    """Inputs and targets of a whole piece, each [shape=(events + 1, ...)].

    Parameters
    ----------
    piece : Piece
    bars_after : bars that follow in the score it was cut from, for the countdown
    is_given : which events are given, if any are [shape=(events,)]
    """
    events, steps = piece.events, piece.bar_steps.astype(np.int64)
    count, bars = len(events), len(steps)
    start = np.zeros(1, EVENT)
    start["time"] = START
    here = np.concatenate([start, events])
    closing = np.zeros(1, EVENT)
    closing["time"], closing["bar"] = BAR, bars
    nxt = np.concatenate([events, closing])
    rows = np.zeros(count + 1, FEATURES)
    rows["ahead"][0], rows["echo_pitch"][0], rows["last_pitch"][0] = NO_EVENT, NO_PITCH, NO_PITCH
    rows["echo_duration"][0], rows["last_duration"][0], rows["last_velocity"][0] = (
        NO_DURATION,
        NO_DURATION,
        16,
    )
    rows[1:] = features(piece)

    is_note = (here["time"] < BAR).astype(np.int64)
    bar = here["bar"].astype(np.int64)
    started = here["time"] != START
    chords = np.where(started[:, None], piece.chords[bar], NO_CHORD).astype(np.int64)
    ahead = rows["ahead"]
    told = events[np.maximum(ahead, 0)]
    told_any = ahead != NO_EVENT
    told_note = told_any & (told["time"] != BAR)
    position = np.where(is_note == 1, here["time"], 0).astype(np.int64)
    own = np.where((is_note == 1) & (here["pitch"] < 128), 1 << (_wide(here["pitch"]) % 12), 0)
    chroma_now = np.concatenate([[0], rows["chroma"][:-1]]) | own
    begins = np.concatenate([[0], np.cumsum(steps)])
    onset = begins[bar] + position
    nxt_is_note = nxt["time"] != BAR
    nxt_bar = np.minimum(nxt["bar"].astype(np.int64), bars - 1)
    nxt_chord = piece.chords[nxt_bar].astype(np.int64)
    second = nxt["time"] >= np.array([second_chord_at(int(s)) for s in steps])[nxt_bar]
    when = begins[nxt["bar"]] + np.where(nxt_is_note, nxt["time"], 0)
    same_place = (nxt["bar"] == here["bar"]) & (nxt["time"] == here["time"]) & (is_note == 1)
    same_part = same_place & (nxt["part"] == here["part"])
    terminal = nxt["bar"] >= bars

    return {
        "time": _wide(here["time"]),
        "part": _wide(here["part"]),
        "is_note": is_note,
        "pitch": np.where(is_note, _wide(here["pitch"]), NO_PITCH),
        "duration": np.where(is_note, here["duration"], NO_DURATION).astype(np.int64),
        "velocity": np.where(is_note, here["velocity"], VELOCITIES).astype(np.int64),
        "chord": chords[:, 0],
        "second_chord": chords[:, 1],
        "copy": np.where(started, piece.copies[bar], 0).astype(np.int64),
        "countdown": np.minimum(bars - bar + bars_after, LONGEST_COUNTDOWN + 1),
        "phrase": bar % PHRASE,
        "bar_length": steps[bar],
        "chroma_now": chroma_now,
        "ahead_time": np.where(told_any, told["time"], START).astype(np.int64),
        "ahead_part": np.where(told_note, told["part"], 0).astype(np.int64),
        "ahead_is_note": _wide(told_note),
        "ahead_pitch": np.where(told_note, _wide(told["pitch"]), NO_PITCH),
        "ahead_duration": np.where(told_note, told["duration"], NO_DURATION).astype(np.int64),
        "run": _wide(rows["run"]),
        "next_is_note": _wide(nxt_is_note),
        "next_is_bar": _wide(~nxt_is_note & ~terminal),
        "next_time": _wide(nxt["time"]),
        "next_part": _wide(nxt["part"]),
        "next_pitch": np.where(nxt_is_note, nxt["pitch"], 0).astype(np.int64),
        "next_duration": _wide(nxt["duration"]),
        "next_velocity": _wide(nxt["velocity"]),
        "next_copy": _wide(piece.copies[nxt_bar]),
        "next_chord": nxt_chord[:, 0],
        "next_second_chord": nxt_chord[:, 1],
        "chord_then": np.where(second, nxt_chord[:, 1], nxt_chord[:, 0]),
        "earliest_time": np.where(started, position, BAR),
        "lowest_part": np.where(same_place, here["part"], 0).astype(np.int64),
        "lowest_pitch": np.where(same_part, here["pitch"].astype(np.int64) + 1, 0),
        "echo_pitch": _wide(rows["echo_pitch"]),
        "echo_duration": _wide(rows["echo_duration"]),
        "last_pitch": _wide(rows["last_pitch"]),
        "last_duration": _wide(rows["last_duration"]),
        "last_velocity": _wide(rows["last_velocity"]),
        "chroma": _wide(rows["chroma"]),
        "onset": onset,
        "when": when,
        "dynamic": np.full(count + 1, int(piece.dynamic), np.int64),
    } | _given_columns(events, is_given, bar, started)


def _given_columns(
    events: Events, is_given: NDArray[np.bool_] | None, bar: NDArray[np.int64], started: NDArray[np.bool_]
) -> Columns:
    """What each row knows of the given notes; see `core.compose.given`."""
    rows = len(events) + 1
    marks = np.zeros(len(events), bool) if is_given is None else is_given
    place = next_given(events, marks)
    told = events[np.maximum(place, 0)]
    found = place >= 0
    nothing = np.full(rows, NOTHING_GIVEN if is_given is None else BAR)
    return {
        "bar_place": np.where(started, bar + 1, 0),
        "given_time": np.where(found, told["time"], nothing).astype(np.int64),
        "given_part": np.where(found, told["part"], 0).astype(np.int64),
        "given_is_note": _wide(found),
        "given_pitch": np.where(found, _wide(told["pitch"]), NO_PITCH),
        "given_duration": np.where(found, told["duration"], NO_DURATION).astype(np.int64),
        "to_come": chroma_to_come(events, marks),
        "next_is_given": np.append(marks, False).astype(np.int64),
    }


def _wide(values: NDArray) -> NDArray[np.int64]:
    return values.astype(np.int64)


@dataclass(frozen=True)
class Batch:
    """One stretch of every stream.

    Attributes
    ----------
    columns : see `columns`, each [streams, steps, ...]; rows past a piece's end have ``valid`` 0
    wish : int64 [streams, 5], the conditions' classes
    parts : int64 [streams, MOST_PARTS, 4]
    part_count : int64 [streams]
    fresh : bool [streams], whether a stream starts a piece (and its state must be forgotten)
    given_rows : float32 [streams, bars, BAR_ROW], descriptions of the bars' given notes
    open_parts : bool [streams, bars, MOST_PARTS], where new notes may stand
    bars : int64 [streams]
    """

    columns: Columns
    wish: NDArray[np.int64]
    parts: NDArray[np.int64]
    part_count: NDArray[np.int64]
    fresh: NDArray[np.bool_]
    given_rows: NDArray[np.float32]
    open_parts: NDArray[np.bool_]
    bars: NDArray[np.int64]


OPEN_WISH = np.array([len(STYLES), len(COMPOSERS), 2, TEMPI, 1])
OPEN_PART = np.array([0, REGISTERS, POLYPHONIES, DENSITIES])


Marks = tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None]
DrawGiven = Callable[[Piece, np.random.Generator], Marks]


def draw_given(piece: Piece, rng: np.random.Generator) -> Marks:
    """Draw what is given of a piece: nothing, all around regions to fill, some parts, or scattered notes.

    Returns
    -------
    is_given : which events are given [shape=(events,)], or None
    may_open : where new notes may stand [shape=(bars, MOST_PARTS)], or None
    """
    draws = (nothing_given, around_regions, some_parts, scattered_notes)
    return draws[int(rng.choice(len(draws), p=GIVEN_SHARES))](piece, rng)


GIVEN_SHARES = (0.35, 0.25, 0.2, 0.2)
"""How often each kind of given notes is learnt."""


def nothing_given(piece: Piece, rng: np.random.Generator) -> Marks:
    """The piece is composed from nothing."""
    return None, None


def around_regions(piece: Piece, rng: np.random.Generator) -> Marks:
    """Stretches of bars, of all parts or some, are open; what is around them is given."""
    bars, parts = len(piece.bar_steps), len(piece.parts)
    may_open = np.zeros((bars, MOST_PARTS), bool)
    bar = int(rng.integers(0, 5))
    while bar < bars:
        length = int(rng.integers(1, 9))
        chosen = np.ones(parts, bool) if rng.random() < 0.5 else rng.random(parts) < 0.5
        chosen[rng.integers(parts)] = True
        may_open[bar : bar + length, :parts] = chosen
        bar += length + int(rng.integers(1, 6))
    kept = rng.random(len(piece.events)) < (rng.uniform(0, 0.6) if rng.random() < 0.3 else 0.0)
    return _given_where(piece, may_open, kept), may_open


def some_parts(piece: Piece, rng: np.random.Generator) -> Marks:
    """Some parts are given whole, the others are open."""
    parts = len(piece.parts)
    chosen = rng.random(parts) < rng.uniform(0.2, 0.8)
    chosen[rng.integers(parts)] = True
    may_open = np.zeros((len(piece.bar_steps), MOST_PARTS), bool)
    may_open[:, :parts] = chosen
    return _given_where(piece, may_open, np.zeros(len(piece.events), bool)), may_open


def scattered_notes(piece: Piece, rng: np.random.Generator) -> Marks:
    """Single notes are given here and there, or those on the beat; new ones may stand anywhere."""
    may_open = np.ones((len(piece.bar_steps), MOST_PARTS), bool)
    kept = rng.random(len(piece.events)) < rng.uniform(0.05, 0.95)
    if rng.random() < 0.3:
        kept &= piece.events["time"] % 12 == 0
    return _given_where(piece, may_open, kept), may_open


def _given_where(piece: Piece, may_open: NDArray[np.bool_], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Notes where nothing may be added, and those ``kept`` elsewhere."""
    events = piece.events
    closed = ~may_open[events["bar"], np.minimum(events["part"], MOST_PARTS - 1)]
    return (events["time"] != BAR) & (closed | kept)


def _bars_given(
    piece: Piece, is_given: NDArray[np.bool_] | None, may_open: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    bars = len(piece.bar_steps)
    if is_given is None or may_open is None:
        return np.zeros((bars, BAR_ROW), np.float32), np.ones((bars, MOST_PARTS), bool)
    given = Given(piece.events[is_given], may_open)
    return bar_rows(given, piece.bar_steps, len(piece.parts)), may_open


class _Stream:
    """One piece after another, cut into stretches."""

    def __init__(
        self,
        examples: Sequence[Example],
        weights: NDArray[np.float64],
        rng: np.random.Generator,
        infill: bool,
    ) -> None:
        self._examples, self._rng, self._infill = examples, rng, infill
        self._cumulative = np.cumsum(weights) / weights.sum()
        self._next = 0
        self._columns: Columns = {}
        self._length = 0

    def _begin(self) -> None:
        rng = self._rng
        example = self._examples[int(np.searchsorted(self._cumulative, rng.random()))]
        piece, after = example.piece, 0
        bars = len(piece.bar_steps)
        first = 0
        if bars > 6 and rng.random() < 0.55:
            latest = bars - 4
            near_end = rng.random() < 0.5
            first = int(rng.integers(max(0, latest - 32) if near_end else 0, latest))
        last = min(bars, first + 96)
        after = bars - last
        if first or after:
            piece = excerpt(piece, first, last)
        if len(piece.parts) > 1 and rng.random() < 0.2:
            keep = rng.random(len(piece.parts)) < 0.6
            keep[rng.integers(len(keep))] = True
            piece = without_parts(piece, keep)
        is_given, may_open = draw_given(piece, rng) if self._infill else (None, None)
        self._columns = columns(piece, after, is_given)
        self.given_rows, self.open_parts = _bars_given(piece, is_given, may_open)
        self._length = len(piece.events) + 1
        self._next = 0
        wish = np.array([example.style, example.composer, piece.mode, piece.tempo, int(piece.dynamic)])
        opened = rng.random(4) < (0.1, 0.3, 0.1, 0.15)
        wish[:4] = np.where(opened, OPEN_WISH[:4], wish[:4])
        self.wish = wish
        rows = piece.parts.astype(np.int64)
        rows[:, 1:] = np.where(rng.random((len(rows), 3)) < 0.3, OPEN_PART[1:], rows[:, 1:])
        self.parts = np.zeros((MOST_PARTS, 4), np.int64)
        self.parts[: len(rows)] = rows
        self.part_count = len(rows)
        self._last_onset = np.full(MOST_PARTS, -1, np.int64)

    def stretch(self, steps: int) -> tuple[Columns, bool]:
        """The next ``steps`` rows (fewer at a piece's end), and whether a piece begins."""
        fresh = self._next >= self._length
        if fresh:
            self._begin()
        rows = slice(self._next, min(self._next + steps, self._length))
        self._next = rows.stop
        cut = {name: column[rows] for name, column in self._columns.items()}
        part = np.where(cut["is_note"] == 1, cut["part"], -1)
        onset = cut.pop("onset")
        cut["silence"] = silences(part, onset, cut.pop("when"), self._last_onset).astype(np.int64)
        np.maximum.at(self._last_onset, part[part >= 0], onset[part >= 0])
        return cut, fresh


def batches(
    examples: Sequence[Example],
    *,
    weights: NDArray[np.float64],
    streams: int,
    steps: int,
    seed: int,
    infill: bool = False,
) -> Iterator[Batch]:
    """Endless batches of ``streams`` parallel pieces, ``steps`` events at a time; seeded.

    With ``infill`` some pieces have given notes, as `draw_given` draws them.
    """
    seeds = np.random.SeedSequence(seed).spawn(streams)
    running = [_Stream(examples, weights, np.random.default_rng(s), infill) for s in seeds]
    while True:
        cuts = [stream.stretch(steps) for stream in running]
        yield _stack([cut for cut, _ in cuts], running, np.array([fresh for _, fresh in cuts]), steps)


def _stack(
    cuts: Sequence[Columns], running: Sequence[_Stream], fresh: NDArray[np.bool_], steps: int
) -> Batch:
    stacked: Columns = {}
    for name, first in cuts[0].items():
        out = np.zeros((len(cuts), steps, *first.shape[1:]), np.int64)
        for place, cut in enumerate(cuts):
            out[place, : len(cut[name])] = cut[name]
        stacked[name] = out
    valid = np.zeros((len(cuts), steps), np.int64)
    for place, cut in enumerate(cuts):
        valid[place, : len(cut["time"])] = 1
    stacked["valid"] = valid
    bars = np.array([len(s.given_rows) for s in running])
    given_rows = np.zeros((len(cuts), bars.max(), BAR_ROW), np.float32)
    open_parts = np.ones((len(cuts), bars.max(), MOST_PARTS), bool)
    for place, stream in enumerate(running):
        given_rows[place, : bars[place]] = stream.given_rows
        open_parts[place, : bars[place]] = stream.open_parts
    return Batch(
        columns=stacked,
        wish=np.stack([s.wish for s in running]),
        parts=np.stack([s.parts for s in running]),
        part_count=np.array([s.part_count for s in running]),
        fresh=fresh,
        given_rows=given_rows,
        open_parts=open_parts,
        bars=bars,
    )


def whole_pieces(
    examples: Sequence[Example], *, steps: int, most_bars: int = 64, draw: DrawGiven | None = None
) -> Iterator[tuple[Example, Batch]]:
    """Each example once, from its start, with every condition given: for measuring held-out loss.

    ``draw`` chooses the given notes, if there are to be any.
    """
    rng = np.random.default_rng(0)
    for example in examples:
        bars = len(example.piece.bar_steps)
        last = min(bars, most_bars)
        piece = excerpt(example.piece, 0, last)
        is_given, may_open = draw(piece, rng) if draw else (None, None)
        column = columns(piece, bars - last, is_given)
        part = np.where(column["is_note"] == 1, column["part"], -1)
        before = np.full(MOST_PARTS, -1, np.int64)
        column["silence"] = silences(part, column.pop("onset"), column.pop("when"), before).astype(np.int64)
        column["valid"] = np.ones(len(part), np.int64)
        wish = np.array([example.style, example.composer, piece.mode, piece.tempo, int(piece.dynamic)])
        parts = np.zeros((MOST_PARTS, 4), np.int64)
        parts[: len(piece.parts)] = piece.parts
        given_rows, open_parts = _bars_given(piece, is_given, may_open)
        yield (
            example,
            Batch(
                {name: values[None] for name, values in column.items()},
                wish[None],
                parts[None],
                np.array([len(piece.parts)]),
                np.array([True]),
                given_rows[None],
                open_parts[None],
                np.array([len(piece.bar_steps)]),
            ),
        )
