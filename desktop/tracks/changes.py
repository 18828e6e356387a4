"""Changes to the list of tracks, as functions from song to song. They leave every other part as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.song.notes import DRUM_CHANNEL, NOTE, Notes, Song, Track


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


def inserted(song: Song, other: Song, tick: int) -> Song:
    """``song`` with the notes of ``other`` from ``tick`` on, each part in a track with its instrument.

    Tracks that ``song`` lacks are added; its tempo, meter and key stay.
    """
    notes = rescaled(other.notes, other.ticks_per_beat, song.ticks_per_beat).astype(NOTE, copy=True)
    notes["onset"] += tick
    tracks = list(song.tracks)
    free = list(range(len(tracks)))
    target = np.zeros(max(1, len(other.tracks)), np.uint16)
    for index, track in enumerate(other.tracks):
        same = [at for at in free if _plays_like(tracks[at], track)]
        if same:
            target[index] = same[0]
            free.remove(same[0])
        else:
            target[index] = len(tracks)
            tracks.append(replace(track, colour=len(tracks), channel=free_channel(tracks, track.is_drum)))
    if not other.tracks and not tracks:
        tracks.append(Track())
    notes["track"] = target[np.minimum(notes["track"], len(target) - 1)]
    return replace(song, notes=np.concatenate([song.notes, notes]), tracks=tuple(tracks))


def with_tracks_of(song: Song, other: Song) -> Song:
    """``song`` with all tracks of ``other`` after its own, from the first bar on."""
    first = len(song.tracks)
    tracks = list(song.tracks)
    for track in other.tracks:
        tracks.append(replace(track, channel=free_channel(tracks, track.is_drum), colour=len(tracks)))
    notes = rescaled(other.notes, other.ticks_per_beat, song.ticks_per_beat).copy()
    notes["track"] += np.uint16(first)
    controls = other.controls.copy()
    controls["tick"] = np.round(controls["tick"] * (song.ticks_per_beat / other.ticks_per_beat))
    controls["track"] += np.uint16(first)
    channels = np.array([track.channel for track in tracks], np.uint8)
    inside = controls["track"] < len(channels)
    controls = controls[inside]
    controls["channel"] = channels[controls["track"]]
    return replace(
        song,
        notes=np.concatenate([song.notes, notes]),
        controls=np.concatenate([song.controls, controls]),
        tracks=tuple(tracks),
    )


def rescaled(notes: Notes, ticks_per_beat: int, wanted: int) -> Notes:
    """Notes in the ticks of a song with another resolution."""
    if ticks_per_beat == wanted or not len(notes):
        return notes
    result = notes.copy()
    result["onset"] = np.round(notes["onset"] * (wanted / ticks_per_beat))
    result["duration"] = np.maximum(1, np.round(notes["duration"] * (wanted / ticks_per_beat)))
    return result


def _plays_like(a: Track, b: Track) -> bool:
    return a.is_drum == b.is_drum and (a.is_drum or a.program == b.program)


def _shifted(song: Song, first: int, by: int) -> tuple[np.ndarray, np.ndarray]:
    """Notes and controls with the tracks from ``first`` on counted ``by`` higher."""
    notes, controls = song.notes.copy(), song.controls.copy()
    for table in (notes, controls):
        table["track"][table["track"] >= first] += np.uint16(by)
    return notes, controls
