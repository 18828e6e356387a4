"""Training of the flagship composer: resumable, seeded, timed by the clock.

The learning rate follows a cosine over the minutes given, so that any budget ends well. Weights are
averaged as training goes; the average is what is measured, and of the averages measured the one with the
lowest held-out loss is kept. Under ``torchrun`` every process takes streams of its own and the gradients are
averaged; one process with one thread a core also outruns one process with several threads, which wait for
each other at every step of the LSTM.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.compose.network import Network, Shape
from core.compose.styles import COMPOSERS, STYLES
from core.learn.batches import Batch, DrawGiven, around_regions, batches, some_parts, whole_pieces
from core.learn.checkpoint import Run, keep, restore
from core.learn.data import Example
from core.learn.objective import ATTRIBUTES, State, attribute_losses
from core.learn.shipping import WEIGHTS
from core.learn.together import agreed, count, join_others, own_device, share_gradients
from core.store.atomic import atomic_write

Item = TypeVar("Item")


@dataclass(frozen=True)
class Plan:
    """Everything that decides a training run.

    Attributes
    ----------
    minutes : of training, checks left out
    most_steps : ends after so many steps instead; then the same seed gives the same weights on the same machine
    patience : ends after so many checks in a row without a lower held-out loss; 0 for never
    start : weights to start from; what they lack begins without a say
    """

    minutes: float = 20.0
    most_steps: int = 0
    patience: int = 0
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
    """Train on the examples of split "train", checking on "valid"; weights and checkpoints go to ``out``.

    The last report has the held-out figures of the weights that are kept. Where there is nothing held out,
    the last weights are.

    Returns
    -------
    Path
        the file of averaged weights.
    """
    out.mkdir(parents=True, exist_ok=True)
    rank, _ = join_others(device)
    place = torch.device(own_device(device))
    run = _begun(plan, place)
    if resume and (out / STATE).exists():
        restore(out / STATE, run)
        run.waited = 0  # who asks to go on wants more than was enough before
    training = [e for e in examples if e.split == "train"]
    held_out = spread([e for e in examples if e.split == "valid"], plan.check_pieces)
    feed = batches(
        training,
        weights=sampling_weights(training),
        streams=plan.streams,
        steps=plan.steps,
        seed=plan.seed + 1000 * rank + run.step,
        infill=run.network.shape.infill > 0,
    )
    torch.manual_seed(plan.seed + 1000 * rank + run.step)
    state, checked = None, -1
    last_check = clock = time.monotonic()
    while True:
        gone = run.step / plan.most_steps if plan.most_steps else run.seconds / (plan.minutes * 60)
        tired = 0 < plan.patience <= run.waited
        stop, run.seconds = agreed(gone >= 1 or tired or cancelled(), run.seconds, place)
        if stop:
            break
        rate = _set_rate(run, plan)
        losses, state = _learn(run, plan, next(feed), state, place)
        now = time.monotonic()
        run.seconds, clock = run.seconds + now - clock, now
        if rank:
            continue
        if run.step % REPORTED == 0:
            report(_progress(run) | {name: float(value) for name, value in losses.items()} | {"rate": rate})
        if now - last_check > plan.check_minutes * 60:
            report(_progress(run) | _check(run, held_out, place, out, plan))
            checked = run.step
            last_check = clock = time.monotonic()
    if rank == 0 and checked != run.step:
        report(_progress(run) | _check(run, held_out, place, out, plan))
    if rank == 0 and run.waited:  # an earlier average was better, and is what is kept
        run.average.load_state_dict(load_file(out / WEIGHTS))
        report(_progress(run) | _held(run.average, held_out, place))
    return out / WEIGHTS


STATE = "state.safetensors"
"""The checkpoint in the folder of a training run."""

REPORTED = 25
"""One in so many steps is reported."""


def _begun(plan: Plan, place: torch.device) -> Run:
    """A training before its first step."""
    torch.manual_seed(plan.seed)
    shape = Shape(
        plan.hidden, plan.layers, len(STYLES), len(COMPOSERS), plan.dropout, plan.plain,
        0 if plan.plain else plan.infill,
    )  # fmt: skip
    network = Network(shape).to(place)
    if plan.start:
        grow(network, load_file(plan.start))
    optimiser = torch.optim.AdamW(
        network.parameters(),
        plan.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=plan.weight_decay,
        fused=True,
    )
    scaler = torch.amp.GradScaler(place.type, enabled=_precision(place) is torch.float16)
    return Run(network, copy.deepcopy(network), optimiser, scaler)


def _precision(place: torch.device) -> torch.dtype:
    """What products are worked out in: bfloat16, or float16 on a CUDA card that lacks it."""
    lacks = place.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.float16 if lacks else torch.bfloat16


def _set_rate(run: Run, plan: Plan) -> float:
    """The learning rate now: a cosine over the time or the steps given, after a short warm-up."""
    done = run.step / plan.most_steps if plan.most_steps else run.seconds / (plan.minutes * 60)
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    rate = plan.last_learning_rate + (plan.learning_rate - plan.last_learning_rate) * fall
    rate *= min(1.0, (run.step + 1) / plan.warm_up)
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    return rate


def _learn(
    run: Run, plan: Plan, batch: Batch, state: State | None, place: torch.device
) -> tuple[dict[str, Tensor], State]:
    """One step: the losses in nats a note, and the state to carry into the next stretch."""
    if state is not None:
        kept = torch.from_numpy(~batch.fresh).to(place).view(1, -1, 1)
        state = (_kept(state[0], kept), _kept(state[1], kept))
    with torch.autocast(place.type, _precision(place)):
        losses, hits, notes, state = attribute_losses(run.network, batch, state, place)
        loss = torch.stack(list(losses.values())).sum() / max(notes, 1)
    run.optimiser.zero_grad(set_to_none=True)
    run.scaler.scale(loss).backward()
    share_gradients(run.network)
    run.scaler.unscale_(run.optimiser)
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.scaler.step(run.optimiser)
    run.scaler.update()
    run.step += 1
    run.notes += notes * count()
    _average_in(run.average, run.network, min(plan.average, run.step / (run.step + 9)))
    # As in `measure_loss`: velocity only counts where it means anything.
    loud = hits["velocity"][1].clamp(min=1)
    told = {
        name: value.detach() / (loud if name == "velocity" else max(notes, 1))
        for name, value in losses.items()
    }
    return {"nats": loss.detach(), **told}, state


def _check(
    run: Run, held_out: Sequence[Example], place: torch.device, out: Path, plan: Plan
) -> dict[str, float]:
    """Measure held-out loss, keep the average if it is the best yet, and write a checkpoint."""
    figures = _held(run.average, held_out, place)
    better = figures["valid_nats"] <= run.best
    run.waited = 0 if better or not held_out else run.waited + 1
    if better and held_out:
        run.best = figures["valid_nats"]
    if not run.waited:
        _save(run.average, out / WEIGHTS, plan)
    keep(out / STATE, run)
    return figures


def _progress(run: Run) -> dict[str, float]:
    return {"step": run.step, "minutes": run.seconds / 60, "notes": run.notes}


def _kept(state: Tensor, kept: Tensor) -> Tensor:
    """The state carried on, forgotten where a new piece begins."""
    return (state.detach() * kept).to(state.dtype)


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
