"""Finding pieces on the map by words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.store.library import plain

BETWEEN = re.compile(r"[^\w#.]+")
"""What parts words."""
FIELDS = ("title", "composer", "genre", "key", "source", "path")


def matching(text: str, pieces: Sequence[Mapping[str, Any]]) -> NDArray[np.bool_]:
    """Which pieces have, in what is told of them, words that begin like all of ``text``'s.

    Accents and case do not count.
    """
    wanted = [f" {word}" for word in plain(text).split()]
    return np.array([all(word in told for word in wanted) for told in map(_words, pieces)], bool)


def _words(piece: Mapping[str, Any]) -> str:
    told = plain(" ".join(str(piece[name]) for name in FIELDS if piece.get(name)))
    return f" {BETWEEN.sub(' ', told)}"
