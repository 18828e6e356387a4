"""Training of the network that hears beats, `core.listen.beat_network`.

A step sees a batch of whole stretches, stretched in time, each band made louder or softer, and with some of another
recording under it: what differs between a studio's sound and ours must not be what the network goes by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import Cancelled
from core.learn.analysis_data import Recording
from core.listen.analysis_frames import ONSET_BANDS, ONSET_RATE
from core.listen.beat_network import CHANNELS, DILATIONS, INPUTS, TAPS, inputs_of

LENGTH = 40 * ONSET_RATE


@dataclass(frozen=True)
class Plan:
    """How it is trained."""

    steps: int = 2400
    batch: int = 8
    rate: float = 3e-3
    seed: int = 0


class BeatNetwork(nn.Module):
    """The same layers as `core.listen.beat_network` applies with numpy."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(INPUTS, CHANNELS, TAPS, padding="same")
        self.layers = nn.ModuleList(
            nn.Conv1d(CHANNELS, CHANNELS, TAPS, padding="same", dilation=dilation) for dilation in DILATIONS
        )
        self.last = nn.Conv1d(CHANNELS, 2, 1)

    def forward(self, inputs: Tensor, dropped: float = 0.0) -> Tensor:
        """Logits of beat and downbeat [shape=(batch, 2, frames)] of inputs [shape=(batch, INPUTS, frames)]."""
        hidden = F.elu(self.first(inputs))
        for layer in self.layers:
            hidden = hidden + F.dropout(F.elu(layer(hidden)), dropped, self.training)
        return self.last(hidden)

    def weights(self) -> dict[str, NDArray[Any]]:
        """The weights by the names that the model file has them under."""
        return {f"beat.{name}": value.detach().numpy() for name, value in self.state_dict().items()}


@dataclass(frozen=True, eq=False)
class Example:
    inputs: NDArray[np.float32]
    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]


def examples_of(recordings: Sequence[Recording]) -> list[Example]:
    """Those of the recordings whose beats are known."""
    return [
        Example(inputs_of(recording.frames), recording.truth.beats_s, recording.truth.downbeats_s)
        for recording in recordings
        if len(recording.truth.beats_s) > 8
    ]


def train(
    examples: Sequence[Example],
    plan: Plan,
    *,
    report: Callable[[int, float], None] = lambda step, loss: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> BeatNetwork:
    """Train a network; what it returns is a moving mean of its weights.

    Raises
    ------
    Cancelled
        When ``cancelled`` says so.
    """
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    network, mean = BeatNetwork(), BeatNetwork()
    mean.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.rate, total_steps=plan.steps)
    recent = 0.0
    for step in range(plan.steps):
        if cancelled():
            raise Cancelled
        inputs, targets, known = _batch(examples, plan.batch, rng)
        loss = loss_of(network(inputs, 0.1), targets, known)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        share = max(0.005, 1 / (step + 1))
        with torch.no_grad():
            for kept, new in zip(mean.parameters(), network.parameters(), strict=True):
                kept.lerp_(new, share)
        recent += max(0.02, 1 / (step + 1)) * (loss.item() - recent)
        if (step + 1) % 50 == 0:
            report(step + 1, recent)
    return mean.eval()


def loss_of(logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy; a frame with a beat counts for four, unknown downbeats for none."""
    losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    losses = losses * (1 + 3 * targets) * known[:, :, None]
    return losses.sum() / (known.sum() * logits.shape[2])


def _batch(examples: Sequence[Example], size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    inputs, targets, known = [], [], []
    for index in rng.integers(len(examples), size=size).tolist():
        example = examples[index]
        seen, beats, downbeats = _stretched(example, rng)
        if rng.random() < 0.4:
            other, _, _ = _stretched(examples[int(rng.integers(len(examples)))], rng)
            seen = seen + rng.uniform(0.1, 0.5) * other
        gains = np.exp(rng.normal(0, 0.4, INPUTS)).astype(np.float32)
        if rng.random() < 0.2:
            gains[: int(rng.integers(1, 4))] = 0.0
        if rng.random() < 0.15:
            gains[int(rng.integers(4, ONSET_BANDS)) : ONSET_BANDS] = 0.0
        seen = seen * gains
        seen[:, :ONSET_BANDS] += rng.exponential(rng.uniform(0.0, 0.15), (LENGTH, ONSET_BANDS))
        inputs.append(seen.T)
        targets.append(np.stack([_marked(beats), _marked(downbeats)]))
        known.append([1.0, 0.5 if len(downbeats) else 0.0])
    return (
        torch.tensor(np.array(inputs), dtype=torch.float32),
        torch.tensor(np.array(targets), dtype=torch.float32),
        torch.tensor(known),
    )


def _stretched(
    example: Example, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """`LENGTH` frames of an example, played faster or slower, and its beats in frames."""
    speed = float(np.exp(rng.uniform(-0.3, 0.3)))
    spare = len(example.inputs) - LENGTH * speed
    start = rng.uniform(0, spare) if spare > 0 else 0.0
    at = start + np.arange(LENGTH) * speed
    below = np.floor(at).astype(np.int64)
    inside = below < len(example.inputs) - 1
    below, share = below.clip(0, len(example.inputs) - 2), (at - below)[:, None].astype(np.float32)
    seen = (1 - share) * example.inputs[below] + share * example.inputs[below + 1]
    seen[~inside] = 0.0
    beats = (example.beats * ONSET_RATE - start) / speed
    return seen, beats, (example.downbeats * ONSET_RATE - start) / speed


def _marked(places: NDArray[np.float64]) -> NDArray[np.float32]:
    """1 in the frames of the beats, half in those beside."""
    marks = np.zeros(LENGTH, np.float32)
    at = np.rint(places).astype(np.int64)
    for shift, value in ((-1, 0.5), (1, 0.5), (0, 1.0)):
        inside = at[(at + shift >= 0) & (at + shift < LENGTH)] + shift
        marks[inside] = np.maximum(marks[inside], value)
    return marks
