"""Changes to the list of tracks, as functions from song to song. They leave every other part as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.song.notes import DRUM_CHANNEL, Song, Track


def free_channel(tracks: Sequence[Track], is_drum: bool) -> int:
    """A channel 0-15 that no other melodic track uses; 9 for drums."""
    if is_drum:
        return DRUM_CHANNEL
    used = {track.channel for track in tracks}
    melodic = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    free = [channel for channel in melodic if channel not in used]
    return free[0] if free else melodic[len(tracks) % len(melodic)]


def with_new_track(song: Song) -> Song:
    """One more track, a piano, at the end."""
    track = Track("Piano", channel=free_channel(song.tracks, False), colour=len(song.tracks))
    return replace(song, tracks=(*song.tracks, track))


def with_copy(song: Song, index: int) -> Song:
    """A copy of a track, with its notes, right after it."""
    old = song.tracks[index]
    copy = replace(
        old,
        name=f"{old.name} copy".strip(),
        channel=free_channel(song.tracks, old.is_drum),
        colour=len(song.tracks),
    )
    notes, controls = _shifted(song, index + 1, by=1)
    copied = song.notes[song.notes["track"] == index].copy()
    copied["track"] = index + 1
    own_controls = song.controls[song.controls["track"] == index].copy()
    own_controls["track"] = index + 1
    own_controls["channel"] = copy.channel
    return replace(
        song,
        tracks=(*song.tracks[: index + 1], copy, *song.tracks[index + 1 :]),
        notes=np.concatenate([notes, copied]),
        controls=np.concatenate([controls, own_controls]),
        raw_events=tuple(
            replace(event, track=event.track + (event.track > index)) for event in song.raw_events
        ),
    )


def _shifted(song: Song, first: int, by: int) -> tuple[np.ndarray, np.ndarray]:
    """Notes and controls with the tracks from ``first`` on counted ``by`` higher."""
    notes, controls = song.notes.copy(), song.controls.copy()
    for table in (notes, controls):
        table["track"][table["track"] >= first] += np.uint16(by)
    return notes, controls
