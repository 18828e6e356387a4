"""The flagship network one event at a time, many times faster than stepping `torch.nn.LSTM`.

The trunk's first layer reads nothing but embeddings, so their products with its weights are worked out
once: a step then adds a few dozen rows of one table instead of multiplying a long vector. The heads'
shares of the hidden state come from one product for all of them, and their embedded inputs from tables
too. What is left are the LSTM's own products, in int8 on a CPU, and the heads' small last
layers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.compose.encoding import LOOKBACKS, MOST_PARTS
from core.compose.network import Network
from core.compose.state import Echo, State

_BACKS = len(LOOKBACKS)

# fmt: off
PLAIN_INPUTS = (
    "time", "pitch", "duration", "velocity", "chord", "second_chord", "copy", "countdown", "phrase", "bar_length",
)
# fmt: on
"""Inputs of the trunk that are one class each."""

LOOKBACK_INPUTS = ("ahead_time", "ahead_pitch", "ahead_duration", "run")
"""Inputs that are one class for each lookback."""


Product = Callable[[Tensor], Tensor]


def _product(weight: Tensor, bias: Tensor, int8: bool) -> Product:
    """The map x -> weight @ x + bias, with rows of ``weight`` in int8 and x rounded to int8 as it comes if ``int8``.

    A step is bound by the memory that the weights are read from; int8 reads a quarter.
    """
    if not int8:
        return lambda x: F.linear(x, weight, bias)
    scale = weight.abs().amax(1).clamp(min=1e-8) / 127
    with warnings.catch_warnings():
        # To be removed in a later torch; the version here is pinned, see docs/decisions.md.
        warnings.simplefilter("ignore")
        rows = torch.quantize_per_channel(
            weight, scale.double(), torch.zeros_like(scale).long(), 0, torch.qint8
        )
        packed = torch.ops.quantized.linear_prepack(rows, bias)
    return lambda x: torch.ops.quantized.linear_dynamic(x, packed)


def can_int8(device: torch.device) -> bool:
    """Whether this machine has int8 products."""
    return device.type == "cpu" and torch.backends.quantized.engine != "none"


class _Tables:
    """Rows of one matrix, by the name of the input they stand for."""

    def __init__(self, width: int, device: torch.device) -> None:
        self._blocks: list[Tensor] = []
        self._count = 0
        self.first: dict[str, int] = {}
        self.width, self.device = width, device

    def add(self, name: str, rows: Tensor) -> None:
        self.first[name] = self._count
        self._blocks.append(rows)
        self._count += len(rows)

    def stacked(self) -> Tensor:
        return torch.cat(self._blocks).contiguous()


@dataclass(frozen=True)
class _Products:
    """The large products of a network: one a layer of the trunk, and the heads' shares of its output."""

    layers: list[Product]
    heads: Product


@lru_cache(maxsize=4)
def _products(network: Network, int8: bool) -> _Products:
    lstm, hidden = network.trunk, network.shape.hidden
    layers = [_product(lstm.weight_hh_l0, torch.zeros_like(lstm.bias_hh_l0), int8)]
    for i in range(1, network.shape.layers):
        weight = torch.cat([getattr(lstm, f"weight_ih_l{i}"), getattr(lstm, f"weight_hh_l{i}")], 1)
        layers.append(_product(weight, getattr(lstm, f"bias_ih_l{i}") + getattr(lstm, f"bias_hh_l{i}"), int8))
    firsts = _first_layers(network).values()
    weight = torch.cat([layer.weight[:, :hidden] for layer in firsts])
    return _Products(layers, _product(weight, torch.cat([layer.bias for layer in firsts]), int8))


def _first_layers(network: Network) -> dict[str, nn.Linear]:
    """What each head does first with the trunk's output."""
    return {
        "time": cast(nn.Linear, network.time_head[0]),
        "part": network.part_query,
        "pitch": cast(nn.Linear, network.pitch_head[0]),
        "duration": cast(nn.Linear, network.duration_head[0]),
        "velocity": cast(nn.Linear, network.velocity_head[0]),
    }


class Stepper:
    """One piece's run through the network.

    Parameters
    ----------
    network : Network in evaluation mode
    wish : conditions, five classes
    parts : the parts' four classes each
    int8 : round the large products to int8; costs under 0.01 nats a note (docs/models.md)
    """

    @torch.inference_mode()
    def __init__(
        self, network: Network, wish: Sequence[int], parts: Sequence[Sequence[int]], *, int8: bool = True
    ) -> None:
        device = next(network.parameters()).device
        self._products = _products(network, int8 and can_int8(device))
        self._network, self._device = network, device
        self.part_count = len(parts)
        rows = torch.zeros(MOST_PARTS, 4, dtype=torch.long, device=device)
        rows[: len(parts)] = torch.tensor([list(row) for row in parts], device=device)
        self._parts = network.parts(rows)
        self._prepare_trunk(network.conditions(torch.tensor(list(wish), device=device)))
        self._prepare_heads()
        shape = network.shape
        self._h = [torch.zeros(1, shape.hidden, device=device) for _ in range(shape.layers)]
        self._c = [torch.zeros(1, shape.hidden, device=device) for _ in range(shape.layers)]

    def _prepare_trunk(self, condition: Tensor) -> None:
        net, lstm = self._network, self._network.trunk
        weight = lstm.weight_ih_l0
        tables = _Tables(weight.shape[0], self._device)
        at = len(condition)
        base = weight[:, :at] @ condition + lstm.bias_ih_l0 + lstm.bias_hh_l0
        tables.add("base", base[None])

        def fold(name: str, values: Tensor) -> None:
            nonlocal at
            width = values.shape[1]
            tables.add(name, values @ weight[:, at : at + width].T)
            at += width

        fold("time", net.time.weight)
        fold("part", self._parts)
        fold("pitch", net.pitch.weight)
        fold("duration", net.duration.weight)
        fold("velocity", net.velocity.weight)
        fold("chord", net.chord.weight)
        fold("second_chord", net.chord.weight)
        fold("copy", net.copy.weight)
        fold("countdown", net.countdown.weight)
        fold("phrase", net.phrase.weight)
        fold("bar_length", net.bar_length.weight)
        fold("chroma_now", torch.eye(12, device=self._device))
        echo_parts = net.echo_part(self._parts)
        for name, values in (
            ("ahead_time", net.echo_time.weight),
            ("ahead_part", echo_parts),
            ("ahead_pitch", net.echo_pitch.weight),
            ("ahead_duration", net.echo_duration.weight),
            ("run", net.run.weight),
        ):
            for back in range(_BACKS):
                fold(f"{name}{back}", values)
        if at != weight.shape[1]:
            raise ValueError("the trunk's inputs and its tables do not agree")
        self._first = tables.first
        self._table = tables.stacked()

    def _prepare_heads(self) -> None:
        net = self._network
        firsts = _first_layers(net)
        self._sizes = [layer.out_features for layer in firsts.values()]
        self._fold = {
            "part": self._head_tables(firsts["part"], [("time", net.time.weight)]),
            "pitch": self._head_tables(
                firsts["pitch"],
                [("time", net.time.weight), ("part", self._parts)]
                + [(f"last{i}", net.pitch.weight) for i in range(2)]
                + [(f"echo{i}", net.echo_pitch.weight) for i in range(_BACKS)]
                + [("chroma", torch.eye(12, device=self._device)), ("chord", net.chord.weight)],
            ),
            "duration": self._head_tables(
                firsts["duration"],
                [("time", net.time.weight), ("part", self._parts), ("pitch", net.pitch.weight)]
                + [(f"echo{i}", net.echo_duration.weight) for i in range(_BACKS)]
                + [("last", net.echo_duration.weight)],
            ),
            "velocity": self._head_tables(
                firsts["velocity"],
                [
                    ("time", net.time.weight),
                    ("part", self._parts),
                    ("pitch", net.pitch.weight),
                    ("duration", net.duration.weight),
                    ("last", net.velocity.weight),
                ],
            ),
        }
        self._part_keys = net.part_key(self._parts[: self.part_count])

    def _head_tables(
        self, layer: nn.Linear, fields: list[tuple[str, Tensor]]
    ) -> tuple[Tensor, dict[str, int]]:
        weight = layer.weight[:, self._network.shape.hidden :]
        tables = _Tables(weight.shape[0], self._device)
        at = 0
        for name, values in fields:
            width = values.shape[1]
            tables.add(name, values @ weight[:, at : at + width].T)
            at += width
        return tables.stacked(), tables.first

    def _rows_of(self, state: State) -> list[int]:
        row, first = state.row(), self._first
        ids = [first["base"], *(first[name] + row[name] for name in PLAIN_INPUTS)]
        if row["is_note"]:
            ids.append(first["part"] + row["part"])
        ids += [first["chroma_now"] + bit for bit in range(12) if row["chroma_now"] >> bit & 1]
        for back in range(_BACKS):
            ids += [first[f"{name}{back}"] + row[name][back] for name in LOOKBACK_INPUTS]
            if row["ahead_is_note"][back]:
                ids.append(first[f"ahead_part{back}"] + row["ahead_part"][back])
        return ids

    @torch.inference_mode()
    def step(self, state: State) -> None:
        """Read the last event of ``state``; the heads then speak of the next one."""
        gates = self._sum(self._table, self._rows_of(state)) + self._products.layers[0](self._h[0])
        self._h[0], self._c[0] = _cell(gates, self._c[0])
        for i in range(1, len(self._products.layers)):
            gates = self._products.layers[i](torch.cat([self._h[i - 1], self._h[i]], 1))
            self._h[i], self._c[i] = _cell(gates, self._c[i])
        self._shares: dict[str, Tensor] | None = None

    def _sum(self, table: Tensor, ids: list[int]) -> Tensor:
        return F.embedding_bag(torch.tensor([ids], device=self._device), table, mode="sum")

    def _share(self, name: str) -> Tensor:
        if self._shares is None:
            whole = self._products.heads(self._h[-1]).split(self._sizes, 1)
            self._shares = dict(zip(("time", "part", "pitch", "duration", "velocity"), whole, strict=True))
        return self._shares[name]

    @torch.inference_mode()
    def copy_logits(self) -> Tensor:
        return self._network.copy_logits(self._h[-1])[0]

    @torch.inference_mode()
    def chord_logits(self, copy: int) -> Tensor:
        return self._network.chord_logits(self._h[-1], self._one(copy))[0]

    @torch.inference_mode()
    def second_chord_logits(self, copy: int, chord: int) -> Tensor:
        return self._network.second_chord_logits(self._h[-1], self._one(copy), self._one(chord))[0]

    @torch.inference_mode()
    def time_logits(self) -> Tensor:
        return self._network.time_head[2](torch.relu(self._share("time")))[0]

    @torch.inference_mode()
    def part_logits(self, time: int, silence: Sequence[int]) -> Tensor:
        table, first = self._fold["part"]
        query = self._share("part") + table[first["time"] + time]
        keys = self._part_keys + self._network.silence_key(torch.tensor(silence, device=self._device))
        return (keys * query).sum(-1) / 8.0

    @torch.inference_mode()
    def pitch_logits(self, time: int, part: int, echo: Echo) -> Tensor:
        table, first = self._fold["pitch"]
        ids = [first["time"] + time, first["part"] + part, first["chord"] + echo.chord]
        ids += [first[f"last{i}"] + pitch for i, pitch in enumerate(echo.last_pitch)]
        ids += [first[f"echo{i}"] + pitch for i, pitch in enumerate(echo.echo_pitch)]
        ids += [first["chroma"] + bit for bit in range(12) if echo.chroma >> bit & 1]
        return self._network.pitch_head[2](torch.relu(self._share("pitch") + self._sum(table, ids)))[0]

    @torch.inference_mode()
    def duration_logits(self, time: int, part: int, pitch: int, echo: Echo) -> Tensor:
        table, first = self._fold["duration"]
        ids = [
            first["time"] + time,
            first["part"] + part,
            first["pitch"] + pitch,
            first["last"] + echo.last_duration,
        ]
        ids += [first[f"echo{i}"] + duration for i, duration in enumerate(echo.echo_duration)]
        return self._network.duration_head[2](torch.relu(self._share("duration") + self._sum(table, ids)))[0]

    @torch.inference_mode()
    def velocity_logits(self, time: int, part: int, pitch: int, duration: int, echo: Echo) -> Tensor:
        table, first = self._fold["velocity"]
        ids = [
            first["time"] + time,
            first["part"] + part,
            first["pitch"] + pitch,
            first["duration"] + duration,
            first["last"] + echo.last_velocity,
        ]
        return self._network.velocity_head[2](torch.relu(self._share("velocity") + self._sum(table, ids)))[0]

    def _one(self, value: int) -> Tensor:
        return torch.tensor([value], device=self._device)


def _cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One LSTM cell from its summed gates, in torch's order: input, forget, cell, output."""
    i, f, g, o = gates.chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
