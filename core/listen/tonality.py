"""Pitch classes and the key.

Conventions
-----------
* Chroma rows begin with C; each is what sounds of a pitch class, in tune with the recording.
* The bass is what lies below `BASS_TOP`.

Sources
-------
Notes from harmonics: a simple form of the approximate transcription of Mauch and Dixon (ISMIR 2010, section 3): what
stands out of its surroundings, less what the harmonics of lower pitches explain. Key by profiles: Krumhansl, "Cognitive
foundations of musical pitch" (1990), chapter 4; here the profiles, of pitch classes, bass notes and chords, are
fitted to recordings of known key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.listen import chord_network
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


def notes_of(frames: Frames) -> NDArray[np.float32]:
    """What stands out of the levels of a piano's keys, in the recording's own tuning [shape=(pitch frames, 84)]."""
    count = HIGHEST_PITCH - LOWEST_PITCH
    tuning = float(np.clip(frames.tuning, -0.5, 0.5)) * BINS_PER_SEMITONE
    centre = np.arange(count) * BINS_PER_SEMITONE + BINS_PER_SEMITONE // 2 + tuning
    kernel = np.maximum(0.0, 1.2 - np.abs(np.arange(count * BINS_PER_SEMITONE)[:, None] - centre))
    kernel = (LEVEL_STEP * kernel / kernel.sum(0)).astype(np.float32)
    levels = frames.pitch_levels
    notes = np.empty((len(levels), count), np.float32)
    for start in range(0, len(levels), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        notes[some] = standing_out(levels[some].astype(np.float32) @ kernel)
    return notes


def standing_out(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What of each level stands above those within half an octave around it."""
    padded = np.pad(levels, ((0, 0), (_SURROUND, _SURROUND)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), 1, dtype=np.float32)
    width = 2 * _SURROUND + 1
    around = (sums[:, width:] - sums[:, :-width]) / width
    return np.maximum(0.0, levels - around)


def chroma_of(notes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Treble and bass chroma of what stands out [shape=(frames, 12) each]."""
    pitches = np.arange(LOWEST_PITCH, HIGHEST_PITCH)
    treble = np.exp(-0.5 * ((pitches - 64) / 14.0) ** 2)
    bass = np.where(pitches < BASS_TOP, 1.0, 0.0) * np.where(pitches < 33, 0.5, 1.0)
    fold = np.eye(12)[pitches % 12]
    return (
        notes @ (fold * treble[:, None]).astype(np.float32),
        notes @ (fold * bass[:, None]).astype(np.float32),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Harmony:
    """Pitch as the chord, key and form finders see it.

    Attributes
    ----------
    notes : what stands out of the semitone levels, loudness taken out [shape=(pitch frames, 84)]
    treble, bass : chroma [shape=(pitch frames, 12)]
    chords : mean chances of the states of `chord_network` over the recording [shape=(STATES,)]
    """

    notes: NDArray[np.float32]
    treble: NDArray[np.float32]
    bass: NDArray[np.float32]
    chords: Array


_CHORD_FRAMES = 5
KEY_FEATURES = 4


def harmony_of(frames: Frames, weights: Mapping[str, NDArray[Any]]) -> Harmony:
    """The harmony of a recording; ``weights`` are those of the model ``analysis``."""
    notes = chord_network.normalised(notes_of(frames))
    treble, bass = chroma_of(notes)
    whole = len(notes) // _CHORD_FRAMES * _CHORD_FRAMES
    rows = notes[:whole].reshape(-1, _CHORD_FRAMES, notes.shape[1]).mean(1)
    loud = rows.max(1) > 0.1
    found = chord_network.chances(weights, chord_network.with_neighbours(rows))
    total = np.exp(found[loud]).sum(0)
    return Harmony(notes, treble, bass, total / max(1, int(loud.sum())))


def key_features(harmony: Harmony) -> Array:
    """What the key is told by: treble, bass, major and minor chords over the recording [shape=(KEY_FEATURES, 12)]."""
    major = np.zeros(12)
    minor = np.zeros(12)
    for number, quality in enumerate(chord_network.QUALITIES):
        chances = harmony.chords[12 * number : 12 * (number + 1)]
        if quality.startswith("m") and quality != "maj7":
            minor += chances
        elif quality != "dim":
            major += chances
    rows = np.array([_usual(harmony.treble), _usual(harmony.bass), major, minor])
    rows[:2] -= rows[:2].mean(1, keepdims=True)
    rows[:2] /= np.maximum(np.linalg.norm(rows[:2], axis=1, keepdims=True), 1e-9)
    rows[2:] /= max(float(rows[2:].sum()), 1e-9)
    return rows


def _usual(chroma: NDArray[np.float32]) -> Array:
    """The mean chroma, each frame counting by its shape more than by its loudness."""
    sizes = np.linalg.norm(chroma, axis=1, keepdims=True)
    floor = 0.3 * float(sizes.mean()) if len(sizes) else 0.0
    mean: Array = (chroma / (sizes + floor + 1e-6)).sum(0, dtype=np.float64)
    return mean


def find_key(harmony: Harmony, weights: Mapping[str, NDArray[Any]]) -> tuple[Key, float]:
    """The likeliest key and its chance; C major and 0 where nothing with a pitch sounds."""
    if not harmony.treble.any():
        return Key(0, "major"), 0.0
    turned = key_features(harmony)[:, (np.arange(12)[:, None] + np.arange(12)) % 12]
    logits = np.einsum("ftp,mfp->mt", turned, weights["key.weight"]) + weights["key.bias"][:, None]
    chances = np.exp(logits - logits.max())
    mode, tonic = divmod(int(chances.argmax()), 12)
    return Key(tonic, ("major", "minor")[mode]), float(chances.max() / chances.sum())
