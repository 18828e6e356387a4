"""Music in disorder, and the chain: what they keep and what they change."""

from __future__ import annotations

import numpy as np

from core.compose.encoding import BAR, Piece, event_keys
from core.learn.controls import Markov, with_bars_in_order, with_shuffled_bars, with_shuffled_pitches
from core.learn.data import Example


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def notes(piece: Piece, *names: str) -> list[tuple[int, ...]]:
    tones = piece.events[piece.events["time"] != BAR]
    return [tuple(map(int, row)) for row in zip(*(tones[name] for name in names), strict=True)]


def test_bars_in_their_own_order_are_the_piece(piece: Piece) -> None:
    same = with_bars_in_order(piece, range(16))
    assert np.array_equal(same.events, piece.events)
    assert np.array_equal(same.chords, piece.chords)
    assert np.array_equal(same.copies, piece.copies)


def test_shuffled_bars_have_the_same_notes_in_other_bars(piece: Piece) -> None:
    mixed = with_shuffled_bars(piece, 8, rng())
    inside = ("time", "part", "pitch", "duration", "velocity")
    assert sorted(notes(mixed, *inside)) == sorted(notes(piece, *inside))
    assert not np.array_equal(mixed.events, piece.events)
    first_half = piece.events["bar"] < 8
    assert np.array_equal(mixed.events[first_half], piece.events[first_half])


def test_the_form_of_shuffled_bars_is_found_anew(piece: Piece) -> None:
    # The first bar three times over: the third is one back, and the same.
    repeated = with_bars_in_order(piece, [0, 0, 0, *range(3, 16)])
    assert repeated.copies[1:3].tolist() == [2, 2]
    assert (repeated.chords[0] == repeated.chords[1]).all()


def test_shuffled_pitches_keep_rhythm_and_parts(piece: Piece) -> None:
    mixed = with_shuffled_pitches(piece, 0, rng())
    assert notes(mixed, "bar", "time", "part", "duration") == notes(piece, "bar", "time", "part", "duration")
    assert sorted(notes(mixed, "part", "pitch")) == sorted(notes(piece, "part", "pitch"))
    assert notes(mixed, "pitch") != notes(piece, "pitch")


def test_disorder_never_makes_two_notes_of_one(piece: Piece) -> None:
    keys = event_keys(with_shuffled_pitches(piece, 0, rng()).events)
    assert (np.diff(keys) > 0).all()


def test_the_chain_keeps_to_the_band_and_the_bars(piece: Piece) -> None:
    chain = Markov([Example(piece, 0, 0, "set", "a", "train")] * 20)
    made = chain.compose(piece, 6, seed=4)
    assert len(made.bar_steps) == 6
    assert (made.events["time"] == BAR).sum() == 6
    assert set(made.events["part"].tolist()) <= {0, 1}
    assert made.events["bar"].max() == 5
    assert np.array_equal(made.events, chain.compose(piece, 6, seed=4).events)
    assert not np.array_equal(made.events, chain.compose(piece, 6, seed=5).events)


def test_the_chain_plays_where_its_training_music_did(piece: Piece) -> None:
    chain = Markov([Example(piece, 0, 0, "set", "a", "train")] * 200)
    made = chain.compose(piece, 16, seed=1)
    tones = made.events[made.events["time"] != BAR]
    # Eighths in training, so nearly every onset is on one.
    assert (tones["time"] % 6 == 0).mean() > 0.9
