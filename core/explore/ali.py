"""Adversarially learned inference: an encoder, a generator, and a discriminator that tells (x, E(x)) from (G(z), z).

V. Dumoulin et al., "Adversarially Learned Inference" (ICLR 2017). Two sizes of it:

* *Published*: A. Yanchenko, "Symphony2vec" (2019), Tables 5 and 6, for crops of 32 x 32 (`encoder`, `generator`,
  `Discriminator`).
* *Stabilised*, ours: smaller, for crops of 64 x 32; its discriminator has spectral normalisation in place of batch
  normalisation and dropout, and judges x and z alone as well as together (Donahue & Simonyan, BigBiGAN, 2019).

Conventions
-----------
* Crops are [shape=(batch, 1, bands, columns)], 0 the quietest and 1 the loudest; latents [shape=(batch, dimensions)].
* An encoder gives means and logarithms of variances [shape=(batch, 2 * dimensions)]; the embedding is the mean.
* Discriminators score before a sigmoid: the higher, the likelier (x, E(x)).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

Net = TypeVar("Net", bound=nn.Module)

LEAK = 0.01
DROPOUT = 0.2

Size = int | tuple[int, int]
Rows = tuple[tuple[Size, Size, int], ...]
"""Kernel, stride and feature maps of each layer."""

ENCODER: Rows = ((5, 1, 32), (4, 2, 64), (4, 1, 128), (4, 2, 256), (4, 1, 512), (1, 1, 512))
GENERATOR: Rows = ((4, 1, 256), (4, 2, 128), (4, 1, 64), (4, 2, 32), (5, 1, 32), (1, 1, 32))
SEES_X: Rows = ((5, 1, 32), (4, 2, 64), (4, 1, 128), (4, 2, 256), (4, 1, 512))
SEES_Z = (512, 512)
JOINT = (1024, 1024)

LATENTS = (256, 128, 40)
"""Of the paper."""


def encoder(dimensions: int) -> nn.Sequential:
    """Table 5, first half."""
    layers: list[nn.Module] = []
    inputs = 1
    for kernel, stride, maps in ENCODER:
        layers += [nn.Conv2d(inputs, maps, kernel, stride), nn.BatchNorm2d(maps), nn.LeakyReLU(LEAK)]
        inputs = maps
    return started(nn.Sequential(*layers, nn.Conv2d(inputs, 2 * dimensions, 1), nn.Flatten()))


def generator(dimensions: int) -> nn.Sequential:
    """Table 5, second half."""
    layers: list[nn.Module] = [nn.Unflatten(1, (dimensions, 1, 1))]
    inputs = dimensions
    for kernel, stride, maps in GENERATOR:
        layers += [nn.ConvTranspose2d(inputs, maps, kernel, stride), nn.BatchNorm2d(maps), nn.LeakyReLU(LEAK)]
        inputs = maps
    return started(nn.Sequential(*layers, nn.ConvTranspose2d(inputs, 1, 1), nn.Sigmoid()))


class Discriminator(nn.Module):
    """Table 6. Its last row names a leaky ReLU; a score before the sigmoid of the loss is linear here."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        seen: list[nn.Module] = []
        inputs = 1
        for kernel, stride, maps in SEES_X:
            seen += [nn.Dropout(DROPOUT), nn.Conv2d(inputs, maps, kernel, stride), nn.LeakyReLU(LEAK)]
            inputs = maps
        self.x = nn.Sequential(*seen, nn.Flatten())
        self.z = self._dense((dimensions, *SEES_Z))
        self.joint = nn.Sequential(
            self._dense((inputs + SEES_Z[-1], *JOINT)), nn.Dropout(DROPOUT), nn.Linear(JOINT[-1], 1)
        )
        started(self)

    @staticmethod
    def _dense(sizes: tuple[int, ...]) -> nn.Sequential:
        """Convolutions of 1 x 1 on what is 1 x 1 are dense layers."""
        layers: list[nn.Module] = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            layers += [nn.Dropout(DROPOUT), nn.Linear(inputs, outputs), nn.LeakyReLU(LEAK)]
        return nn.Sequential(*layers)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.joint(torch.cat([self.x(x), self.z(z)], 1)).squeeze(1)


def started(network: Net, deviation: float = 0.02) -> Net:
    """Weights drawn as for other adversaries (Radford, Metz & Chintala 2016): the paper says "initialized" only."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, deviation)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, deviation)
            nn.init.zeros_(layer.bias)
    return network


# ---- ours ------------------------------------------------------------------------------------------

SMALL: Rows = (((4, 4), (2, 2), 24), ((4, 4), (2, 2), 48), ((4, 4), (2, 2), 96), ((4, 4), (2, 2), 128))
"""Each halves bands and columns: 64 x 32 becomes 4 x 2."""
CORNER = (4, 2)
BANDS, COLUMNS = 64, 32


def small_encoder(dimensions: int) -> nn.Sequential:
    """From crops of 64 x 32 to means and logarithms of variances."""
    layers: list[nn.Module] = []
    inputs = 1
    for kernel, stride, maps in SMALL:
        layers += [
            nn.Conv2d(inputs, maps, kernel, stride, 1, bias=False),
            nn.BatchNorm2d(maps),
            nn.LeakyReLU(0.2),
        ]
        inputs = maps
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * CORNER[0] * CORNER[1], 2 * dimensions))


def small_generator(dimensions: int) -> nn.Sequential:
    """From latents to crops of 64 x 32."""
    widths = [maps for _, _, maps in SMALL][::-1]
    layers: list[nn.Module] = [
        nn.Linear(dimensions, widths[0] * CORNER[0] * CORNER[1]),
        nn.Unflatten(1, (widths[0], *CORNER)),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
    ]
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [
            nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], 1, 4, 2, 1), nn.Sigmoid())


class Judge(nn.Module):
    """Three scores of a pair, added up: of x alone, of z alone, and of both.

    Parameters
    ----------
    sees : from x to numbers [shape=(batch, seen)]
    seen, dimensions : numbers in what it sees of x, and in z
    sharpness : by which scores are multiplied; normalised layers alone tell nothing apart that lies close
    """

    def __init__(
        self, sees: nn.Module, seen: int, dimensions: int, hidden: int = 256, sharpness: float = 4.0
    ) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.sees = sees
        self.of_z = nn.Sequential(_normed(dimensions, hidden), _normed(hidden, hidden))
        self.of_both = nn.Sequential(_normed(seen + hidden, hidden), _normed(hidden, hidden))
        self.x, self.z, self.both = (spectral_norm(nn.Linear(size, 1)) for size in (seen, hidden, hidden))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        of_x, of_z = self.sees(x), self.of_z(z)
        both = self.of_both(torch.cat([of_x, of_z], 1))
        return self.sharpness * (self.x(of_x) + self.z(of_z) + self.both(both)).squeeze(1)


def _normed(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(spectral_norm(nn.Linear(inputs, outputs)), nn.LeakyReLU(0.2))


def small_judge(dimensions: int) -> Judge:
    """The stabilised discriminator for crops of 64 x 32."""
    layers: list[nn.Module] = []
    inputs = 1
    for kernel, stride, maps in SMALL:
        layers += [spectral_norm(nn.Conv2d(inputs, maps, kernel, stride, 1)), nn.LeakyReLU(0.2)]
        inputs = maps
    seen = inputs * CORNER[0] * CORNER[1]
    return Judge(nn.Sequential(*layers, nn.Flatten()), seen, dimensions)


def points_networks(
    size: int, dimensions: int, hidden: int = 128, sharpness: float = 15.0
) -> tuple[nn.Module, nn.Module, Judge]:
    """Encoder, generator and discriminator of points [shape=(batch, size)], for the gates on toy data."""

    def dense(
        inputs: int, outputs: int, wrap: Callable[[nn.Module], nn.Module] = lambda layer: layer
    ) -> nn.Sequential:
        return nn.Sequential(
            wrap(nn.Linear(inputs, hidden)), nn.LeakyReLU(0.2), wrap(nn.Linear(hidden, hidden)), nn.LeakyReLU(0.2),
            wrap(nn.Linear(hidden, outputs)),
        )  # fmt: skip

    sees = nn.Sequential(dense(size, hidden, spectral_norm), nn.LeakyReLU(0.2))
    judge = Judge(sees, hidden, dimensions, hidden, sharpness)
    return dense(size, 2 * dimensions), dense(dimensions, size), judge
