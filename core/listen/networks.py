"""Building blocks of the networks that listen, in the words of Choi, Fazekas, Cho & Sandler, "A Tutorial on Deep
Learning for Music Information Retrieval" (arXiv 1709.04396, section 4), and the flagship genre network.

Conventions
-----------
* A network takes a batch of log-mel matrices [shape=(batch, bins, columns)], 0 the quietest and 1 the loudest
  (`core.listen.genre`), and gives a score before softmax for each label [shape=(batch, labels)].
* Any number of columns from `FEWEST_COLUMNS` on will do.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BINS = 128
FEWEST_COLUMNS = 56
"""Five seconds."""


class AsPicture(nn.Module):
    """Normalise each mel bin by its mean and spread over the batch, and give the matrix one channel.

    [shape=(batch, bins, columns)] -> [shape=(batch, 1, bins, columns)]
    """

    def __init__(self, bins: int = BINS) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(bins)

    def forward(self, mel: Tensor) -> Tensor:
        return self.norm(mel).unsqueeze(1)


class SqueezeExcite(nn.Module):
    """Weigh channels by what the whole picture holds (Hu, Shen & Sun 2018, arXiv 1709.01507)."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction)
        self.excite = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3))))))
        return x * weights[:, :, None, None]


class SeparableBlock(nn.Module):
    """Two depthwise-separable convolutions, the second one residual and weighed by squeeze-excite.

    Pooling comes as early as it can, because all that follows then has a quarter of the numbers to go through.
    """

    def __init__(self, inputs: int, outputs: int, pool: tuple[int, int]) -> None:
        super().__init__()
        self.enter = nn.Sequential(*_separable(inputs, outputs), nn.MaxPool2d(pool), nn.BatchNorm2d(outputs))
        self.stay = nn.Sequential(
            *_separable(outputs, outputs), nn.BatchNorm2d(outputs), SqueezeExcite(outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.enter(x))
        return torch.relu(x + self.stay(x))


def _separable(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module]:
    return (
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
    )


class AttentionPool(nn.Module):
    """The mean and the spread over time, columns weighed by what they hold, for each channel
    (Okabe, Koshinaka & Shinoda 2018, arXiv 1803.10963).

    [shape=(batch, channels, columns)] -> [shape=(batch, 2 * channels)]
    """

    def __init__(self, channels: int, hidden: int = 32) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Conv1d(channels, hidden, 1), nn.Tanh(), nn.Conv1d(hidden, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.softmax(self.score(x), dim=2)
        mean = (weights * x).sum(2)
        variance = (weights * x * x).sum(2) - mean * mean
        return torch.cat([mean, variance.clamp_min(1e-5).sqrt()], 1)


class GenreNet(nn.Module):
    """The flagship: a stem, separable residual blocks, attention over time.

    Parameters
    ----------
    labels : how many there are
    widths : channels of the stem and of each block
    stride : of the stem, over bins and columns
    dropout : before the last layer
    """

    def __init__(
        self,
        labels: int,
        widths: tuple[int, ...] = (32, 64, 96, 128),
        stride: tuple[int, int] = (4, 2),
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            AsPicture(),
            nn.Conv2d(
                1, widths[0], (2 * stride[0] + 1, 5), stride=stride, padding=(stride[0], 2), bias=False
            ),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            *(SeparableBlock(a, b, pool) for a, b, pool in zip(widths, widths[1:], [(2, 2), (2, 2), (2, 1)])),
        )
        last = widths[-1]
        self.pool = AttentionPool(2 * last)
        self.head = nn.Sequential(nn.BatchNorm1d(4 * last), nn.Dropout(dropout), nn.Linear(4 * last, labels))

    def features(self, mel: Tensor) -> Tensor:
        """What the network has heard [shape=(batch, 4 * last width)]."""
        x = self.trunk(mel)
        return self.pool(torch.cat([x.mean(2), x.amax(2)], 1))

    def forward(self, mel: Tensor) -> Tensor:
        return self.head(self.features(mel))
