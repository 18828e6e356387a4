"""The n-gram's arithmetic on counts that can be worked by hand."""

import numpy as np
import pytest

from core.learn.baselines import _WEIGHT, Attribute, Ngram

ATTRIBUTE = Attribute("next", 3, ("before",), "asked", "before")


def table(before: list[int], following: list[int]) -> dict[str, np.ndarray]:
    return {"before": np.array(before), "next": np.array(following), "asked": np.ones(len(before), int)}


def test_ngram_interpolates_with_the_shorter_context() -> None:
    model = Ngram(ATTRIBUTE, table([0, 0, 0, 1], [1, 1, 2, 0]))
    unigram = (2 + _WEIGHT / 3) / (4 + _WEIGHT)
    expected = (2 + _WEIGHT * unigram) / (3 + _WEIGHT)
    nats, right, asked = model.measure(table([0], [1]))
    assert nats == pytest.approx(-np.log(expected))
    assert (right, asked) == (1, 1)


def test_the_distribution_after_a_context_is_that_which_is_measured() -> None:
    model = Ngram(ATTRIBUTE, table([0, 0, 0, 1], [1, 1, 2, 0]))
    for before in (0, 1, 2):
        measured = [np.exp(-model.measure(table([before], [value]))[0]) for value in range(3)]
        assert model.after(before).tolist() == pytest.approx(measured)


def test_ngram_is_a_distribution_even_after_an_unseen_context() -> None:
    model = Ngram(ATTRIBUTE, table([0, 0, 1], [1, 2, 0]))
    chances = [np.exp(-model.measure(table([2], [value]))[0]) for value in range(3)]
    assert sum(chances) == pytest.approx(1.0)
    assert min(chances) > 0
