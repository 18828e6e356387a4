"""Knowing a piece again from its notes alone.

A piece is reduced to a *sketch*: which pitch begins when, in milliseconds from the first note. Instruments, tracks,
velocities, durations and (where there are enough pitched notes) drums are left out. Two things are made of it:

* The **content id** names the piece: a digest of its onsets in steps of a sixteenth and its pitches counted from the
  lowest. It is the same for a transposition, another tempo, other instruments, and for notes on the grid that were
  moved by less than half a step. Of music off the grid only exact copies have the same.
* The **likeness** of two pieces finds the copies that the id does not. Runs of `RUN` chords, as the intervals of their
  top or bottom line, are looked up in each other. Those that both have tell the transposition and, in order, how the
  time of the one runs in the other's. Then it is counted how many notes of each sound in the other.

Since the last step counts notes one by one, no shared tune, bass or chord scheme makes a copy by itself.
"""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.song.notes import Notes, Song, Tempo, Track, make_notes

SKETCH = np.dtype([("onset", "<i4"), ("pitch", "u1")])
"""A note of a sketch; the onset in milliseconds from the first."""

FEWEST_NOTES = 16
LONGEST_MS = 2**31 - 1
GRID = 4
"""Steps a beat of the content id."""

CHORD_MS = 50
"""Notes that begin within this time are one chord, as hands play them."""

RUN = 6
"""Chords in a run."""

NEAREST_MS, NEAR_SHARE, FARTHEST_MS = 100.0, 0.45, 200.0
"""A note sounds in the other piece if its pitch begins there within `NEAR_SHARE` of the time between two chords, but
no less than `NEAREST_MS` and no more than `FARTHEST_MS`."""

COPY = 0.8
"""Two pieces are copies if each has this share of its notes in the other. docs/register.md has the figures."""

PART, FEWEST_OF_PART, FEWEST_RUNS_OF_PART = 0.9, 64, 32
"""So is one that lies in the other with this share of its notes, if there are enough of them, and enough different
runs, to be no commonplace such as one drum or a scale."""

STEEPEST = 4.0
"""A copy runs at most so many times as fast or as slow."""

MOST_PAIRS = 60_000
MOST_CANDIDATES = 6
FAR_MS = 1e7
LONGEST_HEARD_MS, HEARD_VELOCITY = 1000, 84
NEIGHBOURS = 9

Sketch = NDArray[np.void]
Runs = NDArray[np.uint32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much of two pieces is the same.

    Attributes
    ----------
    of_first : share (0-1) of the first's notes that sound in the second
    of_second : share (0-1) of the second's notes that sound in the first
    semitones : what takes the first's pitches to the second's
    notes : how many notes the shares speak of, the smaller number
    runs : how many different runs the piece with fewer has
    """

    of_first: float = 0.0
    of_second: float = 0.0
    semitones: int = 0
    notes: int = 0
    runs: int = 0

    @property
    def similarity(self) -> float:
        """The smaller share: that of the whole which is the same."""
        return min(self.of_first, self.of_second)

    @property
    def is_part(self) -> bool:
        """Whether the one is hardly more than a part of the other."""
        telling = self.notes >= FEWEST_OF_PART and self.runs >= FEWEST_RUNS_OF_PART
        return telling and max(self.of_first, self.of_second) >= PART

    @property
    def is_copy(self) -> bool:
        """Whether the two are one piece, or one is a part of the other."""
        return self.similarity >= COPY or self.is_part


def sketch_of(song: Song) -> Sketch:
    """What of a song makes it the piece it is [shape=(notes,)], sorted by onset and pitch.

    Raises
    ------
    TunesmithError
        where the song has fewer than `FEWEST_NOTES` different notes, too few to know it by
    """
    notes = _telling_notes(song)
    seconds = song.time.to_seconds(notes["onset"])
    onsets = np.minimum(np.rint(1000 * (seconds - seconds[0])), LONGEST_MS).astype(np.int64)
    place = np.unique(onsets << 8 | notes["pitch"])
    if len(place) < FEWEST_NOTES:
        raise TunesmithError(
            f"the song has {len(place)} different notes; it takes {FEWEST_NOTES} to know a piece by"
        )
    sketch = np.empty(len(place), SKETCH)
    sketch["onset"], sketch["pitch"] = place >> 8, place & 0xFF
    return sketch


def song_of_sketch(sketch: Sketch, title: str = "") -> Song:
    """A song to hear a sketch by: a piano, on which every note lasts until the next chord, a second at most."""
    onsets = sketch["onset"].astype(np.int64)
    following = np.searchsorted(onsets, onsets + CHORD_MS, "right")
    ends = np.append(onsets, onsets[-1] + LONGEST_HEARD_MS)[following]
    lengths = np.clip(ends - onsets, 1, LONGEST_HEARD_MS)
    # At 60 beats a minute and 1000 ticks a beat a tick is a millisecond.
    notes = make_notes(onsets, lengths, sketch["pitch"], HEARD_VELOCITY)
    return Song(
        notes=notes,
        tracks=(Track("Notes"),),
        ticks_per_beat=1000,
        tempos=(Tempo.from_bpm(0, 60),),
        title=title,
    )


def content_id(song: Song) -> str:
    """The name of a piece: ``TS-`` and 80 bits of a digest of its notes, such as TS-4KQ2-7ZMA-77XC-B3PD.

    Raises
    ------
    TunesmithError
        where the song has no notes
    """
    notes = _telling_notes(song)
    steps = (2 * GRID * notes["onset"] + song.ticks_per_beat) // (2 * song.ticks_per_beat)
    pitches = notes["pitch"].astype(np.int64)
    place = np.unique((steps - steps.min()) << 8 | (pitches - pitches.min()))
    digest = base64.b32encode(hashlib.sha256(place.astype("<i8").tobytes()).digest()).decode()
    return "TS-" + "-".join(digest[at : at + 4] for at in range(0, 16, 4))


class Fingerprint:
    """A sketch made ready to be compared; each part is made when it is first asked for."""

    def __init__(self, sketch: Sketch) -> None:
        self.onsets: Floats = sketch["onset"].astype(np.float64)
        self.pitches: Ints = sketch["pitch"].astype(np.int64)

    @cached_property
    def chords(self) -> tuple[Floats, Ints, Ints]:
        """Onset, lowest and highest pitch of each chord."""
        following = np.searchsorted(self.onsets, self.onsets + CHORD_MS, "right").tolist()
        starts = [0]
        while following[starts[-1]] < len(following):
            starts.append(following[starts[-1]])
        low = np.minimum.reduceat(self.pitches, starts)
        return self.onsets[starts], low, np.maximum.reduceat(self.pitches, starts)

    @cached_property
    def runs(self) -> tuple[Runs, Ints, Ints]:
        """Every run as a number, sorted; the chord it begins with; its first pitch."""
        _, low, high = self.chords
        count = max(len(low) - RUN + 1, 0)
        runs = np.zeros((2, count), np.int64)
        for mark, line in enumerate((high, low)):
            steps = np.clip(np.diff(line), -31, 31) + 32
            runs[mark] = mark
            for index in range(RUN - 1):
                runs[mark] = runs[mark] << 6 | steps[index : index + count]
        order = np.argsort(runs, axis=None, kind="stable")
        pitches = np.concatenate([high[:count], low[:count]])
        return runs.ravel()[order].astype(np.uint32), np.tile(np.arange(count), 2)[order], pitches[order]

    @cached_property
    def distinct_runs(self) -> Runs:
        """The runs, each once; what `likeliest` takes."""
        return np.unique(self.runs[0])

    @cached_property
    def near(self) -> Floats:
        """For each note how far, in milliseconds, it may be from one that is the same."""
        onsets = self.chords[0]
        gaps = np.diff(onsets, append=onsets[-1] + FARTHEST_MS)
        usual = _smoothed(gaps)
        at = np.maximum(np.searchsorted(onsets, self.onsets, "right") - 1, 0)
        return np.clip(NEAR_SHARE * usual[at], NEAREST_MS, FARTHEST_MS)

    @cached_property
    def places(self) -> Ints:
        """Pitch and onset of each note in one number, sorted."""
        return np.sort(_places(self.pitches, self.onsets))


def compare(first: Fingerprint, second: Fingerprint) -> Likeness:
    """How much of each of two pieces is in the other, however transposed and at whatever tempo."""
    best = Likeness()
    runs = min(len(first.distinct_runs), len(second.distinct_runs))
    for semitones, times in _alignments(first, second):
        here, there = times
        if not 1 / STEEPEST <= (there[-1] - there[0]) / max(here[-1] - here[0], 1.0) <= STEEPEST:
            continue
        of_first = _share(first, second, (here, there), semitones)
        of_second = _share(second, first, (there, here), -semitones)
        notes = round(min(of_first * len(first.onsets), of_second * len(second.onsets)))
        likeness = Likeness(of_first, of_second, semitones, notes, runs)
        best = max(best, likeness, key=lambda one: one.of_first + one.of_second)
    return best


def likeliest(runs: Runs, known: Sequence[Runs]) -> list[int]:
    """Which of the ``known`` pieces are worth comparing with the one that has these runs, the likeliest first.

    A run that few pieces have tells more. `MOST_CANDIDATES` by all that is shared, and as many by what is shared
    for the piece's length.
    """
    if not known or not len(runs):
        return []
    sizes = np.array([len(one) for one in known])
    everything, owner = np.concatenate(known), np.repeat(np.arange(len(known)), sizes)
    shared = np.isin(everything, runs)
    found, owner = np.unique(everything[shared], return_inverse=True)[1], owner[shared]
    weight = np.log1p(len(known) / np.bincount(found))[found] if len(found) else np.zeros(0)
    score = np.bincount(owner, weight, len(known))
    by_score = np.argsort(-score, kind="stable")[:MOST_CANDIDATES]
    by_share = np.argsort(-score / np.sqrt(sizes + 20), kind="stable")[:MOST_CANDIDATES]
    ranked = dict.fromkeys([*by_score.tolist(), *by_share.tolist()])
    return [index for index in ranked if score[index] > 0]


def _telling_notes(song: Song) -> Notes:
    """The pitched notes; all of them where there are too few of those."""
    drums = [index for index, track in enumerate(song.tracks) if track.is_drum]
    pitched = song.notes[~np.isin(song.notes["track"], drums)]
    notes = pitched if len(pitched) >= FEWEST_NOTES else song.notes
    if not len(notes):
        raise TunesmithError("the song has no notes; there is nothing to know it by")
    return notes


def _alignments(first: Fingerprint, second: Fingerprint) -> Iterator[tuple[int, tuple[Floats, Floats]]]:
    """Guesses how the first lies in the second: semitones, and times of the first with those of the second."""
    whole = tuple(np.quantile(one.onsets, [0.02, 0.98]) for one in (first, second))
    counts = [np.bincount(one.pitches, minlength=128) for one in (first, second)]
    yield int(np.argmax(np.correlate(counts[1], counts[0], "full"))) - 127, (whole[0], whole[1])
    here, there = _shared_runs(first.runs[0], second.runs[0])
    if not len(here):
        return
    lag = second.runs[2][there] - first.runs[2][here]
    lags, votes = np.unique(lag, return_counts=True)
    for semitones in lags[np.argsort(-votes, kind="stable")][:2].tolist():
        chosen = lag == semitones
        pairs = (
            first.chords[0][first.runs[1][here[chosen]]],
            second.chords[0][second.runs[1][there[chosen]]],
        )
        row = _longest_row(*pairs)
        for times in (_without_leaps(*row), _straight(pairs, row)):
            if len(times[0]) > 1:
                yield semitones, times


def _shared_runs(first: Runs, second: Runs) -> tuple[Ints, Ints]:
    """Indices of equal runs in both (sorted) tables; the commonest are left out if there are too many pairs."""
    left, right = np.searchsorted(second, first, "left"), np.searchsorted(second, first, "right")
    times = np.searchsorted(first, first, "right") - np.searchsorted(first, first, "left")
    here = np.flatnonzero(right > left)
    here = here[np.argsort((right - left)[here] * times[here], kind="stable")]
    here = here[: int(np.searchsorted(np.cumsum((right - left)[here]), MOST_PAIRS, "right"))]
    count = (right - left)[here]
    there = np.repeat(left[here] - np.cumsum(count) + count, count) + np.arange(count.sum())
    return np.repeat(here, count), there


def _longest_row(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """The longest row of these pairs of times that goes forward in both pieces."""
    order = np.lexsort((-second, first))
    first, second = first[order], second[order]
    lowest: list[float] = []
    ends: list[int] = []
    before: list[int] = []
    for index, value in enumerate(second.tolist()):
        place = bisect_left(lowest, value)
        before.append(ends[place - 1] if place else -1)
        lowest[place : place + 1] = [value]
        ends[place : place + 1] = [index]
    row = [ends[-1]]
    while before[row[-1]] >= 0:
        row.append(before[row[-1]])
    return first[row[::-1]], second[row[::-1]]


def _without_leaps(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """A row less the pairs that leave the way of their neighbours: these belong to another repeat of the bars."""
    slope = (second[-1] - second[0]) / max(first[-1] - first[0], 1.0)
    rest = second - slope * first
    usual = _smoothed(rest)
    kept = np.abs(rest - usual) <= NEAREST_MS
    return first[kept], np.maximum.accumulate((slope * first + usual)[kept])


def _straight(pairs: tuple[Floats, Floats], row: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The ends of the straight line on which most of the pairs lie.

    Where bars are repeated, the longest row may leap from one repeat into the next; a line cannot.
    """
    steps = min(NEIGHBOURS, len(row[0]) - 1)
    if not steps:
        return row
    slope = float(np.median((row[1][steps:] - row[1][:-steps]) / (row[0][steps:] - row[0][:-steps])))
    first, second = pairs
    for _ in range(3):
        rest = np.sort(second - slope * first)
        count = np.searchsorted(rest, rest + 2 * FARTHEST_MS, "right") - np.arange(len(rest))
        start = rest[np.argmax(count)]
        on_line = (second - slope * first >= start) & (second - slope * first <= start + 2 * FARTHEST_MS)
        x, y = first[on_line], second[on_line]
        if np.ptp(x) < 1:
            return row
        slope = float(np.cov(x, y, bias=True)[0, 1] / np.var(x))
    ends = np.array([first.min(), first.max()])
    if ends[0] == ends[1]:
        return row
    return ends, np.mean(y) + slope * (ends - np.mean(x))


def _share(first: Fingerprint, second: Fingerprint, times: tuple[Floats, Floats], semitones: int) -> float:
    """The share of the first's notes that sound in the second, if ``times`` says when and ``semitones`` where."""
    here, there = times
    slope = (there[-1] - there[0]) / max(here[-1] - here[0], 1.0)
    here = np.concatenate([[here[0] - FAR_MS], here, [here[-1] + FAR_MS]])
    there = np.concatenate([[there[0] - FAR_MS * slope], there, [there[-1] + FAR_MS * slope]])
    onsets = np.interp(first.onsets, here, there)
    pitches = first.pitches + semitones
    known = second.places
    at = np.searchsorted(known, _places(pitches, onsets - first.near))
    found = known[np.minimum(at, len(known) - 1)] <= _places(pitches, onsets + first.near)
    return float(np.mean(found & (at < len(known))))


def _places(pitches: Ints, onsets: Floats) -> Ints:
    """Pitch and onset in one number; no onset reaches into the next pitch."""
    return (pitches << 34) + np.rint(np.clip(onsets, -(2.0**31), 2.0**32)).astype(np.int64)


def _smoothed(values: Floats) -> Floats:
    """The median of each value and its neighbours."""
    padded = np.pad(values, NEIGHBOURS // 2, "edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, NEIGHBOURS), axis=1)
