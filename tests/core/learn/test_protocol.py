"""The protocol's figures on composers whose music is known beforehand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.compose import flagship
from core.compose.encoding import Piece
from core.compose.request import Request, Update
from core.compose.styles import STYLES
from core.errors import TunesmithError
from core.learn import protocol
from core.learn.comparison import FACTS, song_of
from core.learn.data import Example
from core.learn.protocol import Bench, Plan
from core.learn.report import GOALS, goals, markdown, value_of
from core.song.notes import Song, empty_notes
from core.store.model_file import ModelFile

PLAN = Plan(samples=3, seeds=2, bars=8, asked=1, each_style=1, held_out=2, training=4, preferences=2)


@pytest.fixture
def bench(piece: Piece, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Three held-out pieces in the style "piano pop", and a composer that plays the middle of the first."""
    pop = STYLES.index("piano pop")
    examples = [Example(piece, pop, 0, "pop909", str(number), "test") for number in range(3)]
    examples += [replace(example, split="train") for example in examples]
    made: list[Request] = []

    def compose(loaded: flagship.Loaded, request: Request) -> Iterator[Update]:
        made.append(request)
        (cut,) = protocol.excerpts(piece, request.bars)
        yield Update(1.0, empty_notes(), song=song_of(cut), done=True)

    monkeypatch.setattr(protocol.flagship, "compose_with", compose)
    found = Bench(ModelFile("flagship", tmp_path, {"sha256": "a"}), examples, tmp_path / "out", PLAN)
    monkeypatch.setattr(Bench, "loaded", flagship.Loaded(None, {}))
    monkeypatch.setattr(Bench, "made", made, raising=False)
    return found


def test_who_plays_the_real_music_is_no_distance_from_it(bench: Bench) -> None:
    figures = protocol.pop(bench)
    assert figures["pieces"] == PLAN.samples * PLAN.seeds
    everything = protocol.music(bench)
    assert set(everything) >= {"shuffled", "Markov chain", "flagship", "flagship, free", "real, held out"}
    for fact in FACTS:
        assert everything["flagship"]["gap"][fact] == pytest.approx(0)
        assert everything["flagship"]["overlap"][fact] == pytest.approx(1)
    assert len(everything["flagship"]["gap_of_seeds"]) == PLAN.seeds


def test_the_shuffled_control_is_further_from_real_music_than_the_real_halves(bench: Bench) -> None:
    figures = protocol.music(bench)
    assert figures["shuffled"]["gap"]["scale_consistency"] == pytest.approx(0)  # the same notes
    mean = {name: np.mean(list(row["overlap"].values())) for name, row in figures.items()}
    assert mean["shuffled"] < mean["real, one half beside the other"]


def test_strictness_asks_for_100(bench: Bench) -> None:
    assert protocol.strictness(bench)["pieces"] == PLAN.samples
    assert {request.strictness for request in bench.made} == {100.0}  # type: ignore[attr-defined]


def test_an_ending_is_in_the_last_bar_and_not_beyond(piece: Piece) -> None:
    (cut,) = protocol.excerpts(piece, 8)
    song = song_of(cut)
    assert protocol._ends_at(song, 8)
    assert not protocol._ends_at(song, 9)
    assert not protocol._ends_at(song, 7)
    longer = song.notes.copy()
    longer["duration"][-1] = 4000
    assert not protocol._ends_at(song.with_notes(longer), 8)
    assert not protocol._ends_at(Song(), 8)


def test_the_whole_density_is_right_within_half_a_class(piece: Piece) -> None:
    (cut,) = protocol.excerpts(piece, 8)
    song = song_of(cut)  # ten notes a bar: eight and two
    assert protocol._near_total(song, 8, np.array([1, 4]))  # 2.2 and 10
    assert not protocol._near_total(song, 8, np.array([1, 5]))  # 2.2 and 16


def test_polyphony_is_that_of_the_pitched_parts(bench: Bench) -> None:
    found = protocol.polyphony(bench)
    assert found["by_polyphony"] == {"1": 1.0, "2": 0.0, "3": 0.0, "4": 0.0, "5": 0.0}
    assert found["parts"] == pytest.approx(0.2)


def test_preference_counts_who_finds_the_real_one_likelier(
    bench: Bench, piece: Piece, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cut,) = protocol.excerpts(piece, PLAN.bars)
    surprised = {True: 2.0, False: 1.0}

    def nats(network: object, example: Example) -> float:
        return surprised[not np.array_equal(example.piece.events, cut.events)]

    monkeypatch.setattr(protocol, "nats_of", nats)
    assert protocol.preference(bench) == {
        name: {"pieces": 2, "share": 1.0} for name in ("bars", "pitches", "both")
    }
    surprised[True] = 0.5
    assert protocol.preference(bench)["bars"]["share"] == 0


def test_a_measurement_goes_on_where_it_was_stopped(bench: Bench) -> None:
    protocol.measure(bench, ["strictness"])
    made = len(bench.made)  # type: ignore[attr-defined]
    first = bench.folder / "strict" / "000.mid"
    assert first.is_file()
    found = protocol.measure(bench, ["strictness", "pop"])
    assert len(bench.made) == made + PLAN.samples * PLAN.seeds  # type: ignore[attr-defined]
    assert json.loads((bench.folder / "figures.json").read_text()) == json.loads(json.dumps(found))
    assert "notes in the key at strictness 100" in (bench.folder / "figures.md").read_text()


def test_another_model_s_figures_are_not_taken_for_this_one_s(bench: Bench) -> None:
    protocol.measure(bench, ["strictness"])
    other = replace(bench, model=ModelFile("flagship", bench.folder, {"sha256": "b"}))
    with pytest.raises(TunesmithError, match="empty folder"):
        protocol.measure(other, ["strictness"])


def test_pieces_that_are_too_short_leave_nothing_to_compare_with(bench: Bench) -> None:
    with pytest.raises(TunesmithError, match="no held-out piece has 64 bars"):
        _ = replace(bench, plan=replace(PLAN, bars=64)).test


# The report


def test_a_goal_is_met_or_not() -> None:
    found = {
        "pop": {"gap": {"structure": -0.04, "groove16": 0.03}},
        "strictness": {"least": 1.0},
        "ending": {"share": 0.99},
    }
    lines = goals(found).splitlines()
    assert any("bars that repeat exactly" in line and line.endswith("yes |") for line in lines)
    assert any("groove" in line and line.endswith("no |") for line in lines)
    assert any("strictness 100" in line and line.endswith("yes |") for line in lines)
    assert any("end at the bar" in line and line.endswith("no |") for line in lines)
    assert len(lines) == 2 + 4


def test_a_path_to_several_numbers_is_their_mean_and_to_none_is_none() -> None:
    assert value_of({"a": {"b": 1.0, "c": 0.5}}, ("a",)) == 0.75
    assert value_of({"a": {"b": 1.0}}, ("a", "x")) is None


def test_every_goal_names_a_figure_that_there_is() -> None:
    assert {goal.path[0] for goal in GOALS} <= set(protocol.FIGURES)


def test_the_report_holds_what_was_measured(bench: Bench) -> None:
    text = markdown({"pop": protocol.pop(bench), "polyphony": protocol.polyphony(bench)})
    assert "Piano pop beside held-out POP909" in text
    assert "By polyphony asked for" in text


def test_the_report_of_styles_leaves_out_the_classifier_s_own_card() -> None:
    rates = {"real": 0.9, "asked": 0.8, "open": 0.3, "swapped": 0.4, "ratio": 0.889}
    found = {
        "styles": {
            "styles, all": {"all": rates, "by_style": {}},
            "genres, published files": {"all": {"accuracy": 0.6}},
        }
    }
    text = markdown(found)
    assert "| styles, all | 0.900 | 0.800 | 0.300 | 0.400 | 0.889 |" in text
    assert "published" not in text
