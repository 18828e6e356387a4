"""Songs as the flagship network sees them: bars, parts and one event per note.

Conventions
-----------
* Time is counted in *steps*, twelve to a beat (quarter note): sixteenths, thirty-seconds to the nearest
  step, and triplets all have a place.
* A piece is moved to C major or A minor, so the network learns one key and gives every key exactly.
* *Parts* stand low to high, drums last. An event names its part by place in that order, and the part is
  described by program, register, polyphony and density.
* Each bar opens with a bar event that says how the bar relates to earlier ones (`COPIES`) and which two
  chords it has; then come its notes, by position, part and pitch.

A drum's pitch stands 128 above its General MIDI number, so drums and tones never share an embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.song.harmony import Key
from core.song.notes import (
    DRUM_CHANNEL,
    KeyMark,
    Meter,
    Notes,
    Song,
    Tempo,
    Track,
    make_notes,
)

STEPS_PER_BEAT = 12
LONGEST_BAR = 96
BAR = LONGEST_BAR
"""The time class of a bar event; the classes below it are positions in the bar."""
TIMES = LONGEST_BAR + 1

START = TIMES
"""The time class of the row before the first bar event."""

PHRASE = 16
"""Bars are counted modulo this, so that the network knows where in a phrase it stands."""

MOST_PARTS = 16
DRUMS = 128
"""The program class of a drum part."""
PROGRAMS = 129

PITCHES = 256
NO_PITCH = 256

# fmt: off
DURATIONS = np.array([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 18, 20, 21, 22, 24, 27, 30, 33, 36,
    40, 42, 45, 48, 54, 60, 66, 72, 84, 96, 120, 144, 192,
])
# fmt: on
"""Steps a note may last."""

VELOCITIES = 16
"""Velocity classes, each eight MIDI steps wide."""

LOOKBACKS = (1, 2, 4, 8)
"""How many bars back the network is shown what came next then."""

COPIES = 1 + 2 * len(LOOKBACKS)
"""What a bar is: 0 new, else 1 + 2 * (index into LOOKBACKS) + (1 if it is the very same bar)."""

CHORD_QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10),
}
NO_CHORD = 12 * len(CHORD_QUALITIES)
CHORDS = NO_CHORD + 1

REGISTERS, POLYPHONIES, DENSITIES = 22, 5, 7
"""Classes of a part's mean pitch (six semitones wide), notes per onset, and notes per bar; in each the
class one above the last stands for "left open"."""
_POLYPHONY_EDGES = (1.05, 1.6, 2.6, 3.6)
_DENSITY_EDGES = (1.5, 3, 5, 8, 13, 20)

TEMPI = 16
LONGEST_COUNTDOWN = 32

EVENT = np.dtype(
    [("bar", "<u2"), ("time", "u1"), ("part", "u1"), ("pitch", "u1"), ("duration", "u1"), ("velocity", "u1")]
)
Events = NDArray[np.void]


@dataclass(frozen=True)
class Piece:
    """One encoded piece.

    Attributes
    ----------
    events : ndarray of EVENT [shape=(n,)]
        ``duration`` and ``velocity`` hold classes. Every bar opens with a bar event.
    bar_steps : ndarray of uint8 [shape=(bars,)]
    chords : ndarray of uint8 [shape=(bars, 2)]
    copies : ndarray of uint8 [shape=(bars,)]
    parts : ndarray of uint8 [shape=(parts, 4)]
        Program, register, polyphony, density class.
    mode : 0 major, 1 minor
    tempo : tempo class
    dynamic : whether velocities mean anything
    """

    events: Events
    bar_steps: NDArray[np.uint8]
    chords: NDArray[np.uint8]
    copies: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    mode: int
    tempo: int
    dynamic: bool


def tempo_class(bpm: float) -> int:
    """Sixteen classes, evenly spaced on a logarithmic scale from 40 to 240 beats per minute."""
    return int(np.clip(np.round(np.log2(max(bpm, 1.0) / 40) / np.log2(6) * (TEMPI - 1)), 0, TEMPI - 1))


def duration_class(steps: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The nearest of `DURATIONS`, by ratio."""
    edges = np.sqrt(DURATIONS[1:] * DURATIONS[:-1])
    return np.searchsorted(edges, np.maximum(steps, 1)).astype(np.uint8)


def plain_key(key: Key) -> Key:
    """The major or minor key with the same tonic and third."""
    return Key(key.tonic, "minor" if key.is_minor else "major")


def shift_to_common_key(key: Key) -> int:
    """Semitones from ``key`` to C major or A minor, -5 to 6; modes go by their third."""
    home = 9 if key.is_minor else 0
    return (home - key.tonic + 5) % 12 - 5


def second_chord_at(bar_steps: int) -> int:
    """The step at which a bar's second chord begins."""
    return max(1, bar_steps // 2)


def event_keys(events: Events) -> NDArray[np.int64]:
    """One sortable number an event: bar, then bar event, then position, part, pitch."""
    is_bar = events["time"] == BAR
    within = (events["time"].astype(np.int64) * MOST_PARTS + events["part"]) * PITCHES + events["pitch"] + 1
    return (events["bar"].astype(np.int64) << 20) + np.where(is_bar, 0, within)


def note_key(bar: int, time: int, part: int, pitch: int) -> int:
    """`event_keys` of one note."""
    return (bar << 20) + (time * MOST_PARTS + part) * PITCHES + pitch + 1


def piece_from_song(song: Song, key: Key, *, most_bars: int = 2000, whole: bool = False) -> Piece | None:
    """Encode ``song``; None where there is nothing the network could learn from.

    Parameters
    ----------
    song : Song
    key : its key
    most_bars : bars after this are left out
    whole : keep the bars after the last onset in which notes still sound
    """
    bars = bar_table(song, most_bars, song.end_tick - 1 if whole else None)
    if bars is None:
        return None
    bar_ticks, bar_steps = bars
    per_step = song.ticks_per_beat / STEPS_PER_BEAT
    notes = song.notes[song.notes["onset"] < bar_ticks[-1]]
    if len(notes) < 8:
        return None

    part_of_track, parts, kept = _parts(song, notes, len(bar_steps))
    notes = notes[np.isin(notes["track"], kept)]
    tones = note_events(notes, part_of_track, parts, key, bar_ticks, bar_steps, per_step)
    events = with_bar_events(tones, len(bar_steps))
    starts = np.concatenate([[0], np.cumsum(bar_steps.astype(np.int64))])
    return Piece(
        events=events,
        bar_steps=bar_steps,
        chords=chords_of_bars(events, starts),
        copies=copies_of_bars(events, bar_steps),
        parts=parts,
        mode=int(key.mode == "minor"),
        tempo=tempo_class(_typical_bpm(song)),
        dynamic=_has_dynamics(notes["velocity"]),
    )


def note_events(
    notes: Notes,
    part_of_track: NDArray[np.int64],
    parts: NDArray[np.uint8],
    key: Key,
    bar_ticks: NDArray[np.int64],
    bar_steps: NDArray[np.uint8],
    per_step: float,
) -> Events:
    """Notes as events in order, without bar events; of two with the same place and pitch, one.

    Parameters
    ----------
    part_of_track : the part of every track
    parts : classes of every part
    bar_ticks, bar_steps : tick and steps of every bar, and the tick at which the last ends
    per_step : ticks in a step
    """
    bar = np.searchsorted(bar_ticks, notes["onset"], "right") - 1
    notes, bar = notes[bar < len(bar_steps)], bar[bar < len(bar_steps)]
    step = np.rint((notes["onset"] - bar_ticks[bar]) / per_step).astype(np.int64)
    over = step >= bar_steps[bar]
    bar, step = np.where(over, bar + 1, bar), np.where(over, 0, step)
    inside = bar < len(bar_steps)
    notes, bar, step = notes[inside], bar[inside], step[inside]

    part = part_of_track[notes["track"]]
    is_drum = parts[part, 0] == DRUMS
    pitch = notes["pitch"].astype(np.int64) + np.where(is_drum, 128, shift_to_common_key(key))
    valid = np.where(is_drum, True, (pitch >= 0) & (pitch < 128))
    events = np.zeros(int(valid.sum()), EVENT)
    events["bar"], events["time"], events["part"] = bar[valid], step[valid], part[valid]
    events["pitch"] = pitch[valid]
    events["duration"] = duration_class(np.rint(notes["duration"][valid] / per_step).astype(np.int64))
    events["velocity"] = notes["velocity"][valid] // 8
    _, first = np.unique(event_keys(events), return_index=True)
    return events[first]


def with_bar_events(tones: Events, bars: int) -> Events:
    """Notes in order with a bar event before each bar's."""
    heads = np.zeros(bars, EVENT)
    heads["bar"], heads["time"] = np.arange(bars), BAR
    events = np.concatenate([heads, tones])
    return events[np.argsort(event_keys(events), kind="stable")]


def excerpt(piece: Piece, first_bar: int, last_bar: int) -> Piece:
    """Bars ``first_bar`` to ``last_bar`` (not included) as a piece of its own."""
    a, b = np.searchsorted(piece.events["bar"], (first_bar, last_bar))
    events = piece.events[a:b].copy()
    events["bar"] -= first_bar
    copies = piece.copies[first_bar:last_bar].copy()
    back = np.array((0, *np.repeat(LOOKBACKS, 2)))[copies]
    copies[back > np.arange(len(copies))] = 0
    return replace(
        piece,
        events=events,
        bar_steps=piece.bar_steps[first_bar:last_bar],
        chords=piece.chords[first_bar:last_bar],
        copies=copies,
    )


def bar_table(
    song: Song, most_bars: int, until: int | None
) -> tuple[NDArray[np.int64], NDArray[np.uint8]] | None:
    """(tick of every bar and of the end, steps in every bar); None for a meter out of range.

    The last bar is that of tick ``until``, or of the last onset.
    """
    if until is None:
        until = int(song.notes["onset"].max()) if len(song.notes) else 0
    last = min(song.bars.bar_at(max(0, until)), most_bars - 1)
    ticks = np.array([song.bars.start(bar) for bar in range(last + 2)], np.int64)
    steps = np.rint(np.diff(ticks) * STEPS_PER_BEAT / song.ticks_per_beat).astype(np.int64)
    if steps.min() < 3 or steps.max() > LONGEST_BAR:
        return None
    return ticks, steps.astype(np.uint8)


def kept_tracks(song: Song) -> tuple[list[int], list[int]]:
    """(the track of each part, further drum tracks that play on the one kit).

    At most `MOST_PARTS` tracks, those with the most notes, are kept.
    """
    counts = np.bincount(song.notes["track"], minlength=len(song.tracks))
    mean = np.bincount(song.notes["track"], song.notes["pitch"], len(song.tracks)) / np.maximum(counts, 1)
    kept = [int(t) for t in np.argsort(-counts, kind="stable")[:MOST_PARTS] if counts[t]]
    tones = sorted((t for t in kept if not song.tracks[t].is_drum), key=lambda t: mean[t])
    drums = [t for t in kept if song.tracks[t].is_drum]
    return tones + drums[:1], drums[1:]


def _parts(
    song: Song, notes: Notes, bars: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
    """(part of every track, description of every part, tracks kept)."""
    order, more_drums = kept_tracks(song)
    part_of_track = np.zeros(len(song.tracks), np.int64)
    part_of_track[order] = np.arange(len(order))
    part_of_track[more_drums] = len(order) - 1
    rows = []
    for track in order:
        together = [track, *more_drums] if song.tracks[track].is_drum else [track]
        rows.append(describe_part(song.tracks[track], notes[np.isin(notes["track"], together)], bars))
    return part_of_track, np.array(rows, np.uint8), np.array(order + more_drums, np.int64)


def describe_part(track: Track, notes: Notes, bars: int) -> tuple[int, int, int, int]:
    """(program, register, polyphony, density) classes of a part from its notes."""
    onsets = len(np.unique(notes["onset"]))
    if not onsets:
        return (DRUMS if track.is_drum else track.program, REGISTERS, POLYPHONIES, DENSITIES)
    register = REGISTERS - 1 if track.is_drum else int(notes["pitch"].mean()) // 6
    polyphony = int(np.searchsorted(_POLYPHONY_EDGES, len(notes) / max(onsets, 1)))
    density = int(np.searchsorted(_DENSITY_EDGES, len(notes) / max(bars, 1)))
    return (DRUMS if track.is_drum else track.program, register, polyphony, density)


def _typical_bpm(song: Song) -> float:
    """The tempo that most of the score stands in."""
    ticks = np.array([t.tick for t in song.tempos] + [max(song.end_tick, song.tempos[-1].tick + 1)])
    spans = np.maximum(np.diff(np.minimum(ticks, song.end_tick)), 0)
    order = np.argsort([t.bpm for t in song.tempos])
    reached = np.cumsum(spans[order])
    return song.tempos[order[int(np.searchsorted(reached, reached[-1] / 2))]].bpm


def _has_dynamics(velocity: NDArray[np.uint8]) -> bool:
    counts = np.bincount(velocity // 8, minlength=VELOCITIES)
    return bool((counts > 0).sum() >= 3 and counts.max() < 0.9 * len(velocity))


_TEMPLATES = np.zeros((NO_CHORD, 12), np.float32)
for _quality, _intervals in enumerate(CHORD_QUALITIES.values()):
    for _root in range(12):
        _row = _TEMPLATES[_quality * 12 + _root]
        _row[[(_root + i) % 12 for i in _intervals]] = 1.0
        _row[_root] += 0.25
_TEMPLATES /= np.linalg.norm(_TEMPLATES, axis=1, keepdims=True)
# A plain triad is preferred to a seventh chord that fits no better.
_PRIOR = np.repeat([0.03, 0.03, 0.0, -0.02, -0.02, 0.0, 0.0, 0.0, -0.01], 12).astype(np.float32)


def match_chords(chroma: NDArray[np.float32], bass: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The chord of every row of ``chroma`` [shape=(n, 12)] by template, with the lowest note as a hint.

    Parameters
    ----------
    chroma : how long each pitch class sounds
    bass : pitch class of the lowest note, -1 where nothing sounds
    """
    weight = chroma.copy()
    rows = np.flatnonzero(bass >= 0)
    weight[rows, bass[rows]] += 0.3 * weight[rows].max(1)
    norm = np.linalg.norm(weight, axis=1, keepdims=True)
    score = weight / np.maximum(norm, 1e-6) @ _TEMPLATES.T + _PRIOR
    root_is_bass = np.tile(np.arange(12), len(CHORD_QUALITIES))[None, :] == bass[:, None]
    best = np.argmax(score + 0.05 * root_is_bass, axis=1)
    return np.where(norm[:, 0] > 0, best, NO_CHORD).astype(np.uint8)


def chords_of_bars(events: Events, starts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Two chords a bar from what sounds in each half."""
    bars = len(starts) - 1
    tones = events[(events["time"] != BAR) & (events["pitch"] < 128)]
    onset = starts[tones["bar"]] + tones["time"]
    length = DURATIONS[tones["duration"]]
    splits = np.array([second_chord_at(int(s)) for s in np.diff(starts)])
    edges = np.empty(2 * bars + 1, np.int64)
    edges[0:-1:2], edges[1::2], edges[-1] = (
        starts[:-1],
        np.minimum(starts[:-1] + splits, starts[1:]),
        starts[-1],
    )
    chroma = np.zeros((2 * bars, 12), np.float32)
    lowest = np.full(2 * bars, 999, np.int64)
    first = np.searchsorted(edges, onset, "right") - 1
    for ahead in range(5):  # a note counts in the half bar it starts in and the four after it
        at = first + ahead
        ok = at < 2 * bars
        at_ok = at[ok]
        begin = np.maximum(onset[ok], edges[at_ok])
        sounding = np.minimum(onset[ok] + length[ok], edges[at_ok + 1]) - begin
        heard = sounding > 0
        np.add.at(chroma, (at_ok[heard], tones["pitch"][ok][heard] % 12), sounding[heard])
        np.minimum.at(lowest, at_ok[heard], tones["pitch"][ok][heard])
    return match_chords(chroma, np.where(lowest < 999, lowest % 12, -1)).reshape(bars, 2)


SIMILAR, SAME = 0.6, 0.97


def copies_of_bars(events: Events, bar_steps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """For every bar the earlier bar (of `LOOKBACKS`) that it most resembles, by shared notes."""
    keys = event_keys(events) & ((1 << 20) - 1)
    bounds = np.searchsorted(events["bar"], np.arange(len(bar_steps) + 1))
    bars = [keys[a + 1 : b] for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
    copies = np.zeros(len(bars), np.uint8)
    for bar, mine in enumerate(bars):
        best = SIMILAR - 1e-9
        for index, back in enumerate(LOOKBACKS):
            if back > bar or not len(mine):
                continue
            theirs = bars[bar - back]
            if min(len(mine), len(theirs)) < SIMILAR * max(len(mine), len(theirs)):
                continue
            shared = len(np.intersect1d(mine, theirs, assume_unique=True))
            likeness = shared / (len(mine) + len(theirs) - shared)
            if likeness > best:
                best = likeness
                copies[bar] = 1 + 2 * index + int(likeness >= SAME)
    return copies


def song_frame(
    parts: NDArray[np.uint8],
    names: Sequence[str],
    key: Key,
    bpm: float,
    meter: tuple[int, int],
    ticks_per_beat: int = 480,
) -> Song:
    """A song without notes: a track a part, with tempo, meter and key."""
    channels = iter(c for c in range(16) if c != DRUM_CHANNEL)
    tracks = []
    for place, (row, name) in enumerate(zip(parts, names, strict=True)):
        drum = int(row[0]) == DRUMS
        channel = DRUM_CHANNEL if drum else next(channels, 15)
        tracks.append(
            Track(name[:1].upper() + name[1:], 0 if drum else int(row[0]), channel, drum, colour=place)
        )
    return Song(
        tracks=tuple(tracks),
        ticks_per_beat=ticks_per_beat,
        tempos=(Tempo.from_bpm(0, bpm),),
        meters=(Meter(0, *meter),),
        keys=(KeyMark(0, key.tonic, key.mode),),
    )


def notes_from_events(
    events: Events,
    bar_steps: NDArray[np.uint8],
    key: Key,
    parts: NDArray[np.uint8],
    ticks_per_beat: int = 480,
) -> Notes:
    """Notes in ticks, in ``key``, from events. The inverse of `piece_from_song` on the step grid."""
    starts = np.concatenate([[0], np.cumsum(bar_steps.astype(np.int64))])
    tones = events[events["time"] != BAR]
    is_drum = parts[tones["part"], 0] == DRUMS
    ticks = ticks_per_beat // STEPS_PER_BEAT
    return make_notes(
        onset=(starts[tones["bar"]] + tones["time"]) * ticks,
        duration=DURATIONS[tones["duration"]] * ticks,
        pitch=tones["pitch"].astype(np.int64) - np.where(is_drum, 128, shift_to_common_key(key)),
        velocity=np.clip(tones["velocity"].astype(np.int64) * 8 + 4, 1, 127),
        track=tones["part"],
    )
