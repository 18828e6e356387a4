"""Comparing what is composed with what is real."""

import numpy as np
import pytest

from core.compose.encoding import piece_from_song
from core.learn.comparison import FACTS, facts, inner_bars, overlap, song_of, summary, table
from core.song.harmony import Key
from core.song.notes import Song, Track, make_notes


def rows(values: list[float]) -> list[dict[str, float]]:
    return [dict.fromkeys(FACTS, value) for value in values]


def test_the_same_distribution_overlaps_wholly_and_a_far_one_not_at_all() -> None:
    values = list(np.linspace(0, 1, 40))
    assert overlap(rows(values), rows(values), "groove16") == pytest.approx(1.0)
    assert overlap(rows(values), rows([v + 50 for v in values]), "groove16") < 0.1


def test_the_interval_holds_the_mean() -> None:
    mean, low, high = summary(rows([0.0, 1.0, 2.0, 3.0]))["polyphony"]
    assert mean == 1.5
    assert low < mean < high


def test_an_encoded_song_comes_back_in_its_common_key() -> None:
    scale = [62, 64, 66, 67, 69, 71, 73, 74]
    song = Song(make_notes(np.arange(16) * 480, 480, scale * 2), (Track("tune", 73),))
    piece = piece_from_song(song, Key(2, "major"))
    assert piece is not None
    back = song_of(piece)
    assert back.notes["pitch"].tolist() == [pitch - 2 for pitch in scale * 2]
    assert back.notes["onset"].tolist() == song.notes["onset"].tolist()
    found = facts(back, Key(0, "major"))
    assert found["in_key_share"] == 1.0
    assert found["structure"] == pytest.approx(0.5)


def test_inner_bars_are_a_piece_without_its_opening_and_its_ending() -> None:
    notes = make_notes([0, 1920, 3840, 5700, 5760], [480, 480, 480, 480, 1920], [60, 62, 64, 65, 67])
    inner = inner_bars(Song(notes, (Track("tune", 0),)))
    assert inner.notes["pitch"].tolist() == [62, 64, 65]
    assert inner.notes["onset"].tolist() == [0, 1920, 3780]
    assert inner.notes["duration"].tolist() == [480, 480, 60]  # the last is cut at the bar


def test_what_was_not_measured_is_a_dash() -> None:
    text = table({"a": {"x": 0.5}, "b": {"x": [1.0, 0.5, 1.5]}}, ("x", "y"))
    assert "| a | 0.500 | – |" in text
    assert "| b | 1.000 (0.500–1.500) | – |" in text
