"""Every change to a song as a function from song to song.

Conventions
-----------
* ``index`` is an array of indices into ``song.notes``: the notes an edit is about.
* The song given is never changed; where there is nothing to do, it is given back itself.
* Notes stay valid: pitches 0-127, velocities 1-127, onsets from 0 on, durations of at least a tick.
  Times and velocities stop at their limits; an edit that would take a pitch out of range is refused,
  for the music would no longer be the same.
* A song keeps its notes sorted, so indices do not outlive an edit: `find` gets them back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import TunesmithError
from core.song.harmony import CHORDS, Key
from core.song.notes import (
    DRUM_CHANNEL,
    NOTE,
    KeyMark,
    Meter,
    Notes,
    Song,
    Tempo,
    Track,
)

Index = NDArray[np.intp]

_LONGEST = int(np.iinfo(NOTE["duration"]).max)
_CONTROL_CHANGE, _PROGRAM_CHANGE, _NAME, _META = 0xB0, 0xC0, 0x03, 0xFF
_SETTING_CONTROLLERS = {"volume": 7, "pan": 10}
_BANKS = (0, 32)

SLOWEST, FASTEST = 4.0, 1000.0
"""Beats per minute that a MIDI file can hold and a person may ask for."""


# ---- notes: which --------------------------------------------------------------------------------


def find(song: Song, notes: Notes) -> Index:
    """Indices, rising, of the notes of ``song`` that equal ``notes``; those it lacks are left out.

    Equal notes are found as often as they are asked for, if the song has so many.
    """
    wanted, present = _fingerprints(notes), _fingerprints(song.notes)
    by_print = np.argsort(present, kind="stable")
    wanted = np.sort(wanted)
    # The k-th of equal wanted notes is the k-th of the equal ones present.
    repeat = np.arange(len(wanted)) - np.searchsorted(wanted, wanted)
    place = np.searchsorted(present[by_print], wanted) + repeat
    inside = place < len(present)
    found = by_print[place[inside]]
    return np.sort(found[present[found] == wanted[inside]])


def insert(song: Song, notes: Notes) -> Song:
    """The song with ``notes`` added."""
    return song.with_notes(np.concatenate([song.notes, notes])) if len(notes) else song


def delete(song: Song, index: ArrayLike) -> Song:
    """The song without the notes at ``index``."""
    index = _index(index)
    return song.with_notes(np.delete(song.notes, index)) if len(index) else song


def duplicate(song: Song, index: ArrayLike, ticks: int | None = None) -> Song:
    """The notes once more, ``ticks`` later; by default right after themselves, on a beat."""
    chosen = song.notes[_index(index)].copy()
    if not len(chosen):
        return song
    if ticks is None:
        length = int((chosen["onset"] + chosen["duration"]).max() - chosen["onset"].min())
        ticks = -(-length // song.ticks_per_beat) * song.ticks_per_beat
    chosen["onset"] = np.maximum(chosen["onset"] + ticks, 0)
    return insert(song, chosen)


# ---- notes: where and how long --------------------------------------------------------------------


def move(song: Song, index: ArrayLike, ticks: int = 0, semitones: int = 0) -> Song:
    """The notes later and higher, or earlier and lower; all stop when the first is at the start.

    Raises
    ------
    TunesmithError
        If a pitch would leave 0-127.
    """
    index = _index(index)
    if not len(index):
        return song
    chosen = song.notes[index]
    ticks = max(ticks, -int(chosen["onset"].min()))
    pitch = _checked_pitches(chosen["pitch"].astype(int) + semitones)
    return _changed(song, index, onset=chosen["onset"] + ticks, pitch=pitch)


def transpose(song: Song, index: ArrayLike, semitones: int) -> Song:
    """The notes higher by ``semitones``; those of drum tracks stay, for there pitch is another drum.

    Raises
    ------
    TunesmithError
        If a pitch would leave 0-127.
    """
    index = _index(index)
    drums = [number for number, track in enumerate(song.tracks) if track.is_drum]
    return move(song, index[~np.isin(song.notes["track"][index], drums)], 0, semitones)


def resize(song: Song, index: ArrayLike, ticks: int) -> Song:
    """The notes longer by ``ticks`` (negative: shorter), of one tick at least."""
    index = _index(index)
    return _changed(song, index, duration=song.notes["duration"][index].astype(np.int64) + ticks)


def split(song: Song, index: ArrayLike, tick: int) -> Song:
    """The notes that sound across ``tick`` cut in two there."""
    index = _index(index)
    chosen = song.notes[index]
    end = chosen["onset"] + chosen["duration"]
    crossing = index[(chosen["onset"] < tick) & (tick < end)]
    if not len(crossing):
        return song
    first, second = song.notes[crossing].copy(), song.notes[crossing].copy()
    second["duration"] = second["onset"] + second["duration"] - tick
    second["onset"] = tick
    first["duration"] = tick - first["onset"]
    return song.with_notes(np.concatenate([np.delete(song.notes, crossing), first, second]))


def glue(song: Song, index: ArrayLike) -> Song:
    """The notes of each pitch and track joined to one, from the first onset to the last end, as loud
    as the first.
    """
    index = _index(index)
    chosen = song.notes[index]
    if not len(chosen):
        return song
    voice = chosen["track"].astype(np.int64) << 8 | chosen["pitch"]
    _, first, which = np.unique(voice, return_index=True, return_inverse=True)
    if len(first) == len(chosen):
        return song
    end = np.zeros(len(first), np.int64)
    np.maximum.at(end, which, chosen["onset"] + chosen["duration"])
    joined = chosen[first].copy()
    joined["duration"] = np.minimum(end - joined["onset"], _LONGEST)
    return song.with_notes(np.concatenate([np.delete(song.notes, index), joined]))


def legato(song: Song, index: ArrayLike) -> Song:
    """Every note made to last until the next onset among them in its track; the last ones stay."""
    index = _index(index)
    onset, track = song.notes["onset"][index], song.notes["track"][index].astype(np.int64)
    duration = song.notes["duration"][index].astype(np.int64)
    for each in np.unique(track).tolist():
        mine = np.flatnonzero(track == each)
        starts = np.unique(onset[mine])
        following = np.searchsorted(starts, onset[mine], "right")
        has_next = following < len(starts)
        duration[mine[has_next]] = starts[following[has_next]] - onset[mine[has_next]]
    return _changed(song, index, duration=duration)


def strum(song: Song, index: ArrayLike, ticks: int) -> Song:
    """The notes of each chord (same onset, same track) begun ``ticks`` one after another from low to
    high, or from high to low where ``ticks`` is negative; they end when they did.
    """
    index = _index(index)
    chosen = song.notes[index]
    pitch = chosen["pitch"].astype(np.int64)
    order = np.lexsort((pitch if ticks >= 0 else -pitch, chosen["track"], chosen["onset"]))
    ranked = chosen[order]
    is_new = np.ones(len(order), bool)
    same = (ranked["onset"][1:] == ranked["onset"][:-1]) & (ranked["track"][1:] == ranked["track"][:-1])
    is_new[1:] = ~same
    starts = np.flatnonzero(is_new)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - starts[np.cumsum(is_new) - 1]
    delay = np.minimum(place * abs(ticks), chosen["duration"] - 1)
    return _changed(song, index, onset=chosen["onset"] + delay, duration=chosen["duration"] - delay)


def reverse(song: Song, index: ArrayLike) -> Song:
    """The notes played backwards: the last to end begins first."""
    index = _index(index)
    chosen = song.notes[index]
    if not len(chosen):
        return song
    end = chosen["onset"] + chosen["duration"]
    return _changed(song, index, onset=chosen["onset"].min() + end.max() - end)


def invert(song: Song, index: ArrayLike) -> Song:
    """The notes mirrored about the middle between their lowest and highest pitch."""
    index = _index(index)
    pitch = song.notes["pitch"][index].astype(int)
    return _changed(song, index, pitch=pitch.min() + pitch.max() - pitch) if len(index) else song


def quantise(
    song: Song,
    index: ArrayLike,
    grid: int,
    strength: float = 1.0,
    swing: float = 0.0,
    lengths: bool = False,
) -> Song:
    """The onsets moved to the nearest lines of a grid that begins anew with every bar.

    Parameters
    ----------
    grid : ticks between lines
    strength : 0-1, how much of the way to go
    swing : 0-1, how late every second line is; 1 is a third of the grid, as in triplets
    lengths : whether to round durations to whole steps of the grid as well
    """
    index = _index(index)
    if grid < 1:
        raise TunesmithError(f"A grid of {grid} ticks cannot be: it must be 1 or more")
    onset = song.notes["onset"][index]
    _, start, length = song.bars.locate(onset)
    within = onset - start
    nearest = np.zeros(len(index))
    distance = np.full(len(index), np.inf)
    for offset in (-1, 0, 1, 2):
        line = np.maximum(within // grid + offset, 0)
        at = np.minimum(line * grid + (line % 2) * swing * grid / 3, length)
        closer = np.abs(at - within) < distance
        nearest[closer] = at[closer]
        distance[closer] = np.abs(at - within)[closer]
    moved = onset + np.rint(strength * (nearest - within)).astype(np.int64)
    if not lengths:
        return _changed(song, index, onset=moved)
    duration = song.notes["duration"][index]
    whole = np.maximum(np.rint(duration / grid), 1) * grid
    return _changed(song, index, onset=moved, duration=np.rint(duration + strength * (whole - duration)))


def humanise(song: Song, index: ArrayLike, ticks: int, velocity: int, seed: int) -> Song:
    """The notes a little early or late and softer or louder, by chance.

    Parameters
    ----------
    ticks, velocity : the most that onsets and velocities change
    seed : the same seed gives the same chances
    """
    index = _index(index)
    late, loud = np.random.default_rng(seed).normal(0, 0.5, (2, len(index))).clip(-1, 1)
    return _changed(
        song,
        index,
        onset=song.notes["onset"][index] + np.rint(late * ticks).astype(np.int64),
        velocity=song.notes["velocity"][index] + np.rint(loud * velocity),
    )


# ---- notes: velocity and chords -------------------------------------------------------------------


def set_velocity(song: Song, index: ArrayLike, velocity: ArrayLike) -> Song:
    """The notes with a velocity for all, or one for each."""
    index = _index(index)
    return _changed(song, index, velocity=np.broadcast_to(np.asarray(velocity), len(index)))


def scale_velocity(song: Song, index: ArrayLike, factor: float, offset: float = 0.0) -> Song:
    """The notes' velocities times ``factor`` plus ``offset``."""
    index = _index(index)
    return _changed(song, index, velocity=np.rint(song.notes["velocity"][index] * factor + offset))


def chord(song: Song, index: ArrayLike, kind: str) -> Song:
    """A chord built on each note.

    Parameters
    ----------
    kind : a suffix in `core.song.harmony.CHORDS`: "" (major), "m", "7", ...

    Raises
    ------
    TunesmithError
        If there is no such chord.
    """
    if kind not in CHORDS:
        raise TunesmithError(f'There is no chord "{kind}": use one of {", ".join(filter(None, CHORDS))}')
    roots = song.notes[_index(index)]
    steps = np.array(CHORDS[kind][1:])
    added = np.repeat(roots, len(steps))
    pitch = added["pitch"].astype(int) + np.tile(steps, len(roots))
    added["pitch"] = np.minimum(pitch, 127)
    added = added[pitch <= 127]
    return insert(song, added[~np.isin(_places(added), _places(song.notes))])


# ---- tracks ---------------------------------------------------------------------------------------


def add_track(song: Song, track: Track, at: int | None = None) -> Song:
    """The song with ``track`` at place ``at`` (default: last), on a channel of its own if one is free."""
    track = replace(track, channel=_free_channel(song.tracks, track))
    added = replace(song, tracks=(*song.tracks, track))
    return added if at is None else move_track(added, len(song.tracks), at)


def remove_track(song: Song, number: int) -> Song:
    """The song without track ``number`` and all that stands in it."""
    _check_track(song, number)
    others = np.delete(np.arange(len(song.tracks)), number)
    return _with_tracks_at(song, others.tolist())


def move_track(song: Song, number: int, to: int) -> Song:
    """The song with track ``number`` at place ``to``, the others in order."""
    _check_track(song, number)
    places = [each for each in range(len(song.tracks)) if each != number]
    places.insert(to, number)
    return song if places == list(range(len(places))) else _with_tracks_at(song, places)


def set_track(song: Song, number: int, **fields: Any) -> Song:
    """Track ``number`` with other ``fields`` of `Track`.

    What the track's controls set a field to by its first note gives way. A new program holds for the
    whole track, which gets a channel of its own where it shared one.

    Raises
    ------
    TunesmithError
        If there is no such track, or a value is out of range.
    """
    _check_track(song, number)
    for name in ("program", "volume", "pan"):
        if not 0 <= fields.get(name, 0) <= 127:
            raise TunesmithError(f"A track's {name} is 0 to 127, not {fields[name]}")
    before = song.tracks[number]
    track = replace(before, **fields)
    if track == before:
        return song
    others = [*song.tracks[:number], *song.tracks[number + 1 :]]
    is_new_sound = (track.program, track.is_drum) != (before.program, before.is_drum)
    if is_new_sound and "channel" not in fields:
        track = replace(track, channel=_free_channel(others, track))
    controls = song.controls
    mine = (controls["track"] == number) & (controls["channel"] == before.channel)
    numbers, early = controls["number"], controls["tick"] <= _first_onset(song, number)
    is_controller = controls["kind"] == _CONTROL_CHANGE
    gone = np.zeros(len(controls), bool)
    for name, controller in _SETTING_CONTROLLERS.items():
        if name in fields:
            gone |= is_controller & (numbers == controller) & early
    if is_new_sound:
        gone |= (controls["kind"] == _PROGRAM_CHANGE) | (is_controller & np.isin(numbers, _BANKS))
    if np.any(mine & gone) or track.channel != before.channel:
        controls = controls.copy()
        controls["channel"][mine] = track.channel
        controls = controls[~(mine & gone)]
    raw = song.raw_events
    if "name" in fields:
        raw = tuple(e for e in raw if (e.track, e.status, e.meta) != (number, _META, _NAME))
    tracks = (*song.tracks[:number], track, *song.tracks[number + 1 :])
    return replace(song, tracks=tracks, controls=controls, raw_events=raw)


# ---- tempo, meter, key ----------------------------------------------------------------------------


def set_tempo(song: Song, bpm: float, tick: int = 0) -> Song:
    """The song at ``bpm`` from ``tick`` to the next tempo change.

    Raises
    ------
    TunesmithError
        If the tempo is out of range.
    """
    if not SLOWEST <= bpm <= FASTEST:
        raise TunesmithError(f"A tempo is {SLOWEST:g} to {FASTEST:g} beats a minute, not {bpm:g}")
    others = tuple(mark for mark in song.tempos if mark.tick != tick)
    return replace(song, tempos=(*others, Tempo.from_bpm(tick, bpm)))


def set_meter(song: Song, numerator: int, denominator: int, tick: int = 0) -> Song:
    """The song in another meter from ``tick`` to the next meter change.

    Raises
    ------
    TunesmithError
        If there is no such meter.
    """
    if not 1 <= numerator <= 64 or denominator not in (1, 2, 4, 8, 16, 32, 64):
        raise TunesmithError(f"{numerator}/{denominator} is no meter: write one like 4/4, 3/4 or 6/8")
    others = tuple(mark for mark in song.meters if mark.tick != tick)
    return replace(song, meters=(*others, Meter(tick, numerator, denominator)))


def set_key(song: Song, key: Key | None, tick: int = 0) -> Song:
    """The song with a key signature at ``tick``; None takes away the one there."""
    others = [mark for mark in song.keys if mark.tick != tick]
    if key is not None:
        others.append(KeyMark(tick, key.tonic, key.mode))
    return replace(song, keys=tuple(sorted(others, key=lambda mark: mark.tick)))


# ---- helpers --------------------------------------------------------------------------------------


def _index(index: ArrayLike) -> Index:
    index = np.asarray(index)
    if index.dtype == bool:
        return np.flatnonzero(index)
    return index.astype(np.intp).ravel()


def _changed(song: Song, index: Index, **columns: NDArray[Any]) -> Song:
    """The song with other values in columns of the notes at ``index``, kept within their limits."""
    notes = song.notes.copy()
    for name, values in columns.items():
        low, high = _LIMITS[name]
        notes[name][index] = np.clip(values, low, high)
    return song if np.array_equal(notes, song.notes) else song.with_notes(notes)


_LIMITS = {"onset": (0, 1 << 38), "duration": (1, _LONGEST), "pitch": (0, 127), "velocity": (1, 127)}


def _checked_pitches(pitch: NDArray[np.int64]) -> NDArray[np.int64]:
    if pitch.min() < 0 or pitch.max() > 127:
        raise TunesmithError("That would leave the range of pitches (C-1 to G9): move by less")
    return pitch


def _fingerprints(notes: Notes) -> NDArray[np.uint64]:
    """A number for each note that equal notes, and practically no others, have in common."""
    halves = np.ascontiguousarray(notes).view(np.uint64).reshape(-1, 2)
    mixed = halves[:, 0] * np.uint64(0x9E3779B97F4A7C15) + halves[:, 1]
    return (mixed ^ mixed >> np.uint64(29)) * np.uint64(0xBF58476D1CE4E5B9)


def _places(notes: Notes) -> NDArray[np.int64]:
    """Onset, track and pitch as one number."""
    return notes["onset"] << 24 | notes["track"].astype(np.int64) << 8 | notes["pitch"]


def _check_track(song: Song, number: int) -> None:
    if not 0 <= number < len(song.tracks):
        raise TunesmithError(f"There is no track {number + 1}: the song has {len(song.tracks)}")


def _free_channel(others: Sequence[Track], track: Track) -> int:
    """The channel for ``track``: its own if no other track has it, else one that is free, if any is."""
    if track.is_drum:
        return DRUM_CHANNEL
    used = {other.channel for other in others} | {DRUM_CHANNEL}
    if track.channel not in used:
        return track.channel
    free = (channel for channel in range(16) if channel not in used)
    return next(free, 0 if track.channel == DRUM_CHANNEL else track.channel)


def _first_onset(song: Song, number: int) -> int:
    mine = np.flatnonzero(song.notes["track"] == number)
    return int(song.notes["onset"][mine[0]]) if len(mine) else 0


def _with_tracks_at(song: Song, order: list[int]) -> Song:
    """The song with the tracks numbered in ``order``, in that order; the others are gone."""
    new_number = np.full(1 << 16, -1, np.int64)
    new_number[order] = np.arange(len(order))
    notes, controls = song.notes, song.controls
    notes = notes[new_number[notes["track"]] >= 0]
    controls = controls[new_number[controls["track"]] >= 0]
    notes["track"] = new_number[notes["track"]]
    controls["track"] = new_number[controls["track"]]
    raw = tuple(
        replace(event, track=int(new_number[event.track])) if event.track >= 0 else event
        for event in song.raw_events
        if event.track < 0 or new_number[event.track] >= 0
    )
    return replace(
        song,
        tracks=tuple(song.tracks[each] for each in order),
        notes=notes,
        controls=controls,
        raw_events=raw,
    )
