"""Everything that is told of a recording without a classifier: rhythm, key, chords, melody, onsets, form.

Mood is left out: there are no data at hand whose labels of mood could honestly be learnt from or checked against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.errors import Cancelled
from core.listen import analysis_model
from core.listen.analysis_frames import Frames
from core.listen.chords import find_chords
from core.listen.melody import find_melody
from core.listen.onsets import find_onsets
from core.listen.report import MelodyNote, Span
from core.listen.rhythm import find_rhythm
from core.listen.structure import find_structure
from core.listen.tonality import find_key, harmony_of
from core.song.harmony import Key
from core.store.model_file import Tensors


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found; times in seconds, confidences 0-1.

    ``tempo_bpm`` is 0 where nothing beats, ``key`` None where nothing with a pitch sounds.
    """

    tempo_bpm: float = 0.0
    tempo_confidence: float = 0.0
    beats_s: tuple[float, ...] = ()
    downbeats_s: tuple[float, ...] = ()
    key: Key | None = None
    key_confidence: float = 0.0
    chords: tuple[Span, ...] = ()
    melody: tuple[MelodyNote, ...] = ()
    onsets_s: tuple[float, ...] = ()
    structure: tuple[Span, ...] = ()


SILENT_LEVEL = 1e-4
"""What never gets louder (-80 dBFS) is silence."""


def analyse(
    frames: Frames,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    weights: Tensors | None = None,
) -> Analysis:
    """Analyse a recording; ``weights`` are the shipped ones unless told.

    Raises
    ------
    Cancelled
        When ``cancelled`` says so.
    """

    def look() -> None:
        if cancelled():
            raise Cancelled

    if not len(frames.level) or frames.level.max() < SILENT_LEVEL:
        return Analysis()
    weights = weights or analysis_model.weights()
    rhythm = find_rhythm(frames, weights)
    look()
    harmony = harmony_of(frames, weights)
    look()
    key, key_confidence = find_key(harmony, weights)
    chords = find_chords(harmony.notes, rhythm.beats_s, frames.duration_s, weights)
    look()
    structure = find_structure(harmony.treble, harmony.notes, rhythm.beats_s, frames.duration_s)
    del harmony  # large where hours were heard
    look()
    melody = find_melody(frames, look)
    look()
    return Analysis(
        tempo_bpm=rhythm.tempo_bpm,
        tempo_confidence=rhythm.confidence,
        beats_s=_times(rhythm.beats_s),
        downbeats_s=_times(rhythm.downbeats_s),
        key=key if key_confidence > 0 else None,
        key_confidence=key_confidence,
        chords=chords,
        melody=melody,
        onsets_s=_times(find_onsets(rhythm.strength)),
        structure=structure,
    )


def _times(seconds: np.ndarray) -> tuple[float, ...]:
    return tuple(np.round(seconds, 4).tolist())
