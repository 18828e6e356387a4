"""The Standard MIDI File as bytes: chunks, variable-length numbers, running status. No music yet.

Reading is lenient where the meaning is clear (lying lengths, a missing end, junk before the header,
data bytes out of range) and stops a track where it is not, keeping what came before. It never trusts
a length for allocation and never does more work than the file has bytes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError

META, SYSEX, SYSEX_MORE = 0xFF, 0xF0, 0xF7
END_OF_TRACK = 0x2F
MAX_DELTA = (1 << 28) - 1
"""The longest time between two events that four bytes can hold."""
FILLER = bytes((META, 0x7F, 0))
"""An event without meaning, written where the time between two others is longer than `MAX_DELTA`."""

MAX_EVENTS = 2_000_000
MAX_RAW_EVENTS = 100_000
MAX_TRACKS = 2_000
MAX_TICK = 1 << 38
"""Limits that keep a hostile file from taking more than seconds and a gigabyte."""

_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class TrackChunk:
    """One MTrk chunk, times counted from its start.

    ``messages`` holds channel messages [shape=(n, 3)]: status byte and two data bytes; ``raw`` the
    other events as (tick, status, meta type, data).
    """

    ticks: NDArray[np.int64]
    messages: NDArray[np.uint8]
    raw: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    end_tick: int = 0


@dataclass(slots=True)
class MidiData:
    """A whole file. ``division`` is the header's: ticks per beat, or negative frames and ticks."""

    format: int
    division: int
    tracks: list[TrackChunk]


def parse(data: bytes) -> MidiData:
    """The chunks of a Standard MIDI File, bare or in a RIFF wrapper.

    Raises
    ------
    TunesmithError
        If it is no MIDI file, has no track, or is larger than any music.
    """
    if not data:
        raise TunesmithError("The file is empty: choose a MIDI file (.mid)")
    start = data.find(b"MThd", 0, 1 << 20)
    if start < 0 or len(data) < start + 14:
        raise TunesmithError("This is not a MIDI file (it has no MThd header): choose a .mid file")
    header_length = int.from_bytes(data[start + 4 : start + 8], "big")
    kind = int.from_bytes(data[start + 8 : start + 10], "big")
    division = int.from_bytes(data[start + 12 : start + 14], "big", signed=True)
    # Some writers give the header a wrong length; a track that begins at once shows it.
    at = start + 14 if data[start + 14 : start + 18] == b"MTrk" else start + 8 + max(6, header_length)
    tracks: list[TrackChunk] = []
    room = [MAX_EVENTS, MAX_RAW_EVENTS]
    while at + 8 <= len(data):
        is_track = data[at : at + 4] == b"MTrk"
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        if not _is_boundary(data, end):
            following = data.find(b"MTrk", at + 8)
            end = following if following >= 0 else len(data)
        if is_track:
            if len(tracks) == MAX_TRACKS:
                raise TunesmithError(f"The file has more than {MAX_TRACKS:,} tracks: it cannot be music")
            tracks.append(_parse_track(data, at + 8, end, room))
        at = end
    if not tracks and data[start + 10 : start + 12] != b"\0\0":
        raise TunesmithError("The MIDI file has no tracks: it was cut short or is damaged; get it anew")
    return MidiData(kind, division, tracks)


def encode(tracks: list[bytes], division: int) -> bytes:
    """A format 1 file of encoded tracks."""
    header = b"MThd" + (6).to_bytes(4, "big") + (1).to_bytes(2, "big") + len(tracks).to_bytes(2, "big")
    chunks = [header + division.to_bytes(2, "big", signed=True)]
    for track in tracks:
        chunks += [b"MTrk", len(track).to_bytes(4, "big"), track]
    return b"".join(chunks)


def encode_track(
    ticks: NDArray[np.int64], messages: NDArray[np.uint8], raw: list[tuple[int, bytes]], end_tick: int
) -> bytes:
    """The body of an MTrk chunk.

    Parameters
    ----------
    ticks : ndarray [shape=(n,)], rising
    messages : ndarray [shape=(n, 3)]
    raw : (tick, whole event) of everything else, rising; they come before messages of their tick
    end_tick : where the track ends, at the earliest
    """
    last = max([end_tick, *ticks[-1:].tolist(), *(tick for tick, _ in raw[-1:])])
    raw = [*raw, (last, bytes((META, END_OF_TRACK, 0)))]
    raw_ticks = np.array([tick for tick, _ in raw], np.int64)
    # The end comes after the messages of its tick, all else before.
    places = np.searchsorted(ticks, raw_ticks, "left")
    places[-1] = len(ticks)
    all_ticks = np.insert(ticks, places, raw_ticks)
    deltas = np.diff(all_ticks, prepend=0)
    if len(deltas) and deltas.max() > MAX_DELTA:
        return encode_track(ticks, messages, _with_fillers(all_ticks, deltas, raw[:-1]), last)
    is_raw = np.zeros(len(all_ticks), bool)
    is_raw[places + np.arange(len(places))] = True
    table, present = _encoded_messages(deltas[~is_raw], messages)
    pieces, done = [], 0
    for place, delta, (_, event) in zip(places.tolist(), deltas[is_raw].tolist(), raw, strict=True):
        if place > done:
            pieces.append(table[done:place][present[done:place]].tobytes())
            done = place
        pieces += [variable_length(delta), event]
    return b"".join(pieces)


def variable_length(value: int) -> bytes:
    """``value`` (0 to 2**28 - 1) as a variable-length number.

    >>> variable_length(0x4000).hex()
    '818000'
    """
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def raw_event(status: int, meta: int, data: bytes) -> bytes:
    """A meta, SysEx or system event whole, with the length that its kind carries."""
    if status == META:
        return bytes((META, meta)) + variable_length(len(data)) + data
    if status in (SYSEX, SYSEX_MORE):
        return bytes((status,)) + variable_length(len(data)) + data
    return bytes((status,)) + data


def data_bytes(status: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many data bytes channel messages of these status bytes have."""
    nibble = status >> 4
    return np.where((nibble == 0xC) | (nibble == 0xD), 1, 2)


def _encoded_messages(
    deltas: NDArray[np.int64], messages: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Delta times and messages in seven byte columns, and which of the bytes are there."""
    table = np.empty((len(messages), 7), np.uint8)
    present = np.ones((len(messages), 7), bool)
    for column, shift in enumerate((21, 14, 7)):
        present[:, column] = deltas >> shift > 0
        table[:, column] = deltas >> shift & 0x7F | 0x80
    table[:, 3] = deltas & 0x7F
    table[:, 4:] = messages
    present[:, 6] = data_bytes(messages[:, 0]) == 2
    return table, present


def _with_fillers(
    ticks: NDArray[np.int64], deltas: NDArray[np.int64], raw: list[tuple[int, bytes]]
) -> list[tuple[int, bytes]]:
    if ticks[-1] > MAX_TICK:
        raise TunesmithError("The song is longer than a MIDI file can be: delete what lies far out")
    fillers = [
        (end - delta + step, FILLER)
        for end, delta in zip(ticks.tolist(), deltas.tolist(), strict=True)
        for step in range(MAX_DELTA, delta, MAX_DELTA)
    ]
    return sorted([*raw, *fillers], key=lambda event: event[0])


def _is_boundary(data: bytes, at: int) -> bool:
    """Whether a chunk may end at ``at``: a length in a file can lie."""
    return len(data) - 8 < at <= len(data) or data[at : at + 4].isalnum()


def _parse_track(data: bytes, at: int, end: int, room: list[int]) -> TrackChunk:
    """The track in ``data[at:end]``. ``room`` is how many events and texts may still come."""
    ticks: list[int] = []
    words: list[int] = []
    raw: list[tuple[int, int, int, bytes]] = []
    tick = status = 0
    try:
        while at < end:
            byte = data[at]
            at += 1
            if byte < 0x80:
                tick += byte
            else:
                delta = byte & 0x7F
                limit = at + 3
                while True:
                    byte = data[at]
                    at += 1
                    delta = delta << 7 | byte & 0x7F
                    if byte < 0x80:
                        break
                    if at >= limit:
                        raise _DamagedError("a time that is too long")
                tick += delta
            byte = data[at]
            if byte >= 0xF0:
                at = _parse_raw(data, at, end, tick, raw)
                if raw[-1][1] == META and raw[-1][2] == END_OF_TRACK:
                    raw.pop()
                    break
                if len(raw) > room[1]:
                    raise TunesmithError(
                        f"The file has more than {MAX_RAW_EVENTS:,} texts: it cannot be music"
                    )
                continue
            if byte >= 0x80:
                status = byte
                at += 1
            elif not status:
                raise _DamagedError("data without a message")
            if 0xC0 <= status < 0xE0:
                words.append(status << 16 | data[at] << 8)
                at += 1
            else:
                words.append(status << 16 | data[at] << 8 | data[at + 1])
                at += 2
            ticks.append(tick)
            if at > end:
                words.pop()
                ticks.pop()
                raise _DamagedError("the end in the middle of a message")
            if len(words) > room[0]:
                raise TunesmithError(f"The file has more than {MAX_EVENTS:,} events: it cannot be music")
    except (IndexError, _DamagedError) as why:
        del words[len(ticks) :]
        _log.warning("A track of the MIDI file is damaged (%s): the rest of it was left out", why)
    room[0] -= len(words)
    room[1] -= len(raw)
    packed = np.array(words, np.uint32)
    messages = np.empty((len(packed), 3), np.uint8)
    messages[:, 0] = packed >> 16
    # Data bytes have seven bits; a damaged one is taken as the largest.
    messages[:, 1] = np.minimum(packed >> 8 & 0xFF, 127)
    messages[:, 2] = np.minimum(packed & 0xFF, 127)
    if tick > MAX_TICK:
        raise TunesmithError("The file says it lasts for years: it is damaged or no music")
    return TrackChunk(np.array(ticks, np.int64), messages, raw, tick)


def _parse_raw(data: bytes, at: int, end: int, tick: int, raw: list[tuple[int, int, int, bytes]]) -> int:
    """Reads the meta, SysEx or system event at ``at``; returns where the next one begins."""
    status, meta = data[at], 0
    at += 1
    if status in _SYSTEM_DATA_BYTES or status not in (META, SYSEX, SYSEX_MORE):
        length = _SYSTEM_DATA_BYTES.get(status, 0)
    else:
        if status == META:
            meta = data[at]
            at += 1
        length, groups = 0, 0
        while True:
            byte = data[at]
            at += 1
            groups += 1
            length = length << 7 | byte & 0x7F
            if byte < 0x80:
                break
            if groups == 4:
                raise _DamagedError("a length that is too long")
    if at + length > end:
        raise _DamagedError("a length beyond the end")
    raw.append((tick, status, meta, data[at : at + length]))
    return at + length


class _DamagedError(Exception):
    """A track that makes no sense from here on."""
