"""The map of an index, kept: the same from one start to the next, and growing without being drawn anew.

Conventions
-----------
* A map is of all rows of an index, in their order, and lies beside it as ``map-PROJECTION.npz``.
* What comes to an index is placed among its neighbours on the map there is (`maps.placed`). Once a share of `GROWN`
  came that way the map is made anew, and turned to lie as the old one did (`maps.aligned`).
* Groups are found among the vectors, not on the map: k-means on unit vectors, the same for every projection.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.explore import maps
from core.explore.index import Index, Vectors, unit
from core.store.atomic import atomic_write

GROWN = 0.25
"""The share of things placed and not projected from which a map is made anew."""

GROUPS = 10
STEPS = 30
"""Of k-means."""

MAKING, MEASURING = 0.8, 0.95
"""Shares of the time after which a map is made, and its trust is measured."""

Report = Callable[[float], None]
Cancel = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Atlas:
    """Where everything of an index lies.

    Attributes
    ----------
    projection : name in `maps.PROJECTIONS`
    places : [shape=(n, 2)], as in `maps`
    trust : of each point the share of its neighbours that the map keeps, 0-1 [shape=(n,)]
    made : the first so many rows were projected, the rest placed
    """

    projection: str
    places: maps.Positions
    trust: NDArray[np.float32]
    made: int


def chart(
    index: Index,
    folder: Path,
    projection: str,
    *,
    anew: bool = False,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Atlas:
    """The map of an index: the one that is kept, grown by what came since, or a new one.

    Parameters
    ----------
    folder : where it is kept
    anew : make a new one, whatever is kept

    Raises
    ------
    TunesmithError
        If there is no such projection.
    Cancelled
        Soon after ``cancelled`` says so.
    """
    path = folder / f"map-{projection}.npz"
    kept = _read(path, projection, len(index))
    vectors = np.asarray(index.vectors)
    if kept is not None and not anew:
        if len(kept.places) == len(index):
            return kept
        if len(index) - kept.made <= GROWN * kept.made:
            new = maps.placed(vectors[: kept.made], kept.places[: kept.made], vectors[len(kept.places) :])
            atlas = _measured(vectors, np.vstack([kept.places, new]), kept, progress, cancelled)
            _write(path, atlas)
            return atlas
    places = maps.project(
        projection, vectors, progress=lambda share: progress(MAKING * share), cancelled=cancelled
    )
    if kept is not None and len(kept.places):
        places = maps.aligned(places, kept.places, np.arange(len(kept.places)))
    made = Atlas(projection, places, np.empty(0, np.float32), len(places))
    atlas = _measured(vectors, places, made, lambda share: progress(MAKING + (1 - MAKING) * share), cancelled)
    _write(path, atlas)
    return atlas


def is_ready(index: Index, folder: Path, projection: str) -> bool:
    """Whether the map that is kept is of all that is there."""
    kept = _read(folder / f"map-{projection}.npz", projection, len(index))
    return kept is not None and len(kept.places) == len(index)


def _measured(
    vectors: Vectors, places: maps.Positions, like: Atlas, progress: Report, cancelled: Cancel
) -> Atlas:
    trust = maps.trust(vectors, places, progress=progress, cancelled=cancelled)
    return Atlas(like.projection, places, trust, like.made)


def _read(path: Path, projection: str, most: int) -> Atlas | None:
    """The map at ``path``; None where there is none, or it is damaged or of more than there is."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            places, trust, made = stored["places"], stored["trust"], int(stored["made"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    fits = places.shape == (len(trust), 2) and made <= len(places) <= most and np.isfinite(places).all()
    return Atlas(projection, places.astype(np.float32), trust.astype(np.float32), made) if fits else None


def _write(path: Path, atlas: Atlas) -> None:
    if not len(atlas.places):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        np.savez(unfinished, places=atlas.places, trust=atlas.trust, made=np.int64(atlas.made))


def groups(vectors: Vectors, count: int = GROUPS, *, cancelled: Cancel = lambda: False) -> NDArray[np.int16]:
    """Which of ``count`` groups each vector is in, the largest first [shape=(n,)]; the same vectors give the same.

    k-means by cosine (S. Lloyd 1982), begun as in k-means++ (D. Arthur and S. Vassilvitskii 2007).

    Raises
    ------
    Cancelled
        Between two steps, after ``cancelled`` first answers True.
    """
    rows = unit(vectors) if len(vectors) else np.empty((0, 1), np.float32)
    count = min(count, len(rows))
    if count < 2:
        return np.zeros(len(rows), np.int16)
    rng = np.random.default_rng(0)
    centres = rows[rng.integers(len(rows), size=1)]
    for _ in range(count - 1):
        far = np.maximum(1 - (rows @ centres.T).max(1), 0).astype(np.float64)
        chosen = rng.choice(len(rows), p=far / far.sum()) if far.sum() > 0 else rng.integers(len(rows))
        centres = np.vstack([centres, rows[chosen]])
    group = np.zeros(len(rows), np.int64)
    for step in range(STEPS):
        if cancelled():
            raise Cancelled
        before, group = group, (rows @ centres.T).argmax(1)
        if step and np.array_equal(before, group):
            break
        sums = np.zeros_like(centres)
        np.add.at(sums, group, rows)
        held = np.bincount(group, minlength=count) > 0
        centres[held] = unit(sums[held])
    rank = np.empty(count, np.int64)
    rank[np.argsort(-np.bincount(group, minlength=count), kind="stable")] = np.arange(count)
    return rank[group].astype(np.int16)
