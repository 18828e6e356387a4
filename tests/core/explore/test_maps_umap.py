"""UMAP is what its paper says: the curve, the memberships, the graph; and what comes of them keeps neighbours."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from core.errors import Cancelled
from core.explore.maps import aligned, neighbours, others, project, trust
from core.explore.umap import A, B, layout, memberships, smoothest, united


def blobs(kinds: int, count: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    kind = np.repeat(np.arange(kinds), count)
    vectors = rng.normal(size=(kinds, 12))[kind] * apart + rng.normal(size=(len(kind), 12))
    return vectors.astype(np.float32), kind


def test_the_curve_is_the_one_fitted_to_a_least_distance_of_a_tenth() -> None:
    distance = np.linspace(0, 3, 300)
    wanted = np.where(distance < 0.1, 1, np.exp(0.1 - distance))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), distance, wanted)
    assert (a, b) == pytest.approx((A, B), abs=1e-4)


def test_memberships_fall_from_one_and_add_up_to_the_logarithm_of_their_number() -> None:
    rng = np.random.default_rng(0)
    distances = np.sort(rng.uniform(1, 4, size=(50, 15)), axis=1)
    near = memberships(distances)
    assert np.allclose(near[:, 0], 1)
    assert (np.diff(near, axis=1) <= 0).all()
    assert np.allclose(near.sum(1), 4, atol=1e-6)
    # A copy of oneself is as near as the nearest that is none.
    assert np.allclose(memberships(np.array([[0.0, 0.0, 2.0, 3.0, 4.0]]))[0, :3], 1)


def test_a_pair_is_as_near_as_either_says() -> None:
    graph = united(np.array([[1], [2], [1]]), np.array([[0.5], [0.8], [0.4]])).toarray()
    assert np.allclose(graph, [[0, 0.5, 0], [0.5, 0, 0.88], [0, 0.88, 0]])


def test_the_smoothest_directions_follow_a_ring() -> None:
    # Not quite evenly, or the two directions would be any two of a plane.
    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False) + np.random.default_rng(1).uniform(0, 0.06, 80)
    vectors = np.pad(np.stack([np.cos(angle), np.sin(angle)], 1), ((0, 0), (0, 8))).astype(np.float32)
    rows, far = others(vectors, 6)
    places = smoothest(united(rows, memberships(far)))
    assert places is not None
    steps = np.diff(np.unwrap(np.arctan2(places[:, 1], places[:, 0])))
    assert (steps > 0).all() or (steps < 0).all()


def test_it_keeps_far_more_than_the_straight_map_and_nearly_as_much_as_tsne() -> None:
    vectors, kind = blobs(6, 60, 1.5)
    places = project("umap", vectors)
    near, _ = neighbours(places, places, 11)
    assert (kind[near[:, 1:]] == kind[:, None]).mean() > 0.95
    kept = {name: float(trust(vectors, project(name, vectors)).mean()) for name in ("pca", "tsne")}
    ours = float(trust(vectors, places).mean())
    assert ours > kept["pca"] + 0.15
    assert ours > kept["tsne"] - 0.08


def test_what_has_nothing_to_do_with_each_other_lies_apart() -> None:
    vectors, kind = blobs(3, 40, 60.0)
    rows, far = others(vectors, 14)
    assert smoothest(united(rows, memberships(far))) is None
    places = project("umap", vectors)
    middles = np.stack([places[kind == each].mean(0) for each in range(3)])
    reach = max(np.linalg.norm(places[kind == each] - middles[each], axis=1).max() for each in range(3))
    gaps = np.linalg.norm(middles[:, None] - middles, axis=2)[np.triu_indices(3, 1)]
    assert gaps.min() > 2 * reach


def test_it_lies_as_the_straight_map_does() -> None:
    vectors, _ = blobs(4, 30, 2.0)
    places, straight = project("umap", vectors), project("pca", vectors)
    turned = aligned(places, straight, np.arange(120))
    assert np.allclose(turned - turned.mean(0), places - places.mean(0), atol=1e-5)


def test_copies_lie_on_each_other() -> None:
    vectors, _ = blobs(2, 30, 1.0)
    vectors[:20] = vectors[0]
    places = project("umap", vectors)
    assert np.isfinite(places).all()
    assert np.linalg.norm(places[:20] - places[:20].mean(0), axis=1).max() < 0.1


def test_finding_directions_can_be_cancelled() -> None:
    vectors, _ = blobs(4, 30, 0.5)
    rows, far = others(vectors, 14)
    asked: list[int] = []

    def enough() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        layout(rows, far, np.zeros((120, 2)), cancelled=enough)
    assert len(asked) == 4
