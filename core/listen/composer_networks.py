"""The networks that tell a composer by sound: S2's nine baselines, and our own.

After A. Yanchenko, "Symphony2vec: Learning Musically Meaningful Embeddings for Orchestral Audio Data" (2019): the
feed-forward networks, the convolutional networks of its Table 2, and the LSTM. `BASELINES` has a row for each of the
nine, with the published accuracy.

Conventions
-----------
* Networks take a batch of one representation [shape=(batch, rows, frames)], normalised, and give a score before
  softmax for each label [shape=(batch, labels)].
* Rows are 12 (chromagram), 13 (MFCC) or 64 (mel-spectrogram), frames 431.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

FRAMES = 431
ROWS = {"chroma": 12, "mfcc": 13, "mel": 64}
"""Representations of S2 and their rows."""

Pair = tuple[int, int]


class FeedForward(nn.Sequential):
    """Four hidden layers, each rectified and then batch-normalised, over the flattened picture."""

    HIDDEN = (1024, 512, 256, 64)

    def __init__(self, rows: int, labels: int, frames: int = FRAMES) -> None:
        sizes = (rows * frames, *self.HIDDEN)
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in zip(sizes, sizes[1:]):
            layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.BatchNorm1d(outputs)]
        super().__init__(*layers, nn.Linear(sizes[-1], labels))


@dataclass(frozen=True)
class Convolution:
    """One row of Table 2, for one representation: sizes are (rows, frames); ``pool`` follows batch normalisation."""

    outputs: int
    kernel: Pair
    stride: Pair
    padding: Pair
    pool: Pair = (1, 1)


TABLE_2: dict[str, tuple[Convolution, ...]] = {
    "chroma": (
        Convolution(5, (2, 5), (2, 1), (6, 1), (1, 2)),
        Convolution(10, (2, 4), (2, 2), (6, 2), (1, 2)),
        Convolution(10, (2, 4), (2, 2), (6, 1)),
    ),
    "mfcc": (
        Convolution(5, (4, 5), (1, 1), (1, 1), (1, 2)),
        Convolution(10, (2, 4), (2, 2), (6, 2), (1, 2)),
        Convolution(10, (2, 4), (2, 2), (6, 1)),
    ),
    "mel": (
        Convolution(5, (4, 3), (2, 2), (1, 1), (1, 2)),
        Convolution(10, (4, 4), (2, 2), (1, 1), (1, 2)),
        Convolution(10, (3, 4), (2, 2), (1, 1), (2, 2)),
    ),
}
"""S2's convolutional networks, every kernel, stride and padding."""


class Convolutional(nn.Module):
    """The rows of `TABLE_2`, then fully connected layers of 120 and 84; all but the last rectified."""

    DENSE = (120, 84)

    def __init__(self, kind: str, labels: int, frames: int = FRAMES) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for row in TABLE_2[kind]:
            layers += [
                nn.Conv2d(inputs, row.outputs, row.kernel, row.stride, row.padding),
                nn.BatchNorm2d(row.outputs),
                nn.ReLU(),
                nn.MaxPool2d(row.pool),
            ]
            inputs = row.outputs
        self.pictures = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            size = self.pictures.eval()(torch.zeros(1, 1, ROWS[kind], frames)).shape[1]
        self.train()
        first, second = self.DENSE
        self.dense = nn.Sequential(
            nn.Linear(size, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(), nn.Linear(second, labels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.pictures(x.unsqueeze(1)))


class ManyToOne(nn.Module):
    """Two LSTM layers of five features over chunks of 36 frames.

    The paper cuts clips into chunks because "LSTMs cannot handle input sequence lengths as long"; each chunk is an
    example with its clip's label. `forward` gives the mean of the chunks' scores, the clip's verdict; `chunks` what
    training needs.
    """

    FEATURES, LAYERS, CHUNK = 5, 2, 36

    def __init__(self, rows: int, labels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(rows, self.FEATURES, self.LAYERS, batch_first=True)
        self.head = nn.Linear(self.FEATURES, labels)

    def chunks(self, x: Tensor) -> Tensor:
        """Scores of every whole chunk [shape=(batch, chunks, labels)]."""
        batch, rows, frames = x.shape
        count = frames // self.CHUNK
        cut = x[:, :, : count * self.CHUNK].transpose(1, 2).reshape(batch * count, self.CHUNK, rows)
        return self.head(self.lstm(cut)[0][:, -1]).reshape(batch, count, -1)

    def forward(self, x: Tensor) -> Tensor:
        return self.chunks(x).mean(1)


@dataclass(frozen=True)
class Baseline:
    """One of S2's nine cells.

    Attributes
    ----------
    network, kind : "feed forward", "CNN" or "LSTM"; the representation
    make : of the number of labels, a network
    rate, decay : Adam's; its betas are (0.9, 0.999)
    published : test accuracy in per cent (Table 3)
    """

    network: str
    kind: str
    make: Callable[[int], nn.Module]
    rate: float
    decay: float
    published: float

    @property
    def name(self) -> str:
        return f"{self.network}, {self.kind}"


def _row(network: str, kind: str, published: float) -> Baseline:
    makers: dict[str, tuple[Callable[[int], nn.Module], float, float]] = {
        "feed forward": (lambda labels: FeedForward(ROWS[kind], labels), 1e-4, 10e-5),
        "CNN": (lambda labels: Convolutional(kind, labels), 1e-3, 10e-5),
        "LSTM": (lambda labels: ManyToOne(ROWS[kind], labels), 1e-3, 0.0),
    }
    make, rate, decay = makers[network]
    return Baseline(network, kind, make, rate, decay, published)


BASELINES: tuple[Baseline, ...] = (
    _row("feed forward", "chroma", 38.6257),
    _row("feed forward", "mfcc", 57.8605),
    _row("feed forward", "mel", 52.3438),
    _row("CNN", "chroma", 36.8558),
    _row("CNN", "mfcc", 52.8371),
    _row("CNN", "mel", 55.7292),
    _row("LSTM", "chroma", 25.1171),
    _row("LSTM", "mfcc", 25.1171),
    _row("LSTM", "mel", 25.2131),
)
"""S2, Table 3. "10e^-5" is how the paper writes its weight decay."""


# ---- our own -------------------------------------------------------------------------------------

BANDS = 128


class Block(nn.Sequential):
    """A convolution over time, batch normalisation and rectification; ``stride`` 2 joins pairs of columns."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(
            nn.Conv1d(inputs, outputs, 3, stride, dilation, dilation, bias=False),
            nn.BatchNorm1d(outputs),
            nn.ReLU(),
        )


class Ears(nn.Sequential):
    """Our own: what sounds at every moment of a clip, from which statistics tell who wrote it.

    Three convolutions over time, which see all bands at once (c1 of Choi et al. 2017), describe every pair of columns
    by ``width`` numbers, from which come the scores, before a sigmoid, of the ``targets`` that may sound: families of
    instruments, pitch classes, the bass, depths of texture [shape=(batch, targets, pairs)]. ``mel``
    [shape=(batch, 128, columns)] is 0 at 80 dB below the clip's loudest place, 1 there.

    Parameters
    ----------
    targets : what is told of every pair of columns
    widths : channels of the first two convolutions
    width : numbers that describe a pair of columns
    """

    def __init__(
        self, targets: int, widths: Pair = (160, 128), width: int = 96, dropout: float = 0.2
    ) -> None:
        first, second = widths
        super().__init__(
            nn.BatchNorm1d(BANDS),
            Block(BANDS, first),
            Block(first, second, stride=2),
            nn.Dropout(dropout),
            Block(second, width, dilation=2),
            nn.Conv1d(width, targets, 1),
        )

    def forward(self, mel: Tensor) -> Tensor:
        return super().forward(mel)[:, :, : mel.shape[2] // 2]
