"""Units of bars as the network of the score embedding takes them.

Conventions
-----------
* Events are flat columns; cell ``bar * len(SLOTS) + slot`` is events ``bounds[cell]`` to ``bounds[cell + 1]``.
* Cells are put together with others of about the same length (`LENGTHS`), so that little is read in vain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compose.encoding import Events
from core.explore.score import cells_of, notes_of
from core.explore.score_codec import NO_PROGRAM, SLOTS, UNIT_BARS, cell_bounds, on_slots
from core.explore.score_network import Cells, Notes
from core.learn.data import Example
from core.learn.flagship import sampling_weights


@dataclass(frozen=True)
class Shelf:
    """Many pieces, one after the other.

    Attributes
    ----------
    events : of all pieces, without their bar numbers' meaning
    bounds : where every cell's events begin [shape=(bars * len(SLOTS) + 1,)]
    bar_steps : steps of every bar [shape=(bars,)]
    piece : which piece every bar is of [shape=(bars,)]
    programs : of every piece [shape=(pieces, len(SLOTS))]
    weight : how often a unit that begins with this bar is drawn, adding up to 1; 0 for a piece's last bar
        [shape=(bars,)]
    """

    events: Events
    bounds: NDArray[np.int64]
    bar_steps: NDArray[np.uint8]
    piece: NDArray[np.int64]
    programs: NDArray[np.int64]
    weight: NDArray[np.float64]


def shelf_of(examples: Sequence[Example]) -> Shelf:
    """Lay the pieces of examples on slots, one after the other.

    A piece is drawn by `core.learn.flagship.sampling_weights`, and a unit of it by chance; units in which nothing
    begins are left out.
    """
    events, bounds, programs = [], [np.zeros(1, np.int64)], []
    for example in examples:
        found, seats = on_slots(example.piece)
        events.append(found)
        bounds.append(cell_bounds(found, len(example.piece.bar_steps))[1:] + bounds[-1][-1])
        programs.append(seats)
    piece = np.repeat(np.arange(len(examples)), [len(e.piece.bar_steps) for e in examples])
    starts = np.concatenate(bounds)
    filled = np.add.reduceat(np.diff(starts), np.arange(0, len(starts) - 1, len(SLOTS)))
    begins = np.zeros(len(piece), bool)
    begins[:-1] = (piece[1:] == piece[:-1]) & (filled[1:] + filled[:-1] > 0)
    weight = begins * (sampling_weights(examples) / np.maximum(np.bincount(piece, begins), 1))[piece]
    return Shelf(
        np.concatenate(events),
        starts,
        np.concatenate([e.piece.bar_steps for e in examples]),
        piece,
        np.array(programs),
        weight / weight.sum(),
    )


def units_of(shelf: Shelf, first: NDArray[np.int64]) -> tuple[Cells, list[Notes]]:
    """The units that begin with the bars ``first``."""
    bars = (first[:, None] + np.arange(UNIT_BARS)).ravel()
    programs = shelf.programs[shelf.piece[bars]]
    cells = cells_of(programs, shelf.bar_steps[bars])
    bar, slot = np.nonzero(programs != NO_PROGRAM)
    place = bars[bar] * len(SLOTS) + slot
    return cells, notes_of(shelf.events, shelf.bounds[place], shelf.bounds[place + 1])


def drawn(shelf: Shelf, count: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """First bars of ``count`` units each time, for ever."""
    dice = np.random.default_rng(seed)
    reach = np.cumsum(shelf.weight)
    while True:
        yield np.searchsorted(reach, dice.random(count) * reach[-1], "right").clip(max=len(reach) - 1)
