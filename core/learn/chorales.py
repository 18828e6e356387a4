"""The chorale benchmark: how well the next token of Bach's four-part chorales is foretold.

Data and unit
-------------
382 chorales on a grid of sixteenths, split 229 / 76 / 77 as by Boulanger-Lewandowski et al. (2012), in the
voice-separated form of Huang et al. ("Jsb16thSeparated"): at each step the pitches of soprano, alto, tenor
and bass. A held note and a note struck again are the same; a resting voice is a token of its own. The figure
is the mean over all 4 x steps tokens of the split, the first step's included, of the negative natural
logarithm of the chance given to the token: nats a token. Nothing tells a model when the piece will end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.errors import Cancelled, TunesmithError
from core.learn.chorales_network import (
    REST,
    TOKENS,
    VOICES,
    ChoraleLibrary,
    ChoraleNetwork,
    Clues,
    Grid,
    Shape,
    clues_of,
    stacked,
    token_nats,
    tokens_of,
    transposed,
)
from core.song.midi_file import read_midi
from core.song.notes import Song

SPLITS = ("train", "valid", "test")


def grid_of(song: Song) -> Grid:
    """Pitches of the four voices at every sixteenth, -1 for a rest [shape=(steps, 4)].

    Raises
    ------
    TunesmithError
        If there are not four tracks.
    """
    if len(song.tracks) != 4:
        raise TunesmithError(f"a chorale has four tracks, soprano to bass; this file has {len(song.tracks)}")
    step = song.ticks_per_beat // 4
    notes = song.notes
    starts, ends = notes["onset"] // step, (notes["onset"] + notes["duration"]) // step
    grid = np.full((int(ends.max(initial=0)), 4), -1)
    for start, end, track, pitch in zip(starts, ends, notes["track"], notes["pitch"]):
        grid[start:end, track] = pitch
    return grid


def read_chorales(folder: Path) -> dict[str, list[Grid]]:
    """Tokens of every chorale by split, from the folders train, valid and test of a folder.

    Raises
    ------
    TunesmithError
        If one of the three is empty or missing.
    """
    chorales = {
        split: [tokens_of(grid_of(read_midi(path))) for path in sorted((folder / split).glob("*.mid"))]
        for split in SPLITS
    }
    for split, pieces in chorales.items():
        if not pieces:
            raise TunesmithError(
                f"{folder} has no MIDI files in {split}/: chorales come as train, valid, test"
            )
    return chorales


@dataclass(frozen=True)
class Chorale:
    """A piece made ready: its tokens [shape=(steps, 4)], the clues of every step, and its length."""

    tokens: Tensor
    clues: Clues

    @classmethod
    def of(cls, tokens: Grid, library: ChoraleLibrary | None = None, own: int | None = None) -> Chorale:
        return cls(torch.from_numpy(tokens), clues_of(tokens, library, own))

    def transposed(self, semitones: int) -> Chorale:
        moved = torch.where(self.tokens < REST, self.tokens + semitones, self.tokens)
        return Chorale(moved, transposed(self.clues, semitones))


def ranges(pieces: Sequence[Chorale]) -> tuple[Tensor, Tensor]:
    """Lowest and highest pitch token of each voice."""
    tokens = torch.cat([piece.tokens for piece in pieces])
    return (
        torch.where(tokens < REST, tokens, TOKENS).amin(0),
        torch.where(tokens < REST, tokens, -1).amax(0),
    )


def room(piece: Chorale, lowest: Tensor, highest: Tensor) -> tuple[int, int]:
    """How many semitones a piece can move down (<= 0) and up with every voice in its range."""
    low, high = ranges([piece])
    sings = high >= 0
    return min(0, int((lowest - low)[sings].max())), max(0, int((highest - high)[sings].min()))


def batch_of(pieces: Sequence[Chorale]) -> tuple[Clues, Tensor, Tensor]:
    """Clues, tokens, and where there are steps [shape=(batch, steps)] of several pieces."""
    steps = max(len(piece.tokens) for piece in pieces)
    tokens = torch.zeros(len(pieces), steps, 4, dtype=torch.long)
    there = torch.zeros(len(pieces), steps, dtype=torch.bool)
    for row, piece in enumerate(pieces):
        tokens[row, : len(piece.tokens)] = piece.tokens
        there[row, : len(piece.tokens)] = True
    return stacked([piece.clues for piece in pieces]), tokens, there


@dataclass(frozen=True)
class Plan:
    """How a `ChoraleNetwork` is trained.

    Attributes
    ----------
    epochs : over the training pieces, each transposed anew by chance every time
    batch : pieces an update
    rate : highest learning rate of the one cycle (Smith and Topin 2019)
    orderless : whether every update draws the order in which the voices are named
    decay : AdamW's weight decay
    average : of the weights, over updates
    check : epochs between measurements on the validation part
    """

    shape: Shape = field(default_factory=Shape)
    epochs: int = 40
    batch: int = 8
    rate: float = 4e-3
    orderless: bool = True
    decay: float = 0.05
    average: float = 0.98
    check: int = 4
    seed: int = 0


def train(
    training: Sequence[Chorale],
    validation: Sequence[Chorale],
    plan: Plan,
    *,
    minutes: float = float("inf"),
    report: Callable[[dict[str, float]], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ChoraleNetwork:
    """Train a network and give back its averaged weights where the validation part liked them best.

    The rate falls with the share of ``epochs`` or of ``minutes`` that has passed, whichever is greater, so
    that a training ends properly in the time it has. ``report`` gets epoch, minutes, and nats a token of
    both parts at every check.
    """
    torch.manual_seed(plan.seed)
    chance = np.random.default_rng(plan.seed)
    network = ChoraleNetwork(plan.shape)
    averaged = ChoraleNetwork(plan.shape)
    averaged.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), plan.rate, betas=(0.9, 0.98), weight_decay=plan.decay)
    rooms = [room(piece, *ranges(training)) for piece in training]
    started, best, kept = time.monotonic(), float("inf"), averaged.state_dict()
    updates, total, count = 0, 0.0, 0
    for epoch in range(plan.epochs):
        batches = _batches([len(piece.tokens) for piece in training], plan.batch, chance)
        for number, rows in enumerate(batches):
            if cancelled():
                raise Cancelled
            passed = max(
                (epoch + number / len(batches)) / plan.epochs, (time.monotonic() - started) / 60 / minutes
            )
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * _one_cycle(passed)
            pieces = [
                training[i].transposed(int(chance.integers(rooms[i][0], rooms[i][1] + 1))) for i in rows
            ]
            clues, tokens, there = batch_of(pieces)
            asked, weight = _ask(there)
            with torch.autocast("cpu", torch.bfloat16):
                order = chance.permutation(4).tolist() if plan.orderless else None
                nats = token_nats(network, clues, tokens, asked, order).mean(1)
                loss = (nats * weight).sum() / there.sum()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            updates += 1
            _average(averaged, network, min(plan.average, updates / (updates + 10)))
            total, count = total + float(loss.detach()), count + 1
        late = (time.monotonic() - started) / 60 >= minutes
        if (epoch + 1) % plan.check == 0 or epoch + 1 == plan.epochs or late:
            figures = measure(averaged, validation)
            if figures["nats"] < best:
                best, kept = figures["nats"], {k: v.clone() for k, v in averaged.state_dict().items()}
            report(
                {
                    "epoch": epoch + 1,
                    "minutes": (time.monotonic() - started) / 60,
                    "train_nats": total / count,
                    "valid_nats": figures["nats"],
                    "valid_accuracy": figures["accuracy"],
                }
            )
            total, count = 0.0, 0
        if late:
            break
    averaged.load_state_dict(kept)
    return averaged.eval()


def _batches(lengths: Sequence[int], size: int, chance: np.random.Generator) -> list[list[int]]:
    """Pieces of like length together, in another order and company every time."""
    order = np.argsort(np.array(lengths) * chance.uniform(0.85, 1.15, len(lengths)))
    batches = [order[i : i + size].tolist() for i in range(0, len(order), size)]
    chance.shuffle(batches)
    return batches


def _ask(there: Tensor) -> tuple[Tensor, Tensor]:
    """The steps to learn from and their weights: all eighths, and one in three of the sixteenths between,
    where a note seldom begins, counted thrice.
    """
    between = torch.arange(there.shape[1]) % 2 == 1
    asked = there & (~between | (torch.rand(there.shape) < 1 / 3))
    return asked, torch.where(between, 3.0, 1.0).expand_as(there)[asked]


def _one_cycle(passed: float) -> float:
    """Share of the highest rate: up over the first fifth, then down by a cosine."""
    if passed < 0.2:
        return 0.05 + 0.95 * passed / 0.2
    return 0.002 + 0.998 * 0.5 * (1 + np.cos(np.pi * min(1.0, (passed - 0.2) / 0.8)))


@torch.no_grad()
def _average(averaged: torch.nn.Module, network: torch.nn.Module, kept: float) -> None:
    for slow, fast in zip(averaged.parameters(), network.parameters()):
        slow.lerp_(fast, 1 - kept)


@torch.no_grad()
def foretell(network: ChoraleNetwork, pieces: Sequence[Chorale], batch: int = 16) -> tuple[Tensor, Tensor]:
    """Logarithms of the chances of all tokens [shape=(steps, 4, TOKENS)] and the right tokens [shape=(steps, 4)],
    the voices named in the network's own order.

    The steps are those of all pieces, the short pieces first.
    """
    chances, answers = [], []
    for clues, tokens, there in _in_batches(network, pieces, batch):
        chances.append(network(clues, tokens, there).log_softmax(-1))
        answers.append(tokens[there])
    return torch.cat(chances), torch.cat(answers)


@torch.no_grad()
def foretell_every_way(network: ChoraleNetwork, pieces: Sequence[Chorale], batch: int = 16) -> Tensor:
    """`ChoraleNetwork.every_way` of all steps of all pieces [shape=(steps, 4, 16)], the short pieces first."""
    return torch.cat([network.every_way(*inputs) for inputs in _in_batches(network, pieces, batch)])


def _in_batches(
    network: ChoraleNetwork, pieces: Sequence[Chorale], batch: int
) -> Iterator[tuple[Clues, Tensor, Tensor]]:
    """Pieces of like length together, nothing dropped in the network meanwhile."""
    learning = network.training
    network.eval()
    by_length = sorted(pieces, key=lambda piece: len(piece.tokens))
    for start in range(0, len(by_length), batch):
        yield batch_of(by_length[start : start + batch])
    network.train(learning)


def figures_of(chances: Tensor, answers: Tensor) -> dict[str, float]:
    """Nats a token and share right at first guess of what `foretell` gives; nats of each voice."""
    nats = -chances.gather(-1, answers[..., None])[..., 0].double().mean(0)
    right = (chances.argmax(-1) == answers).double().mean()
    by_voice = {f"{voice}_nats": float(value) for voice, value in zip(VOICES, nats)}
    return {"nats": float(nats.mean()), "accuracy": float(right)} | by_voice


def measure(network: ChoraleNetwork, pieces: Sequence[Chorale]) -> dict[str, float]:
    """Figures of a network on some pieces."""
    return figures_of(*foretell(network, pieces))
