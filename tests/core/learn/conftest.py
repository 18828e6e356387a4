"""Small pieces that the tests of learning share."""

from __future__ import annotations

import numpy as np
import pytest

from core.compose.encoding import Piece, piece_from_song
from core.song.harmony import Key
from core.song.notes import Song, Track, make_notes


@pytest.fixture
def piece() -> Piece:
    """Sixteen bars of a melody in eighths over a bass, no two bars alike."""
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    melody = make_notes(
        np.arange(128) * 240,
        220,
        np.concatenate([np.roll(scale, bar) + bar % 3 * 12 - 12 for bar in range(16)]),
        90,
    )
    bass = make_notes(np.arange(32) * 960, 900, 36 + np.arange(32) % 7, 70, 1)
    made = piece_from_song(
        Song(np.concatenate([melody, bass]), (Track("tune", 73), Track("bass", 32))), Key(0, "major")
    )
    assert made is not None
    return made
