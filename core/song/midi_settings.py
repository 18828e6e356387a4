"""What the tracks of a MIDI file are set to: by the controls in it, or by those it has to be given.

A track plays on a port and a channel, its *key* here. What its channel's controls have set by its first
note is what its fields say; where no control says so, the file needs one at its start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.song import smf
from core.song.midi_marks import PORT
from core.song.notes import CONTROL, Controls, RawEvent, Song, Track

PROGRAM, CONTROL_CHANGE = 0xC0, 0xB0
BANK, VOLUME, PAN, BANK_FINE = 0, 7, 10, 32

SETTINGS = {"program": (PROGRAM, 0), "volume": (CONTROL_CHANGE, VOLUME), "pan": (CONTROL_CHANGE, PAN)}
"""Field of `Track` -> the kind and number of the message that sets it."""

DEFAULTS = {name: getattr(Track(), name) for name in SETTINGS}


def given_ports(events: Iterable[RawEvent]) -> dict[int, int]:
    """Track -> MIDI port, where the file says so."""
    ports: dict[int, int] = {}
    for event in events:
        if is_port(event) and len(event.data) == 1 and event.track >= 0:
            ports.setdefault(event.track, event.data[0])
    return ports


def is_port(event: RawEvent) -> bool:
    """Whether an event chooses a MIDI port."""
    return event.status == smf.META and event.meta == PORT


def track_keys(tracks: Sequence[Track], ports: Sequence[int]) -> list[int]:
    """One number for port and channel of each track."""
    return [port * 16 + track.channel for track, port in zip(tracks, ports, strict=True)]


def control_keys(controls: Controls, ports: Sequence[int]) -> NDArray[np.int64]:
    """The key, as in `track_keys`, of each control [shape=(n,)]."""
    if not len(controls):
        return np.zeros(0, np.int64)
    port = np.zeros(max(len(ports), int(controls["track"].max()) + 1), np.int64)
    port[: len(ports)] = ports
    return port[controls["track"]] * 16 + controls["channel"]


def first_onsets(song: Song) -> list[int]:
    """The tick of each track's first note; 0 for one without notes."""
    tracks, first = np.unique(song.notes["track"], return_index=True)
    onsets = dict(zip(tracks.tolist(), song.notes["onset"][first].tolist(), strict=True))
    return [onsets.get(index, 0) for index in range(len(song.tracks))]


def stated_settings(song: Song, ports: Sequence[int]) -> list[tuple[int | None, int | None, int | None]]:
    """What controls set each track's program, volume and pan to by its first note (None: nothing)."""
    onsets, keys = first_onsets(song), track_keys(song.tracks, ports)
    columns = []
    for kind, number in SETTINGS.values():
        chosen = song.controls[(song.controls["kind"] == kind) & (song.controls["number"] == number)]
        by_key: dict[int, Controls] = {}
        chosen_keys = control_keys(chosen, ports)
        for key in np.unique(chosen_keys).tolist():
            by_key[key] = chosen[chosen_keys == key]
        values: list[int | None] = []
        for key, onset in zip(keys, onsets, strict=True):
            said = by_key.get(key)
            count = 0 if said is None else int(np.searchsorted(said["tick"], onset, "right"))
            values.append(int(said["value"][count - 1]) if said is not None and count else None)
        columns.append(values)
    return list(zip(*columns, strict=True))


def assigned_ports(song: Song, given: dict[int, int]) -> list[int]:
    """A port for each track: the one given, else the first on which no other track needs its channel
    to be set otherwise.
    """
    stated = stated_settings(song, [given.get(index, 0) for index in range(len(song.tracks))])
    needs: dict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    ports = []
    for index, track in enumerate(song.tracks):
        wanted = {name: getattr(track, name) for name in SETTINGS}
        said = dict(zip(SETTINGS, stated[index], strict=True))
        port = given.get(index, 0)
        # What a control sets by the first note needs no setting at the start.
        wanted_here = {name: value for name, value in wanted.items() if said[name] != value}
        while index not in given and port < 127 and _clash(needs[port, track.channel], wanted_here):
            port, wanted_here = port + 1, wanted
        needs[port, track.channel] |= wanted_here
        ports.append(port)
    return ports


def _clash(needs: dict[str, int], wanted: dict[str, int]) -> bool:
    return any(needs.get(name, value) != value for name, value in wanted.items())


def initial_controls(song: Song, ports: Sequence[int]) -> Controls:
    """The messages at the start that set tracks to what their fields say, where no control does."""
    stated, keys = stated_settings(song, ports), track_keys(song.tracks, ports)
    with_notes = set(np.unique(song.notes["track"]).tolist())
    rows, done = [], set()
    for index, track in enumerate(song.tracks):
        for (name, (kind, number)), said in zip(SETTINGS.items(), stated[index], strict=True):
            value = getattr(track, name)
            is_default = value == DEFAULTS[name] and not (name == "program" and index in with_notes)
            if said == value or (said is None and is_default) or (keys[index], name, value) in done:
                continue
            done.add((keys[index], name, value))
            rows.append((0, index, track.channel, kind, number, value))
    return np.array(rows, CONTROL)
