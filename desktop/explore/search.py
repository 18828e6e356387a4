"""Finding pieces on the map by words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.store.library import plain

FIELDS = ("title", "composer", "genre", "key", "source", "path")


def matching(text: str, pieces: Sequence[Mapping[str, Any]]) -> NDArray[np.bool_]:
    """Which pieces have all words of ``text`` in what is told of them; accents and case do not count."""
    words = plain(text).split()
    return np.array([all(word in _words(piece) for word in words) for piece in pieces], bool)


def _words(piece: Mapping[str, Any]) -> str:
    return plain(" ".join(str(piece[name]) for name in FIELDS if piece.get(name)))
