"""Training of the recurrent autoencoder of bars.

The loss is what the notes cost when they are foretold one by one from the latent vector, and `Plan.beta` times what
the latent vectors tell more than `Plan.free_bits` (MusicVAE, arXiv 1803.05428, section 3.4 and appendix). Some of
the events that were just written are withheld, so that the network asks the latent vector rather than its memory.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from core.errors import Cancelled
from core.explore.score_network import (
    BLANKS,
    END,
    START,
    UNKNOWN,
    Cells,
    Notes,
    ScoreNetwork,
    Shape,
)
from core.learn.embeddings_scores.batches import Shelf, drawn, units_of
from core.listen.spectra import one_thread
from core.store.atomic import atomic_write

WEIGHTS, STATE, PLAN = "weights.safetensors", "state.safetensors", "plan.json"
ATTRIBUTES = ("onset", "pitch", "duration", "velocity")
BAGS = ("onsets", "pitches")
REPORTED = 50


@dataclass(frozen=True)
class Plan:
    """Everything that decides a training.

    Attributes
    ----------
    steps, minutes : the learning rate falls to nothing over whichever is over first
    units : in a batch
    beta, free_bits, warm_up : weight of what latent vectors tell beyond so many bits, reached after so many steps
    withheld : how many of the events just written the writer is not shown
    velocity, bags : weights of the losses of velocities, and of cells as a whole (`ScoreNetwork.bags`)
    average : what the moving mean of the weights keeps of itself a step
    """

    steps: int = 20_000
    minutes: float = 120.0
    units: int = 32
    rate: float = 1.7e-3
    last_rate: float = 2e-5
    rise: int = 100
    decay: float = 0.01
    beta: float = 0.003
    free_bits: float = 48.0
    warm_up: int = 1000
    withheld: float = 0.2
    velocity: float = 0.3
    bags: float = 0.5
    average: float = 0.998
    seed: int = 1
    check_minutes: float = 5.0


def train(
    training: Shelf,
    held_out: Shelf,
    out: Path,
    plan: Plan,
    shape: Shape | None = None,
    *,
    resume: bool = False,
    report: Callable[[dict[str, float]], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ScoreNetwork:
    """Train; weights and checkpoints go to ``out``. The moving mean of the weights is what is given.

    Raises
    ------
    Cancelled
        When ``cancelled`` says so.
    """
    out.mkdir(parents=True, exist_ok=True)
    with one_thread():
        return _train(training, held_out, out, plan, shape or Shape(), resume, report, cancelled)


def _train(
    training: Shelf,
    held_out: Shelf,
    out: Path,
    plan: Plan,
    shape: Shape,
    resume: bool,
    report: Callable[[dict[str, float]], None],
    cancelled: Callable[[], bool],
) -> ScoreNetwork:
    torch.manual_seed(plan.seed)
    network = ScoreNetwork(shape)
    mean = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(
        network.parameters(), plan.rate, betas=(0.9, 0.98), weight_decay=plan.decay, fused=True
    )
    step, seconds = 0, 0.0
    if resume and (out / STATE).exists():
        step, seconds = restore(out / STATE, network, mean, optimiser)
    (out / PLAN).write_text(json.dumps({"plan": asdict(plan), "shape": asdict(network.shape)}, indent=1))
    feed = drawn(training, plan.units, plan.seed + step)
    dice = torch.Generator().manual_seed(plan.seed + step)
    looked = clock = time.monotonic()
    while (done := max(step / plan.steps, seconds / (60 * plan.minutes))) < 1:
        if cancelled():
            raise Cancelled
        rate = plan.last_rate + (plan.rate - plan.last_rate) * 0.5 * (1 + math.cos(math.pi * done))
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / plan.rise)
        cells, notes = units_of(training, next(feed))
        # In full precision: of products as small as these, casting to 16 bits costs what it saves.
        losses, told = unit_losses(network, cells, notes, dice, plan.withheld)
        count = float(sum(int(group.count.sum()) for group in notes))
        beta = plan.beta * min(1.0, (step + 1) / plan.warm_up)
        excess = (told - plan.free_bits * math.log(2)).clamp(min=0).sum() / count
        weight = {"velocity": plan.velocity} | dict.fromkeys(BAGS, plan.bags)
        weighted = [weight.get(name, 1.0) * value for name, value in losses.items()]
        loss = torch.stack(weighted).sum() / count + beta * excess
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            keep = min(plan.average, step / (step + 9))
            torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), 1 - keep)
        now = time.monotonic()
        seconds, clock = seconds + now - clock, now
        progress = {"step": step, "minutes": seconds / 60}
        if step % REPORTED == 0:
            nats = {name: float(losses[name].detach()) / count for name in ATTRIBUTES}
            bits = float(told.detach().mean()) / math.log(2)
            report(progress | {"nats": sum(nats.values())} | nats | {"bits_a_unit": bits, "rate": rate})
        if now - looked > 60 * plan.check_minutes:
            report(progress | look(mean, held_out))
            keep_state(out / STATE, network, mean, optimiser, step, seconds)
            looked = clock = time.monotonic()
    report({"step": step, "minutes": seconds / 60} | look(mean, held_out))
    keep_state(out / STATE, network, mean, optimiser, step, seconds)
    with atomic_write(out / WEIGHTS) as part:
        save_file({name: value.contiguous() for name, value in mean.state_dict().items()}, part)
    return mean.eval()


def unit_losses(
    network: ScoreNetwork,
    cells: Cells,
    groups: list[Notes],
    dice: torch.Generator | None = None,
    withheld: float = 0.0,
) -> tuple[dict[str, Tensor], Tensor]:
    """(sums of the losses in nats, by attribute; what each unit's latent vector tells, in nats [units]).

    Without ``dice`` the latent vectors are the means.
    """
    mean, spread = network.read(cells, groups)
    told = 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(1)
    latent = mean if dice is None else mean + (0.5 * spread).exp() * torch.randn(mean.shape, generator=dice)
    losses = dict.fromkeys((*ATTRIBUTES, *BAGS), latent.new_zeros(()))
    for right, logits in foretold(network, latent, cells, groups, dice, withheld):
        for name in losses:
            losses[name] = losses[name] + F.cross_entropy(logits[name].float(), right[name], reduction="sum")
    return losses, told


def foretold(
    network: ScoreNetwork,
    latent: Tensor,
    cells: Cells,
    groups: list[Notes],
    dice: torch.Generator | None = None,
    withheld: float = 0.0,
) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """For every group of cells (the right classes, the logits), by attribute; empty cells first."""
    condition = network.unfold(latent, cells)
    time_bag, pitch_bag = network.bags(condition)
    empty = torch.ones(len(cells.bar), dtype=torch.bool)
    for notes in groups:
        empty[notes.cell] = False
    none = torch.nonzero(empty).squeeze(1)
    blank = none.new_zeros(len(none), 0)
    every = [Notes(none, blank, blank, blank, blank, none * 0), *groups]
    for notes in every:
        if not len(notes.cell):
            continue
        before = before_each(notes)
        if withheld and dice is not None:
            hidden = torch.rand(before["time"].shape, generator=dice) < withheld
            hidden[:, 0] = False
            blanks = BLANKS | {"time": UNKNOWN}
            before = {name: torch.where(hidden, blanks[name], value) for name, value in before.items()}
        h, _ = network.write(condition[notes.cell], network.events(**before))
        place = torch.arange(h.shape[1])
        asked = place <= notes.count[:, None]
        is_note = place[:-1] < notes.count[:, None]
        ending = F.pad(notes.time, (0, 1), value=END)
        h_note = h[:, :-1][is_note]
        row, row_note = notes.cell[torch.nonzero(asked)[:, 0]], notes.cell[torch.nonzero(is_note)[:, 0]]
        time, pitch = notes.time[is_note], notes.pitch[is_note]
        duration, velocity = notes.duration[is_note], notes.velocity[is_note]
        yield (
            {
                "onset": ending[asked],
                "pitch": pitch,
                "duration": duration,
                "velocity": velocity,
                "onsets": time,
                "pitches": pitch,
            },
            {
                "onset": network.time_logits(h[asked], time_bag[row]),
                "pitch": network.pitch_logits(
                    h_note, time, before["pitch"][:, :-1][is_note], pitch_bag[row_note]
                ),
                "duration": network.duration_logits(h_note, time, pitch),
                "velocity": network.velocity_logits(
                    h_note, time, pitch, duration, before["velocity"][:, :-1][is_note]
                ),
                "onsets": time_bag[row_note],
                "pitches": pitch_bag[row_note],
            },
        )


def before_each(notes: Notes) -> dict[str, Tensor]:
    """What stands before every event and before the end of each cell, by attribute [rows, length + 1]."""
    columns = {name: getattr(notes, name) for name in ("time", *BLANKS)}
    opening = BLANKS | {"time": START}
    return {name: F.pad(column, (1, 0), value=opening[name]) for name, column in columns.items()}


@torch.no_grad()
def look(network: ScoreNetwork, shelf: Shelf, units: int = 768) -> dict[str, float]:
    """Held-out losses in nats a note, what is rightly foretold, and bits a unit, over the same units each time."""
    network.eval()
    feed = drawn(shelf, 64, 0)
    nats = dict.fromkeys(ATTRIBUTES, 0.0)
    hits, asked, notes, bits = dict.fromkeys(ATTRIBUTES, 0.0), dict.fromkeys(ATTRIBUTES, 0.0), 0.0, []
    for _ in range(-(-units // 64)):
        cells, groups = units_of(shelf, next(feed))
        mean, spread = network.read(cells, groups)
        bits.append(0.5 * (mean.square() + spread.exp() - 1 - spread).sum(1).mean() / math.log(2))
        for right, logits in foretold(network, mean, cells, groups):
            for name in ATTRIBUTES:
                nats[name] += float(F.cross_entropy(logits[name].float(), right[name], reduction="sum"))
                hits[name] += float((logits[name].argmax(-1) == right[name]).sum())
                asked[name] += len(right[name])
            notes += len(right["pitch"])
    network.train()
    found = {"valid_nats": sum(nats.values()) / notes, "valid_bits_a_unit": float(np.mean(bits))}
    found |= {f"valid_{name}_nats": value / notes for name, value in nats.items()}
    return found | {f"valid_{name}_accuracy": hits[name] / max(asked[name], 1) for name in ATTRIBUTES}


def keep_state(
    path: Path,
    network: ScoreNetwork,
    mean: ScoreNetwork,
    optimiser: torch.optim.Optimizer,
    step: int,
    seconds: float,
) -> None:
    """Write everything that a later process needs to go on, as plain tensors."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"mean.{name}": value for name, value in mean.state_dict().items()}
    for index, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    tensors["progress"] = torch.tensor([step, seconds], dtype=torch.float64)
    with atomic_write(path) as part:
        save_file({name: value.contiguous() for name, value in tensors.items()}, part)


def restore(
    path: Path, network: ScoreNetwork, mean: ScoreNetwork, optimiser: torch.optim.Optimizer
) -> tuple[int, float]:
    """Go on from what `keep_state` wrote; (steps, seconds) so far."""
    tensors = load_file(path)

    def under(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)
        }

    network.load_state_dict(under("network."))
    mean.load_state_dict(under("mean."))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in under("optimiser.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    whole = optimiser.state_dict()
    optimiser.load_state_dict({"state": moments, "param_groups": whole["param_groups"]})
    step, seconds = tensors["progress"].tolist()
    return int(step), seconds
