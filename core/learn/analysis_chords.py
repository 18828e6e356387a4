"""Training of the network that names chords, `core.listen.chord_network`."""

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
from core.learn.analysis_data import Chords, Recording
from core.listen.chord_network import (
    ABOVE,
    BELOW,
    CHANNELS,
    FOLDED,
    HIDDEN,
    OCTAVES,
    PITCHES,
    QUALITIES,
    STATES,
    normalised,
    with_neighbours,
)
from core.listen.chords import averaged, spans_of
from core.listen.rhythm import find_rhythm
from core.listen.tonality import notes_of
from core.store.model_file import Tensors

_QUALITY = {
    "maj": "", "maj6": "", "maj(9)": "", "min": "m", "min6": "m", "minmaj7": "m", "min(9)": "m", "7": "7", "9": "7",
    "maj7": "maj7", "maj9": "maj7", "min7": "m7", "min9": "m7", "dim": "dim", "dim7": "dim", "hdim7": "dim",
}  # fmt: skip
"""mir_eval's qualities as states; others are not learnt from."""
_ROOTS = {
    "C": 0,
    "Db": 1,
    "D": 2,
    "Eb": 3,
    "E": 4,
    "F": 5,
    "F#": 6,
    "G": 7,
    "Ab": 8,
    "A": 9,
    "Bb": 10,
    "B": 11,
}
_CLEAR = 0.7
"""A stretch is learnt from where one chord fills so much of it."""

UNKNOWN = -1


@dataclass(frozen=True)
class Plan:
    """How it is trained."""

    steps: int = 2500
    batch: int = 256
    rate: float = 3e-3
    seed: int = 0


class ChordNetwork(nn.Module):
    """The same layers as `core.listen.chord_network` applies with numpy."""

    def __init__(self) -> None:
        super().__init__()
        self.pitch = nn.Conv1d(1, CHANNELS, BELOW + ABOVE + 1)
        self.fold = nn.Linear(CHANNELS * OCTAVES, FOLDED)
        self.roots = nn.Linear(12 * 3 * FOLDED, HIDDEN)
        self.last = nn.Linear(HIDDEN, len(QUALITIES) + 1)

    def forward(self, stretches: Tensor, dropped: float = 0.0) -> Tensor:
        """Logits [shape=(n, STATES)] of stretches [shape=(n, 3, PITCHES)]."""
        count = len(stretches)
        padded = F.pad(stretches.reshape(count * 3, 1, PITCHES), (BELOW, ABOVE))
        own = F.relu(self.pitch(padded)).reshape(count * 3, CHANNELS, OCTAVES, 12)
        own = own.permute(0, 3, 1, 2).reshape(count * 3, 12, CHANNELS * OCTAVES)
        folded = F.relu(self.fold(own)).reshape(count, 3, 12, FOLDED)
        folded = folded.permute(0, 2, 1, 3).reshape(count, 12, 3 * FOLDED)
        from_root = (torch.arange(12)[:, None] + torch.arange(12)) % 12
        seen = folded[:, from_root].reshape(count, 12, 12 * 3 * FOLDED)
        hidden = F.relu(self.roots(F.dropout(seen, dropped, self.training)))
        scores = self.last(hidden)
        none = scores[:, :, -1].mean(1, keepdim=True)
        return torch.cat([scores[:, :, :-1].permute(0, 2, 1).reshape(count, -1), none], 1)

    def weights(self) -> dict[str, NDArray[Any]]:
        """The weights by the names that the model file has them under."""
        named = {f"chord.{name}": value.detach().numpy() for name, value in self.named_parameters()}
        # The numpy side reads the kernel from what is heard to what is told, without an input channel.
        named["chord.pitch.weight"] = np.ascontiguousarray(named["chord.pitch.weight"][:, 0])
        return named


def state_of(label: str) -> int:
    """The state of a chord as mir_eval writes it, `UNKNOWN` for chords that are not told apart."""
    if label == "N":
        return STATES - 1
    root, _, quality = label.partition(":")
    if quality not in _QUALITY:
        return UNKNOWN
    return 12 * QUALITIES.index(_QUALITY[quality]) + _ROOTS[root]


def labels_of(chords: Chords, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """The state that fills most of each stretch between two edges, `UNKNOWN` where none does."""
    filled = np.zeros((len(edges) - 1, STATES + 1))
    for begin, end, label in chords:
        shared = np.minimum(edges[1:], end) - np.maximum(edges[:-1], begin)
        filled[:, state_of(label)] += np.maximum(0.0, shared)
    best = filled.argmax(1)
    clear = (filled.max(1) >= _CLEAR * np.diff(edges)) & (best < STATES)
    return np.where(clear, best, UNKNOWN)


def examples_of(
    recordings: Sequence[Recording], weights: Tensors
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Stretches [shape=(n, 3, PITCHES)] between the beats that we hear, and the states that sound in them.

    ``weights`` are the beat network's.
    """
    stretches, labels = [], []
    for recording in recordings:
        if not recording.truth.chords:
            continue
        frames = recording.frames
        notes = normalised(notes_of(frames))
        even = np.arange(0.0, frames.duration_s, 0.45)
        for edges in (spans_of(find_rhythm(frames, weights).beats_s, frames.duration_s), even):
            if len(edges) < 3:
                continue
            stretches.append(with_neighbours(averaged(notes, edges).astype(np.float32)))
            labels.append(labels_of(recording.truth.chords, edges))
    if not stretches:
        return np.zeros((0, 3, PITCHES), np.float32), np.zeros(0, np.int64)
    told = np.concatenate(labels)
    return np.concatenate(stretches)[told != UNKNOWN], told[told != UNKNOWN]


def train(
    stretches: NDArray[np.float32],
    labels: NDArray[np.int64],
    plan: Plan,
    *,
    report: Callable[[int, float], None] = lambda step, loss: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ChordNetwork:
    """Train a network; what it returns is a moving mean of its weights.

    Raises
    ------
    Cancelled
        When ``cancelled`` says so.
    """
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    network, mean = ChordNetwork(), ChordNetwork()
    mean.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.rate, total_steps=plan.steps)
    recent = 0.0
    for step in range(plan.steps):
        if cancelled():
            raise Cancelled
        chosen = rng.integers(len(labels), size=plan.batch)
        seen = _varied(stretches[chosen], stretches[rng.integers(len(labels), size=plan.batch)], rng)
        logits = network(torch.from_numpy(seen), 0.2)
        loss = F.cross_entropy(logits, torch.from_numpy(labels[chosen]), label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        share = max(0.01, 1 / (step + 1))
        with torch.no_grad():
            for kept, new in zip(mean.parameters(), network.parameters(), strict=True):
                kept.lerp_(new, share)
        recent += max(0.02, 1 / (step + 1)) * (loss.item() - recent)
        if (step + 1) % 100 == 0:
            report(step + 1, recent)
    return mean.eval()


def _varied(
    seen: NDArray[np.float32], others: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Another loudness for each register, a little of another chord beneath, and noise."""
    knots = rng.normal(0, 0.35, (len(seen), 5))
    at = np.linspace(0, 4, PITCHES)
    below = np.minimum(at.astype(np.int64), 3)
    gains = np.exp(knots[:, below] * (1 - at + below) + knots[:, below + 1] * (at - below))
    beneath = rng.uniform(0, 0.25, (len(seen), 1, 1)) * (rng.random((len(seen), 1, 1)) < 0.5)
    noise = rng.exponential(1.0, seen.shape) * rng.uniform(0, 0.12, (len(seen), 1, 1))
    varied: NDArray[np.float32] = (seen * gains[:, None] + beneath * others + noise).astype(np.float32)
    return varied
