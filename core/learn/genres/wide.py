"""Training of the flagship's wide ear: cheap, because what it hears is summed up beforehand.

Every track is summed up in several versions, each played differently (`core.learn.genres.augment`) and cropped to 10,
15 or 20 s; then only two dense layers learn, in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from core.errors import Cancelled
from core.learn.genres.augment import Strength, augment, strangers
from core.learn.genres.data import Places, Tracks
from core.listen.networks import WideEar
from core.listen.spectra import one_thread
from core.listen.summary import Summary

COPIES, EPOCHS = 12, 40
ODD, ODD_A_BATCH = 300, 3
"""Summaries of what is no music, and how many of them a batch has."""

CROPS = (112, 168, 224)
STRENGTH = Strength(stretch=0.15, semitones=2, tilt=10, gain=4, masks=0, cut=0.1, mixup=0)
RATE, DECAY, BATCH, SMOOTHING = 1e-3, 0.1, 32, 0.1


@torch.no_grad()
def summaries(tracks: Tracks, copies: int = COPIES, seed: int = 0) -> NDArray[np.float32]:
    """Every track summed up in ``copies`` versions [shape=(copies, tracks, size)]."""
    draw, summary = torch.Generator().manual_seed(seed), Summary()
    parts = torch.from_numpy(tracks.pictures).split(50)
    with one_thread():
        made = [
            torch.cat([summary(augment(part, CROPS[copy % len(CROPS)], STRENGTH, draw)) for part in parts])
            for copy in range(copies)
        ]
    return torch.stack(made).numpy()


@torch.no_grad()
def odd_summaries(tracks: Tracks, learns: Places, count: int = ODD, seed: int = 0) -> NDArray[np.float32]:
    """What is no music, summed up [shape=(count, size)]; some of it is made of tracks that are learnt from."""
    draw = torch.Generator().manual_seed(seed)
    places = learns[torch.randint(0, len(learns), (count,), generator=draw).numpy()]
    crops = augment(torch.from_numpy(tracks.pictures[places]), CROPS[0], STRENGTH, draw)
    with one_thread():
        summed: NDArray[np.float32] = Summary()(strangers(crops, draw)).numpy()
    return summed


def fit_wide(
    copies: NDArray[np.float32],
    learns: Places,
    targets: NDArray[np.float32],
    *,
    odd: NDArray[np.float32] | None = None,
    epochs: int = EPOCHS,
    seed: int = 0,
    cancelled: Callable[[], bool] = lambda: False,
) -> WideEar:
    """Train a wide ear.

    Parameters
    ----------
    copies : of all tracks, by `summaries`
    learns : places of the tracks to learn from
    targets : how likely every label of these is [shape=(learns, labels)]
    odd : what no label fits, by `odd_summaries`
    """
    torch.manual_seed(seed)
    ear = WideEar(targets.shape[1])
    known, goals = torch.from_numpy(copies[:, learns]), torch.from_numpy(targets)
    ear.mean.copy_(known.mean((0, 1)))
    ear.spread.copy_(known.std((0, 1)) + 1e-6)
    optimizer = torch.optim.AdamW(ear.body.parameters(), RATE, weight_decay=DECAY)
    batches = math.ceil(len(learns) / BATCH)
    total = epochs * batches
    ear.train()
    with one_thread():
        for step in range(total):
            if cancelled():
                raise Cancelled
            if step % batches == 0:
                order = torch.randperm(len(learns)).tensor_split(batches)
            places = order[step % batches]
            for group in optimizer.param_groups:
                group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / total))
            version = torch.randint(0, len(known), (len(places),))
            rows, wanted = known[version, places], goals[places]
            if odd is not None:
                some = torch.randint(0, len(odd), (ODD_A_BATCH,)).numpy()
                rows = torch.cat([rows, torch.from_numpy(odd[some])])
                wanted = torch.cat([wanted, torch.full((len(some), wanted.shape[1]), 1 / wanted.shape[1])])
            loss = F.cross_entropy(ear.judge(rows), wanted, label_smoothing=SMOOTHING)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return ear.eval()
