"""Scores as the score embedding sees them: bars, each with at most four tones' parts and drums.

Conventions
-----------
* Time, pitch, duration and velocity are the classes of `core.compose.encoding`, in C major or A minor.
* A piece's parts are laid on five *slots*: bass, low, high, melody, drums. Where there are more parts, those with
  the least to say join their neighbour in register; what then sounds twice is kept once. One network can so read
  and write a flute alone and an orchestra, and what lies between a song for three and a song for five has a place.
* A *cell* is what one slot has in one bar: a row of events by position and pitch. A *unit* is `UNIT_BARS` bars.
* Which slots there are, their instruments, key, tempo and meters are no part of a latent vector: they stand beside
  it in a `Frame`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.compose.encoding import (
    BAR,
    DRUMS,
    STEPS_PER_BEAT,
    Events,
    Piece,
    notes_from_events,
    piece_from_song,
    plain_key,
    song_frame,
)
from core.errors import TunesmithError
from core.song.harmony import Key, estimate_key, pitched_notes
from core.song.instruments import instrument_name
from core.song.notes import Meter, Song

SLOTS = ("bass", "low", "high", "melody", "drums")
DRUM_SLOT = len(SLOTS) - 1
NO_PROGRAM = 129
"""The program class of a slot that nobody plays in; 128 is the drums'."""

SEATS = {1: (3,), 2: (0, 3), 3: (0, 1, 3), 4: (0, 1, 2, 3)}
"""So many parts with pitches, low to high, take these slots."""

UNIT_BARS = 2
MOST_IN_CELL = 40
"""Events of a cell that are read or written; one in a thousand has more."""

MOST_BARS = 2000


@dataclass(frozen=True)
class Frame:
    """What stands beside the latent vectors of a piece.

    Attributes
    ----------
    key : major or minor
    bpm : quarter notes a minute
    bar_steps : steps of every bar [shape=(bars,)]
    signatures : numerator and denominator of every bar [shape=(bars, 2)]
    programs : program class of every slot [shape=(len(SLOTS),)]
    """

    key: Key
    bpm: float
    bar_steps: NDArray[np.uint8]
    signatures: NDArray[np.int64]
    programs: NDArray[np.int64]

    @property
    def units(self) -> int:
        """How many units its bars fill; the last may be filled in part."""
        return -(-len(self.bar_steps) // UNIT_BARS)

    @property
    def padded_steps(self) -> NDArray[np.uint8]:
        """Steps of every bar of every unit, the last bar repeated to fill the last [shape=(units, UNIT_BARS)]."""
        missing = self.units * UNIT_BARS - len(self.bar_steps)
        filled = np.concatenate([self.bar_steps, np.repeat(self.bar_steps[-1:], missing)])
        return filled.reshape(self.units, UNIT_BARS)


@dataclass(frozen=True)
class Sheet:
    """A piece on slots: ``events`` has slots for parts, in the order of `sort_cells`, and no bar events."""

    frame: Frame
    events: Events


def read_sheet(song: Song) -> Sheet:
    """Lay a song on slots.

    Raises
    ------
    TunesmithError
        If it has too few notes, or bars longer than eight beats.
    """
    tones = pitched_notes(song)
    key = plain_key(estimate_key(tones if len(tones) else song.notes)[0])
    piece = piece_from_song(song, key, most_bars=MOST_BARS)
    if piece is None:
        raise TunesmithError(
            "the score embedding needs a score of eight notes or more, in bars of a quaver to eight beats"
        )
    events, programs = on_slots(piece)
    marks = [song.bars.meter_at(song.bars.start(bar)) for bar in range(len(piece.bar_steps))]
    signatures = np.array([(mark.numerator, mark.denominator) for mark in marks], np.int64)
    return Sheet(Frame(key, _typical_bpm(song), piece.bar_steps, signatures, programs), events)


def write_song(frame: Frame, events: Events, title: str = "") -> Song:
    """The song of events on slots; the inverse of `read_sheet` on the grid of steps."""
    seated = np.flatnonzero(frame.programs != NO_PROGRAM)
    parts = np.zeros((len(seated), 4), np.uint8)
    parts[:, 0] = frame.programs[seated]
    names = [_part_name(int(slot), int(frame.programs[slot])) for slot in seated]
    place = np.zeros(len(SLOTS), np.uint8)
    place[seated] = np.arange(len(seated))
    on_parts = events.copy()
    on_parts["part"] = place[events["part"]]
    song = song_frame(parts, names, frame.key, frame.bpm, (4, 4))
    return replace(
        song,
        notes=notes_from_events(on_parts, frame.bar_steps, frame.key, parts),
        meters=_meters(frame, song.ticks_per_beat),
        title=title,
    )


def on_slots(piece: Piece) -> tuple[Events, NDArray[np.int64]]:
    """(a piece's notes with slots for parts, program class of every slot)."""
    tones = piece.events[piece.events["time"] != BAR]
    groups = _joined(piece.parts[:, 0], np.bincount(tones["part"], minlength=len(piece.parts)))
    slot_of_part = np.zeros(len(piece.parts), np.uint8)
    programs = np.full(len(SLOTS), NO_PROGRAM, np.int64)
    for slot, members, program in groups:
        slot_of_part[members] = slot
        programs[slot] = program
    events = tones.copy()
    events["part"] = slot_of_part[tones["part"]]
    return sort_cells(events), programs


def sort_cells(events: Events) -> Events:
    """Events by bar, slot, position and pitch; of two alike the longer, and no more than `MOST_IN_CELL` a cell."""
    place = cell_numbers(events) << 16 | events["time"].astype(np.int64) << 8 | events["pitch"]
    order = np.lexsort((-events["duration"].astype(np.int64), place))
    kept = order[np.r_[True, np.diff(place[order]) > 0]] if len(order) else order
    cells = cell_numbers(events[kept])
    first = np.searchsorted(cells, cells)
    return events[kept[np.arange(len(kept)) - first < MOST_IN_CELL]]


def cell_numbers(events: Events) -> NDArray[np.int64]:
    """Bar times slots plus slot of every event."""
    return events["bar"].astype(np.int64) * len(SLOTS) + events["part"]


def cell_bounds(events: Events, bars: int) -> NDArray[np.int64]:
    """Where every cell's events begin, and the end [shape=(bars * len(SLOTS) + 1,)]."""
    return np.searchsorted(cell_numbers(events), np.arange(bars * len(SLOTS) + 1))


def _joined(programs: NDArray[np.uint8], counts: NDArray[np.int64]) -> list[tuple[int, list[int], int]]:
    """(slot, parts in it, program) of every slot that is played in."""
    groups = [([part], int(counts[part])) for part in range(len(programs)) if programs[part] != DRUMS]
    while len(groups) > DRUM_SLOT:
        sums = [groups[i][1] + groups[i + 1][1] for i in range(len(groups) - 1)]
        at = int(np.argmin(sums))
        groups[at : at + 2] = [(groups[at][0] + groups[at + 1][0], sums[at])]
    joined = [(slot, members) for slot, (members, _) in zip(SEATS.get(len(groups), ()), groups, strict=True)]
    drums = [part for part in range(len(programs)) if programs[part] == DRUMS]
    if drums:
        joined.append((DRUM_SLOT, drums))
    return [
        (slot, members, int(programs[max(members, key=lambda part: int(counts[part]))]))
        for slot, members in joined
    ]


def _typical_bpm(song: Song) -> float:
    """The tempo that most of the score stands in."""
    ends = [*(tempo.tick for tempo in song.tempos[1:]), max(song.end_tick, song.tempos[-1].tick)]
    spans = [
        max(0, min(end, song.end_tick) - tempo.tick) for tempo, end in zip(song.tempos, ends, strict=True)
    ]
    return song.tempos[int(np.argmax(spans))].bpm


def _part_name(slot: int, program: int) -> str:
    return "drums" if slot == DRUM_SLOT else f"{instrument_name(program)} ({SLOTS[slot]})"


def _meters(frame: Frame, ticks_per_beat: int) -> tuple[Meter, ...]:
    """A mark where the time signature changes, and after a bar that is shorter than its own."""
    steps, signatures = frame.bar_steps.astype(np.int64), frame.signatures
    whole = 4 * STEPS_PER_BEAT * signatures[:, 0] // signatures[:, 1]
    marked = np.r_[True, (np.diff(signatures, axis=0) != 0).any(1) | (steps != whole)[:-1]]
    starts = np.concatenate([[0], np.cumsum(steps)[:-1]]) * ticks_per_beat // STEPS_PER_BEAT
    return tuple(Meter(int(starts[bar]), *map(int, signatures[bar])) for bar in np.flatnonzero(marked))
