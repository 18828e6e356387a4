"""The network that names styles: its arithmetic, its files, and the one that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import TunesmithError
from core.listen import style
from core.listen.style import BLIND, GENRES, KNOWING_ALL, STYLES_ASKED_FOR, Classifier, name_style
from core.listen.style_features import COUNT, GROUPS
from core.song.notes import Song, Track, make_notes


def layer(inputs: int, outputs: int, **cells: float) -> tuple[np.ndarray, np.ndarray]:
    weights = np.zeros((inputs, outputs), np.float32)
    for place, value in cells.items():
        row, column = map(int, place.strip("_").split("_"))
        weights[row, column] = value
    return weights, np.zeros(outputs, np.float32)


@pytest.fixture
def small() -> Classifier:
    """The first label if the first feature is high, the second if it is low."""
    return Classifier(
        ("high", "low"),
        np.full(COUNT, 1, np.float32),
        np.full(COUNT, 0.5, np.float32),
        (layer(COUNT, 2, _0_0=1.0, _0_1=-1.0), layer(2, 2, _0_0=1.0, _1_1=1.0)),
    )


def test_the_arithmetic_is_a_rectified_layer_and_a_softmax(small: Classifier) -> None:
    rows = np.ones((2, COUNT), np.float32)
    rows[:, 0] = 5, -3  # two standard deviations above and below
    chances = small.chances(rows)
    certain = 1 / (1 + np.exp(-2))
    assert chances == pytest.approx(np.array([[certain, 1 - certain], [1 - certain, certain]]))
    assert small.piece(rows) == pytest.approx([0.5, 0.5])


def test_a_feature_far_out_says_no_more_than_five_deviations(small: Classifier) -> None:
    rows = np.ones((2, COUNT), np.float32)
    rows[:, 0] = 11, 10_000
    assert np.array_equal(*small.chances(rows))


def tune() -> Song:
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    return Song(make_notes(np.arange(64) * 240, 220, np.tile(scale, 8), 80), (Track("tune", 73),))


@pytest.mark.parametrize("labels", [STYLES_ASKED_FOR, GENRES])
@pytest.mark.parametrize("view", style.VIEWS)
def test_the_shipped_networks_give_a_distribution(labels: str, view: str) -> None:
    found = name_style(tune(), labels, view)
    assert {name for name, _ in found} == set(style.load(labels, view).labels)
    assert sum(chance for _, chance in found) == pytest.approx(1)
    assert [chance for _, chance in found] == sorted((chance for _, chance in found), reverse=True)


def test_who_does_not_know_the_instruments_is_not_swayed_by_them() -> None:
    flute = tune()
    organ = Song(flute.notes, (Track("tune", 19),))
    assert name_style(flute, view=BLIND) == name_style(organ, view=BLIND)
    assert name_style(flute, view=KNOWING_ALL) != name_style(organ, view=KNOWING_ALL)
    assert not style.load(view=BLIND).scale[GROUPS["instruments"]].any()


def test_a_tune_for_one_voice_is_no_band_music() -> None:
    # A flute alone in eighths: as dance tunes and lead sheets are written.
    likeliest = [name for name, _ in name_style(tune())[:5]]
    assert {"folk tune", "lead sheet"} & set(likeliest)


def test_the_shipped_file_is_small_and_says_how_good_it_is() -> None:
    model = style.model_file()
    assert model.path.stat().st_size <= 300_000
    figures = model.card["figures"]
    for labels in (STYLES_ASKED_FOR, GENRES):
        told = figures[labels]
        dull = max(told["majority"]["accuracy"], told["chance"]["accuracy"])
        for view in style.VIEWS:
            assert told[view]["accuracy"] > 2 * dull


def test_too_few_notes_have_no_style() -> None:
    with pytest.raises(TunesmithError, match="at least 8 notes"):
        name_style(Song(make_notes([0], 100, [60]), (Track(),)))


def test_labels_that_nobody_learnt_are_refused() -> None:
    with pytest.raises(TunesmithError, match="it knows"):
        style.load("moods")


def test_missing_weights_say_how_to_mend_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(style, "find_models", lambda room: [])
    with pytest.raises(TunesmithError, match="install Tunesmith again"):
        style.model_file()
