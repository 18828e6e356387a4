"""Composing sees exactly what training saw: the growing state and the whole-piece columns agree."""

import numpy as np
import pytest

from core.compose.context import SILENCE_CLASSES, silences
from core.compose.encoding import BAR, MOST_PARTS, NO_PITCH, Piece, piece_from_song
from core.compose.given import Given
from core.compose.state import State
from core.learn.batches import (
    DrawGiven,
    around_regions,
    columns,
    excerpt,
    nothing_given,
    scattered_notes,
    some_parts,
)
from core.song.harmony import Key
from core.song.notes import Meter, Song, Track, make_notes

ECHOES = (
    "echo_pitch", "echo_duration", "last_pitch", "last_duration", "last_velocity", "chroma", "to_come",
)  # fmt: skip


def some_song(seed: int, bars: int = 14) -> Song:
    """Three parts and drums, with repeated bars, chords, triplets and rests."""
    rng = np.random.default_rng(seed)
    bar = [
        (int(rng.integers(0, 48)) * 40, int(rng.integers(40, 80)), int(rng.integers(0, 3))) for _ in range(9)
    ]
    rows = []
    for number in range(bars):
        if rng.random() < 0.4:
            bar = [
                (int(rng.integers(0, 48)) * 40, int(rng.integers(40, 80)), int(rng.integers(0, 3)))
                for _ in range(9)
            ]
        rows += [(number * 1920 + onset, pitch, track) for onset, pitch, track in bar if rng.random() < 0.9]
        rows += [(number * 1920 + beat * 480, 36 + 2 * (beat % 2), 3) for beat in range(4)]
    onset, pitch, track = np.array(rows).T
    tracks = (Track("a", 0), Track("b", 33), Track("c", 48), Track("kit", 0, 9, is_drum=True))
    durations = rng.choice([120, 240, 480, 960], len(rows))
    return Song(make_notes(onset, durations, pitch, rng.integers(1, 127, len(rows)), track), tracks)


def some_piece(seed: int) -> Piece:
    piece = piece_from_song(some_song(seed), Key(2, "major"))
    assert piece is not None
    return piece


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("first", [0, 5])
@pytest.mark.parametrize("draw", [nothing_given, around_regions, some_parts, scattered_notes])
def test_state_and_columns_agree(seed: int, first: int, draw: DrawGiven) -> None:
    piece = some_piece(seed)
    piece = excerpt(piece, first, len(piece.bar_steps))
    is_given, may_open = draw(piece, np.random.default_rng(seed))
    given = None if is_given is None or may_open is None else Given(piece.events[is_given], may_open)
    table = columns(piece, is_given=is_given)
    part = np.where(table["is_note"] == 1, table["part"], -1)
    silence = silences(part, table["onset"], table["when"], np.full(MOST_PARTS, -1))
    state = State(len(piece.bar_steps), int(piece.bar_steps[0]), given)
    for index, event in enumerate(piece.events):
        for name, value in state.row().items():
            if name == "bar_length" and index == 0:
                continue
            assert np.array_equal(table[name][index], value), (index, name)
        if event["time"] == BAR:
            bar = int(event["bar"])
            chords = (int(piece.chords[bar, 0]), int(piece.chords[bar, 1]))
            state.begin_bar(int(piece.bar_steps[bar]), int(piece.copies[bar]), chords)
            continue
        time, own = int(event["time"]), int(event["part"])
        assert state.lowest_part(time) == table["lowest_part"][index]
        assert state.silence(time, len(piece.parts)) == silence[index, : len(piece.parts)].tolist()
        echo = state.echo(time, own)
        for name in ECHOES:
            assert np.array_equal(table[name][index], getattr(echo, name)), (index, name)
        assert echo.chord == table["chord_then"][index]
        assert echo.lowest_pitch == table["lowest_pitch"][index]
        state.add_note(time, own, int(event["pitch"]), int(event["duration"]), int(event["velocity"]))


def test_a_silent_part_is_told_apart_from_one_that_just_played() -> None:
    state = State(4, 48)
    state.begin_bar(48, 0, (0, 0))
    state.add_note(0, 1, 60, 11, 9)
    assert state.silence(0, 3) == [SILENCE_CLASSES - 1, 0, SILENCE_CLASSES - 1]
    assert state.silence(12, 3)[1] == 1
    assert state.silence(36, 3)[1] == 2


def test_an_excerpt_forgets_what_came_before_it() -> None:
    piece = some_piece(1)
    cut = excerpt(piece, 4, 8)
    table = columns(cut)
    assert cut.events["bar"].min() == 0
    assert (table["echo_pitch"][: np.searchsorted(cut.events["bar"], 1)] == NO_PITCH).all()
    back = np.array((0, 1, 1, 2, 2, 4, 4, 8, 8))[cut.copies]
    assert (back <= np.arange(4)).all()


def test_a_meter_too_long_for_the_grid_is_left_out() -> None:
    song = some_song(0)
    long_bar = Song(song.notes, song.tracks, meters=(Meter(0, 12, 4),))
    assert piece_from_song(long_bar, Key(0, "major")) is None
