"""The score embedding: a piece becomes a row of latent vectors, one for every two bars, and such a row a piece.

Conventions
-----------
* `ScoreSpace.read` and `ScoreSpace.write` are each other's inverse as far as the network can tell; both always give
  the same for the same.
* What the network does not say (key, tempo, meters, instruments) is in the `Frame` beside the latent vectors.
* A piece's one vector, by which it is found again, is what a small network makes of the mean and the spread of its
  latent vectors; it learnt that two stretches of a piece belong together, and works of a composer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.compose.encoding import EVENT, Events
from core.compose.flagship import unpacked
from core.errors import Cancelled, TunesmithError
from core.explore.score_codec import (
    DRUM_SLOT,
    MOST_IN_CELL,
    NO_PROGRAM,
    SLOTS,
    UNIT_BARS,
    Frame,
    cell_bounds,
    read_sheet,
    write_song,
)
from core.song.harmony import Key
from core.song.notes import Song
from core.store.model_file import Tensors, model_named

if TYPE_CHECKING:
    from core.explore.score_network import Cells, Notes, ScoreNetwork

NAME = "embedding-score"
KIND = "embedding of scores"

LENGTHS = (6, 12, 20, MOST_IN_CELL)
"""Cells are read together with others that have as many events at most."""

UNITS_AT_ONCE = 256

LOWEST, HIGHEST = 6, 121
"""Pitches that are written, in C major or A minor: in every key they are still MIDI pitches."""

Latents = NDArray[np.float32]
Cancel = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Reading:
    """A piece as the network has it: what stands beside, and a latent vector a unit [shape=(units, latent)]."""

    frame: Frame
    latents: Latents


class ScoreSpace:
    """The embedding with its weights; see `core.explore.registry.Space`."""

    def __init__(self, network: ScoreNetwork, card: dict[str, Any]) -> None:
        self.network = network
        self.card = card
        self.dimensions = network.shape.vector

    def read(self, song: Song, *, cancelled: Cancel = lambda: False) -> Reading:
        """The latent vectors of a song.

        Raises
        ------
        TunesmithError
            If it has too few notes, or bars longer than eight beats.
        Cancelled
            When ``cancelled`` says so.
        """
        sheet = read_sheet(song)
        return Reading(sheet.frame, read_units(self.network, sheet.frame, sheet.events, cancelled))

    def write(self, reading: Reading, title: str = "", *, cancelled: Cancel = lambda: False) -> Song:
        """The song of latent vectors.

        Raises
        ------
        Cancelled
            When ``cancelled`` says so.
        """
        return write_song(reading.frame, write_units(self.network, reading, cancelled), title)

    def encode(self, thing: Song) -> NDArray[np.float32]:
        """The vector of a song [shape=(dimensions,)].

        Raises
        ------
        TunesmithError
            As `read`.
        """
        return self.vector(self.read(thing))

    def vector(self, reading: Reading) -> NDArray[np.float32]:
        """The vector of a reading [shape=(dimensions,)]."""
        import torch

        with torch.no_grad():
            return self.network.likeness(torch.from_numpy(summed_up(reading.latents))[None])[0].numpy()

    def decode(self, vector: NDArray[np.float32]) -> Song:
        """Two bars, for piano in C major or A minor, such as the pieces near a vector have on the whole."""
        import torch

        with torch.no_grad():
            latent = self.network.likeness.back(torch.from_numpy(np.asarray(vector, np.float32))[None])
        return self.write(Reading(PLAIN, latent.numpy()))

    def describe(self) -> dict[str, Any]:
        """The card."""
        return self.card


def _plain() -> Frame:
    programs = np.full(len(SLOTS), NO_PROGRAM, np.int64)
    programs[[0, 3]] = 0
    return Frame(
        Key(0, "major"),
        100.0,
        np.full(UNIT_BARS, 48, np.uint8),
        np.full((UNIT_BARS, 2), 4, np.int64),
        programs,
    )


PLAIN = _plain()
"""What stands beside a latent vector that is no piece's: 4/4 in C major for a piano's two hands."""


def summed_up(latents: Latents) -> Latents:
    """Mean and spread of the latent vectors of a stretch [shape=(2 * latent,)]."""
    return np.concatenate([latents.mean(0), latents.std(0)]).astype(np.float32)


@lru_cache(maxsize=2)
def load(model: str = NAME) -> ScoreSpace:
    """The embedding of a model file, shipped or trained by the user.

    Raises
    ------
    TunesmithError
        If there is none, or it is of another kind.
    """
    return space_of(*model_named(model, "explore").load())


def space_of(tensors: Tensors, card: dict[str, Any]) -> ScoreSpace:
    """The embedding that weights and a card describe.

    Raises
    ------
    TunesmithError
        If they are of another network.
    """
    import torch

    from core.explore.score_network import network_from_card

    if card.get("kind") != KIND:
        raise TunesmithError(f"the model {card.get('name')} is no {KIND}; choose another")
    network = network_from_card(card)
    try:
        network.load_state_dict({name: torch.from_numpy(value) for name, value in unpacked(tensors).items()})
    except RuntimeError as error:
        raise TunesmithError(
            f"the weights of {card.get('name')} are of another network; install the model again"
        ) from error
    return ScoreSpace(network.eval(), card)


# -- reading ---------------------------------------------------------------------------------------------


def read_units(
    network: ScoreNetwork, frame: Frame, events: Events, cancelled: Cancel = lambda: False
) -> Latents:
    """The mean latent vector of every unit of a piece [shape=(units, latent)]."""
    import torch

    from core.listen.spectra import one_thread

    steps = frame.padded_steps
    bounds = cell_bounds(events, steps.size)
    found = []
    with one_thread(), torch.no_grad():
        for first in range(0, frame.units, UNITS_AT_ONCE):
            if cancelled():
                raise Cancelled
            some = steps[first : first + UNITS_AT_ONCE].ravel()
            programs = np.broadcast_to(frame.programs, (len(some), len(SLOTS)))
            cells = cells_of(programs, some)
            places = (cells.bar.numpy() + first * UNIT_BARS) * len(SLOTS) + cells.slot.numpy()
            mean, _ = network.read(cells, notes_of(events, bounds[places], bounds[places + 1]))
            found.append(mean.numpy())
    return np.concatenate(found)


def cells_of(programs: NDArray[np.int64], steps: NDArray[np.uint8]) -> Cells:
    """The cells of some bars, of the slots that are played in.

    Parameters
    ----------
    programs : program class of every slot in every bar [shape=(bars, len(SLOTS))]
    steps : of every bar [shape=(bars,)]
    """
    import torch

    from core.explore.score_network import Cells

    bar, slot = np.nonzero(programs != NO_PROGRAM)
    return Cells(
        torch.from_numpy(bar),
        torch.from_numpy(slot),
        torch.from_numpy(programs[bar, slot]),
        torch.from_numpy(steps[bar].astype(np.int64)),
        len(steps),
    )


def notes_of(events: Events, first: NDArray[np.int64], last: NDArray[np.int64]) -> list[Notes]:
    """The events of cells in groups of about the same length; a cell without any is in none.

    Parameters
    ----------
    first, last : where each cell's events begin and end in ``events`` [shape=(cells,)]
    """
    import torch

    from core.explore.score_network import BLANKS, END, Notes

    counts = np.minimum(last - first, MOST_IN_CELL)
    groups, below = [], 0
    for most in LENGTHS:
        cell = np.flatnonzero((counts > below) & (counts <= most))
        below = most
        if not len(cell):
            continue
        place = np.arange(int(counts[cell].max()))
        outside = place >= counts[cell, None]
        rows = events[np.where(outside, first[cell, None], first[cell, None] + place)]
        blanks = {"time": END} | BLANKS
        columns = (np.where(outside, blank, rows[name].astype(np.int64)) for name, blank in blanks.items())
        groups.append(Notes(*map(torch.from_numpy, (cell, *columns, counts[cell]))))
    return groups


# -- writing ---------------------------------------------------------------------------------------------


def write_units(network: ScoreNetwork, reading: Reading, cancelled: Cancel = lambda: False) -> Events:
    """The likeliest events of latent vectors, on slots, in order of `core.explore.score_codec.sort_cells`."""
    import torch

    from core.listen.spectra import one_thread

    frame, written = reading.frame, []
    steps = frame.padded_steps
    with one_thread(), torch.no_grad():
        for first in range(0, frame.units, UNITS_AT_ONCE):
            some = steps[first : first + UNITS_AT_ONCE].ravel()
            cells = cells_of(np.broadcast_to(frame.programs, (len(some), len(SLOTS))), some)
            latents = torch.from_numpy(reading.latents[first : first + UNITS_AT_ONCE])
            events = _likeliest(network, latents, cells, cancelled)
            events["bar"] += first * UNIT_BARS
            written.append(events)
    events = np.concatenate(written)
    return events[events["bar"] < len(frame.bar_steps)]


def _likeliest(network: ScoreNetwork, latents: Any, cells: Cells, cancelled: Cancel) -> Events:
    """Event by event the likeliest in all cells at once, among those that may come next."""
    import torch

    from core.explore.score_network import BLANKS, END, START

    condition = network.unfold(latents, cells)
    time_bag, pitch_bag = network.bags(condition)
    rows = torch.arange(len(cells.bar))
    state = None
    last = {"time": torch.full_like(rows, START)} | {k: torch.full_like(rows, v) for k, v in BLANKS.items()}
    times, pitches = torch.arange(END + 1), torch.arange(256)
    drum = cells.slot == DRUM_SLOT
    written = []
    for _ in range(MOST_IN_CELL):
        if cancelled():
            raise Cancelled
        if not len(rows):
            break
        h, state = network.write(condition[rows], network.events(**last).unsqueeze(1), state)
        h = h[:, 0]
        begun = last["time"] != START
        # Time never goes back, and within an onset pitches rise: the order in which cells are read.
        since = torch.where(begun, last["time"], 0)[:, None]
        open_ = (times >= since) & (times < cells.steps[rows][:, None]) | (times == END)
        top = begun & (last["pitch"] >= torch.where(drum[rows], 255, HIGHEST))
        open_ &= ~(top[:, None] & (times == since))
        time = network.time_logits(h, time_bag[rows]).masked_fill(~open_, -torch.inf).argmax(1)
        going = time != END
        rows, h, state, time = rows[going], h[going], state[:, going], time[going]
        last = {name: value[going] for name, value in last.items()}
        low, high = torch.where(drum[rows], 128, LOWEST), torch.where(drum[rows], 255, HIGHEST)
        low = torch.where(time == last["time"], torch.maximum(low, last["pitch"] + 1), low)
        sounding = (pitches >= low[:, None]) & (pitches <= high[:, None])
        chances = network.pitch_logits(h, time, last["pitch"], pitch_bag[rows])
        pitch = chances.masked_fill(~sounding, -torch.inf).argmax(1)
        duration = network.duration_logits(h, time, pitch).argmax(1)
        velocity = network.velocity_logits(h, time, pitch, duration, last["velocity"]).argmax(1)
        last = {"time": time, "pitch": pitch, "duration": duration, "velocity": velocity}
        written.append((rows, *last.values()))
    columns = [torch.cat(values).numpy() for values in zip(*written, strict=True)]
    if not columns:
        return np.zeros(0, EVENT)
    row, *values = columns
    events = np.zeros(len(row), EVENT)
    events["bar"], events["part"] = cells.bar.numpy()[row], cells.slot.numpy()[row]
    for name, value in zip(("time", "pitch", "duration", "velocity"), values, strict=True):
        events[name] = value
    return events[np.lexsort((events["pitch"], events["time"], events["part"], events["bar"]))]
