"""Two-dimensional maps of an embedding: where everything lies, where something new falls, and how far to trust it.

Conventions
-----------
* Positions are float32 [shape=(n, 2)], each axis centred, both scaled by one number so that the map is 1 wide
  or high at most.
* A map is stable: the same vectors give the same map, and a map made anew for a library that has grown is
  turned and mirrored to lie as the old one did (`aligned`).
* What is dropped on a map is placed by its neighbours (`placed`), so nothing moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, TunesmithError

Vectors = NDArray[np.float32]
Positions = NDArray[np.float32]
Cancel = Callable[[], bool]
Report = Callable[[float], None]
Find = Callable[[NDArray[np.float32], int], tuple[NDArray[np.int64], NDArray[np.float64]]]

PERPLEXITY = 30.0
STEPS, EARLY = 750, 250
"""Of t-SNE, and those of them that exaggerate: L. van der Maaten and G. Hinton, Visualizing Data using t-SNE
(2008), section 3.4."""

LOOK_EVERY = 5
"""Steps between two looks at whether the job was cancelled."""

FEWEST = 8
"""With fewer things the straight map says it all."""

MOST_EXACT = 5000

NEIGHBOURS = 15
"""By how many neighbours a place is chosen, and trust is measured."""

ROWS_AT_ONCE = 128
"""Between two looks: 40 ms of 50,000 vectors of 64."""

FINDING = 0.6
"""The share of the time of UMAP that finding neighbours takes, of many points."""


def pca(
    vectors: Vectors, *, progress: Report = lambda _: None, cancelled: Cancel = lambda: False
) -> Positions:
    """The two directions in which the vectors differ most."""
    if len(vectors) < 2:
        return np.zeros((len(vectors), 2), np.float32)
    centred = np.asarray(vectors, np.float64) - np.mean(vectors, 0, dtype=np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    chosen = directions[:, ::-1][:, :2]
    # A direction's sign is free: the largest weight is made positive, so that a map never flips by chance.
    chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(0), range(chosen.shape[1])])
    flat = np.zeros((len(vectors), 2))
    flat[:, : chosen.shape[1]] = centred @ chosen
    return fitted(flat)


def tsne(
    vectors: Vectors, *, progress: Report = lambda _: None, cancelled: Cancel = lambda: False
) -> Positions:
    """t-SNE from the PCA map, by openTSNE (P. Policar, M. Strazar and B. Zupan 2019).

    Raises
    ------
    Cancelled
        Within some steps after ``cancelled`` first answers True.
    """
    if len(vectors) < FEWEST:
        return pca(vectors)
    from openTSNE import TSNE

    told = 0

    def look(*_: object) -> bool:
        nonlocal told
        told += 1
        progress(min(1.0, told * LOOK_EVERY / STEPS))
        return cancelled()

    found = TSNE(
        perplexity=min(PERPLEXITY, (len(vectors) - 1) / 3),
        initialization=pca(vectors) * 1e-4,
        early_exaggeration_iter=EARLY,
        n_iter=STEPS - EARLY,
        neighbors="exact" if len(vectors) <= MOST_EXACT else "annoy",
        n_jobs=1,
        random_state=0,
        callbacks=look,
        callbacks_every_iters=LOOK_EVERY,
    ).fit(np.asarray(vectors, np.float64))
    if cancelled():
        raise Cancelled
    return fitted(np.asarray(found))


def umap(
    vectors: Vectors, *, progress: Report = lambda _: None, cancelled: Cancel = lambda: False
) -> Positions:
    """UMAP by `core.explore.umap`.

    Raises
    ------
    Cancelled
        Within some hundredths of a second after ``cancelled`` first answers True.
    """
    if len(vectors) < FEWEST:
        return pca(vectors)
    from core.explore.umap import layout

    rows, distances = others(
        vectors, min(NEIGHBOURS, len(vectors)) - 1, progress=lambda share: progress(FINDING * share),
        cancelled=cancelled,
    )  # fmt: skip
    straight = pca(vectors)
    places = layout(
        rows, distances, straight.astype(np.float64),
        progress=lambda share: progress(FINDING + (1 - FINDING) * share), cancelled=cancelled,
    )  # fmt: skip
    # Any turn of it is as good: this one is the same everywhere, and points move least when the map changes.
    return fitted(aligned(places.astype(np.float32), straight, np.arange(len(straight))))


def fitted(places: NDArray[Any]) -> Positions:
    """Centred, and scaled so that the map is at most 1 wide and high."""
    middle = (places.max(0) + places.min(0)) / 2
    reach = max(float(np.ptp(places, axis=0).max()), 1e-12)
    return ((places - middle) / reach).astype(np.float32)


def aligned(places: Positions, before: Positions, rows: NDArray[np.int64]) -> Positions:
    """A map turned, mirrored and moved so that its ``rows`` lie as near as can be to where they lay ``before``.

    Orthogonal Procrustes (P. Schoenemann 1966).

    Parameters
    ----------
    places : the new map [shape=(n, 2)]
    before, rows : where some things lay, and their rows in the new map [shape=(m, 2), (m,)]
    """
    if len(rows) < 2:
        return places
    now, then = places[rows] - places[rows].mean(0), before - before.mean(0)
    left, _, right = np.linalg.svd(now.T @ then)
    return ((places - places[rows].mean(0)) @ (left @ right) + before.mean(0)).astype(np.float32)


def placed(vectors: Vectors, places: Positions, new: Vectors) -> Positions:
    """Where new things fall: among their `NEIGHBOURS`, the nearer by far the more [shape=(m, 2)]."""
    if not len(places):
        return np.zeros((len(new), 2), np.float32)
    near, distance = neighbours(vectors, new, min(NEIGHBOURS, len(places)))
    sharpness = 1 / np.maximum(np.median(distance, axis=1, keepdims=True), 1e-9)
    weight = np.exp(-4 * (distance * sharpness) ** 2) + 1e-9
    weight /= weight.sum(1, keepdims=True)
    return (weight[..., None] * places[near]).sum(1).astype(np.float32)


def trust(
    vectors: Vectors,
    places: Positions,
    count: int = NEIGHBOURS,
    *,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> NDArray[np.float32]:
    """Of each point, the share of its true neighbours that are its neighbours on the map, 0-1 [shape=(n,)].

    Raises
    ------
    Cancelled
        Between two blocks of rows, after ``cancelled`` first answers True.
    """
    count = min(count, len(vectors) - 1)
    if count < 1:
        return np.ones(len(vectors), np.float32)
    seen, _ = others(places, count, cancelled=cancelled)
    true, _ = others(vectors, count, progress=progress, cancelled=cancelled)
    shares = [
        (a[:, :, None] == b[:, None, :]).any(2).mean(1)
        for a, b in zip(_blocks(true), _blocks(seen), strict=True)
    ]
    return np.concatenate(shares).astype(np.float32)


def others(
    vectors: NDArray[np.float32],
    count: int,
    *,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(rows of the nearest others of each, nearest first; their distances) [shape=(n, count)].

    Raises
    ------
    Cancelled
        Between two blocks of rows, after ``cancelled`` first answers True.
    """
    find = _finder(vectors)
    rows, distances = [], []
    for first, some in zip(range(0, len(vectors), ROWS_AT_ONCE), _blocks(vectors), strict=True):
        if cancelled():
            raise Cancelled
        progress(first / len(vectors))
        near, distance = find(some, count + 1)
        other = near != np.arange(first, first + len(some))[:, None]
        other[other.all(1), -1] = False  # so many copies of it that it is not among its own nearest
        rows.append(near[other].reshape(-1, count))
        distances.append(distance[other].reshape(-1, count))
    return np.concatenate(rows), np.concatenate(distances)


def neighbours(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(rows of the nearest by distance, nearest first; those distances) [shape=(queries, count)]."""
    find = _finder(vectors)
    rows, distances = zip(*(find(some, count) for some in _blocks(queries)), strict=True)
    return np.concatenate(rows), np.concatenate(distances)


def _finder(vectors: NDArray[np.float32]) -> Find:
    """What finds the nearest among many, exactly: (queries, count) -> (rows, distances)."""
    vectors = np.ascontiguousarray(vectors, np.float32)
    if len(vectors) <= MOST_EXACT:
        squares = (vectors**2).sum(1)
        return lambda queries, count: _nearest(vectors, squares, queries, count)
    # Six times as fast of 50,000, but it takes a second to import.
    from sklearn.neighbors import NearestNeighbors
    from sklearn.utils.parallel import ThreadpoolController  # threadpoolctl's, which comes with it

    finder, threads = NearestNeighbors().fit(vectors), ThreadpoolController()

    def find(queries: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        # Beside other work two threads wait for each other: of 50,000 they took four times as long as one.
        with threads.limit(limits=1, user_api="openmp"):
            distances, rows = finder.kneighbors(queries, count)
        return rows.astype(np.int64), distances.astype(np.float64)

    return find


def _nearest(
    vectors: NDArray[np.float32], squares: NDArray[np.float32], queries: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    square = (queries**2).sum(1)[:, None] + squares - 2 * queries @ vectors.T
    near = np.argpartition(square, count - 1, axis=1)[:, :count]
    found = np.take_along_axis(square, near, 1)
    order = np.lexsort((near, found), axis=1)
    distances = np.sqrt(np.maximum(np.take_along_axis(found, order, 1), 0))
    return np.take_along_axis(near, order, 1).astype(np.int64), distances.astype(np.float64)


def _blocks(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for first in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[first : first + ROWS_AT_ONCE]


@dataclass(frozen=True)
class Projection:
    """A way to a map."""

    name: str
    title: str
    description: str
    make: Callable[..., Positions]


PROJECTIONS = {
    each.name: each
    for each in (
        Projection("pca", "PCA", "Straight down: distances far apart are true", pca),
        Projection("tsne", "t-SNE", "Neighbours stay neighbours; distances far apart mean little", tsne),
        Projection("umap", "UMAP", "Neighbours stay neighbours, and groups draw together", umap),
    )
}


def project(
    name: str, vectors: Vectors, *, progress: Report = lambda _: None, cancelled: Cancel = lambda: False
) -> Positions:
    """The map ``name`` of some vectors.

    Raises
    ------
    TunesmithError
        If there is no such map.
    """
    if name not in PROJECTIONS:
        raise TunesmithError(f"there is no map {name!r}; there are {', '.join(PROJECTIONS)}")
    return PROJECTIONS[name].make(vectors, progress=progress, cancelled=cancelled)
