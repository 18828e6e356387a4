"""The note loss of Short Tunes: a polynomial that knows which wrong notes still sound right.

After P. Schaldenbrand, Y. He and H. Almoubayyed, "Long Short-Tunes Memory", section 2.3 and figure 3. Points
are chosen by hand: low where the predicted note lies 0, 4 or 7 semitones above the true one, or any number
of octaves from there (so at -5 and -8 too), high elsewhere, and a little higher with every octave. A
polynomial of high order is fitted to them.

What the paper leaves open, and we chose: the points are joined by half cosines, so that every one of them is
a hill or a valley; the polynomial is a Chebyshev series, as powers of this order cannot be computed; past
three octaves it goes on as a straight line, from a place where the slopes agree and the loss is high. (A
line that went on from a valley was found by the network at once: it foretold notes four octaves off.)

Conventions
-----------
* A difference is predicted less true, in semitones. The least loss is 0, the highest points are about 1.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial.chebyshev import Chebyshev
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from torch import Tensor

SOUNDS_RIGHT = (0, 4, 7)
"""Semitones above the true note, in any octave: -8 is 4 and -5 is 7 an octave down."""

RISE = 0.05
"""What an octave adds."""

REACH = 36
"""Semitones to either side that the polynomial is used for."""

MARGIN = 4
ORDER = 210
NODES = 4001


def target(differences: ArrayLike) -> NDArray[np.float64]:
    """The hand-made curve: whole semitones by the rule, half cosines between them."""
    differences = np.asarray(differences, np.float64)
    below = np.floor(differences)
    blend = (1 - np.cos(np.pi * (differences - below))) / 2
    low, high = (np.where(np.isin(d % 12, SOUNDS_RIGHT), 0.0, 1.0) for d in (below, below + 1))
    return low + blend * (high - low) + RISE * np.abs(differences) / 12


@lru_cache(maxsize=1)
def polynomial() -> Chebyshev:
    """The fit, by least squares at Chebyshev's nodes, where high orders stay tame."""
    end = REACH + MARGIN
    nodes = end * np.cos(np.linspace(0, np.pi, NODES))
    fitted = Chebyshev.fit(nodes, target(nodes), ORDER, domain=[-end, end])
    return fitted - float(fitted(np.arange(-REACH, REACH + 1)).min())


@lru_cache(maxsize=1)
def seams() -> tuple[float, float]:
    """Where the straight lines begin: on the hill past `REACH`, where the polynomial rises as they do."""
    fitted, slope = polynomial(), polynomial().deriv()
    places = []
    for side in (-1, 1):
        beyond = side * np.linspace(REACH + 0.5, REACH + MARGIN - 0.5, 20_001)
        rises = side * slope(beyond) - RISE / 12
        crossings = beyond[1:][(rises[:-1] > 0) & (rises[1:] <= 0)]
        places.append(float(crossings[fitted(crossings).argmax()]))
    return places[0], places[1]


def note_loss(difference: ArrayLike) -> NDArray[np.float64]:
    """The loss of predicted less true pitches [shape=(...)], in semitones."""
    difference = np.asarray(difference, np.float64)
    inside = np.clip(difference, *seams())
    return np.asarray(polynomial()(inside) + RISE / 12 * np.abs(difference - inside))


def note_loss_of_tensor(difference: Tensor) -> Tensor:
    """`note_loss` for training: differentiable everywhere.

    The series is summed as cosines, so that all orders are one matrix product.
    """
    import torch

    first, last = seams()
    inside = difference.clamp(first, last)
    angle = torch.arccos(inside / (REACH + MARGIN))
    orders = torch.arange(ORDER + 1, dtype=difference.dtype, device=difference.device)
    coefficients = torch.as_tensor(polynomial().coef, dtype=difference.dtype, device=difference.device)
    series = torch.cos(angle[..., None] * orders) @ coefficients
    return series + RISE / 12 * (difference - inside).abs()


def draw(path: Path) -> None:
    """Write the picture of the loss: the fit over the points it was fitted to."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    fine, whole = np.linspace(-45, 45, 4000), np.arange(-45, 46)
    low = polynomial()(0) - target(0)
    axes.plot(fine, note_loss(fine), linewidth=1.2, label=f"the loss: polynomial of order {ORDER}")
    axes.plot(whole, target(whole) + low, ".", markersize=5, label="points it was fitted to")
    axes.set_xticks(np.arange(-42, 43, 6))
    axes.set_xlabel("predicted less true note, semitones")
    axes.set_ylabel("note loss")
    axes.set_ylim(0, 1.9)
    axes.legend(loc="upper center", ncols=2, frameon=False)
    figure.savefig(path, dpi=110)
