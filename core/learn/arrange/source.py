"""What an arranger takes from a song: its melody, its backing, and where its bars really start.

Lead sheets may begin with an upbeat that the file counts as a whole bar, and pop transcriptions are
timed after a recording, with a nominal 1/4 meter: so the downbeat is found from the notes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.song.notes import TICKS_PER_BEAT, Notes, Song, empty_notes, sort_notes

STEP = TICKS_PER_BEAT // 4
"""Ticks in a sixteenth note, the arranger's unit of patterns."""

METER_AS = {
    (4, 4): (4, 4), (2, 2): (4, 4), (2, 4): (4, 4), (1, 4): (4, 4), (8, 4): (4, 4), (4, 2): (4, 4),
    (3, 4): (3, 4), (6, 4): (3, 4),
    (6, 8): (6, 8), (12, 8): (6, 8),
}  # fmt: skip
"""Written meter to the meter it is arranged in."""

_MELODY_NAMES = ("melody", "vocal", "voice", "lead", "tune")
_COUNTER_NAMES = ("bridge", "counter")
_SNAPS = np.array([0, 120, 160, 240, 320, 360, 480])
"""Where in a beat notes may start: sixteenths and triplets."""


@dataclass(frozen=True, eq=False)
class Source:
    """A song ready to be arranged; every tick is 1/480 beat and tick 0 starts a bar.

    Attributes
    ----------
    melody : one note at a time
    counter : a second human line, possibly empty
    backing : everything else
    meter : (4, 4), (3, 4) or (6, 8)
    bars : number of whole bars that hold all notes
    bpm : the song's usual tempo
    tempo_is_real : False where the file only has a default tempo
    """

    melody: Notes
    counter: Notes
    backing: Notes
    meter: tuple[int, int]
    bars: int
    bpm: float
    tempo_is_real: bool

    @property
    def bar(self) -> int:
        """Ticks in a bar."""
        return bar_ticks(self.meter)


def bar_ticks(meter: tuple[int, int]) -> int:
    """Ticks in a bar of ``meter``."""
    return 4 * TICKS_PER_BEAT * meter[0] // meter[1]


def read_source(song: Song) -> Source | None:
    """What of ``song`` can be arranged, or None: no melody, no steady meter, no steady beat."""
    meter = usual_meter(song)
    melodic = ~np.isin(song.notes["track"], [i for i, track in enumerate(song.tracks) if track.is_drum])
    notes = _at_480(song.notes[melodic], song.ticks_per_beat)
    if meter is None or len(notes) < 16:
        return None
    melody, counter, backing = _split_parts(song, notes)
    if len(melody) < 12:
        return None
    harmony = backing if len(backing) >= 12 else notes
    offset = _sixteenth_phase(harmony)
    if offset is None:
        return None
    shift = offset + STEP * _downbeat(harmony, offset, bar_ticks(meter))
    bar = bar_ticks(meter)
    first = int(min(part["onset"].min() for part in (melody, counter, backing) if len(part))) - shift
    shift += (first + STEP // 2) // bar * bar
    parts = [_snap(_shifted(part, -shift)) for part in (melody, counter, backing)]
    end = max(int((part["onset"] + part["duration"]).max()) for part in parts if len(part))
    return Source(
        _one_at_a_time(parts[0]), _one_at_a_time(parts[1]), parts[2], meter,
        -(-(end - STEP) // bar), _usual_bpm(song), _tempo_is_real(song),
    )  # fmt: skip


def usual_meter(song: Song) -> tuple[int, int] | None:
    """The meter to arrange ``song`` in; None where it has no single one we have patterns for."""
    spans: dict[tuple[int, int] | None, int] = {}
    ends = [mark.tick for mark in song.meters[1:]] + [max(song.end_tick, song.meters[-1].tick + 1)]
    for mark, end in zip(song.meters, ends, strict=True):
        meter = METER_AS.get((mark.numerator, mark.denominator))
        spans[meter] = spans.get(meter, 0) + max(0, min(end, song.end_tick) - mark.tick)
    meter = max(spans, key=lambda name: spans[name])
    return meter if spans[meter] >= 0.95 * sum(spans.values()) else None


def stretched(source: Source, factor: int) -> Source:
    """Every note ``factor`` times as long, at a tempo that makes up for it: a double-time feel."""

    def stretch(part: Notes) -> Notes:
        copy = part.copy()
        copy["onset"] *= factor
        copy["duration"] *= factor
        return copy

    longer = _with_parts(source, stretch)
    return replace(longer, bars=source.bars * factor, bpm=source.bpm * factor)


def repeated(source: Source, times: int) -> Source:
    """The song played ``times`` times in a row; an upbeat falls into the last bar of the time before."""
    end = int(source.melody["onset"][-1] + source.melody["duration"][-1])
    first = int(source.melody["onset"][0])
    upbeat = 0 < first < source.bar and end <= (source.bars - 1) * source.bar + first
    bars = source.bars - upbeat

    def repeat(part: Notes) -> Notes:
        return np.concatenate([_shifted(part, bars * source.bar * index) for index in range(times)])

    return replace(_with_parts(source, repeat), bars=bars * (times - 1) + source.bars)


def later(source: Source, ticks: int) -> Source:
    """The song after ``ticks`` of silence."""
    moved = _with_parts(source, lambda part: _shifted(part, ticks))
    return replace(moved, bars=source.bars + -(-ticks // source.bar))


def _with_parts(source: Source, change: Callable[[Notes], Notes]) -> Source:
    return replace(
        source,
        melody=change(source.melody),
        counter=change(source.counter),
        backing=change(source.backing),
    )


def _at_480(notes: Notes, ticks_per_beat: int) -> Notes:
    if ticks_per_beat == TICKS_PER_BEAT:
        return notes.copy()
    scaled = notes.copy()
    end = np.rint((notes["onset"] + notes["duration"]) * (TICKS_PER_BEAT / ticks_per_beat)).astype(np.int64)
    scaled["onset"] = np.rint(notes["onset"] * (TICKS_PER_BEAT / ticks_per_beat))
    scaled["duration"] = np.maximum(1, end - scaled["onset"])
    return scaled


def _split_parts(song: Song, notes: Notes) -> tuple[Notes, Notes, Notes]:
    used = [int(track) for track in np.unique(notes["track"])]
    names = {track: song.tracks[track].name.lower() if track < len(song.tracks) else "" for track in used}
    named = [track for track in used if any(word in names[track] for word in _MELODY_NAMES)]
    if len(used) == 1:
        top = _top_line(notes)
        return notes[top], empty_notes(), notes[~top]
    lead = named[0] if named else max(used, key=lambda track: _leadership(notes[notes["track"] == track]))
    second = [t for t in used if t != lead and any(word in names[t] for word in _COUNTER_NAMES)]
    is_counter = np.isin(notes["track"], second)
    is_lead = notes["track"] == lead
    return notes[is_lead], notes[is_counter], notes[~is_lead & ~is_counter]


def _leadership(notes: Notes) -> float:
    """How much a track looks like the tune: high, and one note at a time."""
    together = 1 - len(np.unique(notes["onset"])) / len(notes)
    return float(notes["pitch"].mean()) - 40 * together


def _top_line(notes: Notes) -> NDArray[np.bool_]:
    """The highest note of each onset, where it is not far under the note before."""
    order = np.lexsort((-notes["pitch"].astype(int), notes["onset"]))
    onsets = notes["onset"][order]
    first = np.concatenate([[True], onsets[1:] != onsets[:-1]])
    top = np.zeros(len(notes), bool)
    top[order[first]] = True
    return top & (notes["pitch"] >= np.median(notes["pitch"]))


def _sixteenth_phase(notes: Notes) -> int | None:
    """Where in a sixteenth the notes' grid lies, 0-119 ticks; None where there is no steady grid."""
    turns = np.exp(2j * np.pi * notes["onset"] / STEP)
    mean = turns.mean()
    if abs(mean) < 0.4:
        return None
    for piece in np.array_split(turns, max(1, len(turns) // 200)):
        # The grid must not drift: each stretch of the song has to agree with the whole.
        if abs(piece.mean()) > 0.5 and (piece.mean() * np.conj(mean)).real < 0.5 * abs(piece.mean() * mean):
            return None
    phase = round(float(np.angle(mean)) / (2 * np.pi) * STEP)
    return 0 if abs(phase) <= 3 else phase % STEP


def _downbeat(notes: Notes, offset: int, bar: int) -> int:
    """The sixteenth of the bar (0 to 15 in 4/4) on which bars start."""
    steps = bar // STEP
    at = np.rint((notes["onset"] - offset) / STEP).astype(np.int64)
    weight = np.minimum(notes["duration"], 2 * TICKS_PER_BEAT) / TICKS_PER_BEAT
    weight = weight * np.where(notes["pitch"] < 53, 2.5, 1.0)
    strength = np.bincount(at % steps, weight, steps) / weight.sum()
    half = steps // 2
    novelty = _novelty(notes, at, steps)
    score = strength + novelty
    if steps == 16:
        score = (
            score + 0.5 * np.roll(strength, -half) + 0.3 * (np.roll(strength, -4) + np.roll(strength, -12))
        )
    # In doubt, bars start where the file says.
    score[0] += 0.05 * score.max() if offset == 0 else 0
    return int(score.argmax())


def _novelty(notes: Notes, at: NDArray[np.int64], steps: int) -> NDArray[np.float64]:
    """How much the harmony changes at each sixteenth of the bar; sums to 1."""
    low = int(at.min())
    chroma = np.zeros((int(at.max()) - low + 1, 12))
    np.add.at(chroma, (at - low, notes["pitch"] % 12), 1.0)
    chroma = np.minimum(chroma, 1.5)
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(chroma, axis=0)])
    reach = steps // 2
    place = np.arange(reach, len(chroma) - reach)
    if not len(place):
        return np.zeros(steps)
    before = sums[place] - sums[place - reach]
    after = sums[place + reach] - sums[place]
    norms = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    change = np.where(norms > 0, 1 - (before * after).sum(axis=1) / np.maximum(norms, 1e-9), 0)
    change = np.where(chroma[place].sum(axis=1) > 0, change**2, 0)
    table = np.bincount((place + low) % steps, change, steps)
    return table / max(table.sum(), 1e-9)


def _shifted(notes: Notes, ticks: int) -> Notes:
    moved = notes.copy()
    moved["onset"] += ticks
    return moved


def _snap(notes: Notes) -> Notes:
    """Onsets on sixteenths or triplets, ends on the same grid."""
    snapped = notes.copy()
    onset = np.maximum(_snapped(notes["onset"]), 0)
    end = _snapped(notes["onset"] + notes["duration"])
    snapped["onset"] = onset
    snapped["duration"] = np.maximum(end - onset, STEP)
    return sort_notes(snapped)


def _snapped(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    beat, rest = np.divmod(np.rint(ticks).astype(np.int64), TICKS_PER_BEAT)
    nearest = np.abs(rest[:, None] - _SNAPS[None, :]).argmin(axis=1)
    return beat * TICKS_PER_BEAT + _SNAPS[nearest]


def _one_at_a_time(notes: Notes) -> Notes:
    """The highest note of each onset, each ending before the next starts; small gaps are closed."""
    if not len(notes):
        return notes
    order = np.lexsort((-notes["pitch"].astype(int), notes["onset"]))
    line = notes[order]
    line = line[np.concatenate([[True], line["onset"][1:] != line["onset"][:-1]])].copy()
    room = np.diff(line["onset"], append=line["onset"][-1] + line["duration"][-1])
    gap = room - line["duration"]
    line["duration"] = np.where((gap < 0) | ((gap > 0) & (gap <= STEP)), room, line["duration"])
    return line


def _usual_bpm(song: Song) -> float:
    ends = [mark.tick for mark in song.tempos[1:]] + [max(song.end_tick, song.tempos[-1].tick + 1)]
    spans = np.array([end - mark.tick for mark, end in zip(song.tempos, ends, strict=True)], float)
    tempos = np.array([mark.bpm for mark in song.tempos])
    order = tempos.argsort()
    middle = np.searchsorted(np.cumsum(spans[order]), spans.sum() / 2)
    return float(tempos[order][min(middle, len(tempos) - 1)])


def _tempo_is_real(song: Song) -> bool:
    return len(song.tempos) > 1 or round(song.tempos[0].bpm, 1) not in (110.0, 120.0)
