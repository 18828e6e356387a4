"""A personal style from a few MIDI files: all that is tuned is where the flagship begins.

The network stays as it is. Learnt are the states its LSTM starts a piece with, instead of zeros, and one
vector added to those of the conditions: some two thousand numbers, which a few files can fill without
being learnt by heart. This is the state tuning of MIDI-RWKV (Zhou-Zheng and Pasquier, "Personalizable
Long-Context Symbolic Music Infilling with MIDI-RWKV", 2025), where with few samples it beat low-rank
adaptation, brought to an LSTM; a matrix of states holds more than our two vectors, hence the third.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.compose import flagship, personal
from core.compose.encoding import excerpt
from core.compose.network import Network
from core.compose.styles import COMPOSERS, STYLES
from core.errors import Cancelled, TunesmithError
from core.learn.batches import Batch, batches
from core.learn.data import Example, encode_song, read_folder, read_song
from core.learn.flagship import measure_loss
from core.learn.objective import State, attribute_losses

LEAST_BARS = 10
"""A piece shorter than this is learnt from whole."""

HELD_OUT = 5
"""One in so many bars is held out."""

OPEN = (len(STYLES), len(COMPOSERS))
"""Style and composer left open."""


@dataclass(frozen=True)
class Tuning:
    """Everything that decides a tuning.

    Attributes
    ----------
    minutes : at most; it usually ends before
    most_steps : at most
    check_steps : between two looks at the held-out bars
    patience : looks in a row without a lower loss after which it ends
    """

    minutes: float = 3.0
    most_steps: int = 120
    streams: int = 8
    steps: int = 128
    learning_rate: float = 0.04
    check_steps: int = 15
    patience: int = 3
    seed: int = 1


@dataclass(frozen=True)
class Tuned:
    """What was tuned, and what it is worth on the held-out bars.

    Attributes
    ----------
    h, c : [shape=(layers, hidden)]
    wish : [shape=(size of a condition,)]
    figures : nats a note on the held-out bars, ``open_nats`` as the network is and ``tuned_nats``; ``minutes``
        and ``steps`` spent
    """

    h: NDArray[np.float32]
    c: NDArray[np.float32]
    wish: NDArray[np.float32]
    figures: dict[str, float]


class _Shifted(nn.Module):
    """Conditions with a vector added."""

    def __init__(self, conditions: nn.Module, wish: Tensor) -> None:
        super().__init__()
        self.conditions = conditions
        self.wish = wish

    def forward(self, wish: Tensor) -> Tensor:
        return self.conditions(wish) + self.wish


class _Begun(nn.Module):
    """A trunk that begins with states of its own where none is carried on."""

    def __init__(self, trunk: nn.Module, h: Tensor, c: Tensor) -> None:
        super().__init__()
        self.trunk = trunk
        self.h, self.c = h, c

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return self.trunk(inputs, self.begin(len(inputs)) if state is None else state)

    def begin(self, streams: int) -> tuple[Tensor, Tensor]:
        """The first states of so many pieces."""
        h, c = (values.unsqueeze(1).expand(-1, streams, -1).contiguous() for values in (self.h, self.c))
        return h, c


def personalised(network: Network, h: Tensor, c: Tensor, wish: Tensor) -> Network:
    """A copy of ``network`` that writes in a personal style.

    Parameters
    ----------
    h, c : [shape=(layers, hidden)]
    wish : [shape=(size of a condition,)]
    """
    own = copy.deepcopy(network).requires_grad_(False)
    own.conditions = _Shifted(own.conditions, wish)  # type: ignore[assignment]  # both are called the same
    own.trunk = _Begun(own.trunk, h, c)  # type: ignore[assignment]
    return own


def parted(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """(bars to learn from, bars held out): of every piece the last fifth is held out, unless it is very short."""
    learnt, held_out = [], []
    for example in examples:
        bars = len(example.piece.bar_steps)
        cut = bars - bars // HELD_OUT if bars >= LEAST_BARS else bars
        learnt.append(replace(example, piece=excerpt(example.piece, 0, cut)))
        if cut < bars:
            held_out.append(replace(example, piece=excerpt(example.piece, cut, bars)))
    return learnt, held_out or learnt


def tune(
    network: Network,
    examples: Sequence[Example],
    plan: Tuning | None = None,
    *,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Tuned:
    """Tune a personal style.

    Parameters
    ----------
    network : stays as it is
    examples : pieces in that style; their own style and composer are not read

    Raises
    ------
    core.errors.Cancelled
    """
    plan = plan or Tuning()
    device = next(network.parameters()).device
    examples = [replace(e, style=OPEN[0], composer=OPEN[1]) for e in examples]
    learnt, held_out = parted(examples)
    begun = time.monotonic()
    own, values = _begin(network)
    untuned = measure_loss(own, held_out, device)["nats"]
    optimiser = torch.optim.AdamW(values, plan.learning_rate, weight_decay=0.0)
    feed = batches(
        learnt,
        weights=np.array([float(len(e.piece.events)) for e in learnt]),
        streams=plan.streams,
        steps=plan.steps,
        seed=plan.seed,
    )
    best = [value.detach().clone() for value in values]
    lowest, waited, step = untuned, 0, 0
    state, done = None, 0.0
    while done < 1 and waited < plan.patience:
        if cancelled():
            raise Cancelled
        progress(done)
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
        state = _step(own, next(feed), state, optimiser, device)
        step += 1
        if step % plan.check_steps == 0:
            nats = measure_loss(own, held_out, device)["nats"]
            waited += 1
            if nats < lowest:
                lowest, waited = nats, 0
                best = [value.detach().clone() for value in values]
        done = max(step / plan.most_steps, (time.monotonic() - begun) / (plan.minutes * 60))
    progress(1.0)
    h, c, wish = (value.cpu().numpy() for value in best)
    minutes = (time.monotonic() - begun) / 60
    figures = {"open_nats": untuned, "tuned_nats": lowest, "minutes": minutes, "steps": float(step)}
    return Tuned(h, c, wish, figures)


def _begin(network: Network) -> tuple[Network, list[nn.Parameter]]:
    """The network that is tuned, and what is tuned of it; at first it does nothing."""
    shape, device = network.shape, next(network.parameters()).device
    size = network.conditions.style.embedding_dim
    sizes = ((shape.layers, shape.hidden), (shape.layers, shape.hidden), (size,))
    values = [nn.Parameter(torch.zeros(size, device=device)) for size in sizes]
    return personalised(network, *values).train(), values


def _step(
    network: Network,
    batch: Batch,
    state: State | None,
    optimiser: torch.optim.Optimizer,
    device: torch.device,
) -> State:
    """One step down the loss; the state to go on with."""
    trunk = cast(_Begun, network.trunk)
    if state is not None:
        fresh = torch.from_numpy(batch.fresh).to(device).view(1, -1, 1)
        begun = trunk.begin(len(batch.fresh))
        state = (
            torch.where(fresh, begun[0], state[0].detach()),
            torch.where(fresh, begun[1], state[1].detach()),
        )
    losses, _, notes, state = attribute_losses(network, batch, state, device)
    loss = torch.stack(list(losses.values())).sum() / max(notes, 1)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return state


def learn_personal(
    *,
    data: Path | None,
    name: str = "",
    minutes: float | None = None,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Tune a personal style to the MIDI files of a folder and keep it under a name.

    Parameters
    ----------
    data : folder of MIDI files
    name : to save it under
    minutes : at most, 3 unless told

    Returns
    -------
    dict
        The card's figures, and what the style is called and nearest to.
    """
    if not name:
        raise TunesmithError("say what to call the personal style: --name NAME")
    personal.check_name(name)
    if data is None or not data.is_dir():
        raise TunesmithError("say whose style it is to be: --data FOLDER, a folder of MIDI files")
    loaded = flagship.load()
    rows = read_folder(data)
    songs = ((row, read_song(data, row)) for row in rows)
    found = {row.path: encode_song(song, row, "") for row, song in songs if song is not None}
    examples = {path: example for path, example in found.items() if example is not None}
    if not examples:
        raise TunesmithError(f"no MIDI file in {data} has bars of up to eight beats and at least eight notes")
    plan = Tuning() if minutes is None else Tuning(minutes=minutes)
    tuned = tune(loaded.network, list(examples.values()), plan, progress=progress, cancelled=cancelled)
    figures = {key: round(value, 4) for key, value in tuned.figures.items()}
    card = {
        "network": flagship.NAME,
        "network_sha256": loaded.card["sha256"],
        "trained_on": sorted(examples),
        "pieces": len(examples),
        "notes": sum(len(e.piece.events) - len(e.piece.bar_steps) for e in examples.values()),
        "figures": figures,
    }
    path = personal.save(name, tuned.h, tuned.c, tuned.wish, card)
    return {"name": name, "pieces": len(examples), **figures, "file": str(path)}
