"""Figures of classifiers, whose unit is the work or the track: accuracy with an interval, balance, calibration.

Conventions
-----------
* Two clips, or movements, of one work are not two witnesses: intervals come from drawing whole works, with
  replacement, and are the middle 95 % of what is then found.
* ``chances`` [shape=(n, labels)] are rows that add up to 1; ``label`` the true ones [shape=(n,)].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
SEED = 5
BINS = 10

Chances = NDArray[np.floating]
Labels = NDArray[np.int64]


def by_work(
    chances: Chances, label: Labels, work: NDArray[Any]
) -> tuple[NDArray[np.float64], Labels, NDArray]:
    """Chances, label and name of every work: the mean logarithm of what belongs to it, made to add up to 1."""
    names, first, place = np.unique(work, return_index=True, return_inverse=True)
    total = np.zeros((len(names), chances.shape[1]))
    np.add.at(total, place, np.log(np.maximum(chances, 1e-6)))
    total /= np.bincount(place)[:, None]
    return softmax(total), label[first], names


def softmax(scores_: Chances, temperature: float = 1.0) -> NDArray[np.float64]:
    """Chances of scores [shape=(n, labels)]."""
    scaled = np.asarray(scores_, np.float64) / temperature
    spread = np.exp(scaled - scaled.max(1, keepdims=True))
    return spread / spread.sum(1, keepdims=True)


def scores(guessed: Labels, label: Labels) -> dict[str, float]:
    """Accuracy, balanced accuracy (mean recall) and macro-F1 over the labels that there are."""
    there = np.unique(label)
    hits = np.array([((guessed == name) & (label == name)).sum() for name in there])
    true = np.array([(label == name).sum() for name in there])
    said = np.array([(guessed == name).sum() for name in there])
    return {
        "accuracy": float((guessed == label).mean()),
        "balanced_accuracy": float((hits / true).mean()),
        "macro_f1": float((2 * hits / (true + said)).mean()),
    }


def with_interval(
    guessed: Labels, label: Labels, work: NDArray[Any], *, draws: int = 0, seed: int = SEED
) -> dict[str, Any]:
    """`scores`, each with its 95 % interval ``NAME_95`` [low, high], by drawing works `DRAWS` times unless told."""
    names, place = np.unique(work, return_inverse=True)
    members = [np.flatnonzero(place == number) for number in range(len(names))]
    drawn = np.random.default_rng(seed)
    tried: dict[str, list[float]] = {}
    for _ in range(draws or DRAWS):
        taken = np.concatenate([members[number] for number in drawn.integers(len(names), size=len(names))])
        for name, value in scores(guessed[taken], label[taken]).items():
            tried.setdefault(name, []).append(value)
    found: dict[str, Any] = dict(scores(guessed, label))
    for name, values in tried.items():
        found[f"{name}_95"] = [float(value) for value in np.quantile(values, [0.025, 0.975])]
    return found


def confusion(guessed: Labels, label: Labels, labels: int) -> list[list[int]]:
    """How often each label (row) was taken for each (column)."""
    counts = np.zeros((labels, labels), np.int64)
    np.add.at(counts, (label, guessed), 1)
    return counts.tolist()


def calibration_error(chances: Chances, label: Labels, bins: int = BINS) -> float:
    """Expected calibration error: how far what is claimed lies from what is right, over equal bins of the claim."""
    claimed, right = chances.max(1), chances.argmax(1) == label
    place = np.minimum((claimed * bins).astype(int), bins - 1)
    error = 0.0
    for number in range(bins):
        inside = place == number
        if inside.any():
            error += inside.mean() * abs(claimed[inside].mean() - right[inside].mean())
    return float(error)


def temperature_of(chances: Chances, label: Labels) -> float:
    """By what the logarithms of the chances are to be divided so that they fit the labels best (Guo et al. 2017)."""
    logits = np.log(np.maximum(chances, 1e-9))
    tried = np.geomspace(0.2, 5, 81)
    losses = [
        -np.log(np.maximum(softmax(logits, t)[np.arange(len(label)), label], 1e-12)).mean() for t in tried
    ]
    return float(tried[int(np.argmin(losses))])


def threshold_of(chances: Chances, label: Labels, wanted: float) -> float:
    """The lowest chance from which on verdicts are right as often as ``wanted``; the highest there is where none is."""
    order = np.argsort(-chances.max(1))
    right = (chances.argmax(1) == label)[order]
    share = np.cumsum(right) / np.arange(1, len(right) + 1)
    enough = np.flatnonzero(share >= wanted)
    claimed = chances.max(1)[order]
    return float(claimed[enough[-1]] if len(enough) else claimed[0])


def when_sure(chances: Chances, label: Labels, threshold: float) -> dict[str, float]:
    """How many verdicts are given at a threshold, and how many of these are right."""
    given = chances.max(1) >= threshold
    right = chances.argmax(1) == label
    return {
        "coverage": float(given.mean()),
        "accuracy_when_given": float(right[given].mean()) if given.any() else 0.0,
    }
