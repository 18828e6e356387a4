"""Songs out of MIDI files and into them, with nothing lost on the way.

How a file becomes a `Song`
---------------------------
* Every channel with notes in a track of the file becomes a `Track`; a track of the file without
  notes stays one. The first track of the file, if it has no channel messages, is the conductor: its
  name is the song's title. Channel 10 is drums.
* A note ends at the first free note-off (first in, first out). A note that has none ends at the next
  note of its pitch, or else with its track. Notes last at least one tick. Release velocities go.
* Tempos, meters, keys and markers are the song's, whatever track they stand in; every other event
  stays on its track as a `RawEvent` (track -1: the conductor).
* A track's program, volume and pan are what its channel is set to when its first note begins.

What the writer would write anyway is not also kept as control or raw event; an event that the writer
would write otherwise (a name in another character set, a key of seven sharps) is kept beside its
meaning, and written in its place as long as it still means what the song says.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.errors import TunesmithError
from core.song import smf
from core.song.harmony import SCALES
from core.song.midi_marks import (
    KEY,
    MARK_META,
    MARK_TYPES,
    MARKER,
    METER,
    NAME,
    OWN,
    OWN_PREFIX,
    PORT,
    TEMPO,
    Mark,
    mark_bytes,
    mark_of,
    meta_event,
    own_event,
    read_mark,
    read_text,
    text_bytes,
)
from core.song.midi_notes import NOTE_OFF, NOTE_ON, nested_lengths, paired_notes
from core.song.midi_settings import (
    BANK,
    BANK_FINE,
    CONTROL_CHANGE,
    PROGRAM,
    SETTINGS,
    assigned_ports,
    control_keys,
    first_onsets,
    given_ports,
    initial_controls,
    is_port,
    stated_settings,
    track_keys,
)
from core.song.notes import (
    CONTROL,
    DEFAULT_METER,
    DEFAULT_TEMPO,
    DRUM_CHANNEL,
    Controls,
    KeyMark,
    Marker,
    Meter,
    Notes,
    RawEvent,
    Song,
    Tempo,
    Track,
    empty_notes,
)
from core.store.atomic import write_bytes_atomic

MAX_BYTES = 128 << 20
"""Larger files are refused unread."""

BEND = 0xE0


def read_midi(source: str | Path | bytes) -> Song:
    """The song in a MIDI file.

    Parameters
    ----------
    source : a path, or the file's bytes

    Raises
    ------
    TunesmithError
        If it cannot be read or is no MIDI file.
    """
    data = source if isinstance(source, bytes) else _file_bytes(Path(source))
    return _song_of(smf.parse(data))


def write_midi(song: Song, path: str | Path) -> None:
    """Writes a song as a MIDI file (format 1); an existing file is replaced only once all is written."""
    write_bytes_atomic(Path(path), midi_bytes(song))


def midi_bytes(song: Song) -> bytes:
    """The song as the bytes of a MIDI file (format 1)."""
    count = int(song.notes["track"].max()) + 1 if len(song.notes) else 0
    count = max([count, *(event.track + 1 for event in song.raw_events)])
    tracks = (*song.tracks, *[Track()] * (count - len(song.tracks)))
    song = replace(song, tracks=_on_fitting_channels(tracks))
    raw_of: dict[int, list[RawEvent]] = defaultdict(list)
    for event in song.raw_events:
        raw_of[max(event.track, -1)].append(event)
    bodies = [_encoded_conductor(song, raw_of[-1])]
    ports = assigned_ports(song, given_ports(song.raw_events))
    initial = initial_controls(song, ports)
    by_track = np.searchsorted(np.sort(song.notes["track"]), np.arange(len(song.tracks) + 1))
    notes = song.notes[np.argsort(song.notes["track"], kind="stable")]
    for index, track in enumerate(song.tracks):
        controls = song.controls[song.controls["track"] == index]
        own_notes = notes[by_track[index] : by_track[index + 1]]
        controls = _merged(initial[initial["track"] == index], controls, track.channel)
        settings = {"colour": track.colour} if track.colour != index else {}
        if not len(own_notes) and track.channel != _first_channel(controls):
            settings["channel"] = track.channel
        settings |= nested_lengths(own_notes)
        events = [(0, own_event(settings))] if settings else []
        if ports[index] and not any(map(is_port, raw_of[index])):
            events.append((0, meta_event(PORT, bytes((ports[index],)))))
        if _needs_name(track.name, raw_of[index]):
            events.append((0, meta_event(NAME, text_bytes(track.name))))
        events = sorted([*events, *_raw_bytes(raw_of[index])], key=lambda event: event[0])
        bodies.append(_encoded_track(track, own_notes, controls, events, _end_tick(raw_of[index])))
    division = song.ticks_per_beat
    if song.smpte:
        division = -song.smpte[0] * 256 + song.smpte[1]
    return smf.encode(bodies, division)


def _file_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            reason = "is not a file" if path.exists() else "does not exist"
            raise TunesmithError(f"{path} {reason}: check the name")
        if path.stat().st_size > MAX_BYTES:
            raise TunesmithError(f"{path.name} is larger than {MAX_BYTES >> 20} MB: it cannot be one song")
        return path.read_bytes()
    except (OSError, ValueError) as why:
        raise TunesmithError(f"{path} cannot be read ({why}): check its permissions") from why


# ---- reading --------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """What becomes one `Track`: a channel's messages in a chunk."""

    chunk: int
    channel: int
    name: str


def _song_of(midi: smf.MidiData) -> Song:
    smpte, ticks_per_beat = None, midi.division
    if midi.division < 0:
        frames, per_frame = 256 - (midi.division >> 8 & 0xFF), max(1, midi.division & 0xFF)
        smpte, ticks_per_beat = (frames, per_frame), max(1, frames * per_frame // 2)
    elif midi.division == 0:
        raise TunesmithError("The MIDI file has 0 ticks in a beat: it is damaged; get it anew")
    marks = _Marks()
    parts: list[_Part] = []
    notes: list[Notes] = []
    controls: list[Controls] = []
    raw_events: list[RawEvent] = []
    title = ""
    own: dict[int, dict[str, Any]] = {}
    for number, chunk in enumerate(midi.tracks):
        note_channels, channels = _channels(chunk)
        is_conductor = number == 0 and (midi.format == 0 or not (note_channels or channels))
        first = -1 if is_conductor else len(parts)
        name, raw = _read_raw(chunk, first, marks)
        raw_events += raw
        settings = marks.take_track_settings()
        last = max([0, *chunk.ticks[-1:].tolist(), *(event[0] for event in chunk.raw[-1:])])
        if is_conductor:
            title = name
        if not note_channels and (channels or not is_conductor):
            note_channels = [settings.get("channel", (channels or [0])[0])]
        of_channel = {channel: len(parts) + k for k, channel in enumerate(note_channels)}
        if len(parts) + len(of_channel) > smf.MAX_TRACKS:
            raise TunesmithError(f"The file has more than {smf.MAX_TRACKS:,} parts: it cannot be music")
        parts += [_Part(number, channel, "" if is_conductor else name) for channel in of_channel]
        if of_channel:
            own[len(parts) - 1] = settings
            notes.append(paired_notes(chunk, of_channel, settings))
            last = max(last, int((notes[-1]["onset"] + notes[-1]["duration"]).max(initial=0)))
            controls.append(_controls_of(chunk, of_channel))
        if chunk.end_tick > last:
            raw_events.append(RawEvent(chunk.end_tick, first, smf.META, smf.END_OF_TRACK, b""))
    all_controls = np.concatenate(controls) if controls else np.empty(0, CONTROL)
    song = Song(
        notes=np.concatenate(notes) if notes else empty_notes(),
        ticks_per_beat=ticks_per_beat,
        tempos=tuple(marks.tempos) or (DEFAULT_TEMPO,),
        meters=tuple(marks.meters) or (DEFAULT_METER,),
        keys=tuple(sorted(dict.fromkeys(marks.keys), key=lambda mark: mark.tick)),
        markers=tuple(sorted(marks.markers, key=lambda mark: mark.tick)),
        controls=all_controls[np.lexsort((all_controls["track"], all_controls["tick"]))],
        raw_events=tuple(sorted([*marks.raw, *raw_events], key=lambda event: (event.tick, event.track))),
        title=title,
        smpte=smpte,
    )
    return _with_tracks(song, parts, own)


def _channels(chunk: smf.TrackChunk) -> tuple[list[int], list[int]]:
    """The channels with notes, rising, and those with controls, the first one first."""
    status = chunk.messages[:, 0]
    is_on = (status & 0xF0 == NOTE_ON) & (chunk.messages[:, 2] > 0)
    others = status[status >= 0xA0] & 15
    return np.unique(status[is_on] & 15).tolist(), others.tolist()


class _Marks:
    """Gathers what belongs to the song and not to one of its tracks."""

    def __init__(self) -> None:
        self.tempos: list[Tempo] = []
        self.meters: list[Meter] = []
        self.keys: list[KeyMark] = []
        self.markers: list[Marker] = []
        self.raw: dict[RawEvent, None] = {}
        self._settings: dict[str, Any] = {}

    def add(self, tick: int, meta: int, data: bytes) -> bool:
        """Takes an event if it is a mark that makes sense; returns whether it is one."""
        mark = read_mark(tick, meta, data)
        if mark is None:
            return False
        lists: dict[int, list[Any]] = {
            TEMPO: self.tempos, METER: self.meters, KEY: self.keys, MARKER: self.markers,
        }  # fmt: skip
        lists[meta].append(mark)
        if mark_bytes(mark) != data:
            self.raw[RawEvent(tick, -1, smf.META, meta, data)] = None
        return True

    def add_own(self, tick: int, text: bytes) -> None:
        """Takes one of our own events."""
        try:
            values = json.loads(text)
        except ValueError:
            return
        if not isinstance(values, dict):
            return
        match values.pop("key", None):
            case [int(tonic), str(mode)] if 0 <= tonic < 12 and mode in SCALES:
                if self.keys and self.keys[-1].tick == tick:
                    self.keys.pop()
                self.keys.append(KeyMark(tick, tonic, mode))
        channel = values.get("channel")
        if not isinstance(channel, int) or channel not in range(16):
            values.pop("channel", None)
        self._settings.update(values)

    def take_track_settings(self) -> dict[str, Any]:
        """What our own events said of the chunk just read."""
        settings, self._settings = self._settings, {}
        return settings


def _read_raw(chunk: smf.TrackChunk, track: int, marks: _Marks) -> tuple[str, list[RawEvent]]:
    """The chunk's name, and the events to keep as they are; song-wide marks go to ``marks``."""
    name: str | None = None
    kept = []
    for tick, status, meta, data in chunk.raw:
        if status == smf.META:
            if meta in MARK_TYPES and marks.add(tick, meta, data):
                continue
            if meta == NAME and name is None:
                name = read_text(data)
                if name and tick == 0 and text_bytes(name) == data:
                    continue
            if meta == OWN and not data:
                continue
            if meta == OWN and data.startswith(OWN_PREFIX):
                marks.add_own(tick, data[len(OWN_PREFIX) :])
                continue
        kept.append(RawEvent(tick, track, status, meta, data))
    return name or "", kept


def _controls_of(chunk: smf.TrackChunk, of_channel: dict[int, int]) -> Controls:
    kind = chunk.messages[:, 0] & 0xF0
    chosen = kind > NOTE_ON
    status, first, second = chunk.messages[chosen].astype(np.int64).T
    kind = status & 0xF0
    controls = np.zeros(len(status), CONTROL)
    part = np.full(16, min(of_channel.values()))
    part[list(of_channel)] = list(of_channel.values())
    controls["tick"], controls["kind"], controls["channel"] = chunk.ticks[chosen], kind, status & 15
    controls["track"] = part[status & 15]
    has_number = kind < PROGRAM
    controls["number"] = np.where(has_number, first, 0)
    bend = (second << 7 | first) - 8192
    controls["value"] = np.select([has_number, kind == BEND], [second, bend], first)
    return controls


def _with_tracks(song: Song, parts: Sequence[_Part], own: dict[int, dict[str, Any]]) -> Song:
    """``song`` with its tracks made, and without the events that say no more than they do."""
    given = given_ports(song.raw_events)
    tracks = [Track(part.name, 0, part.channel, part.channel == DRUM_CHANNEL) for part in parts]
    ports = [given.get(index, 0) for index in range(len(tracks))]
    # Tracks of one chunk share its port, which the raw event gives for the first alone.
    for index in range(1, len(parts)):
        if parts[index].chunk == parts[index - 1].chunk:
            ports[index] = ports[index - 1]
    song = replace(song, tracks=tuple(tracks))
    for index, stated in enumerate(stated_settings(song, ports)):
        values: dict[str, Any] = {
            name: value for name, value in zip(SETTINGS, stated, strict=True) if value is not None
        }
        colour = own.get(index, {}).get("colour", index)
        values["colour"] = colour if isinstance(colour, int) and 0 <= colour < 1 << 16 else index
        tracks[index] = replace(tracks[index], **values)
    song = replace(song, tracks=tuple(tracks))
    song = replace(song, controls=_without_implied(song, ports))
    marks: set[Mark | None] = {None, *song.tempos, *song.meters, *song.keys, *song.markers}
    last_mark = max(mark.tick for mark in marks if mark)
    automatic = 0 not in given.values() and assigned_ports(song, {}) == ports
    return replace(
        song,
        raw_events=tuple(
            event
            for event in song.raw_events
            if not (automatic and is_port(event) and event.tick == 0)
            and not (event.track < 0 and event.meta == smf.END_OF_TRACK and event.tick <= last_mark)
            # Of two meters at one tick the song has the last.
            and mark_of(event) in marks
        ),
    )


def _without_implied(song: Song, ports: Sequence[int]) -> Controls:
    """The controls but for those that the writer writes from the fields of the tracks."""
    controls = song.controls
    keys = control_keys(controls, ports)
    latest: dict[int, int] = defaultdict(int)
    for key, onset in zip(track_keys(song.tracks, ports), first_onsets(song), strict=True):
        latest[key] = max(latest[key], onset)
    early = controls["tick"] <= np.array([latest[key] for key in keys.tolist()], np.int64)
    is_bank = (controls["kind"] == CONTROL_CHANGE) & np.isin(controls["number"], (BANK, BANK_FINE))
    candidates: dict[tuple[int, int], list[int]] = defaultdict(list)
    for which, (kind, number) in enumerate(SETTINGS.values()):
        for at in np.flatnonzero(
            early & (controls["kind"] == kind) & (controls["number"] == number)
        ).tolist():
            candidates[int(keys[at]), which].append(at)
    last_bank = {int(keys[at]): at for at in np.flatnonzero(is_bank & (controls["tick"] == 0)).tolist()}
    single = [
        places[0]
        for (key, which), places in candidates.items()
        if len(places) == 1
        and controls["tick"][places[0]] == 0
        and (which > 0 or last_bank.get(key, -1) < places[0])
    ]
    without = replace(song, controls=np.delete(controls, single))
    implied = {row.item() for row in initial_controls(without, ports)}
    return np.delete(controls, [at for at in single if controls[at].item() in implied])


# ---- writing --------------------------------------------------------------------------------------


def _on_fitting_channels(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """The tracks with drums on the drum channel and nothing else there."""
    used = {track.channel for track in tracks} | {DRUM_CHANNEL}
    free = next((channel for channel in range(16) if channel not in used), 15)
    return tuple(
        replace(track, channel=DRUM_CHANNEL)
        if track.is_drum
        else replace(track, channel=free if track.channel == DRUM_CHANNEL else track.channel % 16)
        for track in tracks
    )


def _encoded_conductor(song: Song, raw: list[RawEvent]) -> bytes:
    """The first chunk: what belongs to no track."""
    kept = {mark: event.data for event in song.raw_events if (mark := mark_of(event))}
    events = [(0, meta_event(NAME, text_bytes(song.title)))] if _needs_name(song.title, raw) else []
    marks: list[tuple[int, bytes]] = []
    every_mark: tuple[Mark, ...] = (*song.tempos, *song.meters, *song.keys, *song.markers)
    for mark in every_mark:
        data = kept.get(mark) or mark_bytes(mark)
        marks.append((mark.tick, meta_event(MARK_META[type(mark)], data)))
        if isinstance(mark, KeyMark) and mark.mode not in ("major", "minor"):
            marks.append((mark.tick, own_event({"key": [mark.tonic, mark.mode]})))
    events = sorted([*events, *marks, *_raw_bytes(raw)], key=lambda event: event[0])
    return smf.encode_track(np.zeros(0, np.int64), np.zeros((0, 3), np.uint8), events, _end_tick(raw))


def _merged(initial: Controls, controls: Controls, channel: int) -> Controls:
    """A track's controls with its initial ones as early as a bank chosen at the start allows."""
    is_bank = (controls["kind"] == CONTROL_CHANGE) & np.isin(controls["number"], (BANK, BANK_FINE))
    banks = np.flatnonzero(is_bank & (controls["channel"] == channel) & (controls["tick"] <= 0))
    place = int(banks[-1]) + 1 if len(banks) else 0
    return np.concatenate([controls[:place], initial, controls[place:]])


def _encoded_track(
    track: Track, notes: Notes, controls: Controls, raw: list[tuple[int, bytes]], end_tick: int
) -> bytes:
    onset = np.maximum(notes["onset"], 0)
    end = np.maximum(notes["onset"] + np.maximum(notes["duration"], 1), onset + 1)
    ticks = np.concatenate([end, np.maximum(controls["tick"], 0), onset])
    messages = np.zeros((len(ticks), 3), np.uint8)
    ends, middle, ons = np.split(messages, [len(notes), len(notes) + len(controls)])
    ends[:, 0], ends[:, 1] = NOTE_OFF | track.channel, notes["pitch"]
    ons[:, 0], ons[:, 1] = NOTE_ON | track.channel, notes["pitch"]
    ons[:, 2] = np.clip(notes["velocity"], 1, 127)
    kind, value = controls["kind"], controls["value"].astype(np.int64)
    middle[:, 0] = kind | controls["channel"] & 15
    bend = np.clip(value + 8192, 0, 16383)
    has_number = kind < PROGRAM
    limited = np.clip(value, 0, 127)
    middle[:, 1] = np.select([has_number, kind == BEND], [controls["number"], bend & 127], limited)
    middle[:, 2] = np.select([has_number, kind == BEND], [limited, bend >> 7], 0)
    # At one tick: ends, controls, onsets, as they stand in the table.
    order = np.argsort(ticks, kind="stable")
    return smf.encode_track(ticks[order], messages[order], raw, end_tick)


def _first_channel(controls: Controls) -> int:
    """The channel that a track of the file without notes is taken to be on."""
    return int(controls["channel"][0]) if len(controls) else 0


def _needs_name(name: str, raw: Iterable[RawEvent]) -> bool:
    said = (read_text(event.data) for event in raw if event.status == smf.META and event.meta == NAME)
    return bool(name) and name not in said


def _raw_bytes(raw: Iterable[RawEvent]) -> list[tuple[int, bytes]]:
    """Raw events as bytes, without the end of the track and what `_encoded_conductor` writes as marks."""
    events = []
    for event in raw:
        if event.status < smf.SYSEX or (event.status == smf.META and event.meta == smf.END_OF_TRACK):
            continue
        if mark_of(event) is not None:
            continue
        events.append((max(0, event.tick), smf.raw_event(event.status, event.meta, event.data)))
    return events


def _end_tick(raw: Iterable[RawEvent]) -> int:
    ends = (event.tick for event in raw if event.status == smf.META and event.meta == smf.END_OF_TRACK)
    return max(ends, default=0)
