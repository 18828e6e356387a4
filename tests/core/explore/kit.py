"""A score embedding that learnt nothing, and tunes to put into it."""

from __future__ import annotations

import numpy as np

from core.explore.score_network import Shape
from core.song.notes import Meter, Song, Tempo, Track, make_notes

SMALL = Shape(
    latent=24,
    reader=24,
    cell=16,
    bar=24,
    unit=16,
    conductor=24,
    condition=24,
    writer=32,
    likeness=16,
    vector=64,
)


def tune(
    key: int = 0, bpm: float = 90, bars: int = 8, parts: int = 2, program: int = 0, beats: int = 4
) -> Song:
    quavers = 2 * beats * bars
    scale = np.array([0, 4, 7, 4, 2, 5, 7, 12])
    notes = np.concatenate(
        [
            make_notes(
                np.arange(quavers) * 240, 200, 48 + 12 * part + key + np.resize(scale, quavers), 80, part
            )
            for part in range(parts)
        ]
    )
    tracks = tuple(Track(f"part {part}", program, part) for part in range(parts))
    return Song(notes, tracks, tempos=(Tempo.from_bpm(0, bpm),), meters=(Meter(0, beats, 4),))
