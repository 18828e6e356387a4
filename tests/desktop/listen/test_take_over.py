"""What was heard, as conditions of Compose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.compose.request import Request
from core.listen.report import Report, Span
from desktop.compose.tasks import read_chords
from desktop.listen.take_over import bar_edges, chord_name, chords_of_bars, conditions

DOWNBEATS = tuple(2.0 * bar for bar in range(8))


def report(*labels: str, seconds: float = 2.0) -> Report:
    spans = tuple(Span(seconds * at, seconds * (at + 1), label) for at, label in enumerate(labels))
    return Report(
        "a.wav", "audio", 16.0, tempo_bpm=120.04, downbeats_s=DOWNBEATS, key="D minor", chords=spans
    )


def test_tempo_key_and_chords_are_in_the_words_of_a_request() -> None:
    found = conditions(report("D:min", "A", "C", "G", "F", "C", "D:min", "A"))
    assert found == {
        "tempo": 120.0, "key": "D minor", "chords": ("Dm", "A", "C", "G", "F", "C", "Dm", "A"),
    }  # fmt: skip
    request = replace(Request(), **found)
    assert read_chords(" ".join(request.chords)) == found["chords"]


def test_only_what_is_wanted_and_what_was_found() -> None:
    assert set(conditions(report("C"), "tempo")) == {"tempo"}
    assert set(conditions(report("C"), "key", "chords")) == {"key", "chords"}
    nothing = Report("a.wav", "audio", 16.0)
    assert conditions(nothing) == {}
    assert "key" not in conditions(replace(report("C"), key="H sharp"))


@pytest.mark.parametrize(("bpm", "asked"), [(12.0, 20.0), (512.0, 300.0), (93.26, 93.3)])
def test_tempos_stay_within_what_compose_takes(bpm: float, asked: float) -> None:
    assert conditions(replace(report("C"), tempo_bpm=bpm), "tempo") == {"tempo": asked}


@pytest.mark.parametrize(
    ("label", "name"),
    [("C", "C"), ("A:min", "Am"), ("F#:min7", "F#m7"), ("Bb:maj", "Bb"), ("G:7", "G7"), ("C:maj/3", "C"),
     ("N", ""), ("", ""), ("X", ""), ("Em7", "Em7"), ("nonsense", "")],
)  # fmt: skip
def test_names_of_chords(label: str, name: str) -> None:
    assert chord_name(label) == name


def test_a_bar_with_two_chords_has_both_and_a_passing_one_is_left_out() -> None:
    assert chords_of_bars(report("C", "F", "G", "C", *["A:min"] * 12, seconds=1.0))[:3] == (
        "C,F",
        "G,C",
        "Am",
    )
    passing = replace(report(), chords=(Span(0, 1.8, "C"), Span(1.8, 2.0, "G"), Span(2, 16, "F")))
    assert chords_of_bars(passing)[:2] == ("C", "F")


def test_what_is_repeated_over_and_over_is_said_once() -> None:
    assert chords_of_bars(report("C", "G", "A:min", "F", "C", "G", "A:min", "F")) == ("C", "G", "Am", "F")


def test_a_bar_without_a_chord_has_that_of_the_bar_before() -> None:
    assert chords_of_bars(report("N", "C", "N", "G", "G", "C", "F", "C"))[:4] == ("C", "C", "C", "G")
    assert chords_of_bars(report("N", "N")) == ()


def test_bars_are_counted_from_beats_or_the_tempo_where_there_are_no_down_beats() -> None:
    beats = replace(report("C"), downbeats_s=(), beats_s=tuple(0.5 * beat for beat in range(32)))
    assert bar_edges(beats)[:3] == [0.0, 2.0, 4.0]
    tempo = replace(report("C"), downbeats_s=(), tempo_bpm=120.0)
    assert bar_edges(tempo)[:3] == [0.0, 2.0, 4.0]
    assert bar_edges(Report("a.wav", "audio", 16.0)) == []


def test_hours_of_chords_become_at_most_64_bars() -> None:
    names = ["C", "G:7", "A:min", "F", "E:min"]
    long = replace(
        report(), duration_s=10800.0, downbeats_s=tuple(2.0 * bar for bar in range(5400)),
        chords=tuple(Span(2.0 * at, 2.0 * at + 2, names[at * at % 5]) for at in range(5400)),
    )  # fmt: skip
    assert 0 < len(chords_of_bars(long)) <= 64
