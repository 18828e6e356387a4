"""Training of the networks that tell genres: any network of `core.listen.zoo`, by one plan."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import Cancelled
from core.learn.genres.augment import Strength, augment, strangers
from core.listen.genre import crops_of
from core.listen.spectra import one_thread

Logits = NDArray[np.float32]
Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    Attributes
    ----------
    epochs : passes over the tracks; one crop of each a pass
    columns : of a crop; 11.15 are a second
    rate : the highest learning rate; it rises for a tenth of the time and falls as a cosine
    optimizer : "adamw" or "rmsprop" (whose moving mean of squares keeps 0.9 a step)
    smoothing : of the labels
    strength : of the augmentation; none where None
    average : what the moving mean of the weights keeps of itself a step; 0 takes the last weights
    strangers : how many of a batch are no music at all, and all labels equally right
    best : give the weights of the epoch with the lowest loss on what is watched, not the last ones
    bfloat16 : multiply in 16 bits, which a processor that knows them does twice as fast
    """

    epochs: int = 100
    columns: int = 112
    batch: int = 32
    rate: float = 3e-3
    decay: float = 0.02
    optimizer: str = "adamw"
    smoothing: float = 0.1
    strength: Strength | None = field(default_factory=Strength)
    average: float = 0.995
    strangers: int = 0
    best: bool = False
    bfloat16: bool = True


@dataclass(frozen=True)
class Watch:
    """Tracks looked at while training, without learning from them.

    Attributes
    ----------
    every : so many epochs
    columns : heard in crops of so many; whole where 0
    """

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    every: int = 1
    columns: int = 0


def train(
    network: Net,
    pictures: NDArray[np.uint8],
    targets: NDArray[np.float32],
    plan: Plan,
    *,
    seed: int = 0,
    watch: Watch | None = None,
    report: Callable[[dict[str, float]], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Net:
    """Train ``network`` and give the moving mean of its weights, which is the better network.

    Parameters
    ----------
    pictures : log-mels as bytes [shape=(tracks, bins, columns)]
    targets : how likely every label of a track is [shape=(tracks, labels)]
    seed : of crops, augmentation and order; the network brings its own weights
    report : gets ``epoch``, ``loss``, ``right`` and, where it looked at ``watch``, ``valid_loss``, ``valid_right``

    Raises
    ------
    Cancelled
        When ``cancelled`` says so.
    """
    with one_thread():
        return _train(network, pictures, targets, plan, seed, watch, report, cancelled)


def _train(
    network: Net,
    pictures: NDArray[np.uint8],
    targets: NDArray[np.float32],
    plan: Plan,
    seed: int,
    watch: Watch | None,
    report: Callable[[dict[str, float]], None],
    cancelled: Callable[[], bool],
) -> Net:
    draw, dice = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    torch.manual_seed(seed)
    batch_of = torch.from_numpy(pictures)
    goals = torch.from_numpy(targets)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's types leave it out
    mean = copy.deepcopy(network) if plan.average else network
    steps = math.ceil(len(batch_of) / plan.batch)
    optimizer = _optimizer(network, plan)
    done, lowest, kept = 0, math.inf, mean
    for epoch in range(plan.epochs):
        network.train()
        losses, right = 0.0, 0.0
        order = torch.randperm(len(batch_of), generator=draw)
        for places in order.tensor_split(steps):
            if cancelled():
                raise Cancelled
            for group in optimizer.param_groups:
                group["lr"] = plan.rate * _share(done / (steps * plan.epochs), plan)
            x, goal = batch_of[places], goals[places]
            if plan.strength is None:
                x = augment(x, plan.columns, _CROP_ONLY, draw)
            else:
                x = augment(x, plan.columns, plan.strength, draw)
                x, goal = _mix(x, goal, plan.strength.mixup, dice)
            if plan.strangers:
                odd = strangers(x[: plan.strangers], draw)
                x = torch.cat([x, odd])
                goal = torch.cat([goal, torch.full((len(odd), goal.shape[1]), 1 / goal.shape[1])])
            with torch.autocast("cpu", torch.bfloat16, enabled=plan.bfloat16):
                scores = network(x)
            loss = F.cross_entropy(scores.float(), goal, label_smoothing=plan.smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            done += 1
            if mean is not network:
                _follow(mean, network, min(plan.average, done / (done + 10)))
            losses += float(loss.detach()) * len(places)
            right += float((scores.argmax(1) == goal.argmax(1))[: len(places)].sum())
        figures = {"epoch": epoch + 1, "loss": losses / len(order), "right": right / len(order)}
        if watch is not None and ((epoch + 1) % watch.every == 0 or epoch + 1 == plan.epochs):
            figures |= _look(mean, watch)
            if plan.best and figures["valid_loss"] < lowest:
                lowest, kept = figures["valid_loss"], copy.deepcopy(mean)
        report(figures)
    return kept.eval()


@torch.no_grad()
def scores_of(
    network: nn.Module,
    pictures: NDArray[np.uint8],
    *,
    columns: int = 0,
    hop: int = 0,
    bfloat16: bool = False,
) -> Logits:
    """What the network says of tracks, before softmax [shape=(tracks, labels)].

    Parameters
    ----------
    columns : hear crops of so many, and take the mean; the whole if 0
    hop : from the start of one to the next; half of them unless told
    """
    network.eval()
    if columns:
        crops = np.stack([crops_of(picture, columns, hop or columns // 2)[1] for picture in pictures])
    else:
        crops = pictures[:, None]
    parts = torch.from_numpy(crops.reshape(-1, *crops.shape[2:])).split(64)
    with one_thread(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        found = [network(part.float() / 255).float() for part in parts]
    return torch.cat(found).reshape(*crops.shape[:2], -1).mean(1).numpy()


_CROP_ONLY = Strength(stretch=0, semitones=0, gain=0, tilt=0, masks=0, cut=0, mixup=0)


def _optimizer(network: nn.Module, plan: Plan) -> torch.optim.Optimizer:
    if plan.optimizer == "rmsprop":
        return torch.optim.RMSprop(network.parameters(), plan.rate, alpha=0.9, weight_decay=plan.decay)
    matrices = [value for value in network.parameters() if value.ndim > 1]
    others = [value for value in network.parameters() if value.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": plan.decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, plan.rate)


def _share(done: float, plan: Plan) -> float:
    if plan.optimizer == "rmsprop":
        return 1.0
    return min(1.0, done / 0.1 + 0.01) * 0.5 * (1 + math.cos(math.pi * done))


def _mix(x: Tensor, goal: Tensor, parameter: float, dice: np.random.Generator) -> tuple[Tensor, Tensor]:
    if not parameter:
        return x, goal
    share = torch.from_numpy(dice.beta(parameter, parameter, len(x)).astype(np.float32))
    share = torch.maximum(share, 1 - share)
    other = torch.from_numpy(dice.permutation(len(x)))
    wide = share[:, None, None]
    return wide * x + (1 - wide) * x[other], share[:, None] * goal + (1 - share[:, None]) * goal[other]


@torch.no_grad()
def _follow(mean: nn.Module, network: nn.Module, keep: float) -> None:
    for old, new in zip(mean.state_dict().values(), network.state_dict().values()):
        if old.is_floating_point():
            old.lerp_(new, 1 - keep)
        else:
            old.copy_(new)


def _look(network: nn.Module, watch: Watch) -> dict[str, float]:
    scores = torch.from_numpy(
        scores_of(network, watch.pictures, columns=watch.columns, hop=watch.columns, bfloat16=True)
    )
    labels = torch.from_numpy(watch.labels)
    return {
        "valid_loss": float(F.cross_entropy(scores, labels)),
        "valid_right": float((scores.argmax(1) == labels).float().mean()),
    }
