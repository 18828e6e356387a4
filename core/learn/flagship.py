"""Training of the flagship composer: resumable, seeded, timed by the clock.

The learning rate follows a cosine over the minutes given, so that any budget ends well. Weights are
averaged as training goes; the average is what is measured and kept. Under ``torchrun`` every process takes
streams of its own and the gradients are averaged; one process with one thread a core also outruns one
process with several threads, which wait for each other at every step of the LSTM.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer

from core.compose.network import Network, Shape
from core.compose.styles import COMPOSERS, STYLES
from core.learn.batches import DrawGiven, around_regions, batches, some_parts, whole_pieces
from core.learn.data import Example
from core.learn.objective import ATTRIBUTES, attribute_losses
from core.learn.shipping import WEIGHTS
from core.store.atomic import atomic_write

Item = TypeVar("Item")


@dataclass(frozen=True)
class Plan:
    """Everything that decides a training run."""

    minutes: float = 20.0
    hidden: int = 512
    layers: int = 2
    plain: bool = False
    infill: int = 96
    dropout: float = 0.1
    streams: int = 24
    steps: int = 192
    learning_rate: float = 2e-3
    last_learning_rate: float = 2e-5
    warm_up: int = 100
    weight_decay: float = 0.01
    average: float = 0.998
    seed: int = 1
    check_minutes: float = 10.0
    check_pieces: int = 60
    start: str = ""
    """Weights to start from; what they lack begins without a say."""


def sampling_weights(examples: Sequence[Example]) -> NDArray[np.float64]:
    """How often each piece is drawn: by the root of its length, and each style by the root of its share."""
    length = np.sqrt([len(e.piece.events) for e in examples])
    style = np.array([e.style for e in examples])
    share = np.bincount(style, length, len(STYLES) + 1)
    return length / np.sqrt(share[style])


def measure_loss(
    network: Network,
    examples: Sequence[Example],
    device: torch.device,
    most_bars: int = 64,
    draw: DrawGiven | None = None,
) -> dict[str, float]:
    """Held-out loss in nats a note, whole and by attribute, and the share of first guesses that are right.

    ``draw`` chooses given notes, which are not foretold; None leaves everything to be foretold.

    ``nats`` counts everything that is foretold, the bars' chords and forms too, divided by the notes.
    """
    network.eval()
    total = dict.fromkeys(ATTRIBUTES, 0.0)
    right = dict.fromkeys(ATTRIBUTES, 0.0)
    asked = dict.fromkeys(ATTRIBUTES, 0.0)
    notes = 0
    with torch.no_grad():
        for _, batch in whole_pieces(examples, steps=0, most_bars=most_bars, draw=draw):
            losses, hits, count, _ = attribute_losses(network, batch, None, device)
            notes += count
            for name in ATTRIBUTES:
                total[name] += float(losses[name])
                right[name] += float(hits[name][0])
                asked[name] += float(hits[name][1])
    network.train()
    result = {"nats": sum(total.values()) / max(notes, 1), "notes": float(notes)}
    for name in ATTRIBUTES:
        # Velocity is only asked where it means anything, so its mean is over those notes.
        result[f"{name}_nats"] = total[name] / max(asked[name] if name == "velocity" else notes, 1)
        result[f"{name}_accuracy"] = right[name] / max(asked[name], 1)
    return result


def train(
    examples: Sequence[Example],
    out: Path,
    plan: Plan,
    *,
    device: str = "cpu",
    resume: bool = False,
    report: Callable[[dict[str, float]], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Train on the examples of split "train", checking on "valid"; weights and log go to ``out``.

    Returns
    -------
    Path
        the file of averaged weights.
    """
    out.mkdir(parents=True, exist_ok=True)
    rank, together = join_others(device)
    place = torch.device(device)
    torch.manual_seed(plan.seed)
    shape = Shape(
        plan.hidden, plan.layers, len(STYLES), len(COMPOSERS), plan.dropout, plan.plain,
        0 if plan.plain else plan.infill,
    )  # fmt: skip
    network = Network(shape).to(place)
    if plan.start:
        grow(network, load_file(plan.start))
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(
        network.parameters(),
        plan.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=plan.weight_decay,
        fused=True,
    )
    step, spent, seen = 0, 0.0, 0
    state_file = out / "state.safetensors"
    if resume and state_file.exists():
        step, spent, seen = _restore(state_file, network, average, optimiser)

    training = [e for e in examples if e.split == "train"]
    held_out = spread([e for e in examples if e.split == "valid"], plan.check_pieces)
    feed = batches(
        training,
        weights=sampling_weights(training),
        streams=plan.streams,
        steps=plan.steps,
        seed=plan.seed + 1000 * rank + step,
        infill=shape.infill > 0,
    )
    torch.manual_seed(plan.seed + 1000 * rank + step)
    state = None
    last_check = clock = time.monotonic()
    while not _any_says(spent >= plan.minutes * 60 or cancelled(), together):
        batch = next(feed)
        done = spent / (plan.minutes * 60)
        rate = plan.last_learning_rate + (plan.learning_rate - plan.last_learning_rate) * 0.5 * (
            1 + math.cos(math.pi * min(1.0, done))
        )
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / plan.warm_up)
        if state is not None:
            kept = torch.from_numpy(~batch.fresh).to(place).view(1, -1, 1)
            state = (_kept(state[0], kept), _kept(state[1], kept))
        with torch.autocast(place.type, torch.bfloat16):
            losses, _, notes, state = attribute_losses(network, batch, state, place)
            loss = torch.stack(list(losses.values())).sum() / max(notes, 1)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if together:
            _share_gradients(network)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        _average_in(average, network, min(plan.average, (step + 1) / (step + 10)))
        step, seen = step + 1, seen + notes * (dist.get_world_size() if together else 1)
        now = time.monotonic()
        spent, clock = spent + now - clock, now
        if step % 25 == 0 and rank == 0:
            report(
                {"step": step, "minutes": spent / 60, "notes": seen, "nats": loss.item(), "rate": rate}
                | {name: value.item() / notes for name, value in losses.items()}
            )
        if now - last_check > plan.check_minutes * 60 and rank == 0:
            last_check = now
            report({"step": step, "minutes": spent / 60, "notes": seen} | _held(average, held_out, place))
            _keep(state_file, network, average, optimiser, step, spent, seen)
            _save(average, out / WEIGHTS, plan)
            clock = time.monotonic()
    if rank:
        return out / WEIGHTS
    report({"step": step, "minutes": spent / 60, "notes": seen} | _held(average, held_out, place))
    _keep(state_file, network, average, optimiser, step, spent, seen)
    return _save(average, out / WEIGHTS, plan)


def _kept(state: Tensor, kept: Tensor) -> Tensor:
    """The state carried on, forgotten where a new piece begins."""
    return (state.detach() * kept).to(state.dtype)


def join_others(device: str) -> tuple[int, bool]:
    """(This process's rank, whether there are others), by the variables that torchrun sets."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return 0, False
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return dist.get_rank(), True


def _any_says(stop: bool, together: bool) -> bool:
    """Whether any process wants to stop, so that all stop at the same step."""
    if not together:
        return stop
    votes = torch.tensor([float(stop)])
    dist.all_reduce(votes)
    return bool(votes.item())


def _share_gradients(network: Network) -> None:
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, shared in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(shared.view_as(gradient))


def _held(network: Network, examples: Sequence[Example], device: torch.device) -> dict[str, float]:
    found = {f"valid_{name}": value for name, value in measure_loss(network, examples, device, 32).items()}
    if network.shape.infill:
        for name, draw in (("fill", around_regions), ("accompany", some_parts)):
            found[f"valid_{name}_nats"] = measure_loss(network, examples, device, 32, draw)["nats"]
    return found


@torch.no_grad()
def grow(network: Network, weights: dict[str, Tensor]) -> None:
    """Take over weights of a smaller network of the same kind.

    Inputs are only ever added after those that there were, and begin with no weight: the grown network says
    what the smaller one said.
    """
    for name, own in network.state_dict().items():
        if name not in weights:
            continue
        old = weights[name]
        if own.shape == old.shape:
            own.copy_(old)
        else:
            own.zero_()
            own[tuple(slice(size) for size in old.shape)] = old


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """``count`` of the items (or all), evenly spaced."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)
    return [items[place] for place in places]


@torch.no_grad()
def _average_in(average: Network, network: Network, keep: float) -> None:
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - keep)


def _save(network: Network, path: Path, plan: Plan) -> Path:
    with atomic_write(path) as part:
        save_file({k: v.contiguous().cpu() for k, v in network.state_dict().items()}, part)
    shape = asdict(network.shape) | {"dropout": 0.0}
    path.with_name("flagship.plan.json").write_text(
        json.dumps({"shape": shape, "plan": asdict(plan)}, indent=1)
    )
    return path


def _keep(
    path: Path, network: Network, average: Network, optimiser: Optimizer, step: int, spent: float, seen: int
) -> None:
    """Everything a later run needs to go on, as plain tensors."""
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    for index, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{k}": torch.as_tensor(v) for k, v in moments.items()}
    tensors["progress"] = torch.tensor([step, spent, seen], dtype=torch.float64)
    with atomic_write(path) as part:
        save_file({k: v.contiguous().cpu() for k, v in tensors.items()}, part)


def _restore(path: Path, network: Network, average: Network, optimiser: Optimizer) -> tuple[int, float, int]:
    tensors = load_file(path)

    def under(prefix: str) -> dict[str, torch.Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    network.load_state_dict(under("network."))
    average.load_state_dict(under("average."))
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in under("optimiser.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    whole = optimiser.state_dict()
    optimiser.load_state_dict({"state": moments, "param_groups": whole["param_groups"]})
    step, spent, seen = tensors["progress"].tolist()
    return int(step), spent, int(seen)
