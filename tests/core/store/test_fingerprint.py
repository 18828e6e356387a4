"""A piece is known again however it is dressed up, and another piece is not taken for it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import TunesmithError
from core.song.notes import Song, Tempo, Track, make_notes
from core.store.fingerprint import (
    FEWEST_NOTES,
    Fingerprint,
    compare,
    content_id,
    likeliest,
    sketch_of,
)

SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


def tune(seed: int, bars: int = 24) -> Song:
    """A melody in eighths over half-note chords, with drums: made up, in C major, at 120."""
    random = np.random.default_rng(seed)
    degrees = np.cumsum(random.integers(-2, 3, 8 * bars)) % 14
    melody = make_notes(np.arange(8 * bars) * 240, 240, 60 + 12 * (degrees // 7) + SCALE[degrees % 7], 90, 0)
    roots = np.repeat(random.integers(0, 7, 2 * bars), 3) + np.tile([0, 2, 4], 2 * bars)
    chords = make_notes(
        np.repeat(np.arange(2 * bars) * 960, 3), 960, 36 + 12 * (roots // 7) + SCALE[roots % 7], 70, 1
    )
    drums = make_notes(np.arange(4 * bars) * 480, 100, 36, 100, 2)
    tracks = (Track("tune", 73, 0), Track("chords", 0, 1), Track("kit", 0, 9, True))
    return Song(notes=np.concatenate([melody, chords, drums]), tracks=tracks)


def likeness(first: Song, second: Song):
    return compare(Fingerprint(sketch_of(first)), Fingerprint(sketch_of(second)))


def moved(song: Song, semitones: int) -> Song:
    notes = song.notes.copy()
    notes["pitch"][notes["track"] < 2] += np.uint8(semitones % 256)
    return song.with_notes(notes)


def jittered(song: Song, ticks: int, seed: int) -> Song:
    notes = song.notes.copy()
    notes["onset"] = np.maximum(
        0, notes["onset"] + np.random.default_rng(seed).integers(-ticks, ticks + 1, len(notes))
    )
    return song.with_notes(notes)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(-24, 24),
    st.floats(40, 240),
    st.integers(0, 127),
    st.permutations([0, 1, 2]),
)
def test_key_tempo_instrument_order_and_loudness_leave_the_content_id_as_it_is(
    seed, semitones, bpm, program, order
):
    song = tune(seed)
    other = moved(song, semitones)
    notes = other.notes.copy()
    notes["track"] = np.argsort(order)[notes["track"]]
    notes["velocity"] = np.random.default_rng(seed).integers(1, 128, len(notes))
    notes["duration"] = 1 + notes["duration"] // 2
    tracks = [replace(track, program=program) for track in song.tracks]
    other = replace(
        other,
        notes=notes,
        tracks=tuple(tracks[i] for i in order),
        tempos=(Tempo.from_bpm(0, bpm),),
        title="Mine",
    )
    assert content_id(other) == content_id(song)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 28))
def test_re_timing_within_30_ms_and_quantising_back_leave_the_content_id(seed, ticks):
    song = tune(seed)  # 28 ticks are 29 ms
    loose = jittered(song, ticks, seed)
    quantised = loose.with_notes(loose.notes.copy())
    notes = quantised.notes.copy()
    notes["onset"] = np.rint(notes["onset"] / 120) * 120
    assert content_id(loose) == content_id(song) == content_id(song.with_notes(notes))


def test_the_resolution_of_the_file_does_not_count():
    song = tune(1)
    notes = song.notes.copy()
    notes["onset"] *= 2
    assert content_id(replace(song, notes=notes, ticks_per_beat=960)) == content_id(song)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_one_other_note_is_another_content_id(seed, data):
    song = tune(seed)
    at = data.draw(st.integers(0, len(song.notes) - 1).filter(lambda i: song.notes["track"][i] < 2))
    notes = song.notes.copy()
    notes["pitch"][at] += 1
    assert content_id(song.with_notes(notes)) != content_id(song)


def test_content_ids_look_alike_and_do_not_collide():
    names = {content_id(tune(seed, 4)) for seed in range(300)}
    assert len(names) == 300
    assert all(len(name) == 22 and name.startswith("TS-") for name in names)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(-12, 12), st.floats(0.5, 2.0), st.integers(0, 28))
def test_a_copy_transposed_retimed_and_at_another_tempo_has_nearly_all_notes(seed, semitones, ratio, ticks):
    song = tune(seed)
    copy = jittered(moved(song, semitones), ticks, seed)
    copy = replace(copy, tempos=(Tempo.from_bpm(0, 120 * ratio),))
    found = likeness(copy, song)
    assert found.is_copy
    assert found.similarity > 0.95
    assert found.semitones == -semitones


def test_the_same_piece_is_wholly_like_itself():
    found = likeness(tune(3), tune(3))
    assert (found.of_first, found.of_second, found.semitones) == (1.0, 1.0, 0)


@pytest.mark.parametrize("seed", range(12))
def test_another_tune_of_the_same_make_is_no_copy(seed):
    found = likeness(tune(seed), tune(seed + 100))
    assert not found.is_copy
    assert found.similarity < 0.5


def test_the_same_tune_over_other_chords_is_no_copy_and_the_same_chords_neither():
    song, other = tune(5), tune(6)
    melody, chords = song.notes["track"] == 0, song.notes["track"] == 1
    theirs, ours = other.notes["track"] == 0, other.notes["track"] == 1
    for kept in (
        np.concatenate([song.notes[melody], other.notes[ours]]),
        np.concatenate([other.notes[theirs], song.notes[chords]]),
    ):
        assert likeness(song.with_notes(kept), song).similarity < 0.75


def test_a_ritardando_written_out_is_still_the_piece():
    song = tune(7)
    slowing = replace(song, tempos=tuple(Tempo.from_bpm(960 * i, 120 - i) for i in range(48)))
    found = likeness(slowing, song)
    assert found.similarity > 0.95


def test_a_long_part_of_a_piece_is_a_copy_and_a_phrase_is_none():
    song = tune(8, 48)
    half = song.with_notes(song.notes[song.notes["onset"] < 24 * 1920])
    phrase = song.with_notes(song.notes[song.notes["onset"] < 2 * 1920])
    found = likeness(half, song)
    assert found.is_part
    assert found.is_copy
    assert found.similarity < 0.6
    assert not likeness(phrase, song).is_copy


def test_a_commonplace_is_no_part_of_a_piece():
    ticking = Song(notes=make_notes(np.arange(96) * 480, 480, 60), tracks=(Track(),))
    longer = np.concatenate([make_notes(np.arange(400) * 480, 480, 60), tune(8, 20).notes])
    found = likeness(ticking, tune(8).with_notes(longer))
    assert found.of_first > 0.9
    assert found.notes >= 64
    assert not found.is_copy


def test_drums_do_not_count_where_there_are_notes_and_count_where_there_are_none():
    song = tune(9)
    without = song.with_notes(song.notes[song.notes["track"] < 2])
    assert content_id(without) == content_id(song)
    beat = song.with_notes(song.notes[song.notes["track"] == 2])
    assert content_id(beat) != content_id(song)
    assert len(sketch_of(beat)) == 96


def test_too_few_notes_to_know_a_piece_by():
    notes = make_notes(np.arange(FEWEST_NOTES - 1) * 480, 480, 60)
    with pytest.raises(TunesmithError, match="15 different notes; it takes 16"):
        sketch_of(Song(notes=notes, tracks=(Track(),)))
    with pytest.raises(TunesmithError, match="no notes"):
        content_id(Song())


def test_one_note_again_and_again_compares_without_harm():
    drone = Song(notes=make_notes(np.arange(5000) * 120, 120, 60), tracks=(Track(),))
    together = Song(notes=make_notes(0, 480, np.arange(30, 60)), tracks=(Track(),))
    assert likeness(drone, drone).similarity == 1.0
    assert not likeness(drone, together).is_copy


def test_the_likeliest_of_many_is_the_piece_itself():
    runs = [Fingerprint(sketch_of(tune(seed))).distinct_runs for seed in range(60)]
    copy = Fingerprint(sketch_of(jittered(moved(tune(41), 3), 28, 1)))
    assert likeliest(copy.distinct_runs, runs)[0] == 41
    assert likeliest(copy.distinct_runs, []) == []
    assert likeliest(np.empty(0, np.uint32), runs) == []
