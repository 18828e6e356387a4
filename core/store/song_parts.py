"""A song as plain parts: a JSON object for what is small, arrays for what is long.

The project file and the crash journal both keep songs in this form.

Parts
-----
frame : dict of JSON values
    tracks, tempos, meters, keys, markers, title, ticks_per_beat, smpte
arrays : dict of ndarray, one-dimensional, of the types in ARRAYS
    notes, controls; ``events`` points with ``start`` and ``length`` into the bytes of ``event_data``
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.song.notes import CONTROL, NOTE, KeyMark, Marker, Meter, RawEvent, Song, Tempo, Track

EVENT = np.dtype(
    [("tick", "<i8"), ("track", "<i4"), ("status", "u1"), ("meta", "u1"), ("start", "<i8"), ("length", "<i8")]
)

ARRAYS: dict[str, np.dtype[Any]] = {
    "notes": NOTE,
    "controls": CONTROL,
    "events": EVENT,
    "event_data": np.dtype("u1"),
}

MARKS: dict[str, type[Any]] = {
    "tracks": Track,
    "tempos": Tempo,
    "meters": Meter,
    "keys": KeyMark,
    "markers": Marker,
}

LIMITS: dict[str, tuple[float, float]] = {
    "tick": (0, 2**40), "program": (0, 127), "channel": (0, 15), "volume": (0, 127), "pan": (0, 127),
    "microseconds_per_beat": (1, 2**32), "numerator": (0, 255), "denominator": (1, 2**30), "tonic": (0, 11),
}  # fmt: skip
"""Ranges of the numbers in a frame; outside them other rooms would divide by zero or never end."""

Frame = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


def song_parts(song: Song) -> tuple[Frame, Arrays]:
    """The parts of ``song``; the arrays of notes and controls are not copied."""
    frame: Frame = {name: [asdict(mark) for mark in getattr(song, name)] for name in MARKS}
    frame |= {
        "title": song.title,
        "ticks_per_beat": song.ticks_per_beat,
        "smpte": list(song.smpte) if song.smpte else None,
    }
    events = np.zeros(len(song.raw_events), EVENT)
    lengths = np.array([len(event.data) for event in song.raw_events], np.int64)
    for name in ("tick", "track", "status", "meta"):
        events[name] = [getattr(event, name) for event in song.raw_events]
    events["length"] = lengths
    events["start"] = np.cumsum(lengths) - lengths
    data = np.frombuffer(b"".join(event.data for event in song.raw_events), np.uint8)
    return frame, {
        "notes": np.asarray(song.notes),
        "controls": np.asarray(song.controls),
        "events": events,
        "event_data": data,
    }


def song_from_parts(frame: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Song:
    """The song made of these parts, which may come from a damaged or hostile file.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        where the parts are not those of a song; the text names the part
    """
    notes, controls = arrays["notes"], arrays["controls"]
    _check("notes", (notes["onset"] >= 0) & (notes["onset"] < 2**40) & (notes["duration"] >= 0))
    _check("notes", (notes["pitch"] < 128) & (notes["velocity"] < 128))
    _check("controls", (controls["tick"] >= 0) & (controls["tick"] < 2**40) & (controls["channel"] < 16))
    marks = {name: tuple(_mark(kind, item) for item in frame[name]) for name, kind in MARKS.items()}
    last = max(len(marks["tracks"]), 1)
    _check("notes", notes["track"] < last)
    _check("controls", controls["track"] < last)
    smpte = frame["smpte"]
    if smpte is not None:
        smpte = (_whole("smpte", smpte[0], 1, 255), _whole("smpte", smpte[1], 1, 255))
    return Song(
        notes=notes,
        controls=controls,
        raw_events=_raw_events(arrays["events"], arrays["event_data"].tobytes()),
        title=_text("title", frame["title"]),
        ticks_per_beat=_whole("ticks_per_beat", frame["ticks_per_beat"], 1, 2**20),
        smpte=smpte,
        **marks,
    )


def _raw_events(events: NDArray[Any], data: bytes) -> tuple[RawEvent, ...]:
    end = events["start"] + events["length"]
    _check("events", (events["start"] >= 0) & (events["length"] >= 0) & (end <= len(data)))
    _check("events", (events["tick"] >= 0) & (events["tick"] < 2**40) & (events["track"] >= -1))
    return tuple(
        RawEvent(tick, track, status, meta, data[start : start + length])
        for tick, track, status, meta, start, length in events.tolist()
    )


def _mark(kind: type[Any], item: Any) -> Any:
    """One track, tempo, meter, key or marker of which every value has its type and range."""
    mark = kind(**item)
    for name, value in item.items():
        declared = kind.__annotations__[name]
        if declared == "int":
            _whole(name, value, *LIMITS.get(name, (0, 2**31)))
        elif declared == "str":
            _text(name, value)
        elif not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}, not true or false")
    return mark


def _whole(name: str, value: Any, low: float, high: float) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, not a whole number from {low} to {high}")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}, not text")
    return value


def _check(name: str, fits: NDArray[np.bool_]) -> None:
    if not fits.all():
        raise ValueError(f"{name}: entry {int(np.argmin(fits))} is out of range")
