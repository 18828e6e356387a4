"""The dull baselines of the generators: repeat the last value, and an interpolated n-gram.

Both speak of the same attributes as the flagship, each knowing what the flagship's head would know of the
same event, and neither sees form, chords or conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compose.context import NO_DURATION
from core.compose.encoding import MOST_PARTS, PITCHES, TIMES, VELOCITIES, Piece
from core.learn.batches import Columns, columns, excerpt
from core.learn.data import Example

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Attribute:
    """What is foretold, from what.

    Attributes
    ----------
    target : column of the right answers
    classes : how many there may be
    context : columns known beforehand, the most telling first
    asked : column that is 1 where the attribute is asked for
    last : column that holds the value to repeat
    """

    target: str
    classes: int
    context: tuple[str, ...]
    asked: str
    last: str


ATTRIBUTES = {
    "time": Attribute("next_time", TIMES, ("time", "part"), "timed", "time"),
    "part": Attribute("next_part", MOST_PARTS, ("part", "next_time"), "next_is_note", "part"),
    "pitch": Attribute(
        "next_pitch", PITCHES, ("last_pitch_1", "last_pitch_2"), "next_is_note", "last_pitch_1"
    ),
    "duration": Attribute(
        "next_duration", NO_DURATION, ("last_duration", "next_pitch"), "next_is_note", "last_duration"
    ),
    "velocity": Attribute(
        "next_velocity", VELOCITIES, ("last_velocity", "next_time"), "loud", "last_velocity"
    ),
}

_CONTEXT_CLASSES = 512
_WEIGHT = 4.0
"""How many observations the shorter context counts for."""


def _columns(piece: Piece) -> Columns:
    table = columns(piece)
    table["last_pitch_1"], table["last_pitch_2"] = table["last_pitch"].T
    table["timed"] = (table["time"] < TIMES).astype(np.int64)
    table["loud"] = table["next_is_note"] * table["dynamic"]
    needed = {name for a in ATTRIBUTES.values() for name in (a.target, a.asked, a.last, *a.context)}
    return {name: table[name] for name in needed}


def gather(examples: Iterable[Example], most_bars: int = 64) -> Columns:
    """The columns of many pieces, one after another."""
    tables = [_columns(excerpt(e.piece, 0, min(most_bars, len(e.piece.bar_steps)))) for e in examples]
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


class Ngram:
    """Counts of one attribute after contexts of every length, each interpolated with the shorter one."""

    def __init__(self, attribute: Attribute, training: Columns) -> None:
        self._attribute = attribute
        asked = training[attribute.asked] == 1
        target = training[attribute.target][asked]
        self._levels: list[tuple[Counts, Counts, Counts, Counts]] = []
        for length in range(len(attribute.context) + 1):
            context = self._context(training, length)[asked]
            pairs, pair_counts = np.unique(context * attribute.classes + target, return_counts=True)
            contexts, context_counts = np.unique(context, return_counts=True)
            self._levels.append((pairs, pair_counts, contexts, context_counts))

    def _context(self, table: Columns, length: int) -> Counts:
        code = np.zeros(len(table[self._attribute.target]), np.int64)
        for name in self._attribute.context[:length]:
            code = code * _CONTEXT_CLASSES + table[name]
        return code

    def measure(self, table: Columns) -> tuple[float, float, int]:
        """(nats summed, number right at first guess, number asked) on held-out columns."""
        asked = np.flatnonzero(table[self._attribute.asked] == 1)
        contexts, place = np.unique(
            self._context(table, len(self._attribute.context))[asked], return_inverse=True
        )
        chances = self._chances(contexts)
        target = table[self._attribute.target][asked]
        nats = -np.log(chances[place, target]).sum()
        right = (chances.argmax(1)[place] == target).sum()
        return float(nats), float(right), len(asked)

    def after(self, *context: int) -> NDArray[np.float64]:
        """The distribution after the values of `Attribute.context` [shape=(classes,)]."""
        code = 0
        for value in context:
            code = code * _CONTEXT_CLASSES + value
        return self._chances(np.array([code]))[0]

    def _chances(self, contexts: Counts) -> NDArray[np.float64]:
        """The distribution after each context [shape=(contexts, classes)]."""
        classes = self._attribute.classes
        chances = np.full((len(contexts), classes), 1.0 / classes)
        for length, (pairs, pair_counts, known, known_counts) in enumerate(self._levels):
            code = contexts // _CONTEXT_CLASSES ** (len(self._levels) - 1 - length)
            seen = _look_up(known, known_counts, code)[:, None]
            together = _look_up(pairs, pair_counts, code[:, None] * classes + np.arange(classes))
            chances = (together + _WEIGHT * chances) / (seen + _WEIGHT)
        return chances


def _look_up(keys: Counts, counts: Counts, asked: Counts) -> Counts:
    if not len(keys):  # music without dynamics never asks for a velocity
        return np.zeros(asked.shape, np.int64)
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[place] == asked, counts[place], 0)


def measure_ngram(training: Sequence[Example], held_out: Sequence[Example]) -> dict[str, float]:
    """Figures of the n-gram, named as `core.learn.flagship.measure_loss` names the network's."""
    known, asked = gather(training), gather(held_out)
    notes = int(asked["next_is_note"].sum())
    figures = {"notes": float(notes), "nats": 0.0}
    for name, attribute in ATTRIBUTES.items():
        nats, right, count = Ngram(attribute, known).measure(asked)
        figures["nats"] += nats / notes
        figures[f"{name}_nats"] = nats / (count if name == "velocity" else notes)
        figures[f"{name}_accuracy"] = right / count
    return figures


def measure_repeat(held_out: Sequence[Example]) -> dict[str, float]:
    """How often each attribute is the one before: of the last event, or of the part's last note."""
    asked = gather(held_out)
    figures = {"notes": float(asked["next_is_note"].sum())}
    for name, attribute in ATTRIBUTES.items():
        rows = asked[attribute.asked] == 1
        figures[f"{name}_accuracy"] = float((asked[attribute.last] == asked[attribute.target])[rows].mean())
    return figures
