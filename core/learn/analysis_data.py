"""Recordings of which tempo, beats, key and chords are known: songs rendered with many sounds.

Conventions
-----------
* A song's stretch of `SECONDS` is played at a tempo up to a quarter faster or slower than written, in any key and
  with one of the soundfonts found, all drawn from the song's name: the same file gives the same sound.
* Some songs are played a second time as a band plays them, drums and all, by `core.learn.arrange`.
* A beat is a quarter note, in meters of three, six, nine or twelve eighths a dotted one. Files whose notes do not
  lie on their own beats teach nothing of beats; of jazz solos the beats are the bass's, one note a beat.
* A key is known where the file bears one key signature throughout; which of the two keys that share it is told by
  the file where such files tell it, else by the notes of the whole piece.
* Chords are known where they were written as chord symbols and played as block chords (a track of its own), and of
  bands, whose accompaniment plays the chords and little else.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.learn.arrange import DrumBars, arrange, suitable_styles
from core.listen.analysis_frames import SAMPLE_RATE, FrameMaker, Frames
from core.listen.from_notes import beats_of
from core.song.harmony import Key, chords_of, estimate_key, name_chord, parse_chord, pitched_notes
from core.song.midi_file import read_midi
from core.song.notes import Song, Tempo
from core.sound.render import render
from core.sound.soundfont import find_soundfonts

SECONDS = 45.0
SIGNED = ("nottingham", "mutopia", "openscore_lieder")
MODELESS = ("openscore_lieder",)  # their files call every key a major one
LEAD_SHEETS = ("openewld", "wjazzd", "nottingham")
FREE = ("wjazzd",)
TRUSTED = (*FREE, "groove", "band")  # their beats are where they say
OTHERS = ("groove", "freedoom", "riddim_archive", "web_genre")
SETS = (*LEAD_SHEETS, "mutopia", "openscore_lieder", *OTHERS)
"""Data sets by name, as the manifest's column ``dataset`` has them."""

FOR_BANDS = ("openewld", "pop909", "nottingham")
BAND = "band"
"""The data set of songs that a band plays; its rows come three to one row of another set."""

Chords = list[tuple[float, float, str]]


@dataclass(frozen=True)
class Truth:
    """What is known of a recording; empty where nothing is."""

    tempo_bpm: float = 0.0
    beats_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    downbeats_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    key: str = ""
    chords: Chords = field(default_factory=list)
    melody: list[tuple[float, float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Recording:
    """A recording with what is known of it. ``peer`` is what librosa says of it, where that was asked."""

    name: str
    dataset: str
    frames: Frames
    truth: Truth
    peer: dict[str, Any] = field(default_factory=dict)


def rows_of(data: Path, split: str, count: int) -> list[dict[str, str]]:
    """``count`` rows of a manifest's split: a third songs that bands play, the rest spread over the data sets.

    Raises
    ------
    TunesmithError
        If the folder has no manifest.
    """
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise TunesmithError(f"{data} has no manifest.csv; name a folder of MIDI files with one by --data")
    with manifest.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == split]
    rows = sorted((row for row in rows if (data / row["path"]).is_file()), key=_draw_of)
    bands = [{**row, "dataset": BAND} for row in rows if row["dataset"] in FOR_BANDS]
    by_set = [[row for row in rows if row["dataset"] == name] for name in SETS]
    chosen = _in_turns(by_set, count - count // 3)
    return chosen + bands[: count - len(chosen)]


def _in_turns(piles: list[list[dict[str, str]]], count: int) -> list[dict[str, str]]:
    """``count`` rows, one from each pile in turn while there are any."""
    turns = range(max(map(len, piles), default=0))
    return [pile[turn] for turn in turns for pile in piles if turn < len(pile)][:count]


def recordings(
    data: Path,
    rows: Iterable[dict[str, str]],
    *,
    listen: Callable[[NDArray[np.float32]], dict[str, Any]] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Recording]:
    """Render the songs of the rows, one after the other; songs too short or unreadable are left out.

    Parameters
    ----------
    listen : a peer that is given the sound, at `SAMPLE_RATE`
    """
    fonts = find_soundfonts()
    for song, truth, row, rng in stretches(data, rows):
        font = fonts[int(rng.integers(len(fonts)))]
        try:
            sound = render(song, soundfont=font, sample_rate=SAMPLE_RATE, cancelled=cancelled).mean(1)
        except TunesmithError:
            continue
        sound = sound[: int((SECONDS + 1) * SAMPLE_RATE)].astype(np.float32)
        sound *= np.float32(10 ** (rng.uniform(-18, 0) / 20) / max(float(np.abs(sound).max()), 1e-6))
        yield Recording(row["path"], row["dataset"], frames_of(sound), truth, listen(sound) if listen else {})


def stretches(
    data: Path, rows: Iterable[dict[str, str]]
) -> Iterator[tuple[Song, Truth, dict[str, str], np.random.Generator]]:
    """What is to be played of the songs of the rows, and what is known of it."""
    drums: dict[str, DrumBars] = {}
    for row in rows:
        rng = np.random.default_rng(_draw_of(row))
        try:
            song: Song | None = read_midi(data / row["path"])
            if song is not None and row["dataset"] == BAND:
                split = row["split"]
                if split not in drums:
                    drums[split] = DrumBars.load(data, split=split)
                styles = suitable_styles(song)
                style = styles[int(rng.integers(len(styles)))] if styles else ""
                song = arrange(song, style, rng, drums[split]) if styles else None
            if song is not None:
                song, truth = stretch_of(song, row["dataset"], rng)
        except (TunesmithError, ValueError):
            continue
        if song is not None:
            yield song, truth, row, rng


def frames_of(sound: NDArray[np.float32]) -> Frames:
    """The frames of a whole recording at `SAMPLE_RATE`."""
    maker = FrameMaker()
    maker.push(sound)
    return maker.finish()


def stretch_of(song: Song, dataset: str, rng: np.random.Generator) -> tuple[Song | None, Truth]:
    """A stretch of a song as it is to be played, and what is known of it; None where the song is too short."""
    factor, shift = rng.uniform(0.8, 1.25), int(rng.integers(-5, 7))
    tempos = tuple(Tempo(t.tick, max(1, round(t.microseconds_per_beat / factor))) for t in song.tempos)
    song = replace(song, tempos=tempos)
    if not len(song.notes) or song.smpte:
        return None, Truth()
    first = int(song.bars.start(song.bars.bar_at(int(song.notes["onset"].min()))))
    begin = float(song.time.to_seconds(first))
    spare = song.seconds - begin - SECONDS
    if spare < -SECONDS / 2:
        return None, Truth()
    if spare > 0:
        late = int(song.time.to_ticks(begin + rng.uniform(0, spare)))
        first = int(song.bars.start(song.bars.bar_at(late)))
    last = int(song.time.to_ticks(float(song.time.to_seconds(first)) + SECONDS))
    key = _key_of(song, dataset, shift)
    song = _cut(song, first, min(last, song.end_tick), shift)
    if len(song.notes) < 30:
        return None, Truth()
    beats, downbeats = _bass_beats(song) if dataset in FREE else beats_of(song)
    if len(beats) < 8 or not (dataset in TRUSTED or _on_grid(song, beats)):
        beats = downbeats = np.empty(0)
    truth = Truth(
        tempo_bpm=float(60 / np.median(np.diff(beats))) if len(beats) else 0.0,
        beats_s=beats,
        downbeats_s=downbeats,
        key=key,
        chords=_chords_of(song, dataset),
        melody=_melody_of(song),
    )
    return song, truth


def _bass_beats(song: Song) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The onsets of the track that plays a bass note on every beat; none where they do not come evenly."""
    for number, track in enumerate(song.tracks):
        if "beat track" in track.name:
            onsets = np.unique(song.notes["onset"][song.notes["track"] == number])
            beats = song.time.to_seconds(onsets)
            steps = np.diff(beats)
            if len(steps) > 8 and np.std(np.log(steps)) < 0.15:
                return beats, np.empty(0)
    return np.empty(0), np.empty(0)


_PHASES, _ON_BEAT = 48, 0.25


def _on_grid(song: Song, beats: NDArray[np.float64]) -> bool:
    """Whether the beats are where most notes begin, and not a place beside."""
    onsets = song.time.to_seconds(np.unique(song.notes["onset"]))
    at = (np.searchsorted(beats, onsets, "right") - 1).clip(0, len(beats) - 2)
    phase = (onsets - beats[at]) / np.maximum(beats[at + 1] - beats[at], 1e-3)
    counts = np.bincount(np.rint(phase * _PHASES).astype(np.int64) % _PHASES, minlength=_PHASES)
    around = sum(np.roll(counts, shift) for shift in range(-2, 3)) / max(1, counts.sum())
    return bool(around[0] >= _ON_BEAT and around[0] >= 0.95 * around.max())


def _cut(song: Song, first: int, last: int, shift: int) -> Song:
    notes = song.notes[(song.notes["onset"] >= first) & (song.notes["onset"] < last)].copy()
    drums = [number for number, track in enumerate(song.tracks) if track.is_drum]
    notes["onset"] -= first
    notes["duration"] = np.minimum(notes["duration"], np.maximum(1, last - first - notes["onset"]))
    pitched = ~np.isin(notes["track"], drums)
    notes["pitch"] = np.where(pitched, np.clip(notes["pitch"].astype(int) + shift, 0, 127), notes["pitch"])

    def moved(marks: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(replace(mark, tick=max(0, mark.tick - first)) for mark in marks if mark.tick < last)

    keys = tuple(replace(mark, tonic=(mark.tonic + shift) % 12) for mark in moved(song.keys))
    controls = song.controls[song.controls["tick"] < last].copy()
    controls["tick"] = np.maximum(0, controls["tick"] - first)
    return replace(
        song,
        notes=notes,
        tempos=moved(song.tempos),
        meters=moved(song.meters),
        keys=keys,
        markers=(),
        controls=controls,
        raw_events=(),
    )


def _key_of(song: Song, dataset: str, shift: int) -> str:
    """The name of the one key that the song is said to be in, ``shift`` semitones higher; else nothing."""
    if dataset not in (*SIGNED, BAND):
        return ""
    keys = {Key(mark.tonic, mark.mode) for mark in song.keys}
    if len(keys) != 1:
        return ""
    key = keys.pop()
    if dataset in MODELESS:
        found, _ = estimate_key(pitched_notes(song))
        key = found if found.signature == key.signature else Key(0, "chromatic")
    if key.mode not in ("major", "minor"):
        return ""
    return f"{_NAMES[(key.tonic + shift) % 12]} {key.mode}"


def _chords_of(song: Song, dataset: str) -> Chords:
    if dataset in LEAD_SHEETS:
        return _block_chords(song)
    if dataset == BAND:
        return _band_chords(song)
    return []


def _band_chords(song: Song) -> Chords:
    """What the accompaniment plays, in half bars (in 3/4 bars)."""
    roles = [
        number for number, track in enumerate(song.tracks) if track.name in ("comp", "pad", "arp", "bass")
    ]
    backing = song.with_notes(song.notes[np.isin(song.notes["track"], roles)])
    meter = song.meters[0]
    bar = 4 * song.ticks_per_beat * meter.numerator // meter.denominator
    chords: Chords = []
    for chord in chords_of(backing, bar if meter.numerator == 3 else bar // 2):
        begin, end = song.time.to_seconds(np.array([chord.onset, chord.onset + chord.duration])).tolist()
        chords.append((begin, end, _label(chord.root, chord.suffix)))
    return _joined(chords)


def _block_chords(song: Song) -> Chords:
    """The chords of the track that holds block chords: the one whose onsets bring most notes at once."""
    best: Chords = []
    for track in range(len(song.tracks)):
        notes = song.notes[song.notes["track"] == track]
        onsets, sizes = np.unique(notes["onset"], return_counts=True)
        if len(onsets) < 4 or np.mean(sizes >= 3) < 0.8 or song.tracks[track].is_drum:
            continue
        ends = [*onsets[1:].tolist(), int((notes["onset"] + notes["duration"]).max())]
        chords: Chords = []
        for onset, end in zip(onsets.tolist(), ends, strict=True):
            pitches = notes["pitch"][notes["onset"] == onset]
            name = name_chord(pitches)
            root, suffix = parse_chord(name) if name else (0, "?")
            begin, stop = song.time.to_seconds(np.array([onset, end]))
            chords.append((float(begin), float(stop), _label(root, suffix)))
        best = _joined(chords)
    return best


_QUALITIES = {
    "": "maj", "m": "min", "7": "7", "maj7": "maj7", "m7": "min7", "dim": "dim", "aug": "aug", "sus4": "sus4",
    "sus2": "sus2", "m7b5": "hdim7", "dim7": "dim7", "mmaj7": "minmaj7", "6": "maj6", "m6": "min6", "9": "9",
    "maj9": "maj9", "m9": "min9", "add9": "maj(9)", "madd9": "min(9)",
}  # fmt: skip
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def _label(root: int, suffix: str) -> str:
    """A chord as mir_eval writes it: "C:maj"; "X" where it has no name there."""
    quality = _QUALITIES.get(suffix)
    return f"{_NAMES[root]}:{quality}" if quality else "X"


def _joined(chords: Chords) -> Chords:
    joined: Chords = []
    for begin, end, label in chords:
        if joined and joined[-1][2] == label and abs(joined[-1][1] - begin) < 0.02:
            joined[-1] = (joined[-1][0], end, label)
        elif end - begin > 1e-3:
            joined.append((max(begin, joined[-1][1]) if joined else begin, end, label))
    gaps = [(a[1], b[0], "N") for a, b in pairwise(joined) if b[0] - a[1] > 0.5]
    return sorted(chord for chord in [*joined, *gaps] if chord[1] > chord[0])


def _melody_of(song: Song) -> list[tuple[float, float, float]]:
    """The notes of the track that is called a melody; empty where none is."""
    named = [
        number
        for number, track in enumerate(song.tracks)
        if "melody" in track.name.lower() or track.name.lower().startswith("solo")
    ]
    if not named:
        return []
    notes = pitched_notes(song)
    notes = notes[notes["track"] == named[0]]
    begin = song.time.to_seconds(notes["onset"]).tolist()
    end = song.time.to_seconds(notes["onset"] + notes["duration"]).tolist()
    return list(zip(begin, end, notes["pitch"].astype(float).tolist(), strict=True))


def _draw_of(row: dict[str, str]) -> int:
    return int.from_bytes(hashlib.sha256(row["path"].encode()).digest()[:6], "big")
