"""A song as one flat table of events in time, for playing and for rendering alike.

Conventions
-----------
* Times are seconds from the song's start, worked out exactly from the tempo map.
* ``channel`` is a channel of the synthesiser. Every track has one of its own (up to `TRACK_CHANNELS`
  tracks; beyond that they are shared), so that a track's volume, pan, mute and solo touch no other.
* At equal times: note ends, then the set-up of channels, banks before programs, controllers, note
  starts. Events of the same sort keep the song's order.
* The same pitch struck again in a track ends the note before it, and the end of that earlier note
  does not cut the later one short.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.song.notes import Song

EVENT = np.dtype(
    [
        ("seconds", "<f8"),
        ("tick", "<i8"),
        ("kind", "u1"),
        ("channel", "<u2"),
        ("number", "<i2"),
        ("value", "<i2"),
    ]
)
"""One event. ``kind`` is a MIDI status nibble or `CHANNEL_TYPE`; ``number`` the pitch, controller or
program; ``value`` the velocity, controller value, pressure or bend."""

CHANNEL_TYPE = 0x01
"""Not MIDI: makes the channel one of drums (value 1) or of pitched instruments (value 0)."""

NOTE_OFF, NOTE_ON, KEY_PRESSURE, CONTROLLER = 0x80, 0x90, 0xA0, 0xB0
PROGRAM, CHANNEL_PRESSURE, PITCH_BEND = 0xC0, 0xD0, 0xE0

BANK_MSB, BANK_LSB, VOLUME, PAN = 0, 32, 7, 10

TRACK_CHANNELS = 252
"""Channels for tracks; the last four of 256 are the player's own."""
METRONOME_CHANNEL, PREVIEW_CHANNEL, PREVIEW_DRUM_CHANNEL = 252, 253, 254

CLICK_ACCENT, CLICK_BEAT = 76, 77  # high and low wood block of the General MIDI drum kit
CLICK_VELOCITY = {CLICK_ACCENT: 110, CLICK_BEAT: 80}

MAX_CLICK_BARS = 20_000
"""A song that ends a billion bars hence is a mistake, and its metronome may fall silent."""

Events = NDArray[np.void]

_RANK = {NOTE_OFF: 0, CHANNEL_TYPE: 1, PROGRAM: 3, NOTE_ON: 5}
_BANK_RANK, _OTHER_RANK = 2, 4


def channel_of(track: int) -> int:
    """The synthesiser channel of track number ``track``."""
    return track % TRACK_CHANNELS


def playback_events(song: Song) -> Events:
    """``song`` as a sorted table of EVENT.

    Returns
    -------
    ndarray of EVENT [shape=(n,)]
        First, at time 0, every track's channel type, volume, pan and program; then all else.
    """
    events = np.concatenate([_set_up(song), _controls(song), _notes(song)])
    events["seconds"] = song.time.to_seconds(events["tick"])
    return _sorted(events)


def metronome_events(song: Song, end_tick: int) -> Events:
    """Clicks on every beat of the song's meters up to ``end_tick``, bar starts accented, as EVENT."""
    ticks: list[int] = []
    pitches: list[int] = []
    bar = 0
    while bar < MAX_CLICK_BARS and (start := song.bars.start(bar)) < end_tick:
        meter = song.bars.meter_at(start)
        beat = max(1, 4 * song.ticks_per_beat // meter.denominator)
        clicks = range(start, min(song.bars.start(bar + 1), end_tick), beat)
        ticks += clicks
        pitches += [CLICK_ACCENT] + [CLICK_BEAT] * (len(clicks) - 1)
        bar += 1
    events = np.zeros(len(ticks), EVENT)
    events["tick"] = ticks
    events["seconds"] = song.time.to_seconds(events["tick"])
    events["kind"], events["channel"] = NOTE_ON, METRONOME_CHANNEL
    events["number"] = pitches
    events["value"] = [CLICK_VELOCITY[pitch] for pitch in pitches]
    return events


def state_at(events: Events, seconds: float) -> Events:
    """What a synthesiser must be told to be as it would be at ``seconds``.

    The last setting of every controller, program, bend and pressure at or before that time, in the
    order in which to send them.
    """
    reached = events[: np.searchsorted(events["seconds"], seconds, "right")]
    settings = reached[(reached["kind"] != NOTE_ON) & (reached["kind"] != NOTE_OFF)]
    if not len(settings):
        return settings
    _, last = np.unique(_setting_key(settings)[::-1], return_index=True)
    kept = settings[np.sort(len(settings) - 1 - last)]
    # A program holds the bank that was chosen before it, so banks go first whatever came last.
    return kept[np.argsort(_ranks(kept), kind="stable")]


def merge(*tables: Events) -> Events:
    """Several tables as one, in order of time."""
    return _sorted(np.concatenate(tables))


def _setting_key(events: Events) -> NDArray[np.int64]:
    by_number = np.isin(events["kind"], (CONTROLLER, KEY_PRESSURE))
    number = np.where(by_number, events["number"], 0).astype(np.int64)
    return (events["channel"].astype(np.int64) << 16) | (events["kind"].astype(np.int64) << 8) | number


def _set_up(song: Song) -> Events:
    rows: list[tuple[float | int, ...]] = []
    for index, track in enumerate(song.tracks):
        channel = channel_of(index)
        rows += [
            (0.0, 0, CHANNEL_TYPE, channel, 0, int(track.is_drum)),
            (0.0, 0, CONTROLLER, channel, VOLUME, track.volume),
            (0.0, 0, CONTROLLER, channel, PAN, track.pan),
            (0.0, 0, PROGRAM, channel, track.program, 0),
        ]
    return np.array(rows, EVENT)


def _controls(song: Song) -> Events:
    """The song's controllers, each on its own track and on the tracks that share its instrument.

    Two tracks on one MIDI channel (a piano's two hands) are one instrument to a MIDI file: a pedal
    written in either is meant for both.
    """
    parts = [(track.channel, track.program, track.is_drum) for track in song.tracks]
    tables = [np.zeros(0, EVENT)]
    for index, part in enumerate(parts):
        own = song.controls[song.controls["track"] == index]
        if len(own):
            sharers = [other for other, each in enumerate(parts) if each == part and other != index]
            tables += [_controls_for(song, own, each) for each in (index, *sharers)]
    return np.concatenate(tables)


def _controls_for(song: Song, controls: NDArray[np.void], index: int) -> Events:
    """``controls`` as events for track ``index``."""
    events = np.zeros(len(controls), EVENT)
    events["tick"], events["kind"] = np.maximum(controls["tick"], 0), controls["kind"]
    events["channel"], events["number"] = channel_of(index), controls["number"]
    events["value"] = controls["value"]
    program = events["kind"] == PROGRAM
    events["number"][program], events["value"][program] = controls["value"][program], 0
    # The track's own fields say what program, volume and pan its first note has. Older settings are
    # kept, as a program change makes a bank count, but say the same.
    track, onsets = song.tracks[index], song.notes["onset"][song.notes["track"] == index]
    early = events["tick"] <= (onsets[0] if len(onsets) else 0)
    events["number"][early & program] = track.program
    controller = early & (events["kind"] == CONTROLLER)
    for number, value in ((VOLUME, track.volume), (PAN, track.pan)):
        events["value"][controller & (events["number"] == number)] = value
    return events


def _notes(song: Song) -> Events:
    notes = song.notes
    onset = np.maximum(notes["onset"], 0)
    # A note of no length still sounds: it ends a tick after it began.
    end = np.maximum(notes["onset"] + np.maximum(notes["duration"], 1), onset + 1)
    channel = (notes["track"] % TRACK_CHANNELS).astype(np.int64)
    key = channel * 128 + notes["pitch"]
    order = np.lexsort((end, onset, key))
    key, onset, end, velocity = key[order], onset[order], end[order], notes["velocity"][order]
    if len(key):
        same = key[1:] == key[:-1]
        end[:-1] = np.where(same, np.minimum(end[:-1], onset[1:]), end[:-1])
    sounding = end > onset  # of notes that start together on one pitch, the longest is heard
    key, onset, end, velocity = (column[sounding] for column in (key, onset, end, velocity))
    count = len(key)
    events = np.zeros(2 * count, EVENT)
    events["tick"][:count], events["tick"][count:] = onset, end
    events["kind"][:count], events["kind"][count:] = NOTE_ON, NOTE_OFF
    events["value"][:count] = np.maximum(velocity, 1)
    for half in (slice(count), slice(count, None)):
        events["channel"][half], events["number"][half] = key // 128, key % 128
    return events


def _ranks(events: Events) -> NDArray[np.int64]:
    ranks = np.full(len(events), _OTHER_RANK)
    for kind, rank in _RANK.items():
        ranks[events["kind"] == kind] = rank
    bank = (events["kind"] == CONTROLLER) & np.isin(events["number"], (BANK_MSB, BANK_LSB))
    ranks[bank] = _BANK_RANK
    return ranks


def _sorted(events: Events) -> Events:
    return events[np.lexsort((_ranks(events), events["seconds"]))]
