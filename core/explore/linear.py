"""The straight embedding: principal components.

Conventions
-----------
* Components are rows of unit length, the one along which things differ most first; each one's largest weight is
  positive, so that the same data always give the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
