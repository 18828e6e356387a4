"""Changes to the list of tracks that the window needs beyond `core.song.edits`: songs in, songs out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.song import edits
from core.song.notes import NOTE, Notes, Song, Track
from desktop.theme import TRACK_COLOURS

COLOURS = len(TRACK_COLOURS)


def with_new_track(song: Song) -> Song:
    """One more track, a piano, at the end."""
    return edits.add_track(song, Track("Piano", colour=free_colour(song)))


def free_colour(song: Song) -> int:
    """The first colour that no track has; where all are taken, the next in turn."""
    taken = {track.colour % COLOURS for track in song.tracks}
    return next((colour for colour in range(COLOURS) if colour not in taken), len(song.tracks))


def with_copy(song: Song, index: int) -> Song:
    """A copy of a track, with its notes and controls, right after it."""
    last = len(song.tracks)
    old = song.tracks[index]
    added = edits.add_track(song, replace(old, name=f"{old.name} copy".strip(), colour=free_colour(song)))
    notes = song.notes[song.notes["track"] == index].copy()
    notes["track"] = last
    controls = song.controls[song.controls["track"] == index].copy()
    controls["track"] = last
    controls["channel"] = added.tracks[last].channel
    added = replace(
        added,
        notes=np.concatenate([song.notes, notes]),
        controls=np.concatenate([song.controls, controls]),
    )
    return edits.move_track(added, last, index + 1)


def inserted(song: Song, other: Song, tick: int) -> Song:
    """``song`` with the notes of ``other`` from ``tick`` on, each part in a track with its instrument.

    Tracks that ``song`` lacks are added; its tempo, meter and key stay.
    """
    notes = rescaled(other.notes, other.ticks_per_beat, song.ticks_per_beat).astype(NOTE, copy=True)
    notes["onset"] += tick
    result = song
    free = list(range(len(song.tracks)))
    target = np.zeros(max(1, len(other.tracks)), np.uint16)
    for index, track in enumerate(other.tracks or (Track(),)):
        same = [at for at in free if _plays_like(song.tracks[at], track)]
        if same:
            target[index] = same[0]
            free.remove(same[0])
        else:
            target[index] = len(result.tracks)
            result = edits.add_track(result, replace(track, colour=free_colour(result)))
    notes["track"] = target[np.minimum(notes["track"], len(target) - 1)]
    return edits.insert(result, notes)


def with_tracks_of(song: Song, other: Song) -> Song:
    """``song`` with all tracks of ``other`` after its own, from the first bar on."""
    first = len(song.tracks)
    result = song
    for track in other.tracks:
        result = edits.add_track(result, replace(track, colour=free_colour(result)))
    notes = rescaled(other.notes, other.ticks_per_beat, song.ticks_per_beat).copy()
    notes["track"] += np.uint16(first)
    channels = np.array([track.channel for track in result.tracks], np.uint8)
    controls = other.controls[other.controls["track"] < len(other.tracks)].copy()
    controls["tick"] = np.round(controls["tick"] * (song.ticks_per_beat / other.ticks_per_beat))
    controls["track"] += np.uint16(first)
    controls["channel"] = channels[controls["track"]]
    return replace(
        result,
        notes=np.concatenate([song.notes, notes]),
        controls=np.concatenate([song.controls, controls]),
    )


def rescaled(notes: Notes, ticks_per_beat: int, wanted: int) -> Notes:
    """Notes in the ticks of a song with another resolution."""
    if ticks_per_beat == wanted or not len(notes):
        return notes
    result = notes.copy()
    result["onset"] = np.round(notes["onset"] * (wanted / ticks_per_beat))
    result["duration"] = np.maximum(1, np.round(notes["duration"] * (wanted / ticks_per_beat)))
    return result


def in_ticks(song: Song, wanted: int) -> Song:
    """The same music counted in another resolution; what is neither note nor mark is left out."""
    if song.ticks_per_beat == wanted:
        return song
    ratio = wanted / song.ticks_per_beat
    return Song(
        notes=rescaled(song.notes, song.ticks_per_beat, wanted),
        tracks=song.tracks,
        ticks_per_beat=wanted,
        tempos=tuple(replace(mark, tick=round(mark.tick * ratio)) for mark in song.tempos),
        meters=tuple(replace(mark, tick=round(mark.tick * ratio)) for mark in song.meters),
        keys=tuple(replace(mark, tick=round(mark.tick * ratio)) for mark in song.keys),
        title=song.title,
    )


def _plays_like(a: Track, b: Track) -> bool:
    return a.is_drum == b.is_drum and (a.is_drum or a.program == b.program)
