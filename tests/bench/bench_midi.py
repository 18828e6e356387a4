"""How fast a large MIDI file opens and a large edit is undone, beside what people use today."""

from __future__ import annotations

import io
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import mido
import numpy as np

from core.song.edits import transpose
from core.song.history import History
from core.song.midi_file import midi_bytes, read_midi
from core.song.notes import Song, Track, make_notes

NOTES = 100_000
RUNS = 5


def large_song(notes: int = NOTES) -> Song:
    """A song of ``notes`` notes in eight tracks, with a controller for every tenth note."""
    rng = np.random.default_rng(1)
    onset = np.sort(rng.integers(0, 60 * notes, notes))
    table = make_notes(
        onset, rng.integers(60, 960, notes), rng.integers(30, 90, notes), rng.integers(1, 128, notes)
    )
    table["track"] = rng.integers(0, 8, notes)
    return Song(table, tuple(Track(f"Part {part}", part, part) for part in range(8)))


def milliseconds(work: Callable[[], Any], runs: int = RUNS) -> list[float]:
    """How long each of ``runs`` calls takes."""
    times = []
    for _ in range(runs):
        start = perf_counter()
        work()
        times.append(1000 * (perf_counter() - start))
    return times


def open_100k() -> dict[str, Any]:
    """Opening a file of 100,000 notes; the peer is mido, which only lists the messages."""
    data = midi_bytes(large_song())
    ours = milliseconds(lambda: read_midi(data))
    peer = milliseconds(lambda: mido.MidiFile(file=io.BytesIO(data)), 2)
    return _result(ours, peer)


def undo_100k() -> dict[str, Any]:
    """Undoing an edit to every one of 100,000 notes; the peer is a deep copy of them as objects."""
    song = large_song()
    history = History(song)
    history.apply("Transpose", transpose(song, np.arange(NOTES), 1))

    def undo_and_redo() -> None:
        history.undo()
        history.redo()

    rows = song.notes.tolist()
    return _result(milliseconds(undo_and_redo), milliseconds(lambda: [list(row) for row in rows]))


def _result(ours: list[float], peer: list[float]) -> dict[str, Any]:
    return {
        "ours": median(ours),
        "peer": median(peer),
        "ratio": median(peer) / median(ours),
        "unit": "ms",
        "runs": len(ours),
    }


BENCHMARKS = {"open-100k": open_100k, "undo-100k": undo_100k}
