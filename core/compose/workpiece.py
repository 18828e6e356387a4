"""What lies on the bench when composing begins: a new sheet, or a song with the place that is to be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.compose.constraints import planned_notes
from core.compose.encoding import (
    BAR,
    DRUMS,
    DURATIONS,
    EVENT,
    LONGEST_BAR,
    MOST_PARTS,
    STEPS_PER_BEAT,
    Events,
    bar_table,
    chords_of_bars,
    copies_of_bars,
    describe_part,
    kept_tracks,
    note_events,
    shift_to_common_key,
    song_frame,
    with_bar_events,
)
from core.compose.given import Given
from core.compose.planning import Row, plan_parts
from core.compose.request import Request
from core.errors import TunesmithError
from core.song.harmony import Key, estimate_key, parse_key, pitched_notes
from core.song.instruments import instrument_name
from core.song.notes import Notes, Song, make_notes

MEMORY_BARS = 48
"""Bars of a song that the network reads before those it writes."""

OUTLOOK_BARS = 32
"""Bars that it is told of after them."""

MOST_BARS = 256

TICKS_PER_BEAT = 480

POLYPHONY_CLASSES = (0, 2, 3, 4, 4)
"""The polyphony class of a part that begins 1, 2, 3, 4, 5 notes together."""


@dataclass(frozen=True)
class Workpiece:
    """A stretch of a song, of which bars ``first`` to ``last`` are to be written.

    Bars are counted from the stretch's first, which is bar ``offset`` of the song.

    Attributes
    ----------
    song : what stands and stays, with a track for every part
    key : of the song
    rows : classes of every part, low to high with drums last
    tracks : the track of every part
    bar_steps : steps of every bar of the stretch [shape=(bars,)]
    read : events of the bars before ``first``, with bar events
    chords, copies : of the bars as they stood [shape=(bars, 2)], [shape=(bars,)]
    given : notes that stand in the stretch, unless nothing comes after what is written
    keeps_form : the written bars keep their chords and form
    whole_bars : bars of the whole song when it is done
    notes_a_bar : how many notes every part is to have in a bar: as many as it has in the song
    """

    song: Song
    key: Key
    rows: list[Row]
    tracks: list[int]
    bar_steps: NDArray[np.uint8]
    first: int
    last: int
    offset: int = 0
    read: Events = field(default_factory=lambda: np.zeros(0, EVENT))
    chords: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 2), np.uint8))
    copies: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    given: Given | None = None
    keeps_form: bool = False
    whole_bars: int = 0
    notes_a_bar: list[float] = field(default_factory=list)

    def notes(self, events: Events) -> Notes:
        """New events as notes of the song."""
        per_step = self.song.ticks_per_beat / STEPS_PER_BEAT
        starts = np.array([self.song.bars.start(self.offset + bar) for bar in range(len(self.bar_steps))])
        drum = np.array([row[0] == DRUMS for row in self.rows])[events["part"]]
        onset = starts[events["bar"]] + np.rint(events["time"] * per_step).astype(np.int64)
        lasting = DURATIONS[events["duration"]] * per_step
        return make_notes(
            onset=onset,
            duration=np.maximum(np.rint(lasting), 1).astype(np.int64),
            pitch=events["pitch"].astype(np.int64) - np.where(drum, 128, shift_to_common_key(self.key)),
            velocity=np.clip(events["velocity"].astype(np.int64) * 8 + 4, 1, 127),
            track=np.array(self.tracks)[events["part"]],
        )

    def finished(self, notes: Notes) -> Song:
        """The song with new notes, which give way to those that stood."""
        return self.song.with_notes(
            np.concatenate([self.song.notes, beside(self.song.notes, without_overlaps(notes))])
        )


def new_sheet(request: Request, habits: Mapping[str, Any], rng: np.random.Generator) -> Workpiece:
    """A new song: only its parts are planned.

    Raises
    ------
    TunesmithError
        For instruments, a key or a meter that cannot be.
    """
    key = parse_key(request.key or "C major")
    plan = plan_parts(request.instruments, request.style, habits, request.density, rng)
    firsts = [plan.rows[plan.tracks.index(track)] for track in range(len(plan.names))]
    frame = song_frame(np.array(firsts), plan.names, key, request.tempo, request.meter, TICKS_PER_BEAT)
    return Workpiece(
        song=replace(frame, title=f"{request.style.capitalize() or 'Tune'} in {key.name}"),
        key=key,
        rows=[_wished(row, request) for row in plan.rows],
        tracks=plan.tracks,
        bar_steps=np.full(request.bars, steps_in_bar(request.meter), np.uint8),
        first=0,
        last=request.bars,
        whole_bars=request.bars,
    )


def _wished(row: Row, request: Request) -> Row:
    """A new part's classes, moved to where the request wants them."""
    program, register, polyphony, density = row
    if program == DRUMS:
        return row
    if request.polyphony is not None:
        polyphony = POLYPHONY_CLASSES[request.polyphony - 1]
    if request.register is not None:
        register = int(np.clip(register + round((2 * request.register - 1) * 4), 4, 16))
    return program, register, polyphony, density


def song_on_the_bench(request: Request, habits: Mapping[str, Any], rng: np.random.Generator) -> Workpiece:
    """The song of ``request``, with what is to be written of it taken off.

    Raises
    ------
    TunesmithError
        Where there is nothing to go by, or nothing to write.
    """
    song, key = _song_and_key(request)
    last_bar = song.bars.bar_at(max(song.end_tick - 1, 0))
    wanted = request.first_bar + request.bars if request.task == "fill" else last_bar + 1
    if wanted > last_bar + 1 + MOST_BARS:
        raise TunesmithError(
            f"bar {request.first_bar + 1} is far beyond the song's end at bar {last_bar + 1}"
        )
    table = bar_table(song, max(wanted, last_bar + 1), song.bars.start(max(wanted, last_bar + 1)) - 1)
    if table is None:
        raise TunesmithError("the song has bars shorter than a sixteenth or longer than eight beats")
    ticks, steps = table
    if request.task == "continue":
        more = np.full(request.bars, steps[-1], np.uint8)
        first, last = len(steps), len(steps) + request.bars
        steps = np.concatenate([steps, more])
        ticks = np.concatenate([ticks, ticks[-1] + np.cumsum(np.diff(ticks)[-1:].repeat(request.bars))])
    elif request.task == "fill":
        first, last = request.first_bar, request.first_bar + request.bars
    else:
        first, last = 0, len(steps)
    offset = max(0, first - MEMORY_BARS)
    end = min(len(steps), last + OUTLOOK_BARS)
    if last - first > MOST_BARS:
        raise TunesmithError(f"at most {MOST_BARS} bars can be written at once; mark fewer")

    song, rows, tracks, part_of_track, writable = _parts(song, request, habits, rng)
    goes = _replaced(song, request, ticks[first], ticks[last], writable, rng)
    per_step = song.ticks_per_beat / STEPS_PER_BEAT

    def events_of(notes: Notes) -> Events:
        heard = notes[(part_of_track[notes["track"]] >= 0) & (notes["onset"] >= ticks[offset])]
        return note_events(
            heard, part_of_track, np.array(rows, np.uint8), key, ticks[offset : end + 1],
            steps[offset:end], per_step,
        )  # fmt: skip

    bar_steps = steps[offset:end]
    whole = with_bar_events(events_of(song.notes), len(bar_steps))
    starts = np.concatenate([[0], np.cumsum(bar_steps.astype(np.int64))])
    stands = events_of(song.notes[~goes])
    may_open = np.zeros((len(bar_steps), MOST_PARTS), bool)
    may_open[first - offset : last - offset, : len(rows)] = [track in writable for track in tracks]
    read = with_bar_events(stands, len(bar_steps))
    return Workpiece(
        song=song.with_notes(song.notes[~goes]),
        key=key,
        rows=rows,
        tracks=tracks,
        bar_steps=bar_steps,
        first=first - offset,
        last=last - offset,
        offset=offset,
        read=read[read["bar"] < first - offset],
        chords=chords_of_bars(whole, starts),
        copies=copies_of_bars(whole, bar_steps),
        given=None if request.task == "continue" else Given(stands, may_open),
        keeps_form=request.task == "vary",
        whole_bars=len(steps) - offset,
        notes_a_bar=_usual_notes(whole, rows, len(bar_steps)),
    )


def _usual_notes(events: Events, rows: Sequence[Row], bars: int) -> list[float]:
    """Notes in a bar of every part, as it stands; of one that has none yet, as it was planned."""
    tones = events[events["time"] != BAR]
    counts = np.bincount(tones["part"], minlength=len(rows))
    return [
        float(count) / bars if count else planned_notes(row) for count, row in zip(counts, rows, strict=True)
    ]


def _song_and_key(request: Request) -> tuple[Song, Key]:
    song = request.song
    if song is None or not len(song.notes):
        raise TunesmithError(f"there is no song to {request.task}; open one that has notes")
    tones = pitched_notes(song)
    if not len(tones):
        raise TunesmithError(
            f"there are no pitched notes to {request.task} from; open a song with a melody or chords"
        )
    return song, parse_key(request.key) if request.key else estimate_key(tones)[0]


def _parts(
    song: Song, request: Request, habits: Mapping[str, Any], rng: np.random.Generator
) -> tuple[Song, list[Row], list[int], NDArray[np.int64], set[int]]:
    """The song with tracks for new parts, the parts' classes and tracks, the part of every track, and the tracks
    that may be written to.
    """
    ordered, more_drums = kept_tracks(song)
    bars = song.bars.bar_at(max(song.end_tick - 1, 0)) + 1
    parts: list[tuple[float, Row, int]] = []
    for track in ordered:
        together = [track, *more_drums] if song.tracks[track].is_drum else [track]
        notes = song.notes[np.isin(song.notes["track"], together)]
        parts.append((float(notes["pitch"].mean()), describe_part(song.tracks[track], notes, bars), track))
    _check_tracks(song, request)
    fresh = [track for track in request.tracks if track not in {*ordered, *more_drums}]
    if request.task == "fill" and fresh:
        names = [_instrument(song, track) for track in fresh]
    else:
        names, fresh = (list(request.instruments), []) if request.task == "accompany" else ([], [])
    if names or request.task == "accompany":
        plan = plan_parts(names, request.style, habits, request.density, rng)
        if any(row[0] == DRUMS for row in plan.rows) and any(row[0] == DRUMS for _, row, _ in parts):
            raise TunesmithError("the song has drums already; leave drums out of the instruments")
        if not fresh:
            song = _with_tracks(
                song, plan.names, [plan.rows[plan.tracks.index(i)] for i in range(len(plan.names))]
            )
            fresh = list(range(len(song.tracks) - len(plan.names), len(song.tracks)))
        else:
            fresh = [fresh[names.index(name)] for name in plan.names]
        parts += [
            (row[1] * 6 + 3.0, _wished(row, request), fresh[place])
            for row, place in zip(plan.rows, plan.tracks, strict=True)
        ]
    if len(parts) > MOST_PARTS:
        raise TunesmithError(
            f"at most {MOST_PARTS} parts can play together; accompany a song with fewer tracks"
        )
    parts.sort(key=lambda part: (part[1][0] == DRUMS, part[0]))
    part_of_track = np.full(len(song.tracks), -1, np.int64)
    for place, (_, _, track) in enumerate(parts):
        part_of_track[track] = place
    part_of_track[more_drums] = len(parts) - 1
    if request.task == "accompany":
        writable = set(fresh)
    else:
        writable = set(request.tracks) or {track for _, _, track in parts} | set(more_drums)
    return song, [row for _, row, _ in parts], [track for _, _, track in parts], part_of_track, writable


def _check_tracks(song: Song, request: Request) -> None:
    for track in request.tracks:
        if not 0 <= track < len(song.tracks):
            raise TunesmithError(f"there is no track {track + 1}; the song has {len(song.tracks)}")


def _instrument(song: Song, track: int) -> str:
    return "drums" if song.tracks[track].is_drum else instrument_name(song.tracks[track].program)


def _with_tracks(song: Song, names: Sequence[str], rows: Sequence[Row]) -> Song:
    """The song with further, empty tracks, on channels that it leaves free."""
    frame = song_frame(np.array(rows), names, Key(0, "major"), 120, (4, 4))
    used = {track.channel for track in song.tracks}
    free = iter(channel for channel in range(16) if channel not in used and channel != 9)
    tracks = [
        replace(
            track, colour=len(song.tracks) + place, channel=9 if track.is_drum else next(free, track.channel)
        )
        for place, track in enumerate(frame.tracks)
    ]
    return replace(song, tracks=(*song.tracks, *tracks))


def _replaced(
    song: Song, request: Request, begin: int, end: int, writable: set[int], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Which notes make room for new ones."""
    notes = song.notes
    if request.task in ("accompany", "continue"):
        return np.zeros(len(notes), bool)
    goes = (notes["onset"] >= begin) & (notes["onset"] < end) & np.isin(notes["track"], list(writable))
    if request.task == "vary":
        goes &= rng.random(len(notes)) < request.amount
    locked = np.array(request.locked, np.int64)
    goes[locked[(locked >= 0) & (locked < len(notes))]] = False
    return goes


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


def beside(standing: Notes, notes: Notes) -> Notes:
    """New notes that leave those that stand alone: none begins where its pitch sounds, none lasts into it."""
    order = np.lexsort((standing["onset"], standing["pitch"], standing["track"]))
    standing = standing[order]
    line = standing["track"].astype(np.int64) * 128 + standing["pitch"]
    mine = notes["track"].astype(np.int64) * 128 + notes["pitch"]
    span = int(max(standing["onset"].max(initial=0), notes["onset"].max(initial=0))) + 1
    after = np.searchsorted(line * span + standing["onset"], mine * span + notes["onset"], "left")
    kept = notes.copy()
    fits = np.ones(len(notes), bool)
    has_next = after < len(standing)
    nxt = np.minimum(after, max(len(standing) - 1, 0))
    if len(standing):
        same = has_next & (line[nxt] == mine)
        gap = np.where(same, standing["onset"][nxt] - notes["onset"], np.iinfo(np.int32).max)
        fits &= gap > 0
        kept["duration"] = np.minimum(kept["duration"], np.maximum(gap, 1))
        before = np.maximum(after - 1, 0)
        sounds = (after > 0) & (line[before] == mine)
        fits &= ~sounds | (standing["onset"][before] + standing["duration"][before] <= notes["onset"])
    return kept[fits]
