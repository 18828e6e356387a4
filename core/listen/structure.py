"""The form: where a new part begins, and which parts are alike.

Conventions
-----------
* Parts cover the whole recording; letters A, B, C ... in the order of first appearance, the same for parts alike.

Sources
-------
Novelty along the diagonal of a self-similarity picture by a checkerboard kernel: Foote, "Automatic audio segmentation
using a measure of audio novelty", ICME 2000. Parts alike: means compared by cosine, complete linkage.
"""

from __future__ import annotations

from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from core.listen.chords import averaged
from core.listen.report import Span

Array = NDArray[np.float64]

SHORTEST_PART_S = 8.0
MOST_STEPS = 1500
"""Finer than so many steps a recording is not compared with itself: memory grows with the square."""

_KERNEL_S = 14.0
_ALIKE = 0.78


def find_structure(
    chroma: NDArray[np.float32], levels: NDArray[np.float32], beats: Array, duration: float
) -> tuple[Span, ...]:
    """The parts of a recording.

    Parameters
    ----------
    chroma : ndarray [shape=(pitch frames, 12)]
    levels : ndarray [shape=(pitch frames, 84)]
    beats : seconds; half seconds where there are none
    """
    if duration <= 0 or not len(chroma):
        return ()
    edges = steps_of(beats, duration)
    return form_of(averaged(chroma, edges), averaged(levels, edges), edges)


def steps_of(beats: Array, duration: float) -> Array:
    """The edges of the steps that are compared: beats, or half seconds where there are hardly any."""
    steps = beats[(beats > 0) & (beats < duration)]
    if len(steps) < 8:
        steps = np.arange(0.5, duration, 0.5)
    return np.concatenate([[0.0], steps[:: 1 + len(steps) // MOST_STEPS], [duration]])


def form_of(chroma: Array, levels: Array, edges: Array) -> tuple[Span, ...]:
    """The parts, from the chroma and the levels of whole octaves' keys in each step between two ``edges``."""
    features = _features(chroma, levels)
    step = float(np.median(np.diff(edges)))
    cuts = _boundaries(novelty(features, max(4, round(_KERNEL_S / step / 2))), edges)
    labels = _labels(features, cuts)
    return tuple(
        Span(float(edges[a]), float(edges[b]), label, sure)
        for a, b, (label, sure) in zip(cuts[:-1], cuts[1:], labels, strict=True)
    )


def novelty(features: Array, half: int) -> Array:
    """How much what comes differs from what was, at each step [shape=(steps + 1,)]; 0 at the ends."""
    count = len(features)
    sums = np.zeros((count + 1, count + 1))
    np.matmul(features, features.T, out=sums[1:, 1:])
    for axis in (0, 1):
        np.cumsum(sums, axis, out=sums)

    def block(a: NDArray, b: NDArray, c: NDArray, d: NDArray) -> Array:
        total = sums[b, d] - sums[a, d] - sums[b, c] + sums[a, c]
        return total / np.maximum(1, (b - a) * (d - c))

    at = np.arange(count + 1)
    before, after = np.maximum(0, at - half), np.minimum(count, at + half)
    within = 0.5 * (block(before, at, before, at) + block(at, after, at, after))
    gain = within - block(before, at, at, after)
    gain *= np.minimum(1.0, np.minimum(at, count - at) / half)
    return np.maximum(0.0, gain)


def _features(chroma: Array, levels: Array) -> Array:
    """Harmony and colour of each step, each of length 1 about its mean [shape=(steps, 19)]."""
    colour = levels.reshape(len(levels), -1, 12).mean(2)
    harmony = chroma / np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-9)
    colour = (colour - colour.mean(0)) / max(float(colour.std(0).mean()), 1e-6)
    harmony = (harmony - harmony.mean(0)) / max(float(harmony.std(0).mean()), 1e-6)
    both = np.hstack([harmony / np.sqrt(12), 1.3 * colour / np.sqrt(colour.shape[1])])
    both = np.vstack([both[:1], both, both[-1:]])
    both = (both[:-2] + both[1:-1] + both[2:]) / 3
    return both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-9)


def _boundaries(novel: Array, edges: Array) -> list[int]:
    """Steps at which a part begins, and the end: peaks of novelty at least the shortest part apart."""
    threshold = novel.mean() + 0.6 * novel.std()
    chosen = [0, len(edges) - 1]
    for place in np.argsort(-novel, kind="stable").tolist():
        if novel[place] <= max(threshold, 0.02):
            break
        if all(abs(edges[place] - edges[other]) >= SHORTEST_PART_S for other in chosen):
            chosen.append(place)
    return sorted(chosen)


def _labels(features: Array, cuts: list[int]) -> list[tuple[str, float]]:
    """Letter and confidence of each part: a part joins the group all of whose parts it is like."""
    means = np.array([features[a:b].mean(0) for a, b in zip(cuts[:-1], cuts[1:], strict=True)])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    likeness = means @ means.T
    groups: list[list[int]] = []
    labels = []
    for part in range(len(means)):
        fits = [float(min(likeness[part, other] for other in group)) for group in groups]
        best = int(np.argmax(fits)) if fits else -1
        if best >= 0 and fits[best] >= _ALIKE:
            groups[best].append(part)
            labels.append((best, fits[best]))
        else:
            groups.append([part])
            labels.append((len(groups) - 1, 1 - max([0.0, *fits])))
    return [(_letter(number), float(np.clip(sure, 0.0, 1.0))) for number, sure in labels]


def _letter(number: int) -> str:
    turn, letter = divmod(number, 26)
    return ascii_uppercase[letter] + (str(turn + 1) if turn else "")
