"""What the tasks on a song are about: which bars, which tracks, and how a result comes into the song.

A task on a song gives the whole song back. What is taken over is only the difference to the song that was
asked about, so that edits made meanwhile stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.compose.request import Request
from core.errors import TunesmithError
from core.song import edits
from core.song.harmony import Key, chords_of, parse_chord
from core.song.instruments import find_instrument
from core.song.notes import Notes, Song, Track
from desktop.document import Document, missing
from desktop.tracks.changes import free_colour

MOST_BARS = 256


@dataclass(frozen=True, slots=True)
class Region:
    """Bars ``first_bar`` to ``first_bar + bars`` of some tracks, and the locked notes in them."""

    first_bar: int
    bars: int
    tracks: tuple[int, ...]

    def notes(self, song: Song) -> NDArray[np.intp]:
        """Indices of the notes that begin in it."""
        start, end = (song.bars.start(bar) for bar in (self.first_bar, self.first_bar + self.bars))
        onsets = song.notes["onset"]
        return np.flatnonzero(
            (onsets >= start) & (onsets < end) & np.isin(song.notes["track"], self.tracks or range(65536))
        )

    def text(self, song: Song) -> str:
        """For people: "bars 3–4 of Piano"."""
        last = self.first_bar + self.bars
        bars = f"bar {last}" if self.bars == 1 else f"bars {self.first_bar + 1}–{last}"
        names = [song.tracks[track].name or f"track {track + 1}" for track in self.tracks]
        return f"{bars} of {', '.join(names)}" if names else bars


def marked_region(document: Document) -> Region | None:
    """The bars of the loop, or else of the selection, in the selected notes' tracks or else the current one."""
    song, selection = document.song, document.selection
    notes = song.notes[selection]
    if document.loop is not None:
        start, end = document.loop
    elif len(notes):
        start, end = int(notes["onset"].min()), int((notes["onset"] + notes["duration"]).max())
    else:
        return None
    if not song.tracks:
        return None
    first, last = song.bars.bar_at(start), song.bars.bar_at(max(start, end - 1))
    tracks = np.unique(notes["track"]).tolist() if len(notes) else [document.current_track]
    return Region(first, min(MOST_BARS, last - first + 1), tuple(tracks))


def about_song(document: Document, task: str, request: Request) -> Request:
    """``request`` as a wish about the document's song: its key, tempo and meter, and what is marked."""
    song = document.song
    region = marked_region(document)
    at = document.playhead if task != "continue" else song.end_tick
    if region is not None and task in ("fill", "vary"):
        at = song.bars.start(region.first_bar)
    keys = [mark for mark in song.keys if mark.tick <= at]
    tempo = next(mark for mark in reversed(song.tempos) if mark.tick <= at)
    meter = next(mark for mark in reversed(song.meters) if mark.tick <= at)
    request = replace(
        request,
        task=task,
        song=song,
        # What is around the place says in which style it is; the panel's may be another.
        style="" if task in ("fill", "vary") else request.style,
        key=Key(keys[-1].tonic, keys[-1].mode).name if keys else "",
        tempo=min(300.0, max(20.0, round(tempo.bpm, 3))),
        meter=(meter.numerator, meter.denominator),
    )
    locked = document.locked
    if task == "fill" and region is not None:
        locked = np.intersect1d(locked, region.notes(song))
        return replace(
            request,
            first_bar=region.first_bar,
            bars=region.bars,
            tracks=region.tracks,
            locked=_numbers(locked),
        )
    if task == "vary":
        if region is not None:
            outside = np.setdiff1d(np.arange(len(song.notes)), region.notes(song))
            locked = np.union1d(locked, outside)
        tracks = region.tracks if region is not None else ()
        return replace(request, tracks=tracks, locked=_numbers(locked), bars=bars_of(song))
    if task == "accompany":
        return replace(request, instruments=lacking(song, request.instruments), bars=bars_of(song))
    return request


def bars_of(song: Song) -> int:
    """How many bars hold its notes, 1-256."""
    return min(MOST_BARS, song.bars.bar_at(max(0, song.end_tick - 1)) + 1)


def lacking(song: Song, instruments: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the instruments that no track with notes has."""
    played = {
        (0, True) if track.is_drum else (track.program, False)
        for index, track in enumerate(song.tracks)
        if np.any(song.notes["track"] == index)
    }
    wanted = []
    for name in instruments:
        try:
            program, is_drum = find_instrument(name)
        except TunesmithError:
            continue
        if ((0, True) if is_drum else (program, False)) not in played:
            wanted.append(name)
    return tuple(wanted)


def read_chords(text: str) -> tuple[str, ...]:
    """The chords a person wrote, one entry a bar: "C Am F,G7" is three bars; bar lines may stand between.

    Raises
    ------
    TunesmithError
        For a name that is no chord.
    """
    bars = tuple(text.replace("|", " ").replace(" ,", ",").replace(", ", ",").split())
    for bar in bars:
        for name in bar.split(","):
            parse_chord(name)
    return bars


def chords_of_bars(song: Song, first: int, bars: int) -> tuple[str, ...]:
    """The chord of each of ``bars`` bars of a song; a bar without one has that of the bar before it."""
    names: list[str] = []
    for bar in range(first, first + bars):
        start, end = song.bars.start(bar), song.bars.start(bar + 1)
        onsets = song.notes["onset"]
        sounding = song.notes[(onsets < end) & (onsets + song.notes["duration"] > start)].copy()
        late = np.maximum(start - sounding["onset"], 0)
        sounding["duration"] -= late.astype(np.int32)
        sounding["onset"] = np.maximum(sounding["onset"], start) - start
        found = chords_of(song.with_notes(sounding), end - start)
        names.append(found[0].name.split("/")[0] if found else names[-1] if names else "")
    first_name = next((name for name in names if name), "")
    return tuple(name or first_name for name in names) if first_name else ()


def difference(before: Song, after: Song) -> tuple[Notes, Notes]:
    """The notes of ``before`` that ``after`` lacks, and those that came."""
    gone = before.notes[missing(before.notes, after.notes)]
    came = after.notes[missing(after.notes, before.notes)]
    return gone, came


def merged(present: Song, request: Request, result: Song) -> Song:
    """``present`` with what ``result`` changed of the song that ``request`` was about.

    A fill changes nothing outside its bars and tracks, and no locked note, whatever ``result`` holds.
    """
    before = request.song
    if before is None:
        return result
    gone, came = difference(before, result)
    if request.task == "fill":
        region = Region(request.first_bar, request.bars, request.tracks)
        locked = before.notes[np.array(request.locked, np.intp)]
        gone = gone[missing(gone, locked)]
        gone = gone[region.notes(before.with_notes(gone))]
        came = np.sort(came, order=("onset", "track", "pitch"))
        came = came[region.notes(before.with_notes(came))]
    song = edits.delete(present, edits.find(present, gone))
    target = np.arange(max(1, len(result.tracks)))
    for index, track in enumerate(result.tracks):
        song, target[index] = _place(song, track, index, new=index >= len(before.tracks))
    came = came.copy()
    came["track"] = target[np.minimum(came["track"], len(target) - 1)]
    return edits.insert(song, came)


def _place(song: Song, track: Track, index: int, *, new: bool) -> tuple[Song, int]:
    """Where the notes of a track go: to the one at its place or of its sound, or to a new one."""
    if not new:
        if index < len(song.tracks) and _sounds_like(song.tracks[index], track):
            return song, index
        same = [at for at, each in enumerate(song.tracks) if _sounds_like(each, track)]
        if same:
            return song, same[0]
    added = edits.add_track(song, replace(track, colour=free_colour(song)))
    return added, len(song.tracks)


def _sounds_like(a: Track, b: Track) -> bool:
    return a.is_drum == b.is_drum and (a.is_drum or a.program == b.program)


def _numbers(index: NDArray[np.intp]) -> tuple[int, ...]:
    return tuple(int(each) for each in index)
