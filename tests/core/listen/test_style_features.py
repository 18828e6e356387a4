"""What is told of a piece's style, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from core.listen.style_features import COUNT, GROUPS, WINDOW, features, windows
from core.song import edits
from core.song.notes import Song, Tempo, Track, make_notes

TUNE = (Track("tune", 73), Track("bass", 32), Track("drums", channel=9, is_drum=True))


def song(bars: int = WINDOW) -> Song:
    """A melody in eighths over a bass on every beat, and a rock beat."""
    melody = make_notes(np.arange(8 * bars) * 240, 200, 60 + np.tile([0, 2, 4, 5, 7, 9, 11, 12], bars), 90, 0)
    bass = make_notes(np.arange(4 * bars) * 480, 460, np.tile([36, 43, 36, 43], bars), 70, 1)
    kit = make_notes(np.arange(4 * bars) * 480, 60, np.tile([36, 38, 36, 38], bars), 100, 2)
    return Song(np.concatenate([melody, bass, kit]), TUNE)


def differing(a: Song, b: Song) -> set[str]:
    """The groups of features in which two songs differ."""
    one, other = features(a)[0], features(b)[0]
    return {name for name, part in GROUPS.items() if not np.allclose(one[part], other[part], atol=1e-6)}


def test_the_groups_hold_every_feature_once() -> None:
    covered = np.concatenate([np.arange(COUNT)[part] for part in GROUPS.values()])
    assert covered.tolist() == list(range(COUNT))


def test_every_sixteen_bars_are_a_row() -> None:
    assert features(song()).shape == (1, COUNT)
    assert features(song(3 * WINDOW)).shape == (3, COUNT)
    assert features(song(3 * WINDOW), most=2).shape == (2, COUNT)
    assert np.allclose(features(song(2 * WINDOW))[0], features(song(2 * WINDOW))[1])


def test_a_short_end_counts_only_where_there_is_nothing_longer() -> None:
    assert len(windows(song(WINDOW + 2))) == 1
    (short,) = windows(song(2))
    assert short.bars == 2


def test_without_notes_there_is_nothing_to_tell() -> None:
    assert features(Song()).shape == (0, COUNT)
    assert features(Song(make_notes(range(3), 100, 60), (Track(),))).shape == (0, COUNT)


def test_loudness_and_tempo_are_not_told() -> None:
    quiet = song()
    every = np.arange(len(quiet.notes))
    assert not differing(quiet, edits.set_velocity(quiet, every, 20))
    faster = Song(quiet.notes, TUNE, tempos=(Tempo.from_bpm(0, 200),))
    assert not differing(quiet, faster)


def test_another_key_changes_where_the_notes_lie_and_nothing_else() -> None:
    here = song()
    tones = np.flatnonzero(here.notes["track"] < 2)
    assert differing(here, edits.move(here, tones, 0, 3)) <= {"texture"}
    # An octave up, only the register is another.
    assert differing(here, edits.move(here, tones, 0, 12)) == {"texture"}


def test_other_instruments_change_the_group_that_can_be_left_out() -> None:
    here = song()
    others = (Track("tune", 40), Track("bass", 58), TUNE[2])
    assert differing(here, Song(here.notes, others)) == {"instruments"}


def test_a_drum_pattern_is_told_slot_by_slot() -> None:
    row = features(song())[0, GROUPS["drums"]]
    kick, snare = row[:16], row[16:32]
    assert np.flatnonzero(kick).tolist() == [0, 8]
    assert np.flatnonzero(snare).tolist() == [4, 12]
    assert kick[0] == pytest.approx(1.0)


def test_drums_alone_have_a_row_without_pitches() -> None:
    here = song()
    row = features(Song(here.notes[here.notes["track"] == 2], TUNE))[0]
    assert not row[GROUPS["pitch"]].any()
    assert row[GROUPS["drums"]].any()
