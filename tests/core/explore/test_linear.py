"""Principal components: what they keep, and that they are the same every time."""

import numpy as np
import pytest

from core.explore.linear import LinearSpace, principal


def rows(count: int, size: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return (draw.normal(size=(count, 3)) @ draw.normal(size=(3, size)) + 5).astype(np.float32)


@pytest.mark.parametrize(("count", "size"), [(20, 50), (50, 20)])
def test_three_components_say_all_of_what_has_three_sides(count: int, size: int) -> None:
    data = rows(count, size)
    line = principal(data, 3)
    np.testing.assert_allclose(line.decode(line.encode(data)), data, atol=1e-3)
    np.testing.assert_allclose(line.components @ line.components.T, np.eye(3), atol=1e-4)


def test_the_first_component_has_the_largest_spread() -> None:
    codes = (line := principal(rows(40, 30), 3)).encode(rows(40, 30))
    assert np.all(np.diff(codes.std(0)) <= 1e-4)
    largest = np.abs(line.components).argmax(1)
    assert np.all(line.components[np.arange(3), largest] > 0)


def test_components_are_those_of_sklearn() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    data = np.random.default_rng(1).normal(size=(30, 12)).astype(np.float32) * np.arange(1, 13)
    ours, theirs = principal(data, 4), decomposition.PCA(4, svd_solver="full").fit(data)
    overlap = np.abs((ours.components * theirs.components_).sum(1))
    np.testing.assert_allclose(overlap, 1, atol=1e-4)


def test_what_is_decoded_is_a_picture_in_decibels() -> None:
    draw = np.random.default_rng(0)
    tensors = {
        "mean": np.full(64 * 107, 0.5, np.float32),
        "components": draw.normal(size=(40, 64 * 107)) / 80,
    }
    space = LinearSpace(tensors, {"kind": "test"})
    picture = space.decode(draw.normal(size=40).astype(np.float32))
    assert picture.shape == (64, 428)
    assert picture.max() == 0
    assert picture.min() >= -80
