"""The network of the score embedding: a recurrent variational autoencoder over bars.

After A. Roberts, J. Engel, C. Raffel, C. Hawthorne and D. Eck, "A Hierarchical Latent Vector Model for Learning
Long-Term Structure in Music" (MusicVAE, arXiv 1803.05428, section 3): what was read is one Gaussian, and a
*conductor* unfolds a latent vector bar by bar before a second recurrent network writes the notes. Here a bar is
unfolded once more, into the cells of its slots (`core.explore.score_codec`), so that all cells of all bars are
read, and written, at the same time.

Conventions
-----------
* A cell is read as a set of events, each with its neighbours: an event says itself where it stands, and reading
  all at once takes a fifth of the time of one after the other. What follows what is for the bars' network, and the
  writer's.
* An event is chosen as the flagship's heads choose it: position, pitch, duration, velocity, each knowing those
  before. The position `END` ends a cell.
* Tensors of cells are [cells, ...]; ``bar`` [cells] says which bar of the batch each belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.compose.encoding import DURATIONS, LONGEST_BAR, PITCHES, VELOCITIES
from core.explore.score_codec import NO_PROGRAM, SLOTS, UNIT_BARS

END = LONGEST_BAR
"""The position that ends a cell; the next above it stands before the first event."""
START = END + 1
UNKNOWN = START + 1
"""The position of an event that is withheld in training."""

QUIET = -3.0
"""Logarithm of the variance of latent vectors in the beginning."""

LENGTHS = len(DURATIONS)
BLANKS = {"pitch": PITCHES, "duration": LENGTHS, "velocity": VELOCITIES}
"""The classes of an event that is none, besides its position."""


@dataclass(frozen=True)
class Shape:
    """The network's sizes, kept in its model card."""

    latent: int = 192
    reader: int = 320
    cell: int = 128
    bar: int = 320
    unit: int = 144
    conductor: int = 256
    condition: int = 192
    writer: int = 288
    likeness: int = 192
    vector: int = 64


@dataclass(frozen=True)
class Cells:
    """What the cells of a batch of units hold, apart from their events.

    Attributes
    ----------
    bar, slot, program, steps : of every cell: number of its bar in the batch, slot, program class, steps of its bar
    bars : how many bars the batch has; `UNIT_BARS` to a unit
    """

    bar: Tensor
    slot: Tensor
    program: Tensor
    steps: Tensor
    bars: int


@dataclass(frozen=True)
class Notes:
    """Events of cells of about the same length.

    Attributes
    ----------
    cell : which cell each row is [rows]
    time, pitch, duration, velocity : classes [rows, length]; what lies after the last event has the time `END`
    count : events in each row [rows]
    """

    cell: Tensor
    time: Tensor
    pitch: Tensor
    duration: Tensor
    velocity: Tensor
    count: Tensor


class ScoreNetwork(nn.Module):
    """`read` gives the Gaussian of units, `unfold` the conditions of their cells; the ``*_logits`` are the heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        time, pitch, duration, velocity = 32, 64, 16, 8
        event = time + pitch + duration + velocity
        self.time = nn.Embedding(UNKNOWN + 1, time)
        self.pitch = nn.Embedding(PITCHES + 1, pitch)
        self.duration = nn.Embedding(LENGTHS + 1, duration)
        self.velocity = nn.Embedding(VELOCITIES + 1, velocity)
        self.slot = nn.Embedding(len(SLOTS), 16)
        self.program = nn.Embedding(NO_PROGRAM + 1, 16)
        self.steps = nn.Embedding(LONGEST_BAR + 1, 16)

        self.reader = nn.Linear(3 * event, 2 * shape.reader, bias=False)
        self.cell_in = _even(shape.reader + 32, shape.cell)
        self.bar_in = _even(len(SLOTS) * shape.cell + 16, shape.bar)
        self.unit_in = nn.GRU(shape.bar, shape.unit, batch_first=True, bidirectional=True)
        self.gaussian = nn.Linear(UNIT_BARS * (2 * shape.unit + shape.bar), 2 * shape.latent)
        # Begun with much noise the latent vectors are not listened to, and what nobody hears does not learn to speak.
        nn.init.constant_(self.gaussian.bias[shape.latent :], QUIET)

        self.opening = nn.Linear(shape.latent, shape.conductor)
        self.conductor = nn.GRU(shape.latent, shape.conductor, batch_first=True)
        self.bar_out = nn.Linear(shape.latent, UNIT_BARS * shape.conductor)
        self.cell_out = nn.Linear(shape.conductor, len(SLOTS) * shape.condition)
        self.beside = nn.Linear(48, shape.condition)
        self.even = nn.Sequential(nn.LayerNorm(shape.condition), nn.SiLU())
        self.event_in = nn.Linear(event, shape.condition)
        self.first = nn.Linear(shape.condition, shape.writer)
        self.writer = nn.GRU(shape.condition, shape.writer, batch_first=True)
        self.bag = nn.Linear(shape.condition, END + 1 + PITCHES)
        self.time_head = nn.Linear(shape.writer, END + 1)
        self.pitch_head = _head(shape.writer + time + pitch, 192, PITCHES)
        self.duration_head = _head(shape.writer + time + pitch, 64, LENGTHS)
        self.velocity_head = _head(shape.writer + time + pitch + duration + velocity, 32, VELOCITIES)

        self.likeness = Likeness(shape)

    # -- reading -------------------------------------------------------------------------------------

    def events(self, time: Tensor, pitch: Tensor, duration: Tensor, velocity: Tensor) -> Tensor:
        """Classes [...] -> vectors [..., size]."""
        rows = (self.time(time), self.pitch(pitch), self.duration(duration), self.velocity(velocity))
        return torch.cat(rows, -1)

    def read(self, cells: Cells, groups: list[Notes]) -> tuple[Tensor, Tensor]:
        """(mean, logarithm of the variance) of every unit, each [units, latent]."""
        heard = self.slot.weight.new_zeros(len(cells.bar), self.shape.reader)
        for notes in groups:
            inside = (notes.time != END).unsqueeze(-1)
            alone = self.events(notes.time, notes.pitch, notes.duration, notes.velocity) * inside
            around = F.pad(alone, (0, 0, 1, 1))
            what, how = self.reader(torch.cat([around[:, :-2], alone, around[:, 2:]], -1)).chunk(2, -1)
            # Products of either sign: in their sum every event is heard, and none of what all have in common.
            summed = (what * torch.tanh(how) * inside).sum(1)
            # Scaled so that a full cell is heard about as loud as a thin one, and still as fuller.
            heard = heard.index_copy(0, notes.cell, summed / notes.count.clamp(min=1).sqrt().unsqueeze(-1))
        known = torch.cat([heard, self.slot(cells.slot), self.program(cells.program)], -1)
        found = self.cell_in(known)
        bars = found.new_zeros(cells.bars * len(SLOTS), self.shape.cell)
        bars = bars.index_copy(0, cells.bar * len(SLOTS) + cells.slot, found)
        steps = cells.steps.new_zeros(cells.bars).index_copy(0, cells.bar, cells.steps)
        bars = torch.cat([bars.view(cells.bars, -1), self.steps(steps)], -1)
        bars = self.bar_in(bars).view(-1, UNIT_BARS, self.shape.bar)
        read, _ = self.unit_in(bars)
        mean, spread = self.gaussian(torch.cat([read, bars], -1).flatten(1)).chunk(2, -1)
        return mean, spread.clamp(-8, 4)

    # -- writing -------------------------------------------------------------------------------------

    def unfold(self, latent: Tensor, cells: Cells) -> Tensor:
        """Latent vectors [units, latent] -> the condition of every cell [cells, condition]."""
        opening = torch.tanh(self.opening(latent)).unsqueeze(0)
        bars, _ = self.conductor(latent.unsqueeze(1).expand(-1, UNIT_BARS, -1).contiguous(), opening)
        bars = bars + self.bar_out(latent).view(bars.shape)
        # Every slot has weights of its own: what the bass does is another question than what the melody does.
        every = self.cell_out(bars).view(cells.bars * len(SLOTS), -1)
        beside = torch.cat([self.slot(cells.slot), self.program(cells.program), self.steps(cells.steps)], -1)
        return self.even(every[cells.bar * len(SLOTS) + cells.slot] + self.beside(beside))

    def write(self, condition: Tensor, before: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(states of the writer, its last state) after the events ``before`` [rows, length, event]."""
        opening = torch.tanh(self.first(condition)).unsqueeze(0) if state is None else state
        hidden, last = self.writer(self.event_in(before) + condition.unsqueeze(1), opening)
        return hidden, last

    def bags(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """(positions, pitches) that a cell holds as a whole, as logits [cells, END + 1], [cells, PITCHES].

        They are added to those of every event, so that what was read is a short way from what is written; by
        themselves they are asked for all of the cell's events (T. Zhao, R. Zhao and M. Eskenazi, Learning
        Discourse-level Diversity for Neural Dialog Models, arXiv 1703.10960: the bag-of-words loss).
        """
        times, pitches = self.bag(condition).split([END + 1, PITCHES], -1)
        return times, pitches

    def time_logits(self, h: Tensor, bag: Tensor) -> Tensor:
        return self.time_head(h) + bag

    def pitch_logits(self, h: Tensor, time: Tensor, last_pitch: Tensor, bag: Tensor) -> Tensor:
        return self.pitch_head(torch.cat([h, self.time(time), self.pitch(last_pitch)], -1)) + bag

    def duration_logits(self, h: Tensor, time: Tensor, pitch: Tensor) -> Tensor:
        return self.duration_head(torch.cat([h, self.time(time), self.pitch(pitch)], -1))

    def velocity_logits(
        self, h: Tensor, time: Tensor, pitch: Tensor, duration: Tensor, last_velocity: Tensor
    ) -> Tensor:
        known = (h, self.time(time), self.pitch(pitch), self.duration(duration), self.velocity(last_velocity))
        return self.velocity_head(torch.cat(known, -1))


class Likeness(nn.Module):
    """The one vector of a piece, from mean and spread of its latent vectors.

    `back` gives the mean latent vector that pieces have whose vector it is.
    """

    mean: Tensor
    gain: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        inputs = 2 * shape.latent
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("gain", torch.ones(inputs))
        self.body = nn.Sequential(
            nn.Dropout(0.2),
            nn.Linear(inputs, shape.likeness),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(shape.likeness, shape.vector),
        )
        self.back = nn.Linear(shape.vector, shape.latent)

    def forward(self, summary: Tensor) -> Tensor:
        """[pieces, 2 * latent] -> [pieces, vector], of length 1."""
        return F.normalize(self.body((summary - self.mean) * self.gain), dim=-1)


def _even(inputs: int, outputs: int) -> nn.Sequential:
    """A layer whose outputs are about as large for every input, so that what differs is passed on."""
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.SiLU())


def _head(inputs: int, hidden: int, classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def network_from_card(card: dict[str, Any]) -> ScoreNetwork:
    """An untrained network of the sizes in a model card."""
    return ScoreNetwork(Shape(**card["shape"]))
