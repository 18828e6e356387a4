"""Each edit does to the notes what its name says, and keeps them valid whatever it is given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import TunesmithError
from core.song import edits
from core.song.harmony import Key
from core.song.midi_file import midi_bytes, read_midi
from core.song.notes import CONTROL, KeyMark, Meter, RawEvent, Song, Tempo, Track, make_notes

# C E G, then C a beat later, in track 0; a bass drum in track 1
SONG = Song(
    make_notes(
        [0, 0, 0, 480, 0],
        [480, 480, 480, 240, 120],
        [60, 64, 67, 72, 36],
        [80, 81, 82, 83, 110],
        [0, 0, 0, 0, 1],
    ),
    (Track("Piano"), Track("Drums", channel=9, is_drum=True)),
)
MELODY = np.array([0, 1, 2, 4])
DRUM = np.array([3])


def rows(song: Song) -> list[tuple[int, ...]]:
    """Notes as (onset, duration, pitch)."""
    return song.notes[["onset", "duration", "pitch"]].tolist()


def melody(*notes: tuple[int, int, int], velocity: int = 80) -> Song:
    onset, duration, pitch = zip(*notes, strict=True)
    return Song(make_notes(onset, duration, pitch, velocity), (Track(),))


def test_insert_and_delete_are_each_other_undone():
    added = make_notes([240, 10], 60, [50, 51])
    longer = edits.insert(SONG, added)
    assert len(longer.notes) == 7
    assert edits.delete(longer, edits.find(longer, added)) == SONG


def test_find_finds_equal_notes_as_often_as_asked():
    song = melody((0, 10, 60), (0, 10, 60), (0, 10, 61))
    twin = make_notes([0], 10, 60)
    assert edits.find(song, twin).tolist() == [0]
    assert edits.find(song, np.concatenate([twin, twin, twin])).tolist() == [0, 1]
    assert edits.find(song, make_notes([0], 11, 60)).tolist() == []


def test_move_goes_by_ticks_and_semitones():
    assert rows(edits.move(SONG, [4], -120, 2))[4] == (360, 240, 74)


def test_move_stops_together_at_the_start():
    song = melody((100, 10, 60), (300, 10, 62))
    assert rows(edits.move(song, [0, 1], -200)) == [(0, 10, 60), (200, 10, 62)]


def test_transpose_leaves_drums_alone():
    song = edits.transpose(SONG, np.arange(5), 12)
    assert sorted(song.notes["pitch"].tolist()) == [36, 72, 76, 79, 84]


def test_a_pitch_out_of_range_is_refused():
    for semitones in (60, -61):
        with pytest.raises(TunesmithError, match="range of pitches"):
            edits.transpose(SONG, MELODY, semitones)


def test_resize_keeps_a_tick():
    assert edits.resize(SONG, [4], -1000).notes["duration"][4] == 1
    assert edits.resize(SONG, [4], 40).notes["duration"][4] == 280


def test_velocities_stop_at_their_limits():
    assert edits.set_velocity(SONG, MELODY, 300).notes["velocity"].tolist() == [127, 127, 127, 110, 127]
    assert edits.set_velocity(SONG, [0, 1], [10, 20]).notes["velocity"].tolist() == [10, 20, 82, 110, 83]
    assert edits.scale_velocity(SONG, MELODY, 0.5).notes["velocity"].tolist() == [40, 40, 41, 110, 42]
    assert edits.scale_velocity(SONG, MELODY, 0).notes["velocity"].min() == 1


def test_split_cuts_what_sounds_across():
    assert rows(edits.split(SONG, MELODY, 100))[:8] == [
        (0, 100, 60), (0, 100, 64), (0, 100, 67), (0, 120, 36), (100, 380, 60), (100, 380, 64), (100, 380, 67),
        (480, 240, 72),
    ]  # fmt: skip
    assert edits.split(SONG, MELODY, 480) is SONG


def test_glue_is_split_undone():
    split = edits.split(SONG, MELODY, 100)
    glued = edits.glue(split, np.flatnonzero(split.notes["track"] == 0))
    assert glued == SONG


def test_glue_joins_per_pitch_over_gaps():
    song = melody((0, 10, 60), (50, 10, 60), (20, 10, 62))
    assert rows(edits.glue(song, [0, 1, 2])) == [(0, 60, 60), (20, 10, 62)]


def test_quantise_to_the_nearest_line_with_strength():
    song = melody((50, 100, 60), (130, 100, 62), (200, 100, 64))
    assert [row[0] for row in rows(edits.quantise(song, [0, 1, 2], 120))] == [0, 120, 240]
    assert [row[0] for row in rows(edits.quantise(song, [0, 1, 2], 120, strength=0.5))] == [25, 125, 220]


def test_quantise_swings_every_second_line():
    song = melody((0, 10, 60), (230, 10, 62), (490, 10, 64), (700, 10, 65))
    full_swing = edits.quantise(song, np.arange(4), 240, swing=1.0)
    assert [row[0] for row in rows(full_swing)] == [0, 320, 480, 800], "triplets of a beat of 480"


def test_quantise_begins_anew_with_each_bar():
    song = Song(make_notes([860, 1000], 10, 60), (Track(),), meters=(Meter(0, 7, 16),))
    # A bar of 7/16 is 840 ticks: lines of a quarter lie at 0, 480 and 840, 1320
    assert [row[0] for row in rows(edits.quantise(song, [0, 1], 480))] == [840, 840]


def test_quantise_lengths():
    song = melody((0, 200, 60), (480, 30, 62))
    assert rows(edits.quantise(song, [0, 1], 120, lengths=True)) == [(0, 240, 60), (480, 120, 62)]


def test_quantise_twice_is_quantise_once():
    rng = np.random.default_rng(0)
    song = Song(make_notes(rng.integers(0, 9000, 60), 50, rng.integers(40, 80, 60)), (Track(),))
    once = edits.quantise(song, np.arange(60), 160, swing=0.5)
    assert edits.quantise(once, np.arange(60), 160, swing=0.5) == once


def test_humanise_is_small_and_repeatable():
    first, again = (edits.humanise(SONG, MELODY, 10, 5, seed=3) for _ in range(2))
    assert first == again
    assert first != edits.humanise(SONG, MELODY, 10, 5, seed=4)
    assert sorted(first.notes["pitch"]) == sorted(SONG.notes["pitch"])
    assert abs(first.notes["velocity"].astype(int) - 82).max() <= 28
    top = first.notes[first.notes["pitch"] == 72]
    assert 470 <= top["onset"][0] <= 490
    assert 78 <= top["velocity"][0] <= 88


def test_reverse_and_invert_twice_are_nothing():
    for edit in (edits.reverse, edits.invert):
        once = edit(SONG, MELODY)
        assert once != SONG
        mine = np.flatnonzero(once.notes["track"] == 0)
        assert edit(once, mine) == SONG


def test_reverse_ends_where_notes_began():
    assert rows(edits.reverse(melody((0, 100, 60), (100, 50, 62)), [0, 1])) == [(0, 50, 62), (50, 100, 60)]


def test_invert_mirrors_about_the_middle():
    assert [row[2] for row in rows(edits.invert(melody((0, 1, 60), (1, 1, 64), (2, 1, 72)), [0, 1, 2]))] == [
        72,
        68,
        60,
    ]


def test_legato_reaches_the_next_onset():
    song = melody((0, 10, 60), (0, 900, 64), (100, 10, 62), (300, 10, 60))
    assert [row[1] for row in rows(edits.legato(song, np.arange(4)))] == [100, 100, 200, 10]


def test_strum_delays_from_low_to_high_and_ends_together():
    assert rows(edits.strum(SONG, MELODY, 20))[:4] == [
        (0, 480, 60),
        (0, 120, 36),
        (20, 460, 64),
        (40, 440, 67),
    ]
    assert rows(edits.strum(SONG, MELODY, -20))[1:4] == [(0, 120, 36), (20, 460, 64), (40, 440, 60)]


def test_chord_adds_the_notes_above():
    song = edits.chord(melody((0, 480, 60)), [0], "m7")
    assert rows(song) == [(0, 480, pitch) for pitch in (60, 63, 67, 70)]
    assert edits.chord(song, [0], "m7") is song, "what is there is not put there twice"
    assert rows(edits.chord(melody((0, 1, 122)), [0], "7"))[-1][2] == 126, "what has no place is left out"
    with pytest.raises(TunesmithError, match="no chord"):
        edits.chord(song, [0], "H7")


def test_duplicate_begins_on_the_next_beat():
    assert rows(edits.duplicate(melody((0, 500, 60)), [0])) == [(0, 500, 60), (960, 500, 60)]
    assert rows(edits.duplicate(melody((0, 500, 60)), [0], 100)) == [(0, 500, 60), (100, 500, 60)]


# Tracks


def test_an_added_track_gets_a_channel_of_its_own():
    song = edits.add_track(SONG, Track("Bass", program=33))
    assert song.tracks[2] == Track("Bass", program=33, channel=1)
    for _ in range(13):
        song = edits.add_track(song, Track())
    assert sorted(track.channel for track in song.tracks) == list(range(16))
    assert edits.add_track(SONG, Track("More drums", is_drum=True)).tracks[2].channel == 9


def test_a_removed_track_takes_all_that_is_its_own():
    controls = np.array([(0, 0, 0, 0xB0, 64, 127), (5, 1, 9, 0xB0, 64, 0)], CONTROL)
    raw = (
        RawEvent(0, -1, 0xFF, 1, b"all"),
        RawEvent(0, 0, 0xFF, 1, b"piano"),
        RawEvent(0, 1, 0xFF, 1, b"drums"),
    )
    song = edits.remove_track(Song(SONG.notes, SONG.tracks, controls=controls, raw_events=raw), 0)
    assert song.tracks == SONG.tracks[1:]
    assert rows(song) == [(0, 120, 36)]
    assert song.notes["track"].tolist() == [0]
    assert song.controls.tolist() == [(5, 0, 9, 0xB0, 64, 0)]
    assert song.raw_events == (raw[0], RawEvent(0, 0, 0xFF, 1, b"drums"))
    with pytest.raises(TunesmithError, match="no track 3"):
        edits.remove_track(SONG, 2)


def test_move_track_there_and_back():
    there = edits.move_track(SONG, 0, 1)
    assert [track.name for track in there.tracks] == ["Drums", "Piano"]
    assert there.notes["track"][there.notes["pitch"] == 36].tolist() == [0]
    assert edits.move_track(there, 1, 0) == SONG


def test_a_new_program_holds_for_the_whole_track_and_in_the_file():
    controls = np.array([(0, 0, 0, 0xC0, 0, 5), (300, 0, 0, 0xC0, 0, 6), (0, 0, 0, 0xB0, 7, 90)], CONTROL)
    song = Song(SONG.notes, (Track("Piano", program=5, volume=90), SONG.tracks[1]), controls=controls)
    changed = edits.set_track(song, 0, program=40, volume=60)
    assert changed.tracks[0] == Track("Piano", program=40, volume=60)
    assert len(changed.controls) == 0
    assert read_midi(midi_bytes(changed)).tracks[0].program == 40


def test_a_track_that_shares_a_channel_leaves_it_for_a_new_program():
    song = Song(make_notes(0, 10, 60, 80, [0, 1]), (Track("Left"), Track("Right")))
    changed = edits.set_track(song, 1, program=19)
    assert [(track.program, track.channel) for track in changed.tracks] == [(0, 0), (19, 1)]


def test_a_track_cannot_be_set_to_nonsense():
    with pytest.raises(TunesmithError, match="volume is 0 to 127"):
        edits.set_track(SONG, 0, volume=128)
    assert edits.set_track(SONG, 0, name="Piano") is SONG


# Tempo, meter, key


def test_tempo_meter_and_key():
    song = edits.set_tempo(SONG, 90)
    assert song.tempos == (Tempo(0, 666_667),)
    assert edits.set_tempo(song, 60, 960).tempos == (Tempo(0, 666_667), Tempo(960, 1_000_000))
    assert edits.set_meter(SONG, 6, 8).meters == (Meter(0, 6, 8),)
    keyed = edits.set_key(SONG, Key(2, "minor"))
    assert keyed.keys == (KeyMark(0, 2, "minor"),)
    assert edits.set_key(keyed, None) == SONG
    for wrong in (lambda: edits.set_tempo(SONG, 1), lambda: edits.set_meter(SONG, 4, 3)):
        with pytest.raises(TunesmithError):
            wrong()


# Any notes

EDITS = {
    "resize": lambda song, index, n: edits.resize(song, index, n),
    "move": lambda song, index, n: edits.move(song, index, n),
    "quantise": lambda song, index, n: edits.quantise(song, index, abs(n) + 1, 0.7, 0.4, True),
    "humanise": lambda song, index, n: edits.humanise(song, index, abs(n), abs(n), 1),
    "strum": lambda song, index, n: edits.strum(song, index, n),
    "legato": lambda song, index, _: edits.legato(song, index),
    "reverse": lambda song, index, _: edits.reverse(song, index),
    "invert": lambda song, index, _: edits.invert(song, index),
    "glue": lambda song, index, _: edits.glue(song, index),
    "split": lambda song, index, n: edits.split(song, index, abs(n)),
    "chord": lambda song, index, _: edits.chord(song, index, "maj7"),
    "duplicate": lambda song, index, n: edits.duplicate(song, index, n),
    "velocity": lambda song, index, n: edits.set_velocity(song, index, n),
    "scale": lambda song, index, n: edits.scale_velocity(song, index, n / 7),
}
some_notes = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(1, 2000), st.integers(0, 127), st.integers(1, 127)),
    max_size=20,
)


@pytest.mark.parametrize("name", EDITS)
@given(some_notes, st.integers(-3000, 3000), st.data())
@settings(max_examples=25, deadline=None)
def test_notes_stay_valid_and_others_stay_as_they_were(name: str, notes, amount: int, data):
    song = Song(make_notes(*np.array(notes, int).reshape(-1, 4).T), (Track(),))
    chosen = data.draw(st.lists(st.booleans(), min_size=len(notes), max_size=len(notes)))
    index = np.flatnonzero(chosen)
    changed = EDITS[name](song, index, amount).notes
    assert (changed["onset"] >= 0).all()
    assert (changed["duration"] >= 1).all()
    assert (changed["pitch"] <= 127).all()
    assert ((changed["velocity"] >= 1) & (changed["velocity"] <= 127)).all()
    untouched = np.delete(song.notes, index)
    assert len(edits.find(Song(changed), untouched)) == len(untouched)
