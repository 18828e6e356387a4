"""What keeping work safe costs, beside writing it without any care."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from core.song.notes import Song, Track, make_notes
from core.store.journal import Journal
from core.store.project_file import load_project, save_project

NOTES = 100_000
RUNS = 5


def large_song() -> Song:
    """100,000 notes in eight tracks, on a grid of sixteenths."""
    random = np.random.default_rng(1)
    onsets = 120 * random.integers(0, 16 * 2000, NOTES)
    pitches, velocities = random.integers(30, 90, NOTES), random.integers(1, 128, NOTES)
    notes = make_notes(onsets, 120 * random.integers(1, 9, NOTES), pitches, velocities, np.arange(NOTES) % 8)
    return Song(notes=notes, tracks=tuple(Track(str(index)) for index in range(8)))


def save_100k() -> dict[str, Any]:
    """Saving, flushed, read back and compared; the peer writes the same notes as JSON, as web sequencers do."""
    with tempfile.TemporaryDirectory() as folder:
        song, project, text = large_song(), Path(folder) / "a.tunesmith", Path(folder) / "a.json"
        return _result(
            lambda: save_project(project, song), lambda: text.write_text(json.dumps(song.notes.tolist()))
        )


def load_100k() -> dict[str, Any]:
    """Opening; the peer reads JSON."""
    with tempfile.TemporaryDirectory() as folder:
        song, project, text = large_song(), Path(folder) / "a.tunesmith", Path(folder) / "a.json"
        save_project(project, song)
        text.write_text(json.dumps(song.notes.tolist()))
        return _result(lambda: load_project(project), lambda: json.loads(text.read_text()))


def journal_100k() -> dict[str, Any]:
    """One edit to one of 100,000 notes, until it is on the disk; the peer saves the whole project for it."""
    with tempfile.TemporaryDirectory() as folder:
        song, project = large_song(), Path(folder) / "a.tunesmith"
        journal = Journal(Path(folder) / "a.journal")
        journal.append("Open", song)
        journal.flush()
        edits = iter(range(1, 1 + RUNS))

        def edit() -> None:
            notes = song.notes.copy()
            notes["velocity"][NOTES // 2] = next(edits)
            journal.append("Velocity", replace(song, notes=notes))
            journal.flush()

        try:
            return _result(edit, lambda: save_project(project, song))
        finally:
            journal.close()


def _result(ours: Callable[[], Any], peer: Callable[[], Any]) -> dict[str, Any]:
    """Both in turns, so that a busy machine slows them alike; medians in milliseconds."""
    times: dict[Callable[[], Any], list[float]] = {ours: [], peer: []}
    for _ in range(RUNS):
        for work, taken in times.items():
            start = perf_counter()
            work()
            taken.append(1000 * (perf_counter() - start))
    mine, theirs = median(times[ours]), median(times[peer])
    return {"ours": mine, "peer": theirs, "ratio": theirs / mine, "unit": "ms", "runs": RUNS}


BENCHMARKS = {"save-100k": save_100k, "load-100k": load_100k, "journal-100k": journal_100k}
