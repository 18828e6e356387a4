"""S2's nine baseline classifiers, trained on the rendered clips as the paper trained them on the recordings.

The paper has no validation part and stops after ten epochs, and so do these: all training works are learnt from and
nothing is chosen. What it does not say: batches are of 64 clips, and representations are normalised row by row with
the training clips' mean and deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.learn.composers.clips import COMPOSERS, Clips, decibels
from core.learn.figures import confusion, with_interval
from core.listen.composer_networks import BASELINES, Baseline, ManyToOne

EPOCHS = 10
BATCH = 64
SEEDS = (1, 2, 3)

Report = Callable[[float], None]
Cancel = Callable[[], bool]


def normalised(training: Clips, test: Clips, kind: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A representation of both parts, each row with mean 0 and deviation 1 over the training clips."""
    first, second = (
        decibels(part.read(kind)) if kind == "mel" else part.read(kind).astype(np.float32)
        for part in (training, test)
    )
    mean = first.mean((0, 2), keepdims=True)
    scale = 1 / np.maximum(first.std((0, 2), keepdims=True), 1e-6)
    return (first - mean) * scale, (second - mean) * scale


def train(
    baseline: Baseline,
    inputs: NDArray[np.float32],
    label: NDArray[np.int64],
    *,
    labels: int = len(COMPOSERS),
    epochs: int | None = None,
    seed: int = SEEDS[0],
    cancelled: Cancel = lambda: False,
) -> Any:
    """A trained network of one of the nine kinds, after `EPOCHS` unless told."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = baseline.make(labels)
    optimiser = torch.optim.Adam(
        network.parameters(), baseline.rate, betas=(0.9, 0.999), weight_decay=baseline.decay
    )
    values, targets = torch.from_numpy(inputs), torch.from_numpy(label)
    for _ in range(epochs or EPOCHS):
        network.train()
        for places in torch.randperm(len(values)).split(BATCH):
            if cancelled():
                raise Cancelled
            if len(places) < 2:  # batch normalisation needs two
                continue
            optimiser.zero_grad()
            if isinstance(network, ManyToOne):
                found = network.chunks(values[places])
                wanted = targets[places].repeat_interleave(found.shape[1])
                loss = functional.cross_entropy(found.flatten(0, 1), wanted)
            else:
                loss = functional.cross_entropy(network(values[places]), targets[places])
            loss.backward()
            optimiser.step()
    return network.eval()


def guesses(network: Any, inputs: NDArray[np.float32]) -> NDArray[np.int64]:
    """The likeliest label of every clip."""
    import torch

    with torch.no_grad():
        parts = [network(part).argmax(1) for part in torch.from_numpy(inputs).split(256)]
    return torch.cat(parts).numpy()


def measure(
    clips: Clips,
    *,
    baselines: Sequence[Baseline] = (),
    seeds: Sequence[int] = (),
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Train baselines, all nine unless told, with the `SEEDS` unless told; measure them and the dull ones.

    Returns
    -------
    dict
        by name of `BASELINES`, and "majority" and "chance": ``accuracy`` of the first seed with its interval
        (`core.learn.figures.with_interval`), ``seeds`` the accuracy of every seed, ``confusion``
    """
    baselines, seeds = baselines or BASELINES, seeds or SEEDS
    training, test = clips.of("train"), clips.of("test")
    label, true = training.label, test.label
    found: dict[str, Any] = dull(label, true, test.work)
    kinds = sorted({baseline.kind for baseline in baselines})
    steps, done = len(baselines) * len(seeds), 0
    for kind in kinds:
        inputs, held_out = normalised(training, test, kind)
        for baseline in (row for row in baselines if row.kind == kind):
            guessed = []
            for seed in seeds:
                network = train(baseline, inputs, label, seed=seed, cancelled=cancelled)
                guessed.append(guesses(network, held_out))
                done += 1
                progress(done / steps)
            found[baseline.name] = {
                **with_interval(guessed[0], true, test.work),
                "seeds": [float((one == true).mean()) for one in guessed],
                "confusion": confusion(guessed[0], true, len(COMPOSERS)),
            }
    return found


def dull(
    label: NDArray[np.int64], true: NDArray[np.int64], work: NDArray[np.str_]
) -> dict[str, dict[str, Any]]:
    """The composer with the most training clips for every clip, and a guess by the training clips' shares."""
    shares = np.bincount(label, minlength=len(COMPOSERS)) / len(label)
    most = np.full(len(true), int(shares.argmax()))
    return {
        "majority": with_interval(most, true, work),
        "chance": {"accuracy": float(shares[true].mean())},
    }
