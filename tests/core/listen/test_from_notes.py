"""The analysis of songs whose notes are known."""

from __future__ import annotations

import numpy as np
import pytest

from core.listen.analysis import Analysis
from core.listen.from_notes import analyse_song, beats_of
from core.song.harmony import CHORDS, parse_chord
from core.song.notes import Meter, Song, Tempo, Track, make_notes

BEAT = 480


def song_of(
    chords: tuple[str, ...], tempos: tuple[Tempo, ...] = (), meter: tuple[int, int] = (4, 4), octave: int = 60
) -> Song:
    bar = 4 * BEAT * meter[0] // meter[1]
    tables = []
    for number, name in enumerate(chords):
        root, suffix = parse_chord(name)
        pitches = [octave + (root + step) % 12 for step in CHORDS[suffix]]
        tables.append(make_notes(number * bar, bar, pitches, 80, 0))
        tables.append(make_notes(number * bar, bar, octave - 24 + root, 80, 0))
    return Song(np.concatenate(tables), (Track("piano"),), tempos=tempos, meters=(Meter(0, *meter),))


def test_beats_follow_the_tempo_map() -> None:
    song = song_of(("C", "F", "G", "C", "C"), (Tempo.from_bpm(0, 120), Tempo.from_bpm(8 * BEAT, 60)))
    beats, downbeats = beats_of(song)
    np.testing.assert_allclose(beats[:9], np.arange(9) * 0.5)
    np.testing.assert_allclose(np.diff(beats[8:]), 1.0)
    np.testing.assert_allclose(downbeats, (0, 2, 4, 8, 12))
    assert analyse_song(song).tempo_bpm == pytest.approx(60)  # holds for longer


@pytest.mark.parametrize(
    ("meter", "per_bar"), [((4, 4), 4), ((3, 4), 3), ((6, 8), 2), ((12, 8), 4), ((7, 8), 4)]
)
def test_beats_of_a_bar(meter: tuple[int, int], per_bar: int) -> None:
    beats, downbeats = beats_of(song_of(("C", "F", "G", "C"), meter=meter))
    assert int((beats < downbeats[1] - 1e-6).sum()) == per_bar


def test_chords_are_those_written() -> None:
    found = analyse_song(song_of(("C", "Am", "F", "G7")))
    assert [span.label for span in found.chords] == ["C", "Am", "F", "G7"]
    np.testing.assert_allclose([span.start_s for span in found.chords], (0, 2, 4, 6))
    assert found.chords[-1].end_s == pytest.approx(8)


@pytest.mark.parametrize(
    ("chords", "key"), [(("C", "F", "G", "C"), "C major"), (("Dm", "Gm", "A7", "Dm"), "D minor")]
)
def test_the_key(chords: tuple[str, ...], key: str) -> None:
    found = analyse_song(song_of(chords))
    assert found.key is not None
    assert found.key.name == key


def test_the_melody_is_the_track_of_that_name_or_the_highest_notes() -> None:
    song = song_of(("C", "C"))
    tune = make_notes(np.arange(8) * BEAT, BEAT, (48, 50, 52, 53, 55, 53, 52, 50), 90, 1)
    both = Song(np.concatenate([song.notes, tune]), (*song.tracks, Track("Melody")))
    assert [note.pitch for note in analyse_song(both).melody] == [48, 50, 52, 53, 55, 53, 52, 50]
    assert {note.pitch for note in analyse_song(song).melody} == {67}


def test_the_form() -> None:
    first, second = ("C", "F", "G", "C") * 2, ("Am", "Dm", "E7", "Am") * 2
    notes = [song_of(first).notes, song_of(second, octave=72).notes, song_of(first).notes]
    for number, table in enumerate(notes):
        notes[number] = table.copy()
        notes[number]["onset"] += number * 32 * BEAT
    found = analyse_song(Song(np.concatenate(notes), (Track("piano"),))).structure
    assert [part.label for part in found] == ["A", "B", "A"]
    np.testing.assert_allclose([part.start_s for part in found], (0, 16, 32), atol=1.1)


def test_drums_alone_have_a_beat_and_no_key() -> None:
    notes = make_notes(np.arange(32) * BEAT, BEAT // 4, 36, 90)
    found = analyse_song(Song(notes, (Track("drums", 0, 9, True),)))
    assert found.key is None
    assert found.tempo_bpm == pytest.approx(120)
    assert found.chords == () == found.melody
    assert len(found.onsets_s) == 32


def test_a_song_without_notes_has_nothing() -> None:
    assert analyse_song(Song()) == Analysis()
