"""Keys, scales and chords: names read and written, and found in notes of known harmony."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import TunesmithError
from core.song.harmony import (
    CHORDS,
    SCALES,
    Key,
    chords_of,
    estimate_key,
    in_key_share,
    name_chord,
    parse_key,
    pitched_notes,
    scale_pitch_classes,
)
from core.song.notes import Song, Track, empty_notes, make_notes

KEYS = [Key(tonic, mode) for tonic in range(12) for mode in SCALES]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_reads_back_from_its_name(key: Key):
    assert parse_key(key.name) == key
    assert parse_key(f"  {key.name.lower()} ") == key


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("D minor", "D minor"), ("F# major", "F# major"), ("Bb", "Bb major"), ("c minor", "C minor"),
        ("Am", "A minor"), ("F#m", "F# minor"), ("CM", "C major"), ("Db minor", "C# minor"),
        ("E-flat major", "Eb major"), ("B flat", "Bb major"), ("C♯ min", "C# minor"), ("B", "B major"),
        ("Eb dorian", "Eb dorian"), ("a harmonic-minor", "A harmonic minor"), ("Cb", "B major"),
        ("G dur", "G major"), ("e moll", "E minor"),
    ],
)  # fmt: skip
def test_keys_as_people_write_them(text: str, name: str):
    assert parse_key(text).name == name


@pytest.mark.parametrize("text", ["H#", "", "#", "C##", "D foo", "major", "12", "X minor"])
def test_what_is_no_key_is_refused(text: str):
    with pytest.raises(TunesmithError, match="is not a key"):
        parse_key(text)


def test_scales_and_signatures():
    assert scale_pitch_classes(parse_key("D minor")) == (2, 4, 5, 7, 9, 10, 0)
    assert scale_pitch_classes(parse_key("A harmonic minor")) == (9, 11, 0, 2, 4, 5, 8)
    signatures = {"C": 0, "G": 1, "F": -1, "A": 3, "Eb": -3, "F#": 6, "Db": -5, "E minor": 1, "C minor": -3}
    signatures |= {"D dorian": 0, "G mixolydian": 0, "F lydian": 0, "E phrygian": 0, "B locrian": 0}
    assert {name: parse_key(name).signature for name in signatures} == signatures


@given(st.sampled_from([key for key in KEYS if len(SCALES[key.mode]) == 7 and "ic minor" not in key.mode]))
def test_a_signature_has_the_notes_of_its_scale(key: Key):
    major = {(7 * key.signature + step) % 12 for step in SCALES["major"]}
    assert set(scale_pitch_classes(key)) == major


def test_in_key_share_counts_notes():
    notes = make_notes(range(4), 1, [60, 64, 66, 67])
    assert in_key_share(notes, parse_key("C")) == 0.75
    assert in_key_share(notes, parse_key("G")) == 1.0
    assert in_key_share(empty_notes(), parse_key("C")) == 1.0


# A cadence I-IV-V-I in four parts, as chords of a beat
MAJOR_CADENCE = [[48, 64, 67, 72], [53, 65, 69, 72], [55, 62, 67, 71], [48, 64, 67, 72]]
MINOR_CADENCE = [[48, 63, 67, 72], [53, 65, 68, 72], [55, 62, 67, 71], [48, 63, 67, 72]]


def played(chords: list[list[int]], transposed: int = 0) -> Song:
    rows = [(480 * beat, pitch + transposed) for beat, chord in enumerate(chords) for pitch in chord]
    onset, pitch = zip(*rows, strict=True)
    return Song(make_notes(onset, 480, pitch), (Track(),))


@pytest.mark.parametrize("tonic", range(12))
def test_a_cadence_tells_its_key(tonic: int):
    for chords, mode in ((MAJOR_CADENCE, "major"), (MINOR_CADENCE, "minor")):
        key, confidence = estimate_key(played(chords, tonic).notes)
        assert key == Key(tonic, mode)
        assert 0 < confidence <= 1


def test_no_notes_and_all_notes_alike_have_no_sure_key():
    assert estimate_key(empty_notes())[1] == 0
    assert estimate_key(make_notes(0, 480, range(60, 72)))[1] < 0.1


@pytest.mark.parametrize("root", range(12))
@pytest.mark.parametrize("suffix", CHORDS)
def test_a_chord_on_its_root_has_its_own_name(root: int, suffix: str):
    letters = ["C", "C# Db", "D", "Eb", "E", "F", "F#", "G", "G# Ab", "A", "Bb", "B"][root].split()
    name = name_chord([48 + root + step for step in CHORDS[suffix]])
    assert name in [letter + suffix for letter in letters]


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ([60, 64, 67], "C"), ([64, 67, 72], "C/E"), ([52, 60, 67, 71], "Cmaj7/E"), ([57, 60, 64], "Am"),
        ([60, 64, 67, 69], "C6"), ([57, 60, 64, 67], "Am7"), ([60, 63, 66, 69], "Cdim7"), ([60, 64, 70], "C7"),
        ([62, 67, 69], "Dsus4"), ([60, 67], "C5"), ([60, 64], ""), ([60], ""), ([], ""), ([60, 61, 62], ""),
        ([61, 64, 68], "C#m"), ([61, 65, 68], "Db"),
    ],
)  # fmt: skip
def test_chords_by_name(pitches: list[int], name: str):
    assert name_chord(pitches) == name


def test_chords_of_a_cadence():
    found = chords_of(played(MAJOR_CADENCE))
    assert [(chord.onset, chord.duration, chord.name) for chord in found] == [
        (0, 480, "C"), (480, 480, "F"), (960, 480, "G"), (1440, 480, "C"),
    ]  # fmt: skip


def test_equal_neighbours_are_one_chord_and_silence_is_none():
    song = played([[48, 64, 67], [48, 64, 67], [], [], [50, 65, 69]])
    assert [(chord.onset, chord.duration, chord.name) for chord in chords_of(song)] == [
        (0, 960, "C"), (1920, 480, "Dm"),
    ]  # fmt: skip


def test_a_chord_in_inversion_names_its_bass():
    assert [chord.name for chord in chords_of(played([[52, 60, 67, 72]]))] == ["C/E"]


def test_drums_are_not_harmony():
    notes = np.concatenate([played(MAJOR_CADENCE).notes, make_notes(range(0, 1920, 60), 60, 37, 120, 1)])
    song = Song(notes, (Track(), Track("Drums", channel=9, is_drum=True)))
    assert [chord.name for chord in chords_of(song)] == ["C", "F", "G", "C"]
    assert estimate_key(pitched_notes(song))[0] == Key(0, "major")


def test_an_endless_note_does_not_fill_the_memory():
    song = Song(make_notes(0, 2**31 - 1, [60, 64, 67]), (Track(),))
    assert [chord.name for chord in chords_of(song, 1)] == ["C"]


def test_a_single_note_is_no_chord():
    assert chords_of(Song(make_notes([0, 480], 480, [60, 62]), (Track(),))) == []
