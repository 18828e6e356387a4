"""The flagship network: an LSTM over events, and small heads that choose one event's attributes in order.

The trunk reads the last event, the bar it stands in and what came next 1, 2, 4 and 8 bars ago. The heads
then choose position, part, pitch, duration and velocity, each knowing the ones before, so that attributes
of one note are never drawn apart (the fault of Octuple-like tokens). Parts are chosen by pointing: the
query meets a key made from each part's description, so any number of parts in any order will do.

A network for filling in is told, besides, what is given (`core.compose.given`): the next given note of the
bar, and what a second, small LSTM read of the given notes from the last bar back to this one and the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.compose.context import LONGEST_RUN, NO_DURATION, SILENCE_CLASSES
from core.compose.encoding import (
    CHORDS,
    COPIES,
    DENSITIES,
    LONGEST_COUNTDOWN,
    LOOKBACKS,
    NO_PITCH,
    PHRASE,
    PITCHES,
    POLYPHONIES,
    PROGRAMS,
    REGISTERS,
    TEMPI,
    TIMES,
    VELOCITIES,
)
from core.compose.given import BAR_ROW

BAR_LENGTHS = 97
FAR_BELOW = -1e4


@dataclass(frozen=True)
class Shape:
    """The network's sizes, kept in its model card.

    ``plain`` takes away conditions, chords, form, countdown and lookbacks: the ordinary LSTM that the
    flagship is measured against. ``infill`` is the size of what is read of given notes; 0 for a network that
    only goes forward.
    """

    hidden: int = 512
    layers: int = 2
    styles: int = 32
    composers: int = 32
    dropout: float = 0.1
    plain: bool = False
    infill: int = 0


class Conditions(nn.Module):
    """What is asked of the whole piece: style, composer, mode, tempo, dynamics."""

    def __init__(self, shape: Shape, size: int) -> None:
        super().__init__()
        self.style = nn.Embedding(shape.styles + 1, size)
        self.composer = nn.Embedding(shape.composers + 1, size)
        self.mode = nn.Embedding(3, size)
        self.tempo = nn.Embedding(TEMPI + 1, size)
        self.dynamic = nn.Embedding(2, size)

    def forward(self, wish: Tensor) -> Tensor:
        """``wish`` [..., 5] classes, the class above the last meaning "open" -> [..., size]."""
        tables = (self.style, self.composer, self.mode, self.tempo, self.dynamic)
        return torch.stack([table(wish[..., i]) for i, table in enumerate(tables)]).sum(0)


class Parts(nn.Module):
    """A vector for each part from its program, register, polyphony and density."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.program = nn.Embedding(PROGRAMS, size)
        self.register_class = nn.Embedding(REGISTERS + 1, size)
        self.polyphony = nn.Embedding(POLYPHONIES + 1, size)
        self.density = nn.Embedding(DENSITIES + 1, size)

    def forward(self, parts: Tensor) -> Tensor:
        """[..., 4] classes -> [..., size]."""
        tables = (self.program, self.register_class, self.polyphony, self.density)
        return torch.stack([table(parts[..., i]) for i, table in enumerate(tables)]).sum(0)


def _head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


class GivenNotes(nn.Module):
    """What is known of the given notes of this bar, the next, and all after."""

    def __init__(self, size: int, part: int) -> None:
        super().__init__()
        self.time = nn.Embedding(TIMES + 1, 16)
        self.pitch = nn.Embedding(PITCHES + 1, 16, padding_idx=NO_PITCH)
        self.duration = nn.Embedding(NO_DURATION + 1, 8)
        self.part = nn.Linear(part, 16, bias=False)
        self.bar = nn.Linear(BAR_ROW + part, size)
        self.backwards = nn.LSTM(size, size, batch_first=True)
        self.width = 16 + 16 + 8 + 16 + 2 * size

    def read(self, rows: Tensor, open_parts: Tensor, bars: Tensor, parts: Tensor) -> Tensor:
        """Read the bars from the last to the first.

        Parameters
        ----------
        rows : `core.compose.given.bar_rows` [batch, most, BAR_ROW], zero where nothing at all is given
        open_parts : 1 where a part may have new notes [batch, most, parts]
        bars : how many bars each piece has [batch]
        parts : parts' vectors [batch, parts, part]

        Returns
        -------
        Tensor [batch, most + 2, 2 * size]
            row b + 1 is for bar b: what stands from b on, and from b + 1 on; 0 for the place before the first
        """
        batch, most, _ = rows.shape
        described = rows[..., -1:]
        share = open_parts / open_parts.sum(-1, keepdim=True).clamp(min=1.0)
        x = torch.relu(self.bar(torch.cat([rows, share @ parts], -1)))
        turned = (bars[:, None] - 1 - torch.arange(most, device=rows.device)).clamp(min=0)
        h, _ = self.backwards(_pick(x, turned))
        h = _pick(h, turned)
        inside = torch.arange(most, device=rows.device) < bars[:, None]
        h = h * described * inside.unsqueeze(-1)
        blank = h.new_zeros(batch, 1, h.shape[-1])
        return torch.cat([torch.cat([blank, h, blank], 1), torch.cat([h, blank, blank], 1)], -1)


class Network(nn.Module):
    """See the module's text. `inputs` feeds the trunk; the ``*_logits`` methods are the heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        wish, part, pitch, time, duration, velocity, chord, echo = 64, 48, 48, 32, 16, 8, 32, 16
        self.conditions = Conditions(shape, wish)
        self.parts = Parts(part)
        self.time = nn.Embedding(TIMES + 1, time)
        self.pitch = nn.Embedding(PITCHES + 1, pitch, padding_idx=NO_PITCH)
        self.duration = nn.Embedding(NO_DURATION + 1, duration)
        self.velocity = nn.Embedding(VELOCITIES + 1, velocity)
        self.chord = nn.Embedding(CHORDS, chord)
        self.copy = nn.Embedding(COPIES, 8)
        self.countdown = nn.Embedding(LONGEST_COUNTDOWN + 2, 16)
        self.phrase = nn.Embedding(PHRASE, 8)
        self.bar_length = nn.Embedding(BAR_LENGTHS, 8)
        self.run = nn.Embedding(LONGEST_RUN + 1, 4)
        # Lookbacks are seen through smaller tables: what matters is whether they are followed.
        self.echo_time = nn.Embedding(TIMES + 1, echo)
        self.echo_pitch = nn.Embedding(PITCHES + 1, echo, padding_idx=NO_PITCH)
        self.echo_part = nn.Linear(part, echo, bias=False)
        self.echo_duration = nn.Embedding(NO_DURATION + 1, 8)

        backs = len(LOOKBACKS)
        inputs = wish + time + part + pitch + duration + velocity + 2 * chord + 8 + 16 + 8 + 8 + 12
        inputs += backs * (3 * echo + 8 + 4)
        if shape.infill:
            self.given = GivenNotes(shape.infill, part)
            inputs += self.given.width
        hidden = shape.hidden
        between = shape.dropout if shape.layers > 1 else 0.0
        self.trunk = nn.LSTM(inputs, hidden, shape.layers, batch_first=True, dropout=between)
        self.drop = nn.Dropout(shape.dropout)

        self.copy_head = _head(hidden, 64, COPIES)
        self.chord_head = _head(hidden + 8, 192, CHORDS)
        self.second_chord_head = _head(hidden + 8 + chord, 192, CHORDS)
        self.time_head = _head(hidden, 192, TIMES)
        self.part_query = nn.Linear(hidden + time, 64)
        self.part_key = nn.Linear(part, 64)
        self.silence_key = nn.Embedding(SILENCE_CLASSES, 64)
        to_come = 12 if shape.infill else 0
        self.pitch_head = _head(
            hidden + time + part + 2 * pitch + backs * echo + 12 + chord + to_come, 320, PITCHES
        )
        self.duration_head = _head(hidden + time + part + pitch + (backs + 1) * 8, 160, NO_DURATION)
        self.velocity_head = _head(hidden + time + part + pitch + duration + velocity, 96, VELOCITIES)

        if shape.plain:
            self._silence(
                *self.conditions.children(), self.chord, self.copy, self.countdown, self.phrase, self.run,
                self.echo_time, self.echo_pitch, self.echo_duration,
            )  # fmt: skip
            nn.init.zeros_(self.echo_part.weight).requires_grad_(False)

    @staticmethod
    def _silence(*tables: nn.Module) -> None:
        """Tables that say nothing, and never learn to."""
        for table in tables:
            for weight in table.parameters():
                nn.init.zeros_(weight).requires_grad_(False)

    def inputs(
        self, x: dict[str, Tensor], wish: Tensor, parts: Tensor, given: Tensor | None = None
    ) -> Tensor:
        """The trunk's input.

        Parameters
        ----------
        x : int64 tensors of events and their surroundings, each [batch, time, ...]
        wish : conditions' vectors [batch, wish]
        parts : parts' vectors [batch, parts, part]
        given : what `GivenNotes.read` found, for a network that fills in

        Returns
        -------
        Tensor [batch, time, inputs]
        """
        batch, steps = x["time"].shape
        of_part = _pick(parts, x["part"]) * x["is_note"].unsqueeze(-1)
        ahead_part = _pick(parts, x["ahead_part"].flatten(1)).view(batch, steps, len(LOOKBACKS), -1)
        ahead_part = self.echo_part(ahead_part * x["ahead_is_note"].unsqueeze(-1))
        return torch.cat(
            [
                wish.unsqueeze(1).expand(-1, steps, -1),
                self.time(x["time"]),
                of_part,
                self.pitch(x["pitch"]),
                self.duration(x["duration"]),
                self.velocity(x["velocity"]),
                self.chord(x["chord"]),
                self.chord(x["second_chord"]),
                self.copy(x["copy"]),
                self.countdown(x["countdown"]),
                self.phrase(x["phrase"]),
                self.bar_length(x["bar_length"]),
                x["chroma_now"],
                self.echo_time(x["ahead_time"]).flatten(2),
                ahead_part.flatten(2),
                self.echo_pitch(x["ahead_pitch"]).flatten(2),
                self.echo_duration(x["ahead_duration"]).flatten(2),
                self.run(x["run"]).flatten(2),
                *(self._given_inputs(x, parts, given) if given is not None else ()),
            ],
            -1,
        )

    def _given_inputs(self, x: dict[str, Tensor], parts: Tensor, given: Tensor) -> tuple[Tensor, ...]:
        return (
            self.given.time(x["given_time"]),
            self.given.part(_pick(parts, x["given_part"]) * x["given_is_note"].unsqueeze(-1)),
            self.given.pitch(x["given_pitch"]),
            self.given.duration(x["given_duration"]),
            _pick(given, x["bar_place"]),
        )

    def copy_logits(self, h: Tensor) -> Tensor:
        return self.copy_head(h)

    def chord_logits(self, h: Tensor, copy: Tensor) -> Tensor:
        return self.chord_head(torch.cat([h, self.copy(copy)], -1))

    def second_chord_logits(self, h: Tensor, copy: Tensor, chord: Tensor) -> Tensor:
        return self.second_chord_head(torch.cat([h, self.copy(copy), self.chord(chord)], -1))

    def time_logits(self, h: Tensor) -> Tensor:
        return self.time_head(h)

    def part_logits(self, h: Tensor, time: Tensor, parts: Tensor, silence: Tensor) -> Tensor:
        """[n, hidden], [n], [n, parts, part], [n, parts] -> [n, parts]."""
        query = self.part_query(torch.cat([h, self.time(time)], -1))
        keys = self.part_key(parts) + self.silence_key(silence)
        return (keys * query.unsqueeze(1)).sum(-1) / 8.0

    def pitch_logits(
        self,
        h: Tensor,
        time: Tensor,
        part: Tensor,
        last_pitch: Tensor,
        echo_pitch: Tensor,
        chroma: Tensor,
        chord: Tensor,
        to_come: Tensor | None = None,
    ) -> Tensor:
        """``part`` is a vector [n, part]; ``last_pitch`` [n, 2]; ``echo_pitch`` [n, backs]; ``chroma`` [n, 12].

        ``to_come`` [n, 12] are the given notes still to come at this position, for a network that fills in.
        """
        return self.pitch_head(
            torch.cat(
                [
                    h,
                    self.time(time),
                    part,
                    self.pitch(last_pitch).flatten(1),
                    self.echo_pitch(echo_pitch).flatten(1),
                    chroma,
                    self.chord(chord),
                    *((to_come,) if to_come is not None else ()),
                ],
                -1,
            )
        )

    def duration_logits(
        self, h: Tensor, time: Tensor, part: Tensor, pitch: Tensor, echoes: Tensor, last: Tensor
    ) -> Tensor:
        return self.duration_head(
            torch.cat(
                [
                    h,
                    self.time(time),
                    part,
                    self.pitch(pitch),
                    self.echo_duration(echoes).flatten(1),
                    self.echo_duration(last),
                ],
                -1,
            )
        )

    def velocity_logits(
        self, h: Tensor, time: Tensor, part: Tensor, pitch: Tensor, duration: Tensor, last: Tensor
    ) -> Tensor:
        return self.velocity_head(
            torch.cat(
                [h, self.time(time), part, self.pitch(pitch), self.duration(duration), self.velocity(last)],
                -1,
            )
        )


def _pick(parts: Tensor, index: Tensor) -> Tensor:
    """Rows of [batch, parts, size] by [batch, n] -> [batch, n, size]."""
    return torch.gather(parts, 1, index.unsqueeze(-1).expand(-1, -1, parts.shape[-1]))


def network_from_card(card: dict[str, Any]) -> Network:
    """An untrained network of the sizes in a model card."""
    return Network(Shape(**card["shape"]))
