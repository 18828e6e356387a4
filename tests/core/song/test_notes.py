"""The values a song is made of: order of notes, time through tempo changes, bars through meter changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.song.notes import Meter, Song, Tempo, make_notes, sort_notes


def test_notes_are_sorted_by_onset_track_pitch_and_duration():
    notes = make_notes([5, 0, 0, 0, 0], [1, 9, 4, 1, 1], [60, 64, 64, 60, 60], 80, [0, 0, 0, 1, 0])
    assert Song(notes).notes[["onset", "track", "pitch", "duration"]].tolist() == [
        (0, 0, 60, 1), (0, 0, 64, 4), (0, 0, 64, 9), (0, 1, 60, 1), (5, 0, 60, 1),
    ]  # fmt: skip


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4), max_size=30))
def test_sorting_is_the_lexical_order(rows):
    notes = make_notes(*np.array(rows).reshape(-1, 4).T[:3], 80)
    notes["track"] = [row[3] for row in rows]
    key = ["onset", "track", "pitch", "duration"]
    assert sort_notes(notes)[key].tolist() == sorted(notes[key].tolist())


def test_a_song_cannot_be_changed_in_place():
    song = Song(make_notes(0, 480, 60))
    with pytest.raises(ValueError, match="read-only"):
        song.notes["pitch"] = 61


# 120 beats a minute for two beats, 60 for one, then 240: beats begin at 0, 0.5, 1, 2, 2.25 ... seconds
TEMPOS = (Tempo(0, 500_000), Tempo(960, 1_000_000), Tempo(1440, 250_000))


def test_seconds_through_tempo_changes_are_exact():
    time = Song(tempos=TEMPOS).time
    assert time.to_seconds([0, 480, 960, 1200, 1440, 1920, 2400]).tolist() == [0, 0.5, 1, 1.5, 2, 2.25, 2.5]
    assert time.to_ticks([0, 0.5, 1, 1.5, 2, 2.25, 2.5]).tolist() == [0, 480, 960, 1200, 1440, 1920, 2400]


def test_a_thousand_tempo_changes_leave_no_rounding_behind():
    # 333,333 microseconds a beat, changed on every tick: a thousand beats last 333.333 seconds exactly
    tempos = tuple(Tempo(480 * beat, 333_333 + beat % 2) for beat in range(1000))
    song = Song(tempos=tempos)
    assert float(song.time.to_seconds(480 * 1000)) == pytest.approx(333.3335, abs=1e-12)


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, (1 << 24) - 1)), max_size=6),
    st.lists(st.integers(0, 20_000), min_size=1, max_size=10),
)
def test_ticks_to_seconds_and_back(marks, ticks):
    time = Song(tempos=tuple(Tempo(*mark) for mark in marks)).time
    seconds = time.to_seconds(np.sort(ticks))
    assert (np.diff(seconds) >= 0).all()
    assert time.to_ticks(seconds) == pytest.approx(np.sort(ticks), abs=1e-4)


def test_film_frames_of_29_run_at_30000_by_1001():
    song = Song(smpte=(29, 40))
    assert float(song.time.to_seconds(40 * 30_000)) == pytest.approx(1001.0)


def test_bars_through_meter_changes():
    bars = Song(meters=(Meter(0, 4, 4), Meter(3840, 3, 4), Meter(6720, 7, 8))).bars
    assert [bars.bar_at(tick) for tick in (0, 1919, 1920, 3839, 3840, 5280, 6720, 8399, 8400)] == [
        0, 0, 1, 1, 2, 3, 4, 4, 5,
    ]  # fmt: skip
    assert [bars.start(bar) for bar in range(6)] == [0, 1920, 3840, 5280, 6720, 8400]
    assert bars.position(5281) == (3, 1)
    assert bars.meter_at(6719) == Meter(3840, 3, 4)


def test_a_meter_change_inside_a_bar_starts_a_new_one():
    bars = Song(meters=(Meter(0, 4, 4), Meter(1000, 2, 4))).bars
    assert [bars.bar_at(tick) for tick in (0, 999, 1000, 1959, 1960)] == [0, 0, 1, 1, 2]


@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 9), st.sampled_from([2, 4, 8])), max_size=5),
    st.lists(st.integers(0, 20_000), min_size=1, max_size=10),
)
def test_bars_of_many_ticks_are_those_of_each(marks, ticks):
    bars = Song(meters=tuple(Meter(*mark) for mark in marks)).bars
    numbers, starts, lengths = bars.locate(ticks)
    assert numbers.tolist() == [bars.bar_at(tick) for tick in ticks]
    assert starts.tolist() == [bars.start(bars.bar_at(tick)) for tick in ticks]
    assert lengths.tolist() == [bars.length_at(tick) for tick in ticks]
