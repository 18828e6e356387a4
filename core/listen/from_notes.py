"""The same analysis of a song whose notes are known: nothing is estimated that is written.

Conventions
-----------
* Beats and tempo are those of the tempo map and the meters: a beat is a quarter note, in meters of three, six, nine
  or twelve eighths (or sixteenths) a dotted one.
* The key is the one the notes are in (`core.song.harmony.estimate_key`), whatever the key signature says: that is
  C major in most files.
* Drums have no pitch: they count for the rhythm and the form alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.listen.analysis import Analysis
from core.listen.chords import NO_CHORD
from core.listen.report import MelodyNote, Span
from core.listen.structure import form_of, steps_of
from core.song.harmony import chords_of, estimate_key, pitched_notes
from core.song.notes import Notes, Song

Array = NDArray[np.float64]

MOST_BEATS = 20_000
"""Three hours at 110 a minute; a damaged file may claim to be longer."""

_OCTAVES, _LOWEST = 7, 24


def analyse_song(song: Song) -> Analysis:
    """Analyse the notes of a song."""
    if not len(song.notes):
        return Analysis()
    beats, downbeats = beats_of(song)
    pitched = pitched_notes(song)
    key, lead = estimate_key(pitched)
    return Analysis(
        tempo_bpm=main_tempo(song, beats),
        tempo_confidence=1.0,
        beats_s=tuple(np.round(beats, 4).tolist()),
        downbeats_s=tuple(np.round(downbeats, 4).tolist()),
        key=key if len(pitched) else None,
        key_confidence=min(1.0, 4 * lead),
        chords=_chords(song),
        melody=melody_of(song),
        onsets_s=tuple(np.round(song.time.to_seconds(np.unique(song.notes["onset"])), 4).tolist()),
        structure=_form(song, pitched, beats),
    )


def beats_of(song: Song) -> tuple[Array, Array]:
    """The beats and downbeats from the song's start to its last onset, in seconds."""
    end = int(song.notes["onset"].max()) if len(song.notes) else -1
    ticks: list[int] = []
    starts: list[int] = []
    bar = 0
    while len(ticks) < MOST_BEATS and (start := song.bars.start(bar)) <= end:
        meter = song.bars.meter_at(start)
        compound = meter.denominator >= 8 and meter.numerator % 3 == 0
        beat = 4 * song.ticks_per_beat * (3 if compound else 1) // (meter.denominator if compound else 4)
        stop = min(song.bars.start(bar + 1), end + 1)
        starts.append(start)
        ticks += range(start, stop, max(1, beat))
        bar += 1
    return (
        song.time.to_seconds(np.array(ticks[:MOST_BEATS], np.int64)),
        song.time.to_seconds(np.array(starts, np.int64)),
    )


def main_tempo(song: Song, beats: Array) -> float:
    """Beats a minute: the median over time."""
    if len(beats) < 2:
        return float(song.tempos[0].bpm) if not song.smpte else 0.0
    steps = np.diff(beats)
    order = np.argsort(steps)
    half = np.searchsorted(np.cumsum(steps[order]), steps.sum() / 2)
    return float(60 / steps[order[min(half, len(steps) - 1)]])


def melody_of(song: Song) -> tuple[MelodyNote, ...]:
    """The notes of the track called a melody; else the highest notes, each until a next one sets in above it."""
    pitched = pitched_notes(song)
    named = [
        number
        for number, track in enumerate(song.tracks)
        if any(word in track.name.lower() for word in ("melody", "lead", "vocal", "voice", "solo"))
        and (pitched["track"] == number).any()
    ]
    notes = pitched[pitched["track"] == named[0]] if named else pitched
    top = _skyline(notes)
    begin = song.time.to_seconds(top[:, 0])
    end = song.time.to_seconds(top[:, 1])
    return tuple(
        MelodyNote(round(a, 4), round(b, 4), float(pitch))
        for a, b, pitch in zip(begin.tolist(), end.tolist(), top[:, 2].tolist(), strict=True)
    )


def _skyline(notes: Notes) -> NDArray[np.int64]:
    """Onset, end and pitch of the highest note at each onset, unless a higher one still sounds."""
    kept: list[list[int]] = []
    order = np.lexsort((-notes["pitch"].astype(np.int64), notes["onset"]))
    for note in notes[order]:
        onset, pitch = int(note["onset"]), int(note["pitch"])
        end = onset + int(note["duration"])
        if kept and onset < kept[-1][1]:
            if onset == kept[-1][0] or pitch < kept[-1][2]:
                continue
            kept[-1][1] = onset
        kept.append([onset, end, pitch])
    return np.array(kept, np.int64).reshape(-1, 3)


def _chords(song: Song) -> tuple[Span, ...]:
    spans: list[Span] = []
    for chord in chords_of(song):
        begin, end = song.time.to_seconds(np.array([chord.onset, chord.onset + chord.duration])).tolist()
        before = spans[-1].end_s if spans else 0.0
        if begin - before > 1e-3:
            spans.append(Span(round(before, 4), round(begin, 4), NO_CHORD))
        spans.append(Span(round(begin, 4), round(end, 4), chord.name))
    return tuple(spans)


def _form(song: Song, pitched: Notes, beats: Array) -> tuple[Span, ...]:
    """The form by what sounds in each beat: pitch classes, registers, drums."""
    duration = song.seconds
    edges = steps_of(beats, duration)
    if len(edges) < 3:
        return ()
    chroma = np.zeros((len(edges) - 1, 12))
    levels = np.zeros((len(edges) - 1, 12 * (_OCTAVES + 1)))
    at = np.searchsorted(edges, song.time.to_seconds(pitched["onset"]) + 1e-3, "right") - 1
    at = at.clip(0, len(chroma) - 1)
    pitch = pitched["pitch"].astype(np.int64)
    np.add.at(chroma, (at, pitch % 12), 1.0)
    np.add.at(levels, (at, (pitch - _LOWEST).clip(0, 12 * _OCTAVES - 1)), 1.0)
    drums = np.flatnonzero([track.is_drum for track in song.tracks])
    struck = song.notes[np.isin(song.notes["track"], drums)]
    at = np.searchsorted(edges, song.time.to_seconds(struck["onset"]) + 1e-3, "right") - 1
    levels[:, 12 * _OCTAVES] = np.bincount(at.clip(0, len(chroma) - 1), minlength=len(chroma))
    return form_of(chroma, np.log1p(levels), edges)
