"""Training the style classifier on made-up features, and the check that uses it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.compose.styles import STYLES
from core.learn import style_check, style_classifier
from core.learn.data import Example
from core.learn.style_classifier import (
    GENRES_PUBLISHED,
    REAL_STYLES,
    Samples,
    guesses,
    learn_style,
    samples_of,
    scores,
    train,
)
from core.listen.style import BLIND, GENRES, KNOWING_ALL, STYLES_ASKED_FOR, classifier
from core.listen.style_features import COUNT, GROUPS
from core.store.model_file import load_model


def made_up(labels: tuple[str, ...], place: int, pieces: int = 40) -> Samples:
    """Pieces whose label stands in one feature, with noise in a few."""
    rng = np.random.default_rng(5)
    found = []
    for split, count in (("train", pieces), ("valid", 6), ("test", 6)):
        for label in range(len(labels)):
            for _ in range(count):
                rows = np.zeros((2, COUNT), np.float32)
                rows[:, :5] = rng.normal(size=(2, 5))
                rows[:, place + label] += 6
                found.append((rows, labels[label], split, "made up"))
    return samples_of(found, labels)


@pytest.fixture
def few_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many steps for some dozens of pieces as for thousands."""
    monkeypatch.setattr(style_classifier, "BATCH", 16)


def test_scores_are_accuracy_and_the_mean_f1() -> None:
    # Of two a both are found, of two b one; one b is called a
    found = scores(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert found["accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_a_split_keeps_the_stretches_of_its_own_pieces() -> None:
    rows = [np.full((count, COUNT), count, np.float32) for count in (1, 2, 0, 3)]
    samples = samples_of(
        list(zip(rows, "abaa", ["train", "test", "test", "test"], "ssss", strict=True)), ("a", "b")
    )
    test = samples.of("test")
    assert test.label.tolist() == [1, 0]
    assert test.piece.tolist() == [0, 0, 1, 1, 1]
    assert test.rows[:, 0].tolist() == [2, 2, 3, 3, 3]


@pytest.mark.usefixtures("few_pieces")
def test_what_stands_in_a_feature_is_learnt_and_a_blind_network_does_not_see_it() -> None:
    samples = made_up(("a", "b"), GROUPS["instruments"].start)
    seeing, blind = train(samples, KNOWING_ALL), train(samples, BLIND)
    test = samples.of("test")
    assert scores(guesses(seeing, test), test.label)["accuracy"] == 1
    assert scores(guesses(blind, test), test.label)["accuracy"] < 0.9


def test_the_model_file_is_what_was_measured(tmp_path: Path) -> None:
    for labels, names in ((STYLES_ASKED_FOR, STYLES), (GENRES, GENRES_PUBLISHED)):
        made_up(names, 0, pieces=6).save(tmp_path / f"{labels}.npz")
    told = learn_style(data=None, out=tmp_path, resume=True)
    tensors, card = load_model(tmp_path / "style")
    assert card["room"] == "listen"
    assert card["trained_on"][GENRES] == {"made up": {"pieces": 36, "licence": ""}}
    assert card["real_labels"][STYLES_ASKED_FOR] == list(REAL_STYLES)
    test = Samples.read(tmp_path / "genres.npz").of("test")
    network = classifier(tensors, card, GENRES, BLIND)
    assert scores(guesses(network, test), test.label) == told[GENRES][BLIND]


def test_eleven_styles_are_real_music() -> None:
    assert len(REAL_STYLES) == 11
    assert {"piano pop", "chorale", "classical"} <= set(REAL_STYLES)


def test_learning_without_labelled_music_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(style_classifier.TunesmithError, match="manifest.csv"):
        learn_style(data=tmp_path, out=tmp_path)


# The check


def test_every_style_counts_alike() -> None:
    assert style_check.rate(["a", "a", "a", "x"], ["a", "a", "a", "b"]) == 0.5


def test_a_swapped_request_asks_for_another_style_with_the_same_band(piece) -> None:
    examples = [
        Example(piece, STYLES.index(style), 0, "set", style, "test")
        for style in ("chorale", "march", "folk tune")
    ]
    wishes = style_check.style_requests(examples, 3, 8)
    assert {len(asks) for asks in wishes.values()} == {9}
    for asked, opened, swapped in zip(wishes["asked"], wishes["open"], wishes["swapped"], strict=True):
        assert asked.style == asked.request.style == opened.style
        assert opened.request.style == ""
        assert swapped.style == swapped.request.style != asked.style
        assert asked.request.instruments == opened.request.instruments == swapped.request.instruments
        assert asked.request.seed == swapped.request.seed


def test_rates_are_told_for_real_and_composed_music_alike() -> None:
    rows = {
        "real": (["pop", "march", "march"], ["pop", "pop", "march"]),
        "asked": (["pop", "pop"], ["pop", "march"]),
    }
    found = style_check._rates(rows, STYLES_ASKED_FOR)
    assert found["all"] == {"real": 0.75, "asked": 0.5, "ratio": pytest.approx(2 / 3)}
    assert found["as written"]["real"] == 1
    assert found["by_style"]["march"] == {"real": 1, "asked": 0}
    genres = style_check._rates(rows, GENRES)
    assert genres["all"]["real"] == 0.5  # a march has no genre; of two pops one was named
