"""Fitting of the key finder: a softmax over 24 keys, linear in what sounds, the same for every tonic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from core.learn.analysis_data import Recording
from core.listen.tonality import KEY_FEATURES, harmony_of, key_features
from core.song.harmony import parse_key


def examples_of(
    recordings: Sequence[Recording], weights: dict[str, NDArray[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features [shape=(n, KEY_FEATURES, 12)] and keys (tonic, or 12 + tonic of minor keys) of recordings.

    ``weights`` are the chord network's: chords are among the features.
    """
    rows, keys = [], []
    for recording in recordings:
        if recording.truth.key:
            key = parse_key(recording.truth.key)
            rows.append(key_features(harmony_of(recording.frames, weights)))
            keys.append(key.tonic + 12 * (key.mode == "minor"))
    return np.array(rows).reshape(-1, KEY_FEATURES, 12), np.array(keys, np.int64)


def fit(
    features: NDArray[np.float64], keys: NDArray[np.int64], *, decay: float = 3e-3, steps: int = 400
) -> dict[str, NDArray[Any]]:
    """Weights of the key finder, by ridge-penalised maximum likelihood; a full-batch descent."""
    torch.manual_seed(0)
    seen = torch.tensor(features, dtype=torch.float32)
    told = torch.tensor(keys)
    # Minor keys are fewer: they count as much in sum.
    minor = (told >= 12).float()
    share = minor.mean().clamp(0.05, 0.95)
    counts = torch.where(minor > 0, 0.5 / share, 0.5 / (1 - share)).clamp(max=3.0)
    weight = torch.zeros(2, KEY_FEATURES, 12, requires_grad=True)
    bias = torch.zeros(2, requires_grad=True)
    optimiser = torch.optim.Adam([weight, bias], 0.05)
    for _ in range(steps):
        loss = (counts * F.cross_entropy(key_logits(seen, weight, bias), told, reduction="none")).mean()
        loss = loss + decay * weight.square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return {"key.weight": weight.detach().numpy(), "key.bias": bias.detach().numpy()}


def key_logits(seen: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Logits [shape=(n, 24)] of features [shape=(n, KEY_FEATURES, 12)]."""
    from_tonic = (torch.arange(12)[:, None] + torch.arange(12)) % 12
    turned = seen[:, :, from_tonic]
    return (torch.einsum("nftp,mfp->nmt", turned, weight) + bias[:, None]).reshape(len(seen), 24)
