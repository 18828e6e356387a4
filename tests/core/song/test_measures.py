"""Each figure on pieces small enough to be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.song import measures
from core.song.measures import measure
from core.song.notes import Meter, Song, Tempo, Track, make_notes

PIANO = (Track(),)
BAND = (Track(), Track("Drums", channel=9, is_drum=True))


def song_of(onset, duration, pitch, velocity=80, **fields) -> Song:
    return Song(make_notes(onset, duration, pitch, velocity), PIANO, **fields)


def test_every_figure_of_one_bar_of_c_major():
    # Quarter notes C E G, then a chord of C, E and G
    song = song_of(
        [0, 480, 960, 1440, 1440, 1440], 480, [60, 64, 67, 60, 64, 67], [40, 60, 80, 100, 100, 100]
    )
    figures = measure(song)
    assert figures["key"] == "C major"
    assert figures["meter"] == "4/4"
    assert figures["in_key_share"] == 1
    assert figures["velocity_range"] == 60
    assert figures["velocity_std"] == pytest.approx(np.std([40, 60, 80, 100, 100, 100]))
    assert figures["groove16"] == 1
    assert figures["structure"] == figures["structureness"] == 0
    assert figures["tempo_stability"] == 1
    assert figures["polyphony"] == pytest.approx((1 + 1 + 1 + 3) / 4)
    assert figures["chord_share"] == pytest.approx(1 / 4)
    assert figures["pitch_class_entropy"] == pytest.approx(np.log2(3))
    assert figures["scale_consistency"] == 1
    assert figures["empty_beat_rate"] == 0
    assert figures["notes_per_beat"] == 6 / 4


def test_a_song_without_notes_has_figures_too():
    figures = measure(Song())
    assert all(
        figures[name] == 0
        for name in figures
        if name not in ("key", "meter", "meter_confidence", "tempo_stability")
    )
    assert figures["meter_confidence"] == 0.5


# Pitch


def test_pitch_class_entropy_is_that_of_the_counts():
    entropy = measures.pitch_class_entropy
    assert entropy(make_notes(range(5), 1, 60)) == 0
    assert entropy(make_notes(range(12), 1, range(60, 72))) == pytest.approx(np.log2(12))
    # Counts 2, 1, 1: 0.5 x 1 + 2 x 0.25 x 2
    assert entropy(make_notes(range(4), 1, [60, 72, 62, 64])) == pytest.approx(1.5)


def test_scale_consistency_is_the_best_scale_s_share():
    assert measures.scale_consistency(make_notes(range(12), 1, range(60, 72))) == pytest.approx(7 / 12)
    # C D E F# G: G major has all of them
    assert measures.scale_consistency(make_notes(range(5), 1, [60, 62, 64, 66, 67])) == 1
    assert measures.scale_consistency(make_notes(range(4), 1, [60, 61, 62, 63])) == 0.75


def test_texture_counts_different_pitches_while_something_sounds():
    # One note for 4 beats, two for 1, and a doubled unison that counts once; then silence, then one beat of four
    notes = make_notes([0, 0, 0, 9600, 9600, 9600, 9600], [4, 1, 4, 1, 1, 1, 1], [60, 64, 60, 60, 64, 67, 72])
    notes["duration"] *= 480
    polyphony, chord_share = measures.texture(notes)
    assert polyphony == pytest.approx((2 * 1 + 1 * 3 + 4 * 1) / 5)
    assert chord_share == pytest.approx(1 / 5)


def test_drums_have_no_pitch_but_a_rhythm():
    # A melody of one note and three drums at once
    notes = make_notes([0, 0, 0, 0], 480, [60, 36, 42, 49], 80, [0, 1, 1, 1])
    figures = measure(Song(notes, BAND))
    assert (figures["polyphony"], figures["chord_share"], figures["pitch_class_entropy"]) == (1, 0, 0)
    assert figures["notes_per_beat"] == 4


def test_entropy_of_windows_is_the_mean_over_every_run_of_bars():
    # Bars of C D, of C alone, of C, E, G and B
    song = song_of([0, 960, 1920, 3840, 4320, 4800, 5280], 240, [60, 62, 72, 60, 64, 67, 71])
    assert measures.windowed_entropy(song, 1) == pytest.approx((1 + 0 + 2) / 3)
    # C D C and C C E G B: the first two bars, and the last two
    two = -(2 / 3 * np.log2(2 / 3) + 1 / 3 * np.log2(1 / 3)), -(0.4 * np.log2(0.4) + 0.6 * np.log2(0.2))
    assert measures.windowed_entropy(song, 2) == pytest.approx(np.mean(two))
    assert measures.windowed_entropy(song, 4) == measures.pitch_class_entropy(song.notes)


def test_windows_without_a_pitch_do_not_count():
    # Two bars of two classes around a bar of drums
    notes = make_notes([0, 960, 1920, 3840, 4800], 240, [60, 62, 38, 60, 62], 80, [0, 0, 1, 0, 0])
    assert measures.windowed_entropy(Song(notes, BAND), 1) == 1
    assert measures.windowed_entropy(Song(notes[2:3], BAND), 1) == 0


@given(st.lists(st.tuples(st.integers(0, 12 * 1920), st.integers(0, 127)), min_size=1), st.integers(1, 6))
@settings(deadline=None)
def test_windowed_entropy_is_what_a_loop_over_windows_finds(rows, width):
    song = song_of([onset for onset, _ in rows], 1, [pitch for _, pitch in rows])
    bars = song.notes["onset"] // 1920
    first, last = bars.min(), bars.max()
    width_here = min(width, last - first + 1)
    inside = [(bars >= at) & (bars < at + width_here) for at in range(first, last + 2 - width_here)]
    found = [measures.pitch_class_entropy(song.notes[window]) for window in inside if window.any()]
    assert measures.windowed_entropy(song, width) == pytest.approx(np.mean(found))


# Rhythm


def test_groove_compares_neighbouring_bars_in_sixteen_slots():
    # Bar 1 has onsets in slots 0 and 8, bar 2 in 0 and 4, bar 3 in 0 and 4: 14/16 and 16/16 agree
    song = song_of([0, 960, 1920, 2400, 3840, 4320], 60, 60)
    assert measures.groove(song) == pytest.approx((14 / 16 + 1) / 2)


def test_groove_counts_an_empty_bar_as_a_bar():
    # Two onsets, then none, then two: 14/16 twice
    assert measures.groove(song_of([0, 960, 3840, 4800], 60, 60)) == pytest.approx(14 / 16)


def test_groove_counts_drums():
    notes = make_notes([0, 1920, 2400], 60, [60, 60, 38], 80, [0, 0, 1])
    assert measures.groove(Song(notes, BAND)) == pytest.approx(15 / 16)


def test_groove_follows_the_meter():
    # In 3/4 a slot is 90 ticks; onsets on every bar start alone are always alike
    song = song_of([0, 1440, 2880], 60, 60, meters=(Meter(0, 3, 4),))
    assert measures.groove(song) == 1


@given(st.lists(st.integers(0, 16 * 1920 - 1), min_size=1, max_size=60))
@settings(deadline=None)
def test_groove_is_the_mean_over_bars_of_onset_vectors(onsets):
    song = song_of(onsets, 1, 60)
    vectors = np.zeros((16, 16), bool)
    for onset in onsets:
        vectors[onset // 1920, onset % 1920 * 16 // 1920] = True
    first, last = min(onsets) // 1920, max(onsets) // 1920
    vectors = vectors[first : last + 1]
    alike = [1 - np.mean(a ^ b) for a, b in zip(vectors[:-1], vectors[1:], strict=True)]
    assert measures.groove(song) == pytest.approx(np.mean(alike) if alike else 1)


def test_empty_beats_are_those_in_which_nothing_sounds():
    # Beats 1 and 2 of six sound, 3 to 5 are silent, 6 sounds
    assert measures.empty_beat_rate(song_of([0, 500, 2400], [480, 100, 480], 60)) == pytest.approx(3 / 6)
    # A note over three beats fills them
    assert measures.empty_beat_rate(song_of([0], [1440], 60)) == 0


def test_tempo_stability_is_one_less_the_coefficient_of_variation():
    song = song_of([0, 1920], 1920, 60)
    assert measures.tempo_stability(song) == 1
    # 60 beats a minute for 4 beats (4 s), then 120 for 4 (2 s): mean 80, deviation sqrt((4 x 400 + 2 x 1600) / 6)
    changing = Song(song.notes, PIANO, tempos=(Tempo(0, 1_000_000), Tempo(1920, 500_000)))
    assert measures.tempo_stability(changing) == pytest.approx(1 - np.sqrt(800) / 80)


# Structure


def bars_of(*bars: list[int]) -> Song:
    """One bar of quarter notes for each list of pitches."""
    rows = [
        (1920 * bar + 480 * beat, pitch)
        for bar, pitches in enumerate(bars)
        for beat, pitch in enumerate(pitches)
    ]
    onset, pitch = zip(*rows, strict=True)
    return song_of(onset, 240, pitch)


def test_structure_counts_bars_that_come_back():
    a, b = [60, 62, 64, 65], [67, 65, 64, 62]
    assert measures.structure(bars_of(a, b, a, a)) == pytest.approx((2 / 4, 2 / 4 + 0.25 / 4))
    assert measures.structure(bars_of(a)) == (0, 0)


def test_a_varied_repeat_counts_in_part():
    # Three of four notes come back: 2 x 3 / 8
    repeats, structureness = measures.structure(bars_of([60, 62, 64, 65], [60, 62, 64, 67]))
    assert (repeats, structureness) == (0, pytest.approx(0.75 / 2))


def test_a_drum_is_no_melody_note_in_structure():
    notes = make_notes([0, 1920], 240, 60, 80, [0, 1])
    assert measures.structure(Song(notes, BAND))[0] == 0


def test_hours_of_music_are_measured_in_moments_of_memory():
    song = song_of(np.arange(5000) * 1920, 240, 60 + np.arange(5000) % 7)
    repeats, _ = measures.structure(song)
    assert repeats == pytest.approx(1 - 7 / measures.MOST_BARS)


# MusPy


MUSPY = json.loads((Path(__file__).parent / "muspy_values.json").read_text(encoding="utf-8"))["songs"]


def muspy_song(name: str) -> tuple[Song, dict[str, float]]:
    """A song with the figures that MusPy gave for it, 0 where it gave none."""
    onset, duration, pitch, is_drum = np.array(MUSPY[name]["notes"]).T
    song = Song(make_notes(onset * 120, duration * 120, pitch, 80, is_drum), BAND)
    return song, {name: value or 0.0 for name, value in MUSPY[name]["muspy"].items()}


@pytest.mark.parametrize("name", MUSPY)
def test_pitch_and_polyphony_are_muspy_s(name):
    song, theirs = muspy_song(name)
    ours = measure(song)
    for figure in ("pitch_class_entropy", "scale_consistency", "polyphony"):
        assert ours[figure] == pytest.approx(theirs[figure], abs=1e-8), figure


@pytest.mark.parametrize("name", MUSPY)
def test_chord_share_is_muspy_s_polyphony_rate_without_the_silence(name):
    song, theirs = muspy_song(name)
    tones = song.notes[song.notes["track"] == 0]
    sounding = np.zeros(song.end_tick, bool)
    for note in tones:
        sounding[note["onset"] : note["onset"] + note["duration"]] = True
    share = theirs["polyphony_rate"] * song.end_tick / max(1, sounding.sum())
    assert measures.texture(tones)[1] == pytest.approx(share, abs=1e-8)


@pytest.mark.parametrize("name", MUSPY)
def test_groove_is_muspy_s_at_sixteen_slots_without_the_bar_after_the_end(name):
    song, theirs = muspy_song(name)
    bars = song.notes["onset"].max() // 1920 + 1
    agree = measures.groove(song) * (bars - 1)
    if song.end_tick // 1920 == bars:  # MusPy compares the last bar with one in which nothing begins
        onsets = np.unique(song.notes["onset"][song.notes["onset"] >= 1920 * (bars - 1)])
        agree, bars = agree + 1 - len(onsets) / 16, bars + 1
    # MusPy says nothing of a single bar, which for us agrees with itself.
    assert agree / max(1, bars - 1) == pytest.approx(theirs["groove_consistency"], abs=1e-8)


@pytest.mark.parametrize("name", ["one note", "silence between", "overlapping"])
def test_empty_beats_are_muspy_s_where_no_note_ends_on_a_beat_after_which_there_is_silence(name):
    song, theirs = muspy_song(name)
    assert measures.empty_beat_rate(song) == pytest.approx(theirs["empty_beat_rate"])


def test_a_note_that_ends_on_a_beat_does_not_fill_it():
    # Beats 1 and 5 of five sound. MusPy says 1, 2, 5 and a sixth.
    song, theirs = muspy_song("rests after beats")
    assert measures.empty_beat_rate(song) == pytest.approx(3 / 5)
    assert theirs["empty_beat_rate"] == pytest.approx(2 / 6)


# Meter


def pattern(beats: int, bars: int) -> Song:
    """A bass note at the start of each bar and softer chords on its other beats."""
    onset = np.arange(beats * bars) * 480
    is_first = np.arange(beats * bars) % beats == 0
    return song_of(
        onset, np.where(is_first, 480, 240), np.where(is_first, 40, 64), np.where(is_first, 110, 60)
    )


def test_accents_bear_out_their_meter_and_no_other():
    waltz, march = pattern(3, 16), pattern(4, 16)
    assert measures.meter_confidence(waltz, Meter(0, 3, 4)) > 0.9
    assert measures.meter_confidence(waltz, Meter(0, 4, 4)) < 0.1
    assert measures.meter_confidence(march, Meter(0, 4, 4)) > 0.85
    assert measures.meter_confidence(march, Meter(0, 3, 4)) < 0.15
    assert measures.meter_confidence(pattern(5, 16), Meter(0, 5, 4)) > 0.8


def test_the_main_meter_is_the_one_that_holds_longest():
    song = song_of([0, 9600], 480, 60, meters=(Meter(0, 4, 4), Meter(1920, 3, 4)))
    assert measures.main_meter(song) == Meter(0, 3, 4)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 127), st.integers(1, 127))
    )
)
@settings(max_examples=40, deadline=None)
def test_shares_are_shares(rows):
    song = Song(make_notes(*np.array(rows, int).reshape(-1, 4).T), PIANO)
    figures = measure(song)
    for name in (
        "in_key_share", "groove16", "structure", "structureness", "tempo_stability", "chord_share",
        "scale_consistency", "empty_beat_rate", "meter_confidence",
    ):  # fmt: skip
        assert 0 <= figures[name] <= 1, name
