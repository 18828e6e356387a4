"""Bar lines for songs whose notes fit a steady beat but not the file's bar lines (POP909).

The files carry a right tempo and a wrong phase: every onset is late by the same amount. The phase is found
in two steps, to the sixteenth grid and then to the bar.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.song.notes import Meter, Song

SLOTS = 16
# How much a bar of four beats is expected to weigh at each sixteenth (Lerdahl & Jackendoff's grid).
_WEIGHT = np.array([6, 1, 2, 1, 3, 1, 2, 1, 4, 1, 2, 1, 3, 1, 2, 1], float)


def align_to_bars(song: Song) -> Song:
    """The song in 4/4 with its onsets moved together onto sixteenths and its downbeats onto bar lines.

    The lowest and longest notes tell where the bar begins: basses and chords change there.
    """
    grid = song.ticks_per_beat // 4
    notes = song.notes
    onset = notes["onset"].astype(float)
    angle = np.exp(2j * np.pi * onset / grid).mean()
    offset = np.angle(angle) / (2 * np.pi) * grid
    slot = np.rint((onset - offset) / grid).astype(np.int64)
    low = notes["pitch"] < np.quantile(notes["pitch"], 0.3)
    force = np.sqrt(notes["duration"] / grid) * np.where(low, 3.0, 1.0) * notes["velocity"]
    weight = np.bincount(slot % SLOTS, force, SLOTS)
    phase = int(np.argmax([np.dot(np.roll(weight, -shift), _WEIGHT) for shift in range(SLOTS)]))
    moved = slot - phase
    moved += SLOTS * max(0, -(int(moved.min()) // SLOTS))
    first = int(moved.min()) // SLOTS * SLOTS
    aligned = notes.copy()
    aligned["onset"] = (moved - first) * grid
    # Sixteenths or longer, on the grid too: the human timing here is noise to a network of steps.
    lengths = np.maximum(np.rint(notes["duration"] / (grid / 2)), 1) * (grid // 2)
    aligned["duration"] = lengths.astype(np.int64)
    return replace(
        song,
        notes=aligned,
        meters=(Meter(0, 4, 4),),
        tempos=(replace(song.tempos[0], tick=0),),
        keys=(),
        markers=(),
    )
