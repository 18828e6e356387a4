"""Scores on slots: who sits where, what is kept, and that nothing is lost on the grid."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import TunesmithError
from core.explore.score_codec import (
    DRUM_SLOT,
    MOST_IN_CELL,
    NO_PROGRAM,
    cell_bounds,
    read_sheet,
    sort_cells,
    write_song,
)
from core.song.harmony import Key
from core.song.notes import Meter, Song, Tempo, Track, make_notes


def band(parts: int, drums: bool = True, key: int = 0) -> Song:
    """``parts`` parts over five octaves, each playing a scale in quavers, and drums."""
    steps = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    notes = [
        make_notes(
            np.arange(32) * 240, 240, np.tile(36 + 12 * (5 * part // parts) + steps + key, 4), 80, part
        )
        for part in range(parts)
    ]
    tracks = [Track(f"part {part}", 10 + part, part) for part in range(parts)]
    if drums:
        notes.append(make_notes(np.arange(16) * 480, 120, [36, 38] * 8, 100, parts))
        tracks.append(Track("drums", 0, 9, True))
    return Song(np.concatenate(notes), tuple(tracks), tempos=(Tempo.from_bpm(0, 92),))


def same_notes(a: Song, b: Song) -> bool:
    ours, theirs = (np.sort(song.notes[["onset", "pitch", "duration"]]) for song in (a, b))
    return np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("parts", "seats"), [(1, [3]), (2, [0, 3]), (3, [0, 1, 3]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])]
)
def test_parts_are_seated_low_to_high(parts: int, seats: list[int]) -> None:
    sheet = read_sheet(band(parts))
    assert np.flatnonzero(sheet.frame.programs != NO_PROGRAM).tolist() == [*seats, DRUM_SLOT]
    tones = [sheet.events["pitch"][sheet.events["part"] == seat].mean() for seat in seats]
    assert tones == sorted(tones)


def test_with_four_parts_or_fewer_every_part_keeps_its_instrument_and_notes() -> None:
    song = band(4)
    sheet = read_sheet(song)
    assert sheet.frame.programs.tolist() == [10, 11, 12, 13, 128]
    again = write_song(sheet.frame, sheet.events)
    assert same_notes(song, again)
    assert [track.program for track in again.tracks] == [10, 11, 12, 13, 0]
    assert [track.is_drum for track in again.tracks] == [False] * 4 + [True]


@pytest.mark.parametrize("key", range(12))
def test_every_key_is_read_in_c_and_written_in_its_own(key: int) -> None:
    song = band(2, drums=False, key=key)
    sheet = read_sheet(song)
    assert sheet.frame.key == Key(key, "major")
    assert set((sheet.events["pitch"] % 12).tolist()) == {0, 2, 4, 5, 7, 9, 11}
    again = write_song(sheet.frame, sheet.events)
    assert same_notes(song, again)
    assert (again.keys[0].tonic, again.keys[0].mode) == (key, "major")
    assert again.tempos[0].bpm == pytest.approx(92, abs=0.01)


def test_of_many_parts_those_with_the_least_to_say_share_a_slot() -> None:
    loud = band(5, drums=False)
    rare = loud.notes["track"] == 2
    few = loud.with_notes(loud.notes[~rare | (np.cumsum(rare) <= 2)])
    sheet = read_sheet(few)
    counts = np.bincount(sheet.events["part"], minlength=5)[:4]
    assert sorted(counts.tolist()) == [32, 32, 32, 34]


def test_what_two_parts_in_a_slot_play_alike_is_kept_once_and_as_long_as_the_longer() -> None:
    song = band(5, drums=False)
    doubled = song.notes[song.notes["track"] == 2][:8].copy()
    doubled["track"], doubled["duration"] = 3, 120
    others = song.notes[song.notes["track"] != 3]
    sheet = read_sheet(song.with_notes(np.concatenate([others, doubled])))
    keys = sheet.events[["bar", "part", "time", "pitch"]]
    assert len(np.unique(keys)) == len(keys) == 4 * 32
    assert (sheet.events["duration"] == sheet.events["duration"][0]).all()


def test_meters_and_a_bar_cut_short_come_back() -> None:
    onsets = np.r_[0, 480 + np.arange(6) * 480, 3360 + np.arange(8) * 240]
    song = Song(
        make_notes(onsets, 240, 60 + np.arange(len(onsets)) % 5),
        (Track("tune", 73),),
        meters=(Meter(0, 1, 4), Meter(480, 3, 4), Meter(3360, 6, 8)),
    )
    sheet = read_sheet(song)
    again = write_song(sheet.frame, sheet.events)
    assert again.meters == song.meters
    assert same_notes(song, again)


def test_events_of_a_cell_stand_in_order_and_are_bounded() -> None:
    song = band(1, drums=False)
    full = make_notes(np.arange(96) * 20, 20, 60 + np.arange(96) % 24)
    sheet = read_sheet(song.with_notes(full))
    bounds = cell_bounds(sheet.events, len(sheet.frame.bar_steps))
    assert bounds[-1] == len(sheet.events)
    assert np.diff(bounds).max() == MOST_IN_CELL
    shuffled = sheet.events[np.random.default_rng(1).permutation(len(sheet.events))]
    assert np.array_equal(sort_cells(shuffled), sheet.events)


@pytest.mark.parametrize("notes", [0, 3])
def test_a_score_of_hardly_a_note_is_refused_in_one_line(notes: int) -> None:
    song = Song(make_notes(np.arange(notes) * 480, 240, 60), (Track("few", 0),)) if notes else Song()
    with pytest.raises(TunesmithError, match="eight notes"):
        read_sheet(song)
