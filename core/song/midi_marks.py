"""Meta events and what they mean: tempos, meters, keys, markers, names, and events of our own."""

from __future__ import annotations

import json
from typing import Any

from core.song import smf
from core.song.harmony import Key
from core.song.notes import KeyMark, Marker, Meter, RawEvent, Tempo

NAME, MARKER, PORT, TEMPO, METER, KEY, OWN = 0x03, 0x06, 0x21, 0x51, 0x58, 0x59, 0x7F

OWN_PREFIX = b"\x7dTunesmith"
"""Begins our own meta events (0x7D is MIDI's number for makers without one): JSON of what MIDI has no
word for, such as a track's colour or a mode other than major and minor."""

Mark = Tempo | Meter | KeyMark | Marker

MARK_META: dict[type, int] = {Tempo: TEMPO, Meter: METER, KeyMark: KEY, Marker: MARKER}
MARK_TYPES = frozenset(MARK_META.values())


def read_mark(tick: int, meta: int, data: bytes) -> Mark | None:
    """What a meta event says; None if it makes no sense."""
    if meta == MARKER:
        return Marker(tick, read_text(data))
    if meta == TEMPO and len(data) >= 3:
        microseconds = int.from_bytes(data[:3], "big")
        return Tempo(tick, microseconds) if microseconds else None
    if meta == METER and len(data) >= 2:
        return Meter(tick, data[0], 1 << data[1]) if data[0] and data[1] <= 6 else None
    if meta == KEY and len(data) >= 2:
        sharps, is_minor = int.from_bytes(data[:1], "big", signed=True), data[1]
        if -7 <= sharps <= 7 and is_minor <= 1:
            return KeyMark(tick, (7 * sharps + 9 * is_minor) % 12, "minor" if is_minor else "major")
    return None


def mark_of(event: RawEvent) -> Mark | None:
    """What a raw event says, if it is a mark that makes sense."""
    return read_mark(event.tick, event.meta, event.data) if event.status == smf.META else None


def mark_bytes(mark: Mark) -> bytes:
    """The data of the meta event that says ``mark``, as this program writes it."""
    match mark:
        case Tempo():
            return min(max(mark.microseconds_per_beat, 1), (1 << 24) - 1).to_bytes(3, "big")
        case Meter():
            power = max(0, mark.denominator.bit_length() - 1)
            return bytes((min(max(mark.numerator, 1), 255), power, 24, 8))
        case KeyMark():
            key = Key(mark.tonic, mark.mode)
            return key.signature.to_bytes(1, "big", signed=True) + bytes((key.is_minor,))
        case Marker():
            return text_bytes(mark.text)


def read_text(data: bytes) -> str:
    """Text as UTF-8 where it is that, else as Latin-1, without NULs at its end."""
    data = data.rstrip(b"\0")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def text_bytes(text: str) -> bytes:
    """Text as this program writes it: UTF-8."""
    return text.encode("utf-8", "replace")


def meta_event(kind: int, data: bytes) -> bytes:
    """A meta event whole."""
    return smf.raw_event(smf.META, kind, data)


def own_event(values: dict[str, Any]) -> bytes:
    """One of our own meta events whole."""
    return meta_event(OWN, OWN_PREFIX + json.dumps(values, separators=(",", ":")).encode())
