"""UMAP: a map on which neighbours attract each other and all else repels (L. McInnes, J. Healy and J. Melville
2018, arXiv 1802.03426).

Conventions
-----------
* How near two things are is a *membership*, 0-1: 1 to the nearest, falling off so that those of all neighbours add
  up to log2 of their number, and united as fuzzy sets to be the same both ways.
* The published program draws edges and opponents one after another and moves points at once. Here all edges pull in
  every epoch, each by its membership, which is what the draws come to in the mean (S. Damrich and F. Hamprecht 2021,
  arXiv 2103.14608); only opponents are drawn. Points then move together, by Adam with the settings of uwot's batch
  mode (J. Melville). So an epoch is a few operations on arrays, and the same vectors give the same map.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled

A, B = 1.5769434603, 0.8950608782
"""Of 1 / (1 + A d^2B), which comes nearest to 1 up to a distance of 0.1 and to exp(0.1 - d) from there on (the
published least distance; `tests/core/explore/test_maps_umap.py` fits it again)."""

EPOCHS = 500
"""As published for few points; here many can have them, too."""

REPULSION = 5.0
"""Opponents that an edge of membership 1 stands for in an epoch, as published."""
OPPONENTS = 15
"""Those that are drawn for a point in an epoch, each with its share of all that its edges stand for."""
STEEPEST = 4.0
"""The most that a pair pushes along an axis, as published."""
SOFT = 1e-3
"""Added to squared distances of opponents, as published."""

ROOM = 10.0
"""How wide a map begins."""
RATE, MEMORY, MEMORY_OF_SQUARES, LEAST = 0.5, 0.5, 0.9, 1e-7
"""Of Adam; the rate falls to nothing in a straight line."""

HALVINGS = 40
NARROWEST = 1e-3
"""The least width of a membership, as a share of the mean distance, as published."""

Places = NDArray[np.float64]
Gaps = NDArray[np.float32]
Cancel = Callable[[], bool]
Report = Callable[[float], None]


def layout(
    rows: NDArray[np.int64],
    distances: NDArray[np.float64],
    begin: Places,
    *,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Places:
    """Where things lie that have these neighbours [shape=(n, 2)].

    Parameters
    ----------
    rows, distances : the neighbours of each, nearest first, without itself [shape=(n, k)]
    begin : where they lie at first where the graph of neighbours cannot tell, because it falls apart [shape=(n, 2)]

    Raises
    ------
    Cancelled
        Within some tens of milliseconds of 50,000 points, after ``cancelled`` first answers True.
    """
    graph = united(rows, memberships(distances, cancelled), cancelled)
    smooth = smoothest(graph, cancelled)
    places = np.asarray(begin if smooth is None else smooth, np.float64)
    places = ROOM * (places - places.min(0)) / max(float(np.ptp(places, axis=0).max()), 1e-12)
    return _settled(graph, places, progress, cancelled)


def memberships(distances: NDArray[np.float64], cancelled: Cancel = lambda: False) -> NDArray[np.float64]:
    """How near each of one's neighbours is: exp(-(distance - that of the nearest) / width) [shape=(n, k)].

    The widths are found by halving. A copy of oneself is as near as the nearest that is none.
    """
    nearest = np.where(distances > 0, distances, np.inf).min(1, keepdims=True)
    beyond = np.maximum(distances - np.where(np.isfinite(nearest), nearest, 0), 0)
    mean = max(float(distances.mean()), 1e-12)
    wanted = np.log2(distances.shape[1] + 1)  # oneself is counted
    low, high = np.zeros((len(distances), 1)), np.full((len(distances), 1), 1e3 * mean)
    for _ in range(HALVINGS):
        if cancelled():
            raise Cancelled
        width = (low + high) / 2
        wide = np.exp(-beyond / np.maximum(width, 1e-12)).sum(1, keepdims=True) > wanted
        low, high = np.where(wide, low, width), np.where(wide, width, high)
    return np.asarray(np.exp(-beyond / np.maximum(high, NARROWEST * mean)))


def united(rows: NDArray[np.int64], nearness: NDArray[np.float64], cancelled: Cancel = lambda: False) -> Any:
    """The graph of memberships as a sparse array: either's word counts, a + b - ab."""
    from scipy.sparse import csr_array

    count, each = rows.shape
    one = csr_array((nearness.ravel(), rows.ravel(), np.arange(0, count * each + 1, each)), (count, count))
    other = one.T.tocsr()
    if cancelled():
        raise Cancelled
    both = one * other
    if cancelled():
        raise Cancelled
    return one + other - both


def smoothest(graph: Any, cancelled: Cancel = lambda: False) -> Places | None:
    """The two directions along which neighbours differ least, eigenvectors of the graph's normalised Laplacian.

    None where the graph falls apart, for then they only tell the parts, or where they are not found.
    """
    from scipy.sparse.csgraph import connected_components
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    count = graph.shape[0]
    if connected_components(graph, directed=False, return_labels=False) > 1:
        return None
    root = 1 / np.sqrt(graph.sum(1))

    def step(values: NDArray[np.float64]) -> NDArray[np.float64]:
        if cancelled():
            raise Cancelled
        return np.asarray(root * (graph @ (root * values.ravel())))

    begin = np.random.default_rng(0).normal(size=count)
    try:
        operator = LinearOperator((count, count), matvec=step, dtype=np.float64)
        found, directions = eigsh(operator, 3, which="LA", v0=begin, tol=1e-4, maxiter=5 * count)
    except ArpackError:
        return None
    return np.asarray(directions[:, np.argsort(-found)[1:]])


def _settled(graph: Any, places: Places, progress: Report, cancelled: Cancel) -> Places:
    """Where pulling and pushing come to rest."""
    from scipy.sparse import triu

    count = len(places)
    pairs = triu(graph, 1, format="coo")
    here, there = (each.astype(np.int32) for each in pairs.coords)
    nearness = pairs.data.astype(np.float32)
    edges = (graph.sum(1) * REPULSION / OPPONENTS).astype(np.float32)
    rng = np.random.default_rng(0)
    now = np.ascontiguousarray(places.T, np.float32)  # an axis in a row: twice as fast
    mean, square = np.zeros_like(now), np.zeros_like(now)
    for epoch in range(EPOCHS):
        if cancelled():
            raise Cancelled
        progress(epoch / EPOCHS)
        # An edge there and an edge back, each of which moves both its ends.
        pull = 2 * nearness * _pull(now.take(there, 1) - now.take(here, 1))
        sums = [np.bincount(here, axis, count) - np.bincount(there, axis, count) for axis in pull]
        push = np.zeros_like(now)
        for _ in range(OPPONENTS):
            push += _push(now - now.take(rng.integers(count, size=count), 1))
        force = np.array(sums, np.float32) + edges * push
        mean = MEMORY * mean + (1 - MEMORY) * force
        square = MEMORY_OF_SQUARES * square + (1 - MEMORY_OF_SQUARES) * force**2
        usual = np.sqrt(square / (1 - MEMORY_OF_SQUARES ** (epoch + 1))) + LEAST
        step = RATE * (1 - epoch / EPOCHS) / (1 - MEMORY ** (epoch + 1))
        now += step * mean / usual
    return now.T.astype(np.float64)


def _pull(gap: Gaps) -> Gaps:
    """What moves a point to a neighbour that lies ``gap`` away [shape=(2, n)]."""
    squared = np.einsum("ij,ij->j", gap, gap) + np.float32(LEAST)
    curve = np.exp(np.float32(B) * np.log(squared))
    return np.asarray(gap * (np.float32(2 * A * B) * curve / (squared * (1 + np.float32(A) * curve))))


def _push(gap: Gaps) -> Gaps:
    """What moves a point away from an opponent from which it lies ``gap`` away [shape=(2, n)]."""
    squared = np.einsum("ij,ij->j", gap, gap)
    curve = np.exp(np.float32(B) * np.log(squared + np.float32(LEAST)))
    force = gap * (np.float32(2 * B) / ((np.float32(SOFT) + squared) * (1 + np.float32(A) * curve)))
    return np.clip(force, -STEEPEST, STEEPEST, out=force)
