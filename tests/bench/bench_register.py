"""Does the register know copies again, and leave other pieces alone? On real MIDI files.

``TUNESMITH_DATA`` names a folder of MIDI files with a ``manifest.csv`` of which the columns ``path`` and ``group``
are used; files of one group may be one piece. ``TUNESMITH_CLAIMS`` and ``TUNESMITH_OTHERS`` set how many are
claimed (500) and how many others must be left alone (2000).

Every pair that the register takes for one, and every copy it misses, is told on standard error.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from core.errors import TunesmithError
from core.song.midi_file import read_midi
from core.song.notes import CONTROL, Song, Tempo
from core.store.fingerprint import Fingerprint, content_id, sketch_of
from core.store.register import Register

Random = np.random.Generator


def transposed(song: Song, random: Random) -> Song:
    """By up to six semitones; drums stay."""
    notes = song.notes.copy()
    drums = [index for index, track in enumerate(song.tracks) if track.is_drum]
    moved = ~np.isin(notes["track"], drums)
    if moved.any():
        pitches = notes["pitch"][moved].astype(int)
        steps = int(random.choice([-1, 1])) * int(random.integers(1, 7))
        notes["pitch"][moved] = pitches + min(max(steps, -pitches.min()), 127 - pitches.max())
    return song.with_notes(notes)


def reinstrumented(song: Song, random: Random) -> Song:
    """Other programs, the tracks shuffled, other velocities, no controllers."""
    order = random.permutation(len(song.tracks))
    notes = song.notes.copy()
    notes["track"] = np.argsort(order)[notes["track"]]
    notes["velocity"] = random.integers(1, 128, len(notes))
    programs = random.integers(0, 120, len(order)).tolist()
    tracks = [
        track if track.is_drum else replace(track, program=program, name="")
        for track, program in zip(song.tracks, programs, strict=True)
    ]
    return replace(
        song,
        notes=notes,
        tracks=tuple(tracks[i] for i in order),
        controls=np.empty(0, CONTROL),
        raw_events=(),
    )


def retimed(song: Song, random: Random) -> Song:
    """Every onset moved by a normal distribution of 10 to 20 ms, the tempo by up to a tenth."""
    notes = song.notes.copy()
    seconds = song.time.to_seconds(notes["onset"]) + random.normal(0, random.uniform(0.01, 0.02), len(notes))
    notes["onset"] = np.rint(song.time.to_ticks(np.maximum(seconds, 0)))
    ratio = random.uniform(0.9, 1.1)
    tempos = (Tempo(tempo.tick, max(1, round(ratio * tempo.microseconds_per_beat))) for tempo in song.tempos)
    return replace(song, notes=notes, tempos=tuple(tempos))


def combined(song: Song, random: Random) -> Song:
    """All of these."""
    return reinstrumented(retimed(transposed(song, random), random), random)


def quantised(song: Song, random: Random) -> Song:
    """Onsets on the nearest sixteenth, whatever the music."""
    notes = song.notes.copy()
    step = song.ticks_per_beat / 4
    notes["onset"] = np.rint(np.rint(notes["onset"] / step) * step)
    return song.with_notes(notes)


def excerpt(song: Song, random: Random) -> Song:
    """The middle half, combined with all else."""
    notes = song.notes[len(song.notes) // 4 : -(len(song.notes) // 4) or None]
    return combined(song.with_notes(notes), random)


COPIES: dict[str, Callable[[Song, Random], Song]] = {
    "transposed": transposed,
    "reinstrumented": reinstrumented,
    "retimed": retimed,
    "combined": combined,
    "quantised": quantised,
    "excerpt": excerpt,
}
ASKED = ("transposed", "reinstrumented", "retimed", "combined")
"""The copies that must all be found; the others are told."""


def run() -> dict[str, Any]:
    """Copies found of those made, in per cent; the peer is the content id alone."""
    folder = os.environ.get("TUNESMITH_DATA")
    if not folder:
        raise TunesmithError(
            "set TUNESMITH_DATA to a folder of MIDI files with a manifest.csv to measure this"
        )
    count, others = (
        int(os.environ.get(f"TUNESMITH_{name}", n)) for name, n in (("CLAIMS", 500), ("OTHERS", 2000))
    )
    random = np.random.default_rng(int(os.environ.get("TUNESMITH_SEED", "5")))
    pieces = _pieces(Path(folder), random)
    with tempfile.TemporaryDirectory() as home:
        os.environ["TUNESMITH_HOME"] = home
        with Register() as register:
            return _measured(register, pieces, count, others, random)


def _measured(
    register: Register, pieces: Iterator[tuple[str, str, Song]], count: int, others: int, random: Random
) -> dict[str, Any]:
    claimed: dict[str, tuple[str, str]] = {}
    refused: list[str] = []
    found = dict.fromkeys(COPIES, 0)
    made = dict.fromkeys(COPIES, 0)
    named, checked, seconds = 0, 0, 0.0
    for name, group, song in pieces:
        match = None
        if len(claimed) < count:
            try:
                claim = register.claim(song, "Owner", title=name)
            except TunesmithError as error:
                _tell(f"refused {name}: {error}")
                refused.append(name)
                continue
            claimed[claim.id] = (name, group)
            for kind, change in COPIES.items():
                copy = change(song, random)
                if kind == "excerpt" and len(Fingerprint(sketch_of(song)).onsets) < 200:
                    continue
                made[kind] += 1
                named += kind in ASKED and content_id(copy) == claim.id
                started = perf_counter()
                match = register.match(copy)
                seconds += perf_counter() - started
                if match and match.claim.id == claim.id:
                    found[kind] += 1
                else:
                    _tell(f"missed {kind} {name}")
            continue
        if group in {group for _, group in claimed.values()}:
            continue
        checked += 1
        match = register.match(song)
        if match:
            likeness = match.likeness
            _tell(f"refused {name}: {likeness.of_first:.2f} {likeness.of_second:.2f} of {match.claim.title}")
            refused.append(name)
        if checked >= others:
            break
    asked = sum(made[kind] for kind in ASKED)
    ours = 100 * sum(found[kind] for kind in ASKED) / asked
    peer = 100 * named / asked
    return {
        "ours": ours, "peer": peer, "ratio": ours / peer, "unit": "% of copies found", "runs": asked,
        "found": found, "made": made, "claimed": len(claimed), "others": checked, "others_refused": refused,
        "ms_per_check": 1000 * seconds / sum(made.values()),
    }  # fmt: skip


def _pieces(folder: Path, random: Random) -> Iterator[tuple[str, str, Song]]:
    """Path, group and song of every piece that can be read and is long enough, in random order, once a group."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seen = set()
    for index in random.permutation(len(rows)):
        row = rows[index]
        group = row["group"] or row["path"]
        if group in seen:
            continue
        try:
            song = read_midi(folder / row["path"])
            sketch_of(song)
        except TunesmithError:
            continue
        seen.add(group)
        yield row["path"], group, song


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


BENCHMARKS = {"register-copies": run}
