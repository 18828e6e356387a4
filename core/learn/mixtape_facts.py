"""Facts of what MixTape composes, in place of the paper's listeners.

R. Kumar, A. Mishra and Y. Chhabra, "Application of Recurrent Neural Networks paired with LSTM - Music
Generation" (section VIII.C), had 148 people rate the music of networks trained for 80, 120 and 180 epochs. We
have no listeners, and say what can be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from core.compose.mixtape import WINDOW, Loaded, foretell, song_of, window
from core.compose.mixtape_network import Windows
from core.compose.request import Request
from core.song.harmony import estimate_key, in_key_share

ELEMENTS = 200
"""As many as the paper's pieces have."""

RUN = 8
"""Elements in a row that count as repeated where the same were played before."""


def composed(
    loaded: Loaded,
    seed: int,
    length: int = WINDOW,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[str]:
    """200 elements by the paper's algorithm, with windows of ``length``."""
    start = window(loaded, np.random.default_rng(seed), length)
    reader = Windows(loaded.network, length, ELEMENTS)
    found = islice(foretell(reader, start, cancelled=cancelled), ELEMENTS)
    return [loaded.vocabulary[index] for index in found]


def facts(elements: Sequence[str]) -> dict[str, float]:
    """Of one piece: unique elements, the share of notes in its likeliest key, and how much is repeated."""
    notes = song_of(Request(), elements).notes
    return {
        "unique": float(len(set(elements))),
        "in_key_share": float(in_key_share(notes, estimate_key(notes)[0])),
        "repeated": repeated_share(elements),
    }


def repeated_share(elements: Sequence[str]) -> float:
    """The share of runs of `RUN` elements that were played before in the same piece, 0-1."""
    runs = [tuple(elements[first : first + RUN]) for first in range(len(elements) - RUN + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def mean_facts(pieces: Sequence[Sequence[str]]) -> dict[str, float]:
    """The mean of the facts of several pieces."""
    rows = [facts(elements) for elements in pieces]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
