"""A recording summed up in 1,600 numbers, by rule: what a plain classifier needs to know of a log-mel.

Timbre: of each mel bin the mean, the spread, the loud tenth and how much it moves; how far it stands out of its
neighbours. Cepstral coefficients: mean, spread, and how they go together (their correlations are what a covariance
kernel sees). Rhythm: how strongly sixteen bands pulse at sixteen rates from 0.04 to 5.6 Hz.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

COEFFICIENTS, BANDS, RATES = 24, 16, 16
RATE_WINDOW = 512
TINY = 1e-6


def cosines(bins: int, count: int) -> Tensor:
    """The orthonormal discrete cosine transform, type II, as a matrix [shape=(count, bins)]."""
    angles = (torch.arange(bins) + 0.5)[None] * torch.arange(count)[:, None] * math.pi / bins
    matrix = torch.cos(angles) * math.sqrt(2 / bins)
    matrix[0] /= math.sqrt(2)
    return matrix


class Summary(nn.Module):
    """[shape=(batch, bins, columns)] -> [shape=(batch, size)]."""

    cosines: Tensor

    def __init__(self, bins: int = 128) -> None:
        super().__init__()
        self.register_buffer("cosines", cosines(bins, COEFFICIENTS), persistent=False)
        pairs = COEFFICIENTS * (COEFFICIENTS - 1)
        self.size = 6 * bins + 3 * COEFFICIENTS + pairs + BANDS * RATES

    def forward(self, mel: Tensor) -> Tensor:
        moves = mel.diff(dim=2)
        loud = mel.kthvalue(max(1, round(0.9 * mel.shape[2])), 2).values
        out = mel - F.avg_pool1d(mel.transpose(1, 2), 7, 1, 3, count_include_pad=False).transpose(1, 2)
        timbre = [mel.mean(2), mel.std(2), loud, moves.abs().mean(2), out.abs().mean(2), out.mean(2)]
        cepstrum = self.cosines @ mel
        together, spread = self._correlated(cepstrum - cepstrum.mean(2, keepdim=True))
        moving, moving_spread = self._correlated(cepstrum.diff(dim=2))
        cepstral = [cepstrum.mean(2), spread.log(), moving_spread.log(), together, moving]
        return torch.cat([*timbre, *cepstral, self._pulse(mel)], 1)

    @staticmethod
    def _correlated(x: Tensor) -> tuple[Tensor, Tensor]:
        covariance = x @ x.transpose(1, 2) / x.shape[2]
        spread = (covariance.diagonal(dim1=1, dim2=2) + TINY).sqrt()
        one, other = torch.triu_indices(COEFFICIENTS, COEFFICIENTS, 1)
        return covariance[:, one, other] / (spread[:, one] * spread[:, other]), spread

    @staticmethod
    def _pulse(mel: Tensor) -> Tensor:
        bands = mel.reshape(mel.shape[0], BANDS, -1, mel.shape[2]).mean(2)
        bands = (bands - bands.mean(2, keepdim=True)) * torch.hann_window(
            mel.shape[2], periodic=False, device=mel.device
        )
        # The spectrum's size follows the length of the music; by its square root all lengths are alike.
        power = torch.fft.rfft(bands, n=max(RATE_WINDOW, mel.shape[2])).abs() / math.sqrt(mel.shape[2])
        top = power.shape[2]
        edges = [round(2 * (top / 2) ** (place / RATES)) for place in range(RATES + 1)]
        wide = [power[:, :, low : max(high, low + 1)].mean(2) for low, high in zip(edges, edges[1:])]
        return torch.log(torch.stack(wide, 2) + 1e-3).flatten(1)
