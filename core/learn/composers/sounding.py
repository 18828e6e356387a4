"""What sounds in a rendered clip, by its score: the truth that our own network learns to hear beside the composer.

There are few works and many seconds. A network that must also tell which instruments, pitch classes and basses sound
at every moment learns to hear from all the seconds, and has less room to learn the few works by heart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.learn.composers.clips import HOP, SAMPLE_RATE, Clips
from core.listen.composer_audio import COLUMN_FRAMES, TARGETS
from core.listen.composer_audio import COLUMNS as ALL_COLUMNS
from core.song.midi_file import read_midi
from core.song.notes import Song

FAMILIES: dict[str, tuple[range, ...]] = {
    "piano": (range(16),),
    "plucked": (range(24, 32), range(45, 47)),
    "strings": (range(40, 45), range(48, 52)),
    "low strings": (range(42, 44),),
    "timpani": (range(47, 48),),
    "voices": (range(52, 56), range(16, 24)),
    "brass": (range(56, 64),),
    "woodwind": (range(64, 80),),
}
"""What is told apart, by General MIDI program."""

DRUMS = len(FAMILIES)
DEPTHS = (2, 4, 7)
"""At least so many different pitches sound."""

BEGUN = (1, 3, 6)
"""At least so many notes begin."""

OCTAVES = range(2, 9)
"""Octaves, of pitch // 12, in which something sounds."""

COUNT = sum(TARGETS.values())
COLUMNS = ALL_COLUMNS // 2
"""What sounds is told for pairs of the columns that are heard."""


@lru_cache(maxsize=256)
def _table(
    file: Path,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Start, end (seconds), pitch (-1: drums) of every note, and which families play it [shape=(notes, families)]."""
    song: Song = read_midi(file)
    notes = song.notes
    start = song.time.to_seconds(notes["onset"])
    end = song.time.to_seconds(notes["onset"] + notes["duration"])
    is_drum = np.array([track.is_drum for track in song.tracks], bool)[notes["track"]]
    program = np.array([track.program for track in song.tracks], np.int64)[notes["track"]]
    pitch = np.where(is_drum, -1, notes["pitch"].astype(np.int64))
    families = np.zeros((len(notes), DRUMS + 1), bool)
    for number, ranges in enumerate(FAMILIES.values()):
        families[:, number] = ~is_drum & np.isin(program, np.concatenate([list(part) for part in ranges]))
    families[:, DRUMS] = is_drum
    return start, end, pitch, families


def truth(file: Path, start_s: float, tempo: float) -> NDArray[np.bool_]:
    """What sounds in every pair of columns of a clip [shape=(COUNT, pairs of columns)].

    Parameters
    ----------
    start_s : of the clip, in the score
    tempo : factor by which it is played faster
    """
    start, end, pitch, families = _table(file)
    width = 2 * COLUMN_FRAMES * HOP / SAMPLE_RATE * tempo
    at = start_s + (np.arange(COLUMNS) + 0.5) * width
    near = np.flatnonzero((start < at[-1] + width) & (end > at[0] - width))
    # A note counts where it sounds in the middle half.
    active = (start[near] < at[:, None] + width / 4) & (end[near] > at[:, None] - width / 4)
    tones = active & (pitch[near] >= 0)
    found = {"families": active.astype(np.float32) @ families[near].astype(np.float32) > 0}
    classes = np.eye(12, dtype=np.float32)[pitch[near] % 12]
    found["pitch classes"] = tones.astype(np.float32) @ classes > 0
    sounding = tones.sum(1)[:, None] > 0
    lowest = np.where(tones, pitch[near], 128).min(1, initial=128)
    highest = np.where(tones, pitch[near], -1).max(1, initial=-1)
    for name, extreme in (("bass", lowest), ("top", highest)):
        classes_of = extreme[:, None] % 12 == np.arange(12)
        found[name] = sounding & classes_of
    every = np.zeros((128, len(near)), np.float32)
    every[np.maximum(pitch[near], 0), np.arange(len(near))] = 1
    pitches = tones.astype(np.float32) @ every.T > 0
    found["depth"] = pitches.sum(1)[:, None] >= DEPTHS
    found["octaves"] = np.stack([pitches[:, 12 * octave : 12 * octave + 12].any(1) for octave in OCTAVES], 1)
    begun = (np.abs(start[near] - at[:, None]) < width / 2).sum(1)
    found["begun"] = begun[:, None] >= BEGUN
    return np.concatenate([found[name] for name in TARGETS], 1).T


def truths(clips: Clips, data: Path, cancelled: Callable[[], bool] = lambda: False) -> NDArray[np.bool_]:
    """`truth` of all clips, whose MIDI files are below ``data`` [shape=(clips, COUNT, pairs of columns)]."""
    found = np.zeros((len(clips.rows), COUNT, COLUMNS), bool)
    for number, row in enumerate(clips.rows):
        if cancelled():
            raise Cancelled
        found[number] = truth(data / row.path, row.start_s, row.tempo)
    return found
