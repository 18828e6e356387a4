"""S2's Table 7: adversarially learned inference with the published hyper-parameters, on crops of 32 x 32.

What the paper states is kept: the networks of its Tables 5 and 6, binary cross-entropy, Adam at 1e-5 with betas
(0.9, 0.999), no weight decay, 50 epochs, latents of 256, 128 and 40. What it does not say is ours: batches of 32;
a crop is the lowest 32 of the 64 mel bands (up to 2 kHz), 32 frames of 23 ms, at a random time of each clip in every
epoch, and in its middle for the regression and the classifiers; the two sides learn at once, as in Algorithm 1 of
Dumoulin et al. (2017), each pair being judged once; the generator's side of the loss is the one that does not saturate.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import Cancelled
from core.explore.ali import Discriminator, encoder, generator
from core.explore.autoencoders import drawn
from core.learn.composers.clips import COMPOSERS, Clips
from core.listen.composer_networks import FeedForward
from core.listen.spectra import one_thread

Crops = NDArray[np.float32]
Report = Callable[[dict[str, float]], None]
Cancel = Callable[[], bool]

SIZE = 32
EPOCHS, BATCH, RATE = 50, 32, 1e-5
CLASSIFIER_EPOCHS, CLASSIFIER_BATCH, CLASSIFIER_RATE, CLASSIFIER_DECAY = 10, 64, 1e-4, 10e-5
"""Of S2's feed-forward network; the encoder as a classifier is trained the same way."""

STEEPEST = 20.0
SEED = 1


@dataclass
class Adversaries:
    """The three networks of one training."""

    encoder: nn.Module
    generator: nn.Module
    discriminator: nn.Module
    log: list[dict[str, float]] = field(default_factory=list)


def crops_at(mel: NDArray[np.uint8], start: NDArray[np.int64]) -> Crops:
    """A crop of each clip [shape=(clips, 1, 32, 32)], 0 at 80 dB below the clip's loudest place and 1 there.

    Parameters
    ----------
    mel : as stored [shape=(clips, 64, 431)]
    start : first frame of each crop
    """
    frames = start[:, None] + np.arange(SIZE)
    cut = np.take_along_axis(mel[:, :SIZE], frames[:, None, :], 2)
    return (cut.astype(np.float32) / np.float32(255))[:, None]


def middle_crops(clips: Clips) -> Crops:
    """The crop in the middle of every clip."""
    mel = clips.read("mel")
    return crops_at(mel, np.full(len(mel), (mel.shape[2] - SIZE) // 2))


def train(
    mel: NDArray[np.uint8],
    dimensions: int,
    *,
    epochs: int | None = None,
    seed: int = SEED,
    report: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Adversaries:
    """Train as published.

    Parameters
    ----------
    mel : clips as stored [shape=(clips, 64, 431)]
    epochs : `EPOCHS` unless told
    report : gets ``epoch``, ``minutes``, ``discriminator`` and ``generator`` (losses in nats) and ``told``, the share
        of pairs that the discriminator tells right
    """
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    sides = Adversaries(encoder(dimensions), generator(dimensions), Discriminator(dimensions))
    both = [*sides.encoder.parameters(), *sides.generator.parameters()]
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.Adam(values, RATE, betas=(0.9, 0.999))
        for values in (both, list(sides.discriminator.parameters()))
    ]
    size = min(BATCH, len(mel))
    began = time.monotonic()
    with one_thread():
        for epoch in range(epochs or EPOCHS):
            start = draw.integers(0, mel.shape[2] - SIZE + 1, len(mel))
            crops = torch.from_numpy(crops_at(mel, start))
            losses = []
            for places in torch.from_numpy(draw.permutation(len(mel))).split(size):
                if cancelled():
                    raise Cancelled
                if len(places) > 1:
                    losses.append(
                        step(sides, optimisers, crops[places], torch.randn(len(places), dimensions))
                    )
            mean = np.mean(losses, 0)
            minutes = (time.monotonic() - began) / 60
            sides.log.append(
                {"epoch": epoch + 1, "minutes": minutes}
                | dict(zip(("discriminator", "generator", "told"), mean.tolist()))
            )
            report(sides.log[-1])
    for network in (sides.encoder, sides.generator, sides.discriminator):
        network.eval()
    return sides


def step(
    sides: Adversaries, optimisers: list[torch.optim.Optimizer], x: Tensor, z: Tensor
) -> tuple[float, float, float]:
    """One step of both sides; the losses of discriminator and generator, and the share told right."""
    for network in (sides.encoder, sides.generator, sides.discriminator):
        network.train()
    with torch.autocast("cpu", torch.bfloat16):
        z_of_x = drawn(sides.encoder(x).float())[0]
        x_of_z = sides.generator(z).float()
    seen_z, seen_x = z_of_x.detach().requires_grad_(), x_of_z.detach().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        true = sides.discriminator(x, seen_z).float()
        made = sides.discriminator(seen_x, z).float()
    loss = F.softplus(-true).mean() + F.softplus(made).mean()
    for optimiser in optimisers:
        optimiser.zero_grad()
    loss.backward()
    # A pair's score has its own pair to thank alone, since the discriminator normalises over no batch. So what the
    # other side would learn from is the same slope, times the quotient of the two losses' slopes: no second pass.
    slopes = [
        -torch.exp((score.detach() * sign).clamp(-STEEPEST, STEEPEST))
        for score, sign in ((true, 1), (made, -1))
    ]
    assert seen_z.grad is not None
    assert seen_x.grad is not None
    torch.autograd.backward(
        [z_of_x, x_of_z], [seen_z.grad * slopes[0][:, None], seen_x.grad * slopes[1][:, None, None, None]]
    )
    for optimiser in optimisers:
        optimiser.step()
    other = F.softplus(true).mean() + F.softplus(-made).mean()
    told = ((true > 0).float().mean() + (made < 0).float().mean()) / 2
    return float(loss.detach()), float(other.detach()), float(told)


def embedded(network: nn.Module, crops: Crops) -> NDArray[np.float32]:
    """Means that an encoder gives [shape=(crops, dimensions)]."""
    with torch.no_grad():
        parts = [network(part).float().chunk(2, 1)[0] for part in torch.from_numpy(crops).split(128)]
    return torch.cat(parts).numpy()


def reconstructed(sides: Adversaries, crops: Crops) -> Crops:
    """What the generator makes of crops' embeddings."""
    with torch.no_grad():
        parts = [
            sides.generator(part) for part in torch.from_numpy(embedded(sides.encoder, crops)).split(128)
        ]
    return torch.cat(parts).numpy()


def train_classifier(
    network: nn.Module,
    crops: Crops,
    label: NDArray[np.int64],
    *,
    epochs: int = CLASSIFIER_EPOCHS,
    seed: int = SEED,
    cancelled: Cancel = lambda: False,
) -> nn.Module:
    """A network that has learnt composers from crops."""
    torch.manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), CLASSIFIER_RATE, weight_decay=CLASSIFIER_DECAY)
    values, wanted = torch.from_numpy(crops), torch.from_numpy(label)
    with one_thread():
        for _ in range(epochs):
            network.train()
            for places in torch.randperm(len(values)).split(CLASSIFIER_BATCH):
                if cancelled():
                    raise Cancelled
                if len(places) < 2:
                    continue
                loss = F.cross_entropy(network(values[places]), wanted[places])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    return network.eval()


def feed_forward() -> nn.Module:
    """S2's feed-forward network for one crop."""
    return nn.Sequential(nn.Flatten(1, 2), FeedForward(SIZE, len(COMPOSERS), SIZE))


def encoder_as_classifier(dimensions: int = 128) -> nn.Module:
    """Table 5's encoder and a layer more."""
    return nn.Sequential(encoder(dimensions), nn.Linear(2 * dimensions, len(COMPOSERS)))


def chances(network: nn.Module, crops: Crops) -> NDArray[np.float64]:
    """A classifier's chances [shape=(crops, composers)]."""
    with torch.no_grad():
        parts = [network(part).softmax(1) for part in torch.from_numpy(crops).split(128)]
    return torch.cat(parts).double().numpy()
