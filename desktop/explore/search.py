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


def words_of(piece: Mapping[str, Any]) -> str:
    """What a piece is found by: all its words, each after a space."""
    told = plain(" ".join(str(piece[name]) for name in FIELDS if piece.get(name)))
    return f" {BETWEEN.sub(' ', told)}"


def matching(text: str, words: Sequence[str]) -> NDArray[np.bool_]:
    """Which of some pieces, told by `words_of`, have words that begin like all of ``text``'s.

    Accents and case do not count.
    """
    found = list(range(len(words)))
    for word in plain(text).split():
        found = [number for number in found if f" {word}" in words[number]]
    matches = np.zeros(len(words), bool)
    matches[found] = True
    return matches
