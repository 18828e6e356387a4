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

from core.listen.summary import Summary

BINS = 128
FEWEST_COLUMNS = 56
"""Five seconds."""

FARTHEST = 5.0
"""Standard deviations from the mean beyond which a number of the summary says no more."""


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


class ConvBlock(nn.Module):
    """A convolution (c2 of the tutorial), pooling (p2), batch normalisation and squeeze-excite.

    Pooling comes first because all that follows then has a quarter of the numbers to go through.
    """

    def __init__(self, inputs: int, outputs: int, pool: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.pool = nn.MaxPool2d(pool)
        self.norm = nn.BatchNorm2d(outputs)
        self.weigh = SqueezeExcite(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.weigh(torch.relu(self.norm(self.pool(self.conv(x)))))


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


class DeepEar(nn.Module):
    """Convolutional blocks, then attention over time.

    Parameters
    ----------
    labels : how many there are
    widths : channels of each block
    dropout : before the last layer
    """

    def __init__(
        self, labels: int, widths: tuple[int, ...] = (16, 32, 64, 128), dropout: float = 0.3
    ) -> None:
        super().__init__()
        pools = [(2, 2), (2, 2), (2, 2), (2, 1)]
        self.trunk = nn.Sequential(
            AsPicture(), *(ConvBlock(a, b, pool) for a, b, pool in zip((1, *widths), widths, pools))
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


class RelativeEar(DeepEar):
    """A deep ear that hears how far each bin is above its own mean: an equaliser changes nothing for it."""

    def features(self, mel: Tensor) -> Tensor:
        return super().features(mel - mel.mean(2, keepdim=True))


class WideEar(nn.Module):
    """`Summary` of the music, each number by its mean and spread over the training data, and two dense layers."""

    mean: Tensor
    spread: Tensor

    def __init__(self, labels: int, hidden: int = 64) -> None:
        super().__init__()
        self.summary = Summary()
        self.register_buffer("mean", torch.zeros(self.summary.size))
        self.register_buffer("spread", torch.ones(self.summary.size))
        self.body = nn.Sequential(
            nn.Dropout(0.3),
            nn.Linear(self.summary.size, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(hidden, labels),
        )

    def judge(self, summary: Tensor) -> Tensor:
        """Scores of what is summed up already [shape=(batch, size)]."""
        return self.body(((summary - self.mean) / self.spread).clamp(-FARTHEST, FARTHEST))

    def forward(self, mel: Tensor) -> Tensor:
        return self.judge(self.summary(mel))


class GenreNet(nn.Module):
    """The flagship: three ears whose scores are averaged, a half the two deep ones', a half the wide one's.

    They err on different music.
    """

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.deep = DeepEar(labels)
        self.relative = RelativeEar(labels)
        self.wide = WideEar(labels)

    def forward(self, mel: Tensor) -> Tensor:
        return (self.deep(mel) + self.relative(mel)) / 4 + self.wide(mel) / 2
