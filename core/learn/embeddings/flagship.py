"""Training of the embedding of all ten seconds; see `core.explore.sound` for what it is.

The ears are those of the shipped classifier of composers by sound, which learnt what sounds at every moment from the
scores of the training works. Nothing here learns the composers: forty training works are so few that what learns them
learns the works. The learnt half has two losses:

* contrast: two changed crops of one recording against all others of the batch (Chen et al., SimCLR, 2020; where a batch
  has several clips of one file, all of them are alike: Khosla et al. 2020);
* genres, by a linear layer on top, on GTZAN's training part of the fault-filtered split.

Every recording is heard in several versions, each played otherwise (`core.learn.genres.augment`), once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from core.errors import Cancelled
from core.explore.linear import principal
from core.explore.sound import FARTHEST, Halves, summed_rows
from core.learn.genres.augment import Strength, augment
from core.listen.composer_audio import COLUMNS
from core.listen.spectra import one_thread
from core.listen.summary import Summary

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
Cancel = Callable[[], bool]
Report = Callable[[dict[str, float]], None]

STRENGTH = Strength(stretch=0.1, semitones=1, tilt=8, gain=3, masks=1, cut=0.1, mixup=0)
COPIES = 8


@dataclass(frozen=True)
class Plan:
    """How the learnt half learns.

    Attributes
    ----------
    heard, learnt : numbers in either half
    epochs : passes over the clips
    contrast : its weight beside the genres'
    likeness : by which cosines are divided in the contrast
    sharpness : by which the linear layer's cosines are multiplied
    """

    heard: int = 40
    learnt: int = 24
    hidden: int = 128
    epochs: int = 20
    contrast: float = 0.5
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.05
    dropout: tuple[float, float] = (0.3, 0.5)
    likeness: float = 0.2
    sharpness: float = 4.0
    smoothing: float = 0.1
    seed: int = 0


def copies_of(
    pictures: NDArray[np.uint8], copies: int = COPIES, seed: int = 0, cancelled: Cancel = lambda: False
) -> Rows:
    """Recordings summed up, each played in several ways [shape=(copies, recordings, numbers)].

    Parameters
    ----------
    pictures : 0 at 40 dB below the loudest, 255 there [shape=(recordings, 128, columns)]
    """
    draw, summary = torch.Generator().manual_seed(seed), Summary()
    made = []
    for _ in range(copies):
        parts = []
        for part in torch.from_numpy(pictures).split(128):
            if cancelled():
                raise Cancelled
            played = augment(part, COLUMNS, STRENGTH, draw)
            parts.append(summed_rows(summary, played / played.amax((1, 2), keepdim=True).clamp_min(1e-3)))
        made.append(np.concatenate(parts))
    return np.stack(made)


def fit(
    heard: Rows,
    clips: Rows,
    files: Labels,
    tracks: Rows,
    genres: Labels,
    plan: Plan = Plan(),
    *,
    report: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Halves:
    """Learn both halves.

    Parameters
    ----------
    heard : what the ears tell of clips [shape=(n, 385)]
    clips, tracks : clips of no known genre, and tracks, summed up in several versions [shape=(copies, n, numbers)]
    files : number of the file of each clip
    genres : of each track
    report : gets ``epoch``, ``minutes``, ``contrast`` (nats) and ``genre`` (nats)
    """
    mean, spread = heard.mean(0), heard.std(0) + np.float32(1e-4)
    values = np.clip((heard - mean) / spread, -FARTHEST, FARTHEST)
    line = principal(values, plan.heard)
    scale = np.sqrt(line.encode(values).std(0)).astype(np.float32)
    summed_mean, summed_spread, weights, biases = _learnt(
        clips, files, tracks, genres, plan, report, cancelled
    )
    return Halves(
        np.concatenate([mean, summed_mean]),
        np.concatenate([spread, summed_spread]),
        line,
        scale,
        weights,
        biases,
    )


def _learnt(
    clips: Rows, files: Labels, tracks: Rows, genres: Labels, plan: Plan, report: Report, cancelled: Cancel
) -> tuple[Rows, Rows, tuple[Rows, Rows], tuple[Rows, Rows]]:
    """Mean and spread of summaries, weights and biases of the learnt half."""
    torch.manual_seed(plan.seed)
    dice = np.random.default_rng(plan.seed)
    rows = np.concatenate([clips, tracks], 1).astype(np.float32)
    copies, count, size = rows.shape
    mean, spread = rows.mean((0, 1)), rows.std((0, 1)) + np.float32(1e-4)
    values = torch.from_numpy(np.clip((rows - mean) / spread, -FARTHEST, FARTHEST))
    norm = nn.BatchNorm1d(plan.hidden)
    body = nn.Sequential(
        nn.Dropout(plan.dropout[0]), nn.Linear(size, plan.hidden), norm, nn.ReLU(),
        nn.Dropout(plan.dropout[1]), nn.Linear(plan.hidden, plan.learnt),
    )  # fmt: skip
    head = nn.Linear(plan.learnt, int(genres.max()) + 1)
    first_track = clips.shape[1]
    alike = torch.from_numpy(np.concatenate([files, files.max() + 1 + np.arange(tracks.shape[1])]))
    wanted = torch.from_numpy(genres)
    half = plan.batch // 2
    steps_an_epoch = first_track // plan.batch + 1
    total = plan.epochs * steps_an_epoch
    optimiser = torch.optim.AdamW(
        [*body.parameters(), *head.parameters()], plan.rate, weight_decay=plan.decay
    )
    fall = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.rate, total_steps=total)
    sums: list[tuple[float, float]] = []
    began = time.monotonic()
    with one_thread():
        for step in range(total):
            if cancelled():
                raise Cancelled
            parts = [dice.integers(first_track, size=half), dice.integers(first_track, count, half)]
            place = np.concatenate([*parts, *parts])
            version = dice.integers(copies, size=len(place))
            code = F.normalize(body(values[version, place]), dim=1)
            contrast = _contrast(code, alike[place], plan.likeness)
            tracked = place >= first_track
            guess = head(code[tracked] * plan.sharpness)
            genre = F.cross_entropy(
                guess, wanted[place[tracked] - first_track], label_smoothing=plan.smoothing
            )
            optimiser.zero_grad()
            (plan.contrast * contrast + genre).backward()
            optimiser.step()
            fall.step()
            sums.append((float(contrast.detach()), float(genre.detach())))
            if (step + 1) % steps_an_epoch == 0:
                told = dict(zip(("contrast", "genre"), np.mean(sums, 0).tolist()))
                minutes = (time.monotonic() - began) / 60
                report({"epoch": (step + 1) // steps_an_epoch, "minutes": minutes} | told)
                sums = []
    return mean, spread, *_folded(body.eval(), norm)


def _contrast(code: torch.Tensor, alike: torch.Tensor, likeness: float) -> torch.Tensor:
    """How unlikely those that are alike are as each other's nearest, in nats."""
    cosines = code @ code.T / likeness
    itself = torch.eye(len(code), dtype=torch.bool)
    cosines = cosines.masked_fill(itself, -1e9)
    same = ((alike[:, None] == alike[None]) & ~itself).float()
    chances = cosines - cosines.logsumexp(1, keepdim=True)
    return -((chances * same).sum(1) / same.sum(1)).mean()


def _folded(body: nn.Sequential, norm: nn.BatchNorm1d) -> tuple[tuple[Rows, Rows], tuple[Rows, Rows]]:
    """Weights and biases of the two layers, the normalisation between them folded into the first."""
    first, last = body[1], body[5]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    assert norm.running_var is not None
    assert norm.running_mean is not None
    with torch.no_grad():
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight = first.weight * factor[:, None]
        bias = (first.bias - norm.running_mean) * factor + norm.bias
    return (
        (weight.numpy(), last.weight.detach().numpy()),
        (bias.numpy(), last.bias.detach().numpy()),
    )
