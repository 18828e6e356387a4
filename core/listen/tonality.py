"""Pitch classes and the key.

Conventions
-----------
* Chroma rows begin with C; each is what sounds of a pitch class, in tune with the recording.
* The bass is what lies below `BASS_TOP`.

Sources
-------
Notes from harmonics: a simple form of the approximate transcription of Mauch and Dixon (ISMIR 2010, section 3): what
stands out of its surroundings, less what the harmonics of lower pitches explain. Key by profiles: Krumhansl, "Cognitive
foundations of musical pitch" (1990), chapter 4; profiles of Albrecht and Shanahan (2013).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.listen.analysis_frames import (
    BINS_PER_SEMITONE,
    HIGHEST_PITCH,
    LEVEL_STEP,
    LOWEST_PITCH,
    Frames,
)
from core.song.harmony import Key

Array = NDArray[np.float64]

BASS_TOP = 52
"""Below this pitch (E3) a note counts as bass."""

_SURROUND = 7
_AT_ONCE = 4096


def semitone_levels(frames: Frames) -> NDArray[np.float32]:
    """Levels of the keys of a piano in the recording's own tuning [shape=(pitch frames, 84)]."""
    count = HIGHEST_PITCH - LOWEST_PITCH
    tuning = float(np.clip(frames.tuning, -0.5, 0.5)) * BINS_PER_SEMITONE
    centre = np.arange(count) * BINS_PER_SEMITONE + BINS_PER_SEMITONE // 2 + tuning
    kernel = np.maximum(0.0, 1.2 - np.abs(np.arange(count * BINS_PER_SEMITONE)[:, None] - centre))
    kernel = (LEVEL_STEP * kernel / kernel.sum(0)).astype(np.float32)
    levels = frames.pitch_levels
    parts = [
        levels[start : start + _AT_ONCE].astype(np.float32) @ kernel
        for start in range(0, len(levels), _AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, count), np.float32)


def standing_out(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What of each level stands above those within half an octave around it."""
    padded = np.pad(levels, ((0, 0), (_SURROUND, _SURROUND)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), 1, dtype=np.float32)
    width = 2 * _SURROUND + 1
    around = (sums[:, width:] - sums[:, :-width]) / width
    return np.maximum(0.0, levels - around)


def chroma_of(levels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Treble and bass chroma of semitone levels [shape=(frames, 12) each]."""
    notes = standing_out(levels)
    pitches = np.arange(LOWEST_PITCH, HIGHEST_PITCH)
    treble = np.exp(-0.5 * ((pitches - 64) / 14.0) ** 2)
    bass = np.where(pitches < BASS_TOP, 1.0, 0.0) * np.where(pitches < 33, 0.5, 1.0)
    fold = np.eye(12)[pitches % 12]
    return (
        notes @ (fold * treble[:, None]).astype(np.float32),
        notes @ (fold * bass[:, None]).astype(np.float32),
    )


def find_key(treble: NDArray[np.float32], bass: NDArray[np.float32]) -> tuple[Key, float]:
    """The key that the chroma are likeliest in, and the lead over the second (0-1); C major and 0 in silence."""
    keys, profiles = _profiles()
    total = (treble + 0.5 * bass).astype(np.float64)
    sizes = np.linalg.norm(total, axis=1, keepdims=True)
    mean = (total / np.maximum(sizes, 1e-6 + 0.1 * sizes.mean() if len(sizes) else 1.0)).sum(0)
    if not mean.any():
        return Key(0, "major"), 0.0
    mean = mean - mean.mean()
    scores = profiles @ (mean / max(float(np.linalg.norm(mean)), 1e-9))
    second, best = np.argsort(scores, kind="stable")[-2:]
    return keys[best], float(np.clip(4 * (scores[best] - scores[second]), 0.0, 1.0))


@cache
def _profiles() -> tuple[list[Key], Array]:
    shapes = {
        "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
        "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    }
    keys = [Key(tonic, mode) for mode in shapes for tonic in range(12)]
    rows = np.array([np.roll(shapes[key.mode], key.tonic) for key in keys])
    rows -= rows.mean(1, keepdims=True)
    return keys, rows / np.linalg.norm(rows, axis=1, keepdims=True)
