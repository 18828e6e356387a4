"""The score as values: one table of notes, the tracks, and the maps of tempo, meter and key.

Conventions
-----------
* A *beat* is a quarter note, a *tick* the smallest unit of score time; a song has ``ticks_per_beat``
  ticks in a beat. Onsets and durations are ticks, counted from the song's start.
* Pitch and velocity are MIDI numbers: pitch 0-127 with 60 = C4, velocity 1-127.
* Onsets lie below 2**39 ticks: decades of music.
* Bars are counted from 0 in code and from 1 wherever a person reads them.
* A `Song` is never changed in place: its arrays are read-only, edits give a new `Song`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9

NOTE = np.dtype(
    [("onset", "<i8"), ("duration", "<i4"), ("track", "<u2"), ("pitch", "u1"), ("velocity", "u1")]
)
"""One note; 16 bytes."""

CONTROL = np.dtype(
    [("tick", "<i8"), ("track", "<u2"), ("channel", "u1"), ("kind", "u1"), ("number", "u1"), ("value", "<i2")]
)
"""One channel message that is not a note. ``kind`` is the MIDI status nibble: 0xA0 polyphonic
pressure (``number`` is the pitch), 0xB0 control change, 0xC0 program change, 0xD0 channel pressure,
0xE0 pitch bend (``value`` -8192 to 8191); the last three have no ``number``."""

Notes = NDArray[np.void]
Controls = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Track:
    """A part and how it sounds.

    ``volume`` and ``pan`` are MIDI values 0-127 (pan 64 = centre); ``colour`` is an index into the
    theme's palette of track colours.
    """

    name: str = ""
    program: int = 0
    channel: int = 0
    is_drum: bool = False
    volume: int = 100
    pan: int = 64
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo from ``tick`` on, held as MIDI holds it so that nothing is rounded."""

    tick: int
    microseconds_per_beat: int

    @classmethod
    def from_bpm(cls, tick: int, bpm: float) -> Tempo:
        return cls(tick, round(60_000_000 / bpm))

    @property
    def bpm(self) -> float:
        return 60_000_000 / self.microseconds_per_beat


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature from ``tick`` on."""

    tick: int
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class KeyMark:
    """A key signature from ``tick`` on; ``tonic`` is a pitch class, 0 = C."""

    tick: int
    tonic: int
    mode: str = "major"


@dataclass(frozen=True, slots=True)
class Marker:
    tick: int
    text: str


@dataclass(frozen=True, slots=True)
class RawEvent:
    """A message kept only so that a file loses nothing: SysEx, lyrics, texts, unknown meta events.

    ``status`` is the MIDI status byte (0xF0, 0xF7, 0xFF), ``meta`` the meta type where it is 0xFF.
    """

    tick: int
    track: int
    status: int
    meta: int
    data: bytes


DEFAULT_TEMPO = Tempo(0, 500_000)
DEFAULT_METER = Meter(0, 4, 4)


@dataclass(frozen=True, eq=False)
class Song:
    """A score.

    Attributes
    ----------
    notes : ndarray of NOTE [shape=(n,)]
        Sorted by onset, track, pitch. Read-only.
    tracks : tuple of Track
    ticks_per_beat : int
    tempos, meters, keys, markers : tuples, sorted by tick
        ``tempos`` and ``meters`` always have an entry at tick 0.
    controls : ndarray of CONTROL, sorted by tick
    raw_events : tuple of RawEvent
    smpte : (frames per second, ticks per frame) or None
        Set where the file counts time in film frames; ticks are then a fixed length of time.
    """

    notes: Notes = field(default_factory=lambda: empty_notes())
    tracks: tuple[Track, ...] = ()
    ticks_per_beat: int = TICKS_PER_BEAT
    tempos: tuple[Tempo, ...] = (DEFAULT_TEMPO,)
    meters: tuple[Meter, ...] = (DEFAULT_METER,)
    keys: tuple[KeyMark, ...] = ()
    markers: tuple[Marker, ...] = ()
    controls: Controls = field(default_factory=lambda: np.empty(0, CONTROL))
    raw_events: tuple[RawEvent, ...] = ()
    title: str = ""
    smpte: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", _frozen(sort_notes(self.notes)))
        controls = self.controls
        if len(controls) and np.any(np.diff(controls["tick"]) < 0):
            controls = controls[np.argsort(controls["tick"], kind="stable")]
        object.__setattr__(self, "controls", _frozen(controls))
        object.__setattr__(self, "tempos", _from_zero(self.tempos, DEFAULT_TEMPO))
        object.__setattr__(self, "meters", _from_zero(self.meters, DEFAULT_METER))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Song):
            return NotImplemented
        return (
            np.array_equal(self.notes, other.notes)
            and np.array_equal(self.controls, other.controls)
            and self._values() == other._values()
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def _values(self) -> tuple[Any, ...]:
        return (
            self.tracks, self.ticks_per_beat, self.tempos, self.meters, self.keys,
            self.markers, self.raw_events, self.title, self.smpte,
        )  # fmt: skip

    def with_notes(self, notes: Notes) -> Song:
        """The same song with other notes."""
        return replace(self, notes=notes)

    @cached_property
    def end_tick(self) -> int:
        """The tick at which the last note ends; 0 in a song without notes."""
        if not len(self.notes):
            return 0
        return int((self.notes["onset"] + self.notes["duration"]).max())

    @cached_property
    def time(self) -> TimeMap:
        """Conversions between ticks and seconds."""
        return TimeMap(self.tempos, self.ticks_per_beat, self.smpte)

    @cached_property
    def bars(self) -> BarMap:
        """Conversions between ticks and bars."""
        return BarMap(self.meters, self.ticks_per_beat)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(self.time.to_seconds(self.end_tick))


class TimeMap:
    """Ticks to seconds and back through every tempo change, without accumulated rounding."""

    def __init__(
        self, tempos: Sequence[Tempo], ticks_per_beat: int, smpte: tuple[int, int] | None = None
    ) -> None:
        if smpte:
            frames, per_frame = smpte
            rate = 30000 / 1001 if frames == 29 else float(frames)
            self._ticks = np.zeros(1, np.int64)
            self._seconds = np.zeros(1)
            self._seconds_per_tick = np.array([1.0 / (rate * per_frame)])
            return
        tempos = _from_zero(tempos, DEFAULT_TEMPO)
        self._ticks = np.array([t.tick for t in tempos], np.int64)
        micro = np.array([t.microseconds_per_beat for t in tempos], np.int64)
        # Whole numbers (tick x microsecond) until the one division: exact for any realistic song.
        elapsed = np.concatenate([[0], np.cumsum(np.diff(self._ticks) * micro[:-1])])
        self._seconds = elapsed / (ticks_per_beat * 1e6)
        self._seconds_per_tick = micro / (ticks_per_beat * 1e6)

    def to_seconds(self, ticks: ArrayLike) -> NDArray[np.float64]:
        """Seconds at ``ticks`` (any shape)."""
        ticks = np.asarray(ticks)
        at = np.maximum(np.searchsorted(self._ticks, ticks, "right") - 1, 0)
        return self._seconds[at] + (ticks - self._ticks[at]) * self._seconds_per_tick[at]

    def to_ticks(self, seconds: ArrayLike) -> NDArray[np.float64]:
        """Ticks (with fractions) at ``seconds`` (any shape)."""
        seconds = np.asarray(seconds, float)
        at = np.maximum(np.searchsorted(self._seconds, seconds, "right") - 1, 0)
        return self._ticks[at] + (seconds - self._seconds[at]) / self._seconds_per_tick[at]


class BarMap:
    """Ticks to bars and back through every meter change. A change inside a bar starts a new bar."""

    def __init__(self, meters: Sequence[Meter], ticks_per_beat: int) -> None:
        self.meters = _from_zero(meters, DEFAULT_METER)
        self._ticks: list[int] = []
        self._bars: list[int] = []
        self._lengths: list[int] = []
        bar = 0
        for index, meter in enumerate(self.meters):
            if index:
                passed = meter.tick - self._ticks[-1]
                bar += -(-passed // self._lengths[-1])
            self._ticks.append(meter.tick)
            self._bars.append(bar)
            self._lengths.append(max(1, 4 * ticks_per_beat * meter.numerator // meter.denominator))

    def bar_at(self, tick: int) -> int:
        """The bar that holds ``tick``."""
        at = max(0, bisect_right(self._ticks, tick) - 1)
        return self._bars[at] + (tick - self._ticks[at]) // self._lengths[at]

    def start(self, bar: int) -> int:
        """The tick at which ``bar`` starts."""
        at = max(0, bisect_right(self._bars, bar) - 1)
        return self._ticks[at] + (bar - self._bars[at]) * self._lengths[at]

    def meter_at(self, tick: int) -> Meter:
        """The time signature in force at ``tick``."""
        return self.meters[max(0, bisect_right(self._ticks, tick) - 1)]

    def length_at(self, tick: int) -> int:
        """Ticks in a whole bar of the meter in force at ``tick``."""
        return self._lengths[max(0, bisect_right(self._ticks, tick) - 1)]

    def locate(self, ticks: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """For each of ``ticks`` the bar that holds it, the bar's start and its length.

        The length is that of the meter, also where a meter change cuts the bar short.
        """
        ticks = np.asarray(ticks, np.int64)
        starts, lengths = np.array(self._ticks, np.int64), np.array(self._lengths, np.int64)
        at = np.maximum(np.searchsorted(starts, ticks, "right") - 1, 0)
        passed = (ticks - starts[at]) // lengths[at]
        bars = np.array(self._bars, np.int64)[at] + passed
        return bars, starts[at] + passed * lengths[at], lengths[at]

    def position(self, tick: int) -> tuple[int, int]:
        """(bar, ticks since the bar's start)."""
        bar = self.bar_at(tick)
        return bar, tick - self.start(bar)


def empty_notes(count: int = 0) -> Notes:
    """A table of ``count`` zeroed notes."""
    return np.zeros(count, NOTE)


def make_notes(
    onset: ArrayLike,
    duration: ArrayLike,
    pitch: ArrayLike,
    velocity: ArrayLike = 80,
    track: ArrayLike = 0,
) -> Notes:
    """A table of notes from columns (or single values, repeated)."""
    columns = np.broadcast_arrays(*map(np.atleast_1d, (onset, duration, track, pitch, velocity)))
    notes = empty_notes(len(columns[0]))
    for name, column in zip(("onset", "duration", "track", "pitch", "velocity"), columns, strict=True):
        notes[name] = column
    return notes


def sort_notes(notes: Notes) -> Notes:
    """By onset, then track, then pitch, then duration; the table itself if it is in order."""
    if len(notes) < 2:
        return notes
    # One number a note: most songs are sorted by it alone, and most edits leave them so.
    place = notes["onset"] << 24 | notes["track"].astype(np.int64) << 8 | notes["pitch"]
    step = np.diff(place)
    if np.all((step > 0) | ((step == 0) & (np.diff(notes["duration"]) >= 0))):
        return notes
    order = np.argsort(place)
    ranked = place[order]
    if np.any(ranked[1:] == ranked[:-1]):
        order = np.lexsort((notes["duration"], place))
    return notes[order]


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


def _from_zero(marks: Sequence[Any], default: Any) -> tuple[Any, ...]:
    """``marks`` sorted by tick, one a tick (the last wins), with one at tick 0."""
    by_tick = {mark.tick: mark for mark in sorted(marks, key=lambda mark: mark.tick)}
    by_tick.setdefault(0, default)
    return tuple(by_tick[tick] for tick in sorted(by_tick))
