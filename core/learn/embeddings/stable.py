"""Adversarially learned inference made to work, and the variational autoencoder that it is measured by.

What is done about what ALI is known to fail at:

* *Reconstructions* are unfaithful, for matching the two pairs' distributions does not say which x belongs to which z
  (Li et al., ALICE, 2017). So both ways round are added to the loss: x to z to x, and z to x to z.
* *The discriminator* wins and nothing is learnt from it. Spectral normalisation (Miyato et al. 2018) and a penalty on
  its slope at true pairs, every `Plan.penalty_every` steps (Mescheder, Geiger & Nowozin 2018), keep it smooth; it
  learns four times as fast as the other side (Heusel et al. 2017), which lets both take one step in turn.
* *The weights* of encoder and generator go round in circles; their moving mean does not.
* Loss and steps are otherwise those of `core.learn.embeddings.adversarial`.

Two gates must open before music: of a normal distribution, z and E(G(z)) correlate by more than 0.95; of 25 modes on a
grid at least 24 are drawn.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import Cancelled
from core.explore.ali import points_networks, small_encoder, small_generator, small_judge
from core.explore.autoencoders import drawn
from core.explore.crops import COLUMNS, CROP
from core.listen.spectra import one_thread

Report = Callable[[dict[str, float]], None]
Cancel = Callable[[], bool]
Draw = Callable[[int], Tensor]
"""Gives so many true x."""

SEED = 1
STEEPEST = 20.0


@dataclass(frozen=True)
class Plan:
    """How the two sides learn.

    Attributes
    ----------
    rate : of encoder and generator; the discriminator's is four times as high
    penalty, penalty_every : weight of the squared slope at true pairs, and steps between two looks at it
    there_and_back, latent_and_back : weights of the squared errors of x to z to x, and of z to x to z
    keep : what the moving mean keeps of itself a step
    falls : whether the rates fall to nothing along a straight line
    """

    steps: int = 5000
    batch: int = 64
    rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.99)
    penalty: float = 2.0
    penalty_every: int = 16
    there_and_back: float = 40.0
    latent_and_back: float = 0.2
    keep: float = 0.995
    falls: bool = False
    report_every: int = 100


MUSIC = Plan()
POINTS = Plan(
    steps=8000,
    batch=256,
    rate=1e-3,
    penalty=0.0,
    there_and_back=0.5,
    latent_and_back=0.5,
    keep=0.99,
    falls=True,
)


LINE = replace(POINTS, steps=600)


@dataclass
class Trained:
    """Encoder and generator by their moving means, and the log of their training."""

    encoder: nn.Module
    generator: nn.Module
    log: list[dict[str, float]] = field(default_factory=list)


def train(
    encoder: nn.Module,
    generator: nn.Module,
    judge: nn.Module,
    draw: Draw,
    dimensions: int,
    plan: Plan,
    *,
    seed: int = SEED,
    report: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Trained:
    """Play the game for ``plan.steps`` steps.

    Parameters
    ----------
    report : gets ``step``, ``minutes`` and the means since the last: ``judge`` (nats), ``told`` (share of pairs told
        right), ``error`` (mean squared, x to z to x) and ``latent_error``
    """
    torch.manual_seed(seed)
    learning = [*encoder.parameters(), *generator.parameters()]
    ours = torch.optim.Adam(learning, plan.rate, plan.betas)
    theirs = torch.optim.Adam(judge.parameters(), 4 * plan.rate, plan.betas)
    kept = Trained(copy.deepcopy(encoder), copy.deepcopy(generator))
    sums: list[tuple[float, ...]] = []
    began = time.monotonic()
    with one_thread():
        for step in range(plan.steps):
            if cancelled():
                raise Cancelled
            if plan.falls:
                for optimiser, rate in ((ours, plan.rate), (theirs, 4 * plan.rate)):
                    optimiser.param_groups[0]["lr"] = rate * (1 - step / plan.steps)
            penalised = plan.penalty if step % plan.penalty_every == 0 else 0.0
            sums.append(_step(encoder, generator, judge, draw, dimensions, plan, ours, theirs, penalised))
            keep = min(plan.keep, step / (step + 10))
            _follow(kept.encoder, encoder, keep)
            _follow(kept.generator, generator, keep)
            if (step + 1) % plan.report_every == 0 or step + 1 == plan.steps:
                means = np.mean(sums, 0).tolist()
                minutes = (time.monotonic() - began) / 60
                names = ("judge", "told", "error", "latent_error")
                kept.log.append({"step": step + 1, "minutes": minutes} | dict(zip(names, means)))
                report(kept.log[-1])
                sums = []
    kept.encoder.eval()
    kept.generator.eval()
    return kept


def _step(
    encoder: nn.Module,
    generator: nn.Module,
    judge: nn.Module,
    draw: Draw,
    dimensions: int,
    plan: Plan,
    ours: torch.optim.Optimizer,
    theirs: torch.optim.Optimizer,
    penalised: float,
) -> tuple[float, float, float, float]:
    x, z = draw(plan.batch), torch.randn(plan.batch, dimensions)
    with torch.autocast("cpu", torch.bfloat16, enabled=x.ndim > 2):
        code = encoder(x).float()
        z_of_x, mean = drawn(code)[0], code.chunk(2, 1)[0]
        both = generator(torch.cat([z, mean])).float()
        x_of_z, back = both[: len(z)], both[len(z) :]
        z_back = encoder(x_of_z).float().chunk(2, 1)[0]
    seen_z, seen_x = z_of_x.detach().requires_grad_(), x_of_z.detach().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=x.ndim > 2):
        scores = judge(torch.cat([x, seen_x]), torch.cat([seen_z, z])).float()
    true, made = scores[: len(x)], scores[len(x) :]
    loss = F.softplus(-true).mean() + F.softplus(made).mean()
    theirs.zero_grad()
    loss.backward()
    if penalised:
        _slope(judge, x, seen_z.detach(), penalised * plan.penalty_every / 2)
    # As in the published game: what the other side learns from is the same slope, weighed otherwise.
    of_true = -torch.exp(true.detach().clamp(-STEEPEST, STEEPEST))
    of_made = -torch.exp(-made.detach().clamp(-STEEPEST, STEEPEST))
    assert seen_z.grad is not None
    assert seen_x.grad is not None
    error, latent_error = F.mse_loss(back, x), F.mse_loss(z_back, z)
    ours.zero_grad()
    torch.autograd.backward(
        [z_of_x, x_of_z, plan.there_and_back * error + plan.latent_and_back * latent_error],
        [
            seen_z.grad * of_true[:, None],
            seen_x.grad * of_made.view(-1, *[1] * (x.ndim - 1)),
            torch.ones(()),
        ],
    )
    theirs.step()
    ours.step()
    told = ((true > 0).float().mean() + (made < 0).float().mean()) / 2
    return float(loss.detach()), float(told), float(error.detach()), float(latent_error.detach())


def _slope(judge: nn.Module, x: Tensor, z: Tensor, weight: float) -> None:
    """Add the gradient of the squared slope of the scores at true pairs."""
    x, z = x.clone().requires_grad_(), z.clone().requires_grad_()
    slopes = torch.autograd.grad(judge(x, z).sum(), (x, z), create_graph=True)
    squared = sum(slope.flatten(1).pow(2).sum(1).mean() for slope in slopes)
    assert isinstance(squared, Tensor)
    (weight * squared).backward()


@torch.no_grad()
def _follow(mean: nn.Module, network: nn.Module, keep: float) -> None:
    for old, new in zip(mean.state_dict().values(), network.state_dict().values()):
        if old.is_floating_point():
            old.lerp_(new, 1 - keep)
        else:
            old.copy_(new)


# ---- the gates ---------------------------------------------------------------------------------------


def line_gate(plan: Plan = LINE, seed: int = SEED) -> dict[str, float]:
    """A normal distribution of one dimension: how z and E(G(z)) correlate, and how x and G(E(x)) do."""
    torch.manual_seed(seed)
    encoder, generator, judge = points_networks(1, 1)
    found = train(
        encoder, generator, judge, lambda count: torch.randn(count, 1) * 0.7 + 0.5, 1, plan, seed=seed
    )
    with torch.no_grad():
        z, x = torch.randn(4000, 1), torch.randn(4000, 1) * 0.7 + 0.5
        z_back = found.encoder(found.generator(z)).chunk(2, 1)[0]
        x_back = found.generator(found.encoder(x).chunk(2, 1)[0])
        drawn_x = found.generator(z)
    return {
        "latent_correlation": _correlation(z, z_back),
        "correlation": _correlation(x, x_back),
        "mean": float(drawn_x.mean()),
        "deviation": float(drawn_x.std()),
    }


GRID, GAP, WIDTH = 5, 2.0, 0.1
FEWEST, WELL = 1, 20
"""Of 2,500 points so many must lie within three widths of a mode for it to count as drawn (Srivastava et al., VEEGAN,
2017; Lin et al., PacGAN, 2018), and as drawn well."""


def grid_points(count: int, draw: torch.Generator | None = None) -> Tensor:
    """Points of a five by five grid of narrow normal distributions."""
    place = torch.randint(GRID, (count, 2), generator=draw).float() - GRID // 2
    return place * GAP + WIDTH * torch.randn(count, 2, generator=draw)


def grid_gate(plan: Plan = POINTS, seed: int = SEED) -> dict[str, float]:
    """25 modes: how many are drawn, the share of points drawn in one, and of reconstructions that lie in their x's."""
    torch.manual_seed(seed)
    encoder, generator, judge = points_networks(2, 2)
    found = train(encoder, generator, judge, grid_points, 2, plan, seed=seed)
    with torch.no_grad():
        made = found.generator(torch.randn(2500, 2))
        x = grid_points(2500)
        back = found.generator(found.encoder(x).chunk(2, 1)[0])
    nearest = (made / GAP).round().clamp(-2, 2)
    close = (made - nearest * GAP).norm(dim=1) < 3 * WIDTH
    counts = torch.bincount(((nearest[close] + 2) @ torch.tensor([5.0, 1.0])).long(), minlength=25)
    same = ((back / GAP).round() == (x / GAP).round()).all(1)
    return {
        "modes": int((counts >= FEWEST).sum()),
        "modes_drawn_well": int((counts >= WELL).sum()),
        "in_a_mode": float(close.float().mean()),
        "reconstructed_in_theirs": float(same.float().mean()),
    }


def _correlation(a: Tensor, b: Tensor) -> float:
    return float(np.corrcoef(a.flatten().numpy(), b.flatten().numpy())[0, 1])


# ---- music ------------------------------------------------------------------------------------------


def crops_from(pictures: NDArray[np.uint8], seed: int = SEED) -> Draw:
    """Crops at random of clips of 64 bands [shape=(clips, 64, 107), 0 to 255]."""
    dice = np.random.default_rng(seed)

    def draw(count: int) -> Tensor:
        clip, start = dice.integers(len(pictures), size=count), dice.integers(COLUMNS - CROP + 1, size=count)
        columns = start[:, None] + np.arange(CROP)
        cut = np.take_along_axis(pictures[clip], columns[:, None, :], 2)
        return torch.from_numpy(cut.astype(np.float32) / np.float32(255))[:, None]

    return draw


def train_on_music(draw: Draw, dimensions: int, plan: Plan = MUSIC, **options: Any) -> Trained:
    """The stabilised game on crops."""
    torch.manual_seed(options.get("seed", SEED))
    networks = small_encoder(dimensions), small_generator(dimensions), small_judge(dimensions)
    return train(*networks, draw, dimensions, plan, **options)


def train_variational(
    draw: Draw,
    dimensions: int,
    plan: Plan = MUSIC,
    *,
    seed: int = SEED,
    report: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Trained:
    """A variational autoencoder of the same encoder and generator, on as many crops; its loss is S2's.

    The sum of squared errors, of values from -1 to 1, and of the divergence.
    """
    torch.manual_seed(seed)
    encoder, generator = small_encoder(dimensions), small_generator(dimensions)
    optimiser = torch.optim.Adam([*encoder.parameters(), *generator.parameters()], 1e-3)
    kept = Trained(copy.deepcopy(encoder), copy.deepcopy(generator))
    sums: list[tuple[float, float]] = []
    began = time.monotonic()
    with one_thread():
        for step in range(plan.steps):
            if cancelled():
                raise Cancelled
            x = draw(plan.batch)
            with torch.autocast("cpu", torch.bfloat16):
                code, divergence = drawn(encoder(x).float())
                error = (generator(code).float() - x).pow(2)
            loss = 4 * error.flatten(1).sum(1).mean() + divergence.mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            keep = min(plan.keep, step / (step + 10))
            _follow(kept.encoder, encoder, keep)
            _follow(kept.generator, generator, keep)
            sums.append((float(error.mean().detach()), float(divergence.mean().detach())))
            if (step + 1) % plan.report_every == 0 or step + 1 == plan.steps:
                means = np.mean(sums, 0).tolist()
                minutes = (time.monotonic() - began) / 60
                kept.log.append(
                    {"step": step + 1, "minutes": minutes} | dict(zip(("error", "divergence"), means))
                )
                report(kept.log[-1])
                sums = []
    kept.encoder.eval()
    kept.generator.eval()
    return kept
