"""The players: from the chords and the form to the notes of one part.

Every function gives a list of (onset, duration, pitch, velocity); velocities still lack the human touch
and overlaps are cut later, for all parts alike (see `band`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import numpy as np

from core.learn.arrange.chords import Chord
from core.learn.arrange.form import Bar
from core.learn.arrange.patterns import PatternSet
from core.learn.arrange.source import STEP, Source
from core.learn.arrange.styles import LEAD_RANGES, Part
from core.song.notes import TICKS_PER_BEAT, Notes

Played = list[tuple[int, int, int, int]]

_ENERGY_LOUDNESS = (-10, -5, 0, 6)
_LEVELS = {"X": 8, "x": -2, "L": 4, "U": -2}
_NINTHS = {"": 2, "m": 2, "7": 2, "m7": 2, "maj7": 2}
_WALK_REACH = 5


@dataclass
class Harmony:
    """The song's chords in time.

    ``chords[i]`` sounds from tick ``i * window``.
    """

    chords: Sequence[Chord]
    window: int
    bar: int
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        changes = [
            index for index, chord in enumerate(self.chords) if index == 0 or chord != self.chords[index - 1]
        ]
        self.starts = [index * self.window for index in changes]

    def at(self, tick: int) -> Chord:
        """The chord at ``tick``."""
        return self.chords[min(len(self.chords) - 1, max(0, tick) // self.window)]

    def next_change(self, tick: int) -> int:
        """The first tick after ``tick`` with another chord; far away if there is none."""
        place = bisect_right(self.starts, tick)
        return self.starts[place] if place < len(self.starts) else 1 << 40


@cache
def events(pattern: str) -> tuple[tuple[int, int, str], ...]:
    """(first step, number of steps, mark) of a pattern's notes."""
    found: list[tuple[int, int, str]] = []
    for step, mark in enumerate(pattern):
        if mark == "-" and found and sum(found[-1][:2]) == step:
            start, length, name = found[-1]
            found[-1] = (start, length + 1, name)
        elif mark not in ".-":
            found.append((step, 1, mark))
    return tuple(found)


def swung(tick: int, swing: float) -> int:
    """Where a straight ``tick`` is played.

    With ``swing`` 1 the off-beat eighth lies on the last triplet; what is written in triplets stays.
    """
    beat, rest = divmod(tick, TICKS_PER_BEAT)
    if rest % (TICKS_PER_BEAT // 3) == 0:
        return tick
    half = TICKS_PER_BEAT // 2
    middle = half + round(swing * TICKS_PER_BEAT / 6)
    if rest <= half:
        return beat * TICKS_PER_BEAT + rest * middle // half
    return beat * TICKS_PER_BEAT + middle + (rest - half) * (TICKS_PER_BEAT - middle) // half


def choose_patterns(patterns: PatternSet, meter: tuple[int, int], rng: np.random.Generator) -> dict[int, str]:
    """One pattern an energy, chosen once a song so that its verses sound alike."""
    alternatives = patterns[meter]
    verse = alternatives[int(rng.integers(len(alternatives)))]
    chorus = alternatives[int(rng.integers(len(alternatives)))] if rng.random() < 0.3 else verse
    chosen = {}
    for energy in range(4):
        levels = verse if energy < 2 else chorus
        chosen[energy] = levels[min(len(levels) - 1, round(energy * (len(levels) - 1) / 3))]
    return chosen


def write_bass(
    part: Part, form: Sequence[Bar], harmony: Harmony, patterns: dict[int, str], swing: float,
    rng: np.random.Generator,
) -> Played:  # fmt: skip
    """A bass line: the root wherever a chord starts, fifths, octaves and leading notes between."""
    low, high = part.centre - 9, part.centre + 10
    played: Played = []
    root_before = part.centre
    chord_before: Chord | None = None
    for bar in form:
        start = bar.index * harmony.bar
        if bar.energy < part.enter:
            chord_before = None
            continue
        if bar.last:
            pitch = _near(harmony.at(start).root, part.centre - 3, low, high)
            played.append((start, harmony.bar, pitch, part.velocity + 4))
            continue
        line = events(patterns[bar.energy])
        for number, (step, steps, mark) in enumerate(line):
            onset = start + step * STEP
            chord = harmony.at(onset)
            if chord != chord_before:
                root_before = _near(chord.root, round(0.6 * root_before + 0.4 * part.centre), low, high)
                # Whatever the pattern says, a new chord is first heard by its root.
                mark = "R"
                chord_before = chord
            end = onset + steps * STEP
            following = line[number + 1][0] * STEP + start if number + 1 < len(line) else start + harmony.bar
            pitch = _bass_pitch(mark, chord, root_before, harmony.at(following), low, high, played, rng)
            first = swung(onset, swing)
            # A change of chord inside a held note strikes the new root.
            cut = min(end, harmony.next_change(onset))
            loud = part.velocity + _ENERGY_LOUDNESS[bar.energy] + (4 if mark == "R" else 0)
            played.append(
                (first, max(STEP // 2, round((swung(cut, swing) - first) * part.gate)), pitch, loud)
            )
            if cut < end:
                chord = harmony.at(cut)
                root_before = _near(chord.root, root_before, low, high)
                chord_before = chord
                first = swung(cut, swing)
                played.append((first, round((swung(end, swing) - first) * part.gate), root_before, loud))
    return played


def _bass_pitch(
    mark: str, chord: Chord, root: int, following: Chord, low: int, high: int, played: Played,
    rng: np.random.Generator,
) -> int:  # fmt: skip
    tones = chord.pitch_classes
    if mark == "5":
        return _fold(root + (tones[2] - chord.root) % 12, low, high + 4)
    if mark == "8":
        return root + 12 if root + 12 <= high + 7 else root
    if mark == "3":
        return _fold(root + (tones[1] - chord.root) % 12, low, high + 4)
    if mark in "67":
        above = (tones[3] - chord.root) % 12 if len(tones) > 3 else 9 if chord.kind == "" else 10
        return _fold(root + above, low, high + 5)
    if mark == "a" and following == chord:
        return _fold(root + (tones[2] - chord.root) % 12, low, high + 4)
    before = played[-1][2] if played else root
    if mark == "a" or (mark == "w" and following != chord):
        target = _near(following.root, before, low, high)
        if abs(target - before) <= 1:
            return _fold(root + (tones[2] - chord.root) % 12, low, high + 4)
        return target + (-1 if before < target else 1) * (1 if rng.random() < 0.6 else 2)
    if mark == "w":
        near = [p for p in range(low, high + 6) if p % 12 in tones and 0 < abs(p - before) <= _WALK_REACH]
        return near[int(rng.integers(len(near)))] if near else root
    return root


def write_chords(
    part: Part, form: Sequence[Bar], harmony: Harmony, patterns: dict[int, str], swing: float
) -> Played:
    """Comping, pads and arpeggios: voicings that move as little as they can, in the pattern's rhythm."""
    played: Played = []
    voicing: tuple[int, ...] = ()
    for bar in form:
        if bar.energy < part.enter:
            continue
        start = bar.index * harmony.bar
        loud = part.velocity + _ENERGY_LOUDNESS[bar.energy]
        line = ((0, harmony.bar // STEP, "X"),) if bar.last else events(patterns[bar.energy])
        for step, steps, mark in line:
            onset, end = start + step * STEP, start + (step + steps) * STEP
            while onset < end:
                cut = min(end, harmony.next_change(onset))
                voicing = voice(harmony.at(onset), part.voicing, part.centre, voicing)
                first = swung(onset, swing)
                duration = max(STEP // 2, round((swung(cut, swing) - first) * (1 if bar.last else part.gate)))
                for pitch in _struck(voicing, mark):
                    played.append((first, duration, pitch, loud + _LEVELS.get(mark, 0)))
                onset = cut
    return played


def _struck(voicing: tuple[int, ...], mark: str) -> tuple[int, ...]:
    if mark == "L":
        return voicing[:1]
    if mark == "U":
        return voicing[1:] or voicing
    if mark.isdigit():
        place = int(mark) - 1
        return (voicing[place],) if place < len(voicing) else (voicing[place - len(voicing)] + 12,)
    return voicing


@cache
def voice(chord: Chord, kind: str, centre: int, before: tuple[int, ...]) -> tuple[int, ...]:
    """Pitches of ``chord``, lowest first: of all inversions near ``centre`` the one nearest to ``before``."""
    tones = chord.pitch_classes
    if kind == "power":
        root = _near(chord.root, centre, centre - 8, centre + 6)
        fifth = root + (tones[2] - chord.root) % 12
        return (root, fifth, root + 12)
    if kind == "one":
        tones = tones[1:2]
    elif kind == "rootless":
        third, *upper = tones[1:]
        ninth = (chord.root + _NINTHS[chord.kind]) % 12 if chord.kind in ("7", "m7", "maj7") else chord.root
        tones = tuple(dict.fromkeys((third, *upper, ninth)))
    candidates = []
    for lowest in range(centre - 10, centre + 5):
        if lowest % 12 not in tones:
            continue
        pitches = [lowest]
        for _ in range(len(tones) - 1 + (2 if kind == "wide" else 0)):
            pitches.append(min(p for p in range(pitches[-1] + 1, pitches[-1] + 13) if p % 12 in tones))
        candidates.append(tuple(pitches))
    return min(candidates, key=lambda pitches: _distance(pitches, before, centre))


def _distance(pitches: tuple[int, ...], before: tuple[int, ...], centre: int) -> float:
    away = abs(sum(pitches) / len(pitches) - centre)
    semitones = [above - below == 1 for below, above in pairwise(pitches)]
    crowding = 3.0 * (semitones[:1] == [True]) + 2.0 * (semitones[-1:] == [True])
    if not before:
        return away + crowding
    moved = sum(min(abs(pitch - old) for old in before) for pitch in pitches) / len(pitches)
    return moved + abs(pitches[-1] - before[-1]) / 3 + 0.35 * away + crowding


def write_line(
    line: Notes, program: int, velocity: int, swing: float, form: Sequence[Bar], bar: int, enter: int = 0,
    octaves: int = 0,
) -> Played:  # fmt: skip
    """A line of the source for ``program``: moved by octaves into its range, its own dynamics kept around
    ``velocity``.
    """
    if not len(line):
        return []
    low, high = LEAD_RANGES.get(program, (57, 86))
    pitch = line["pitch"].astype(int)
    shifts = [12 * shift for shift in range(-4, 5)]
    inside = [float(((pitch + shift >= low) & (pitch + shift <= high)).mean()) for shift in shifts]
    shift = max(zip(inside, [-abs(value) for value in shifts], shifts, strict=True))[2] + 12 * octaves
    pitch = pitch + shift
    pitch = np.where(pitch > high + 5, pitch - 12, np.where(pitch < low - 5, pitch + 12, pitch))
    spread = line["velocity"].astype(float)
    spread = np.clip((spread - spread.mean()) * 0.6, -14, 14)
    energy = [plan.energy for plan in form]
    played: Played = []
    for onset, duration, note, dynamic in zip(
        line["onset"].tolist(), line["duration"].tolist(), pitch.tolist(), spread.tolist(), strict=True
    ):
        level = energy[min(len(energy) - 1, onset // bar)]
        if level < enter:
            continue
        first = swung(onset, swing)
        loud = velocity + round(dynamic) + _ENERGY_LOUDNESS[level] // 2
        played.append((first, max(STEP // 2, swung(onset + duration, swing) - first), note, loud))
    return played


def write_counter(part: Part, form: Sequence[Bar], harmony: Harmony, melody: Notes, swing: float) -> Played:
    """A second voice under the tune: guide tones (thirds and sevenths) where it sings, and a run of
    chord tones where it rests for two beats or more.
    """
    played: Played = []
    starts = melody["onset"]
    ends = np.maximum.accumulate(melody["onset"] + melody["duration"])
    before = part.centre
    for bar in form:
        if bar.energy < part.enter:
            continue
        tick, stop = bar.index * harmony.bar, (bar.index + 1) * harmony.bar
        loud = part.velocity + _ENERGY_LOUDNESS[bar.energy]
        while tick < stop:
            end = min(stop, harmony.next_change(tick))
            sung = int(np.searchsorted(starts, end)) - 1
            quiet = sung < 0 or int(ends[sung]) <= tick
            tones = harmony.at(tick).pitch_classes
            if quiet and end - tick >= 2 * TICKS_PER_BEAT and not bar.last:
                for onset in range(tick, end, TICKS_PER_BEAT // 2):
                    up = [p for p in range(before + 1, before + 9) if p % 12 in tones]
                    before = up[0] if up and up[0] < part.centre + 12 else _near_any(tones, part.centre - 5)
                    first = swung(onset, swing)
                    length = swung(onset + TICKS_PER_BEAT // 2, swing) - first
                    played.append((first, length, before, loud + 6))
            else:
                tune = int(melody["pitch"][max(0, sung)]) % 12
                guides = [tone for tone in (*tones[1:2], *tones[3:], *tones[2:3]) if tone != tune]
                goal = round(0.7 * before + 0.3 * part.centre)
                before = _near_any(guides or tones, goal)
                played.append((tick, end - tick, before, loud))
            tick = end
    return played


def fill_rests(melody: Notes, counter: Notes, rest: int) -> Notes:
    """The notes of ``counter`` that sound where ``melody`` is silent for at least ``rest`` ticks."""
    if not len(counter):
        return counter
    starts = np.append(melody["onset"], 1 << 40)
    ends = np.concatenate([[-(1 << 40)], melody["onset"] + melody["duration"]])
    gap = np.searchsorted(starts, counter["onset"], "right")
    gap = np.minimum(gap, len(starts) - 1)
    silent = (counter["onset"] >= ends[gap]) & (starts[gap] - ends[gap] >= rest)
    return counter[silent & (counter["onset"] + counter["duration"] <= starts[gap] + STEP)]


def write_piano(source: Source, part: Part, form: Sequence[Bar], swing: float, lowest: int) -> Played:
    """The source's own accompaniment, without what lies in the bass's register."""
    energy = [plan.energy for plan in form]
    played: Played = []
    notes = source.backing[source.backing["pitch"] >= lowest]
    columns = [notes[name].tolist() for name in ("onset", "duration", "pitch", "velocity")]
    mean = float(notes["velocity"].mean()) if len(notes) else 0.0
    for onset, duration, pitch, velocity in zip(*columns, strict=True):
        level = energy[min(len(energy) - 1, onset // source.bar)]
        if level < part.enter:
            continue
        first = swung(onset, swing)
        loud = part.velocity + round(0.6 * (velocity - mean)) + _ENERGY_LOUDNESS[level]
        played.append((first, max(STEP // 2, swung(onset + duration, swing) - first), pitch, loud))
    return played


def _near(pitch_class: int, goal: int, low: int, high: int) -> int:
    """The pitch of ``pitch_class`` nearest to ``goal`` within ``low`` and ``high`` (an octave or more)."""
    inside = [pitch for pitch in range(low, high + 1) if pitch % 12 == pitch_class]
    return min(inside, key=lambda pitch: abs(pitch - goal))


def _near_any(pitch_classes: Sequence[int], goal: int) -> int:
    return min(range(goal - 8, goal + 9), key=lambda p: (p % 12 not in pitch_classes, abs(p - goal)))


def _fold(pitch: int, low: int, high: int) -> int:
    while pitch > high:
        pitch -= 12
    while pitch < low:
        pitch += 12
    return pitch
