"""The flagship network one event at a time, many times faster than stepping `torch.nn.LSTM`.

The trunk's first layer reads nothing but embeddings, so their products with its weights are worked out
once: a step then adds a few dozen rows of one table instead of multiplying a long vector. The heads'
shares of the hidden state come from one product for all of them, and their embedded inputs from tables
too. What is left are the LSTM's own products, in int8 on a CPU, and the heads' small last layers.

Several pieces can go side by side: each large product is then read from memory once for all of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from core.compose.encoding import LOOKBACKS, MOST_PARTS
from core.compose.given import Given, bar_rows
from core.compose.network import Network
from core.compose.state import Echo, State

_BACKS = len(LOOKBACKS)

# fmt: off
PLAIN_INPUTS = (
    "time", "pitch", "duration", "velocity", "chord", "second_chord", "copy", "countdown", "phrase", "bar_length",
)
# fmt: on
"""Inputs of the trunk that are one class each."""

GIVEN_INPUTS = ("given_time", "given_pitch", "given_duration")

LOOKBACK_INPUTS = ("ahead_time", "ahead_pitch", "ahead_duration", "run")
"""Inputs that are one class for each lookback."""


Product = Callable[[Tensor], Tensor]


def _product(weight: Tensor, bias: Tensor, int8: bool) -> Product:
    """The map x -> weight @ x + bias, with rows of ``weight`` in int8 and x rounded to int8 as it comes if ``int8``.

    A step is bound by the memory that the weights are read from; int8 reads a quarter. The range of x is taken
    from the numbers in it, so a column of 1 and one of -1, which hidden states never pass, make it the same at
    every step: what one piece says cannot depend on another beside it.
    """
    if not int8:
        return lambda x: F.linear(x, weight, bias)
    weight = torch.cat([weight, torch.zeros(len(weight), 2)], 1)
    scale = weight.abs().amax(1).clamp(min=1e-8) / 127
    with warnings.catch_warnings():
        # To be removed in a later torch; the version here is pinned, see docs/decisions.md.
        warnings.simplefilter("ignore")
        rows = torch.quantize_per_channel(
            weight, scale.double(), torch.zeros_like(scale).long(), 0, torch.qint8
        )
        packed = torch.ops.quantized.linear_prepack(rows, bias)
    edges = torch.tensor([[1.0, -1.0]])
    return lambda x: torch.ops.quantized.linear_dynamic(torch.cat([x, edges.expand(len(x), 2)], 1), packed)


def can_int8(device: torch.device) -> bool:
    """Whether this machine has int8 products."""
    return device.type == "cpu" and torch.backends.quantized.engine != "none"


class _Tables:
    """Rows of one matrix, by the name of the input they stand for.

    Parameters
    ----------
    weight : of the layer that reads the inputs
    at : the column of its first input
    """

    def __init__(self, weight: Tensor, at: int) -> None:
        self._weight, self.at = weight, at
        self._blocks: list[Tensor] = []
        self._count = 0
        self.first: dict[str, int] = {}
        self.own: dict[str, Tensor] = {}

    def fold(self, name: str, values: Tensor) -> None:
        """The next input is a row of ``values``."""
        self.first[name] = self._count
        self._blocks.append(values @ self._columns(values.shape[1]).T)
        self._count += len(values)

    def leave(self, name: str, width: int) -> None:
        """The next input differs from piece to piece."""
        self.own[name] = self._columns(width)

    def _columns(self, width: int) -> Tensor:
        self.at += width
        return self._weight[:, self.at - width : self.at]

    def stacked(self) -> Tensor:
        if self.at != self._weight.shape[1]:
            raise ValueError("a layer's inputs and its tables do not agree")
        return torch.cat(self._blocks).contiguous()


@dataclass(frozen=True)
class _Layer:
    """A layer's share of each class of each input, and what reads the inputs that are a piece's own."""

    table: Tensor
    first: dict[str, int]
    own: dict[str, Tensor]


@dataclass(frozen=True)
class _Products:
    """What is worked out once for a network.

    Attributes
    ----------
    layers : the trunk's products of hidden states
    heads : the heads' shares of the trunk's output
    reads : the trunk's first layer, and the first layer of each head
    """

    layers: list[Product]
    heads: Product
    reads: dict[str, _Layer]


@lru_cache(maxsize=4)
def _products(network: Network, int8: bool) -> _Products:
    lstm, hidden = network.trunk, network.shape.hidden
    layers = [_product(lstm.weight_hh_l0, torch.zeros_like(lstm.bias_hh_l0), int8)]
    for i in range(1, network.shape.layers):
        weight = torch.cat([getattr(lstm, f"weight_ih_l{i}"), getattr(lstm, f"weight_hh_l{i}")], 1)
        layers.append(_product(weight, getattr(lstm, f"bias_ih_l{i}") + getattr(lstm, f"bias_hh_l{i}"), int8))
    firsts = _first_layers(network)
    weight = torch.cat([layer.weight[:, :hidden] for layer in firsts.values()])
    heads = _product(weight, torch.cat([layer.bias for layer in firsts.values()]), int8)
    reads = {"trunk": _trunk_inputs(network)}
    reads |= {name: _head_inputs(network, name, layer) for name, layer in firsts.items() if name != "time"}
    return _Products(layers, heads, reads)


def _first_layers(network: Network) -> dict[str, nn.Linear]:
    """What each head does first with the trunk's output."""
    return {
        "time": cast(nn.Linear, network.time_head[0]),
        "part": network.part_query,
        "pitch": cast(nn.Linear, network.pitch_head[0]),
        "duration": cast(nn.Linear, network.duration_head[0]),
        "velocity": cast(nn.Linear, network.velocity_head[0]),
    }


def _trunk_inputs(net: Network) -> _Layer:
    """The trunk's inputs in the order of `Network.inputs`."""
    part = net.part_key.in_features
    tables = _Tables(net.trunk.weight_ih_l0, 0)
    tables.leave("wish", net.conditions.style.embedding_dim)
    tables.fold("time", net.time.weight)
    tables.leave("part", part)
    for name in ("pitch", "duration", "velocity", "chord"):
        tables.fold(name, getattr(net, name).weight)
    tables.fold("second_chord", net.chord.weight)
    for name in ("copy", "countdown", "phrase", "bar_length"):
        tables.fold(name, getattr(net, name).weight)
    tables.fold("chroma_now", torch.eye(12, device=net.time.weight.device))
    for back in range(_BACKS):
        tables.fold(f"ahead_time{back}", net.echo_time.weight)
    for back in range(_BACKS):
        tables.leave(f"ahead_part{back}", net.echo_part.out_features)
    for name, values in (
        ("ahead_pitch", net.echo_pitch.weight),
        ("ahead_duration", net.echo_duration.weight),
        ("run", net.run.weight),
    ):
        for back in range(_BACKS):
            tables.fold(f"{name}{back}", values)
    if net.shape.infill:
        tables.fold("given_time", net.given.time.weight)
        tables.leave("given_part", net.given.part.out_features)
        tables.fold("given_pitch", net.given.pitch.weight)
        tables.fold("given_duration", net.given.duration.weight)
        tables.leave("bar_place", 2 * net.shape.infill)
    return _Layer(tables.stacked(), tables.first, tables.own)


def _head_inputs(net: Network, head: str, layer: nn.Linear) -> _Layer:
    """A head's inputs in the order of its method in `Network`."""
    part = net.part_key.in_features
    tables = _Tables(layer.weight, net.shape.hidden)
    tables.fold("time", net.time.weight)
    if head != "part":
        tables.leave("part", part)
    if head == "pitch":
        for i in range(2):
            tables.fold(f"last{i}", net.pitch.weight)
        for i in range(_BACKS):
            tables.fold(f"echo{i}", net.echo_pitch.weight)
        tables.fold("chroma", torch.eye(12, device=layer.weight.device))
        tables.fold("chord", net.chord.weight)
        if net.shape.infill:
            tables.fold("to_come", torch.eye(12, device=layer.weight.device))
    elif head == "duration":
        tables.fold("pitch", net.pitch.weight)
        for i in range(_BACKS):
            tables.fold(f"echo{i}", net.echo_duration.weight)
        tables.fold("last", net.echo_duration.weight)
    elif head == "velocity":
        tables.fold("pitch", net.pitch.weight)
        tables.fold("duration", net.duration.weight)
        tables.fold("last", net.velocity.weight)
    return _Layer(tables.stacked(), tables.first, tables.own)


@dataclass(frozen=True)
class Setting:
    """What is fixed for a piece before its first event.

    Attributes
    ----------
    wish : conditions, five classes
    parts : the parts' four classes each
    given : notes that stand already
    bar_steps : steps of every bar of the piece, where ``given`` is
    manner : added to the conditions' vector, of a personal style [shape=(wish,)]
    hidden, cell : the trunk's state to begin with [shape=(layers, hidden)]
    """

    wish: Sequence[int]
    parts: Sequence[Sequence[int]]
    given: Given | None = None
    bar_steps: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    manner: NDArray[np.float32] | None = None
    hidden: NDArray[np.float32] | None = None
    cell: NDArray[np.float32] | None = None


class Steppers:
    """Several pieces' runs through the network, side by side.

    Parameters
    ----------
    network : Network in evaluation mode
    settings : one a piece
    int8 : round the large products to int8; costs under 0.01 nats a note (docs/models.md)
    """

    @torch.inference_mode()
    def __init__(self, network: Network, settings: Sequence[Setting], *, int8: bool = True) -> None:
        device = next(network.parameters()).device
        self._products = _products(network, int8 and can_int8(device))
        self._network, self._device = network, device
        self._sizes = [layer.out_features for layer in _first_layers(network).values()]
        self._part_counts = [len(setting.parts) for setting in settings]
        shape = network.shape
        self._h = [torch.zeros(len(settings), shape.hidden, device=device) for _ in range(shape.layers)]
        self._c = [torch.zeros(len(settings), shape.hidden, device=device) for _ in range(shape.layers)]
        self._shares: list[tuple[Tensor, ...] | None] = [None] * len(settings)
        self._own: dict[str, tuple[Tensor, list[dict[str, int]]]] = {}
        self._part_keys: list[Tensor] = []
        self._fold_own(settings)
        for place, setting in enumerate(settings):
            if setting.hidden is not None and setting.cell is not None:
                for layer in range(shape.layers):
                    self._h[layer][place] = torch.from_numpy(setting.hidden[layer])
                    self._c[layer][place] = torch.from_numpy(setting.cell[layer])

    def _fold_own(self, settings: Sequence[Setting]) -> None:
        """The rows of what differs from piece to piece, for the trunk and for each head."""
        net = self._network
        blocks: dict[str, list[Tensor]] = {name: [] for name in self._products.reads}
        firsts: dict[str, list[dict[str, int]]] = {name: [] for name in self._products.reads}
        counts = dict.fromkeys(self._products.reads, 0)
        for setting in settings:
            values = self._own_values(setting)
            self._part_keys.append(net.part_key(values["part"][: len(setting.parts)]))
            for name, layer in self._products.reads.items():
                first = {}
                for key, columns in layer.own.items():
                    rows = values[key.rstrip("0123456789")] @ columns.T
                    if key == "wish":
                        rows = rows + net.trunk.bias_ih_l0 + net.trunk.bias_hh_l0
                    first[key] = counts[name] + len(layer.table)
                    counts[name] += len(rows)
                    blocks[name].append(rows)
                firsts[name].append(first)
        for name, layer in self._products.reads.items():
            self._own[name] = (torch.cat([layer.table, *blocks[name]]), firsts[name])

    def _own_values(self, setting: Setting) -> dict[str, Tensor]:
        net, device = self._network, self._device
        classes = torch.zeros(MOST_PARTS, 4, dtype=torch.long, device=device)
        classes[: len(setting.parts)] = torch.tensor([list(row) for row in setting.parts], device=device)
        parts = net.parts(classes)
        wish = net.conditions(torch.tensor(list(setting.wish), device=device))
        if setting.manner is not None:
            wish = wish + torch.from_numpy(setting.manner).to(device)
        values = {"wish": wish[None], "part": parts, "ahead_part": net.echo_part(parts)}
        if net.shape.infill:
            values["given_part"] = net.given.part(parts)
            values["bar_place"] = self._read_given(setting, parts)
        return values

    def _read_given(self, setting: Setting, parts: Tensor) -> Tensor:
        if setting.given is None:
            return torch.zeros(1, 2 * self._network.shape.infill, device=self._device)
        rows = torch.from_numpy(bar_rows(setting.given, setting.bar_steps, len(setting.parts)))
        bars = len(rows)
        may_open = torch.from_numpy(setting.given.open[:bars].astype(np.float32))
        read = self._network.given.read(
            rows[None].to(self._device),
            may_open[None].to(self._device),
            torch.tensor([bars], device=self._device),
            parts[None],
        )
        return read[0]

    def _rows_of(self, piece: int, state: State) -> list[int]:
        row, first, own = state.row(), self._products.reads["trunk"].first, self._own["trunk"][1][piece]
        ids = [own["wish"], *(first[name] + row[name] for name in PLAIN_INPUTS)]
        if row["is_note"]:
            ids.append(own["part"] + row["part"])
        ids += _bits(first["chroma_now"], row["chroma_now"])
        for back in range(_BACKS):
            ids += [first[f"{name}{back}"] + row[name][back] for name in LOOKBACK_INPUTS]
            if row["ahead_is_note"][back]:
                ids.append(own[f"ahead_part{back}"] + row["ahead_part"][back])
        if self._network.shape.infill:
            ids += [first[name] + row[name] for name in GIVEN_INPUTS]
            ids.append(own["bar_place"] + (row["bar_place"] if state.given else 0))
            if row["given_is_note"]:
                ids.append(own["given_part"] + row["given_part"])
        return ids

    @torch.inference_mode()
    def step(self, pieces: Sequence[int], states: Sequence[State]) -> None:
        """Read the last event of each state; the heads then speak of the next one."""
        chosen: list[int] | slice = slice(None) if len(pieces) == len(self._shares) else list(pieces)
        ids = [self._rows_of(piece, state) for piece, state in zip(pieces, states, strict=True)]
        h, c = [x[chosen] for x in self._h], [x[chosen] for x in self._c]
        gates = self._sum("trunk", ids) + self._products.layers[0](h[0])
        h[0], c[0] = _cell(gates, c[0])
        for i in range(1, len(h)):
            gates = self._products.layers[i](torch.cat([h[i - 1], h[i]], 1))
            h[i], c[i] = _cell(gates, c[i])
        for i in range(len(h)):
            if isinstance(chosen, slice):
                self._h[i], self._c[i] = h[i], c[i]
            else:
                self._h[i][chosen], self._c[i][chosen] = h[i], c[i]
        for piece in pieces:
            self._shares[piece] = None

    def _sum(self, layer: str, ids: Sequence[Sequence[int]]) -> Tensor:
        if len(ids) == 1:
            return F.embedding_bag(torch.tensor(ids, device=self._device), self._own[layer][0], mode="sum")
        flat = torch.tensor([i for row in ids for i in row], device=self._device)
        offsets = torch.tensor(np.cumsum([0] + [len(row) for row in ids[:-1]]), device=self._device)
        return F.embedding_bag(flat, self._own[layer][0], offsets, mode="sum")

    def _share(self, head: str, pieces: Sequence[int]) -> Tensor:
        """A head's share of the trunk's output [shape=(pieces, width)]."""
        wanting = [piece for piece in pieces if self._shares[piece] is None]
        if wanting:
            whole = self._products.heads(self._h[-1][wanting]).split(self._sizes, 1)
            for place, piece in enumerate(wanting):
                self._shares[piece] = tuple(share[place] for share in whole)
        at = HEADS.index(head)
        rows = [shares[at] for piece in pieces if (shares := self._shares[piece]) is not None]
        return rows[0][None] if len(rows) == 1 else torch.stack(rows)

    @torch.inference_mode()
    def logits(self, head: str, pieces: Sequence[int], asked: Sequence[tuple[Any, ...]]) -> list[Tensor]:
        """What a head says of each piece.

        Parameters
        ----------
        head : one of `HEADS`, or "copy", "chord", "second_chord"
        pieces : which pieces
        asked : for each, the arguments of `Stepper`'s method of that head

        Returns
        -------
        list of Tensor
            [shape=(classes,)] each
        """
        if head in ("copy", "chord", "second_chord"):
            h = self._h[-1][list(pieces)]
            classes = [torch.tensor(values, device=self._device) for values in zip(*asked, strict=True)]
            return list(getattr(self._network, f"{head}_logits")(h, *classes))
        share = self._share(head, pieces)
        if head == "time":
            return list(self._network.time_head[2](torch.relu(share)))
        ids = [self._head_rows(head, piece, *args) for piece, args in zip(pieces, asked, strict=True)]
        share = share + self._sum(head, ids)
        if head == "part":
            return [
                self._toward_parts(piece, query, args[1])
                for piece, query, args in zip(pieces, share, asked, strict=True)
            ]
        return list(getattr(self._network, f"{head}_head")[2](torch.relu(share)))

    def _toward_parts(self, piece: int, query: Tensor, silence: Sequence[int]) -> Tensor:
        keys = self._part_keys[piece] + self._network.silence_key(torch.tensor(silence, device=self._device))
        return (keys * query).sum(-1) / 8.0

    def _head_rows(self, head: str, piece: int, *args: Any) -> list[int]:
        first, own = self._products.reads[head].first, self._own[head][1][piece]
        ids = [first["time"] + args[0]]
        if head == "part":
            return ids
        ids.append(own["part"] + args[1])
        echo: Echo = args[-1]
        if head == "pitch":
            ids.append(first["chord"] + echo.chord)
            ids += [first[f"last{i}"] + pitch for i, pitch in enumerate(echo.last_pitch)]
            ids += [first[f"echo{i}"] + pitch for i, pitch in enumerate(echo.echo_pitch)]
            ids += _bits(first["chroma"], echo.chroma)
            return ids + (_bits(first["to_come"], echo.to_come) if "to_come" in first else [])
        ids.append(first["pitch"] + args[2])
        if head == "duration":
            ids.append(first["last"] + echo.last_duration)
            return ids + [first[f"echo{i}"] + duration for i, duration in enumerate(echo.echo_duration)]
        return [*ids, first["duration"] + args[3], first["last"] + echo.last_velocity]


HEADS = ("time", "part", "pitch", "duration", "velocity")


def _bits(first: int, bits: int) -> list[int]:
    return [first + bit for bit in range(12) if bits >> bit & 1]


class Stepper:
    """One piece's run through the network; see `Steppers`."""

    def __init__(
        self,
        network: Network,
        wish: Sequence[int],
        parts: Sequence[Sequence[int]],
        *,
        int8: bool = True,
        setting: Setting | None = None,
    ) -> None:
        self._one = Steppers(network, [setting or Setting(wish, parts)], int8=int8)

    def step(self, state: State) -> None:
        """Read the last event of ``state``; the heads then speak of the next one."""
        self._one.step((0,), (state,))

    def _logits(self, head: str, *args: Any) -> Tensor:
        return self._one.logits(head, (0,), (args,))[0]

    def copy_logits(self) -> Tensor:
        return self._logits("copy")

    def chord_logits(self, copy: int) -> Tensor:
        return self._logits("chord", copy)

    def second_chord_logits(self, copy: int, chord: int) -> Tensor:
        return self._logits("second_chord", copy, chord)

    def time_logits(self) -> Tensor:
        return self._logits("time")

    def part_logits(self, time: int, silence: Sequence[int]) -> Tensor:
        return self._logits("part", time, silence)

    def pitch_logits(self, time: int, part: int, echo: Echo) -> Tensor:
        return self._logits("pitch", time, part, echo)

    def duration_logits(self, time: int, part: int, pitch: int, echo: Echo) -> Tensor:
        return self._logits("duration", time, part, pitch, echo)

    def velocity_logits(self, time: int, part: int, pitch: int, duration: int, echo: Echo) -> Tensor:
        return self._logits("velocity", time, part, pitch, duration, echo)


def _cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One LSTM cell from its summed gates, in torch's order: input, forget, cell, output."""
    i, f, g, o = gates.chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
