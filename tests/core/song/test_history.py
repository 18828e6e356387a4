"""Undo and redo give back the very songs, under the names of the edits, within a budget of bytes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.song import edits
from core.song.history import History
from core.song.notes import Song, Track, make_notes


def song_of(count: int) -> Song:
    rng = np.random.default_rng(count)
    return Song(make_notes(rng.integers(0, 10_000, count), 120, rng.integers(40, 90, count)), (Track(),))


def test_undo_and_redo_name_the_steps():
    first = song_of(5)
    second = edits.transpose(first, np.arange(5), 1)
    third = edits.set_tempo(second, 90)
    history = History(first)
    assert (history.can_undo, history.can_redo, history.undo(), history.redo()) == (False, False, None, None)
    history.apply("Transpose", second)
    history.apply("Tempo", third)
    assert (history.labels, history.position) == (["Transpose", "Tempo"], 2)
    assert (history.undo(), history.song) == ("Tempo", second)
    assert (history.undo(), history.song) == ("Transpose", first)
    assert (history.labels, history.position) == (["Transpose", "Tempo"], 0)
    assert (history.redo(), history.song) == ("Transpose", second)
    assert (history.redo(), history.song) == ("Tempo", third)
    assert not history.can_redo


def test_a_new_step_forgets_what_was_undone():
    history = History(song_of(3))
    history.apply("Tempo", edits.set_tempo(history.song, 90))
    history.undo()
    history.apply("Meter", edits.set_meter(history.song, 3, 4))
    assert (history.labels, history.can_redo) == (["Meter"], False)


def test_steps_with_one_purpose_are_one_step():
    first = song_of(3)
    history = History(first)
    for bpm in (90, 91, 92):
        history.apply("Tempo", edits.set_tempo(history.song, bpm), coalesce="tempo knob")
    assert history.labels == ["Tempo"]
    history.apply("Tempo", edits.set_tempo(history.song, 60))
    history.apply("Tempo", edits.set_tempo(history.song, 61), coalesce="tempo knob")
    assert len(history.labels) == 3
    for _ in range(3):
        history.undo()
    assert history.song == first


def test_an_undo_ends_coalescing():
    history = History(song_of(3))
    history.apply("A", edits.set_tempo(history.song, 90), coalesce="knob")
    history.apply("B", edits.set_meter(history.song, 3, 4))
    history.undo()
    history.apply("A", edits.set_tempo(history.song, 91), coalesce="knob")
    assert history.labels == ["A", "A"]


def test_moving_one_note_of_many_keeps_little():
    history = History(song_of(50_000))
    for step in range(20):
        history.apply("Nudge", edits.move(history.song, [1000 * step], 1))
    assert history.bytes_used < history.song.notes.nbytes / 5


def test_a_budget_forgets_the_oldest_steps_but_never_the_last():
    song = song_of(1000)
    history = History(song, byte_budget=5 * song.notes.nbytes)
    for _ in range(20):
        history.apply("Up", edits.transpose(history.song, np.arange(1000), 1))
    assert 2 <= len(history.labels) <= 5
    assert history.bytes_used <= 5 * song.notes.nbytes
    small = History(song, byte_budget=1)
    small.apply("Up", edits.transpose(song, np.arange(1000), 1))
    assert (small.undo(), small.song) == ("Up", song)


def test_what_is_told_of_bytes_is_what_is_held():
    history = History(song_of(100))
    for _ in range(5):
        history.apply("Up", edits.transpose(history.song, np.arange(100), 1))
    whole = history.bytes_used
    for _ in range(5):
        history.undo()
    for _ in range(5):
        history.redo()
    assert history.bytes_used == whole


STEPS = {
    "insert": lambda song, n: edits.insert(song, make_notes([n, n + 7], 10, n % 128)),
    "delete": lambda song, n: edits.delete(song, np.arange(len(song.notes))[n % 3 :: 3]),
    "move": lambda song, n: edits.move(song, np.arange(len(song.notes))[n % 2 :: 2], n),
    "tempo": lambda song, n: edits.set_tempo(song, 60 + n % 100),
    "track": lambda song, n: edits.add_track(song, Track(f"Track {n}")),
}


@given(st.lists(st.tuples(st.sampled_from(["undo", "redo", *STEPS]), st.integers(0, 500)), max_size=25))
@settings(max_examples=60, deadline=None)
def test_the_past_is_as_it_was(steps):
    history = History(song_of(10))
    songs, at = [history.song], 0
    for name, number in steps:
        if name == "undo":
            assert (history.undo() is not None) == (at > 0)
            at = max(0, at - 1)
        elif name == "redo":
            assert (history.redo() is not None) == (at + 1 < len(songs))
            at = min(len(songs) - 1, at + 1)
        else:
            song = STEPS[name](history.song, number)
            history.apply(name, song)
            songs, at = [*songs[: at + 1], song], at + 1
        assert history.song == songs[at]
        assert history.position == at
