"""Maps keep what they promise: clusters stay apart, neighbours stay, a new map lies as the old one did."""

import numpy as np
import pytest

from core.errors import Cancelled, TunesmithError
from core.explore import maps
from core.explore.maps import PROJECTIONS, aligned, neighbours, others, placed, project, trust


def clusters(count: int = 40, dimensions: int = 16, kinds: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(kinds, dimensions)) * 4
    kind = np.repeat(np.arange(kinds), count)
    return (centres[kind] + rng.normal(size=(len(kind), dimensions))).astype(np.float32), kind


@pytest.mark.parametrize("name", list(PROJECTIONS))
def test_a_map_is_centred_one_wide_and_the_same_again(name: str) -> None:
    vectors, _ = clusters()
    places = project(name, vectors)
    assert places.shape == (200, 2)
    assert np.ptp(places, axis=0).max() == pytest.approx(1, abs=1e-5)
    assert np.allclose(places.max(0) + places.min(0), 0, atol=1e-5)
    assert np.array_equal(places, project(name, vectors))


@pytest.mark.parametrize("name", ["tsne", "umap"])
def test_neighbours_on_the_neighbour_map_are_of_ones_own_kind(name: str) -> None:
    vectors, kind = clusters()
    places = project(name, vectors)
    near, _ = neighbours(places, places, 11)
    assert (kind[near[:, 1:]] == kind[:, None]).mean() > 0.97
    assert trust(vectors, places).mean() > trust(vectors, project("pca", vectors)).mean() + 0.05


def test_the_straight_map_shows_the_plane_that_the_vectors_lie_in() -> None:
    rng = np.random.default_rng(1)
    plane = rng.normal(size=(300, 2)) * (3, 1)
    turn, _ = np.linalg.qr(rng.normal(size=(10, 2)))
    places = project("pca", (plane @ turn.T).astype(np.float32))
    gap = np.linalg.norm(plane[:, None] - plane, axis=2)
    seen = np.linalg.norm(places[:, None] - places, axis=2)
    assert np.corrcoef(gap.ravel(), seen.ravel())[0, 1] > 0.9999
    assert trust((plane @ turn.T).astype(np.float32), places).mean() > 0.99


def test_a_new_map_is_turned_to_lie_as_the_old_one() -> None:
    rng = np.random.default_rng(2)
    old = rng.normal(size=(50, 2)).astype(np.float32)
    turn = np.array([[0, -1], [-1, 0]], np.float32)  # a quarter turn and a mirror
    rows = np.arange(0, 50, 2)
    assert np.allclose(aligned(old @ turn + 3, old[rows], rows), old, atol=1e-4)


@pytest.mark.parametrize("name", ["tsne", "umap"])
def test_something_new_falls_among_its_kind(name: str) -> None:
    vectors, kind = clusters()
    places = project(name, vectors)
    kept = np.arange(200) % 10 > 0
    fallen = placed(vectors[kept], places[kept], vectors[~kept])
    near, _ = neighbours(places[kept], fallen, 5)
    assert (kind[kept][near] == kind[~kept][:, None]).mean() > 0.95


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("name", list(PROJECTIONS))
def test_few_things_have_a_map_too(name: str, count: int) -> None:
    places = project(name, np.eye(4, dtype=np.float32)[:count])
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


@pytest.mark.parametrize("few", [1, 1000])
def test_neighbours_are_the_same_however_many_there_are(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _ = clusters()
    vectors[50:80] = vectors[50]  # more copies than neighbours are asked for
    monkeypatch.setattr(maps, "MOST_EXACT", few)
    monkeypatch.setattr(maps, "ROWS_AT_ONCE", 64)
    rows, distances = others(vectors, 15)
    gaps = np.linalg.norm(vectors[:, None].astype(float) - vectors, axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert np.allclose(distances, np.sort(gaps, 1)[:, :15], atol=1e-2)
    assert np.allclose(np.take_along_axis(gaps, rows, 1), distances, atol=1e-2)
    assert not (rows == np.arange(200)[:, None]).any()


@pytest.mark.parametrize("name", ["tsne", "umap"])
def test_a_map_can_be_cancelled_and_tells_how_far_it_is(name: str) -> None:
    vectors, _ = clusters()
    told: list[float] = []
    with pytest.raises(Cancelled):
        project(name, vectors, progress=told.append, cancelled=lambda: len(told) > 20)
    assert len(told) == 21
    assert told == sorted(told)
    with pytest.raises(TunesmithError, match="there is no map 'globe'"):
        project("globe", vectors)
