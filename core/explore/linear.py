"""The straight embedding: principal components.

Conventions
-----------
* Components are rows of unit length, the one along which things differ most first; each one's largest weight is
  positive, so that the same data always give the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.explore.crops import BANDS, clips_of, halved, spread_out
from core.store.model_file import Tensors, model_named

if TYPE_CHECKING:
    from core.listen.heard import Heard

Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Line:
    """The straight way to an embedding and back.

    Attributes
    ----------
    mean : [shape=(inputs,)]
    components : [shape=(dimensions, inputs)]
    """

    mean: Rows
    components: Rows

    def encode(self, rows: Rows) -> Rows:
        """[shape=(n, inputs) -> (n, dimensions)]."""
        return np.asarray((rows - self.mean) @ self.components.T, np.float32)

    def decode(self, codes: Rows) -> Rows:
        """[shape=(n, dimensions) -> (n, inputs)]."""
        return codes @ self.components + self.mean


def principal(rows: Rows, dimensions: int) -> Line:
    """The directions in which rows [shape=(n, inputs)] differ most, n or ``dimensions`` of them at most."""
    mean = rows.mean(0, dtype=np.float64).astype(np.float32)
    centred = rows - mean
    if len(rows) <= rows.shape[1]:
        # By the products of rows with rows: a picture has many more numbers than there are pictures.
        sizes, sides = np.linalg.eigh((centred @ centred.T).astype(np.float64))
        best = np.argsort(-sizes)[: min(dimensions, len(rows))]
        lengths = np.sqrt(np.maximum(sizes[best], 1e-12))
        components = (sides[:, best] / lengths).T.astype(np.float32) @ centred
    else:
        sizes, sides = np.linalg.eigh(centred.T.astype(np.float64) @ centred.astype(np.float64))
        components = sides[:, np.argsort(-sizes)[:dimensions]].T.astype(np.float32)
    signs = np.sign(components[np.arange(len(components)), np.abs(components).argmax(1)])
    return Line(mean, components * np.where(signs == 0, 1, signs)[:, None].astype(np.float32))


class LinearSpace:
    """See `core.explore.registry.Space`: principal components of clips of 64 bands."""

    def __init__(self, tensors: Tensors, card: dict[str, Any]) -> None:
        self.line = Line(*(tensors[name].astype(np.float32) for name in ("mean", "components")))
        self.dimensions = len(self.line.components)
        self._card = card

    def encode(self, thing: Heard) -> Rows:
        """The mean of a recording's clips [shape=(dimensions,)]."""
        return self.of_clips(clips_of(thing)).mean(0)

    def of_clips(self, pictures: NDArray[np.floating]) -> Rows:
        """The vectors of clips [shape=(clips, 128, 107) -> (clips, dimensions)]."""
        return self.line.encode(halved(pictures).reshape(len(pictures), -1))

    def decode(self, vector: Rows) -> Rows:
        """Ten seconds in decibels [shape=(64, 428)]."""
        return spread_out(self.line.decode(vector[None]).reshape(BANDS, -1))

    def describe(self) -> dict[str, Any]:
        return self._card


@lru_cache(maxsize=2)
def load(model: str) -> LinearSpace:
    """The embedding by the weights of ``model``.

    Raises
    ------
    TunesmithError
        If they are missing or damaged.
    """
    return LinearSpace(*model_named(model, "explore").load())
