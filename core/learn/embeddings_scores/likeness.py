"""What makes two pieces alike: the small network that gives a piece its one vector, and the figure of its neighbours.

It learns from the latent vectors of works of which composers are known, and of other music: two stretches of a piece
are to lie close (T. Chen et al., SimCLR, arXiv 2002.05709), and stretches of two works by one composer (P. Khosla et
al., Supervised Contrastive Learning, arXiv 2004.11362). Weights that write notes stay as they are, so that what may
only label (data with other licences) says nothing to them.

Conventions
-----------
* Works, folds and composers are those of `core.learn.composers.scores`; fold -1 is the test.
* A *stretch* is a run of units; what is known of it is mean and spread of their latent vectors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from core.errors import Cancelled
from core.explore.index import unit
from core.explore.score import UNITS_AT_ONCE, Latents, summed_up
from core.explore.score_codec import UNIT_BARS
from core.explore.score_network import Likeness, ScoreNetwork
from core.learn.composers.scores import OTHERS, chosen, folds
from core.learn.data import Example, encode_song, load_pack, read_manifest, read_song, save_pack
from core.learn.embeddings_scores.batches import shelf_of, units_of
from core.learn.figures import with_interval
from core.listen.spectra import one_thread
from core.store.atomic import write_bytes_atomic

Report = Callable[[float], None]
Cancel = Callable[[], bool]

PACK, FACTS = "works.npz", "works.json"
SHORTEST, LONGEST = 6, 48
"""Units of a stretch."""

MOST_UNITS = 24
"""Of a piece, from its beginning."""

STEPS = 1200
BATCH = 256
RATE = 1.5e-3
TEMPERATURE = 0.1
COMPOSERS_SHARE = 0.7
"""Of the loss; the rest asks that stretches of one piece lie close."""

NEIGHBOURS = 10
RIDGE = 1e-2
TOLD = ("accuracy", "accuracy_95", "balanced_accuracy", "balanced_accuracy_95")


@dataclass(frozen=True)
class Works:
    """Pieces of which is known who wrote them.

    Attributes
    ----------
    examples : encoded
    composer, work, split : of each; composer is `OTHERS` where it is none of those with enough works
    fold : -1 for test
    """

    examples: list[Example]
    composer: NDArray[np.str_]
    work: NDArray[np.str_]
    split: NDArray[np.str_]
    fold: NDArray[np.int64]


def read_works(
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Works:
    """The works of a folder with a ``manifest.csv``; they are kept in ``out``, and taken from there with ``resume``."""
    if not (resume and (out / FACTS).is_file()):
        rows, _ = chosen(read_manifest(data, shippable=False))
        examples, facts = [], []
        for done, (row, fold) in enumerate(zip(rows, folds(rows), strict=True)):
            if cancelled():
                raise Cancelled
            song = read_song(data, row)
            example = encode_song(song, row, row.style) if song is not None else None
            if example is not None:
                examples.append(example)
                facts.append((row.composer, row.group, row.split, int(fold)))
            progress((done + 1) / len(rows))
        save_pack(out / PACK, examples)
        write_bytes_atomic(out / FACTS, json.dumps(facts).encode())
    facts = json.loads((out / FACTS).read_text(encoding="utf-8"))
    composer, group, split, fold = (np.array(column) for column in zip(*facts, strict=True))
    work = np.array([f"{who}: {what}" for who, what in zip(composer, group, strict=True)])
    return Works(load_pack(out / PACK), composer, work, split, fold.astype(np.int64))


def latents_of(
    network: ScoreNetwork,
    examples: Sequence[Example],
    *,
    most_units: int = MOST_UNITS,
    cancelled: Cancel = lambda: False,
) -> list[Latents]:
    """Latent vectors of the first units of encoded pieces [shape=(units, latent) each]; a last odd bar is left out."""
    shelf = shelf_of(examples)
    bars = np.array([len(example.piece.bar_steps) for example in examples])
    units = np.minimum(np.maximum(bars // UNIT_BARS, 1), most_units)
    within = np.arange(units.sum()) - np.repeat(np.cumsum(units) - units, units)
    first = np.repeat(np.cumsum(bars) - bars, units) + UNIT_BARS * within
    found = []
    with one_thread(), torch.no_grad():
        for some in np.split(first, np.arange(UNITS_AT_ONCE, len(first), UNITS_AT_ONCE)):
            if cancelled():
                raise Cancelled
            found.append(network.read(*units_of(shelf, some))[0].numpy())
    return np.split(np.concatenate(found), np.cumsum(units)[:-1])


def train_likeness(
    network: Likeness,
    latents: list[Latents],
    works: Works,
    learnt: NDArray[np.bool_],
    *,
    steps: int = STEPS,
    seed: int = 1,
    cancelled: Cancel = lambda: False,
) -> Likeness:
    """Train ``network`` on the pieces that are ``learnt`` from."""
    with one_thread():
        return _train(network, latents, works, learnt, steps, seed, cancelled)


def _train(
    network: Likeness,
    latents: list[Latents],
    works: Works,
    learnt: NDArray[np.bool_],
    steps: int,
    seed: int,
    cancelled: Cancel,
) -> Likeness:
    dice = np.random.default_rng(seed)
    torch.manual_seed(seed)
    rows = np.flatnonzero(learnt)
    _, who = np.unique(works.composer[rows], return_inverse=True)
    others = works.composer[rows] == OTHERS
    # A composer is drawn by the root of how much there is of him or her.
    weight = 1 / np.sqrt(np.bincount(who))[who]
    weight /= weight.sum()
    whole = np.stack([summed_up(latents[row]) for row in rows])
    network.mean.copy_(torch.from_numpy(whole.mean(0)))
    network.gain.copy_(torch.from_numpy(1 / np.maximum(whole.std(0), 1e-3)))
    optimiser = torch.optim.AdamW(network.body.parameters(), RATE, weight_decay=0.05)
    fall = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    network.train()
    for _ in range(steps):
        if cancelled():
            raise Cancelled
        taken = dice.choice(len(rows), BATCH, replace=len(rows) < BATCH, p=weight)
        stretches = [[_stretch(latents[rows[place]], dice) for place in taken] for _ in range(2)]
        vectors = network(torch.from_numpy(np.concatenate(stretches)))
        piece = torch.from_numpy(np.tile(taken, 2))
        composer = torch.from_numpy(
            np.where(others, len(rows) + np.arange(len(rows)), who)[np.tile(taken, 2)]
        )
        loss = COMPOSERS_SHARE * contrast(vectors, composer) + (1 - COMPOSERS_SHARE) * contrast(
            vectors, piece
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        fall.step()
    network.eval()
    with torch.no_grad():
        vectors = network(torch.from_numpy(whole)).double().numpy()
    _fit_back(network, vectors, whole[:, : whole.shape[1] // 2])
    return network


def contrast(vectors: Tensor, label: Tensor) -> Tensor:
    """The supervised contrastive loss of vectors of length 1 [rows, size]; every label is there twice at least."""
    likeness = vectors @ vectors.T / TEMPERATURE
    itself = torch.eye(len(vectors), dtype=torch.bool)
    same = (label[:, None] == label) & ~itself
    chances = F.log_softmax(likeness.masked_fill(itself, -1e9), dim=1)
    return -((chances * same).sum(1) / same.sum(1).clamp(min=1)).mean()


def _stretch(latents: Latents, dice: np.random.Generator) -> Latents:
    length = min(len(latents), int(dice.integers(SHORTEST, LONGEST + 1)))
    first = int(dice.integers(len(latents) - length + 1))
    return summed_up(latents[first : first + length])


@torch.no_grad()
def _fit_back(network: Likeness, vectors: NDArray[np.float64], means: NDArray[np.float32]) -> None:
    """The way back by ridge regression."""
    rows = np.column_stack([vectors, np.ones(len(vectors))])
    penalty = RIDGE * len(rows) * np.diag(np.r_[np.full(vectors.shape[1], 1 / vectors.shape[1]), 0])
    solved = np.linalg.solve(rows.T @ rows + penalty, rows.T @ means)
    network.back.weight.copy_(torch.from_numpy(solved[:-1].T))
    network.back.bias.copy_(torch.from_numpy(solved[-1]))


def neighbour_figures(
    vectors: NDArray[np.floating], works: Works, asked: NDArray[np.bool_]
) -> dict[str, Any]:
    """Whether the neighbours of pieces are by the same composer, with the chance that any piece is.

    Parameters
    ----------
    vectors : of all pieces [shape=(pieces, dimensions)]
    asked : whose neighbours are looked at; pieces of the same work are no answers

    Returns
    -------
    dict
        ``nearest``: as `core.learn.figures.with_interval`; ``of_ten``: share among the `NEIGHBOURS` nearest;
        ``chance`` of a piece drawn blindly; ``pieces``, ``works``, ``composers`` asked for
    """
    rows = unit(vectors)
    _, who = np.unique(works.composer, return_inverse=True)
    guessed, shares, chances = [], [], []
    for row in np.flatnonzero(asked):
        likeness = rows @ rows[row]
        likeness[works.work == works.work[row]] = -np.inf
        near = np.argsort(-likeness, kind="stable")[:NEIGHBOURS]
        guessed.append(who[near[0]])
        shares.append(float((who[near] == who[row]).mean()))
        candidates = np.isfinite(likeness)
        chances.append(float((who[candidates] == who[row]).mean()))
    told = with_interval(np.array(guessed), who[asked], works.work[asked])
    return {
        "nearest": {
            name: told[name]
            for name in ("accuracy", "accuracy_95", "balanced_accuracy", "balanced_accuracy_95")
        },
        "of_ten": float(np.mean(shares)),
        "chance": float(np.mean(chances)),
        "pieces": int(asked.sum()),
        "works": len(np.unique(works.work[asked])),
        "composers": len(np.unique(who[asked])),
    }


def pitch_classes(works: Works) -> NDArray[np.float64]:
    """The dull answer: how often each pitch class begins, in the common key, and how long notes are
    [shape=(pieces, 12 + 37)].
    """
    rows = []
    for example in works.examples:
        events = example.piece.events
        tones = events[(events["time"] < 96) & (events["pitch"] < 128)]
        classes = np.bincount(tones["pitch"] % 12, minlength=12)
        lengths = np.bincount(tones["duration"], minlength=37)
        rows.append(np.concatenate([classes, lengths]) / max(1, len(tones)))
    told = np.array(rows)
    return told - told.mean(0)
