"""Autoencoders: S2's, plain, contractive and variational, for whole clips; and ours, variational, for crops.

After A. Yanchenko, "Symphony2vec" (2019): encoder and decoder of four rectified dense layers, 40 numbers between them.

Conventions
-----------
* What goes in lies between -1 and 1, as what comes out of a hyperbolic tangent does.
* Of a variational autoencoder the embedding is the mean, not a draw.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

DIMENSIONS = 40
HIDDEN = (1024, 512, 256, 128)


def dense(sizes: tuple[int, ...]) -> nn.Sequential:
    """Linear layers, all but the last rectified."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Autoencoder(nn.Module):
    """S2's: dense layers of 1024, 512, 256 and 128 to ``dimensions``, linear, and the same back, tanh at the end.

    Parameters
    ----------
    inputs : numbers of a flattened picture
    variational : the encoder then also gives the logarithms of variances
    """

    def __init__(self, inputs: int, variational: bool = False, dimensions: int = DIMENSIONS) -> None:
        super().__init__()
        self.variational = variational
        self.encoder = dense((inputs, *HIDDEN, dimensions * (2 if variational else 1)))
        self.decoder = nn.Sequential(dense((dimensions, *HIDDEN[::-1], inputs)), nn.Tanh())

    def encode(self, x: Tensor) -> Tensor:
        """The embedding [shape=(batch, inputs) -> (batch, dimensions)]."""
        code = self.encoder(x)
        return code.chunk(2, 1)[0] if self.variational else code


def drawn(code: Tensor) -> tuple[Tensor, Tensor]:
    """A draw from means and logarithms of variances, and the Kullback-Leibler divergence of each row from the prior.

    Parameters
    ----------
    code : means, then logarithms of variances [shape=(batch, 2 * dimensions)]
    """
    mean, spread = code.chunk(2, 1)
    spread = spread.clamp(-12, 8)
    divergence = 0.5 * (mean**2 + spread.exp() - 1 - spread).sum(1)
    return mean + torch.randn_like(mean) * (spread / 2).exp(), divergence
