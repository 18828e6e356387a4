"""The zoo: every network of the papers that classifies, each a few lines of blocks, and the flagship.

Conventions
-----------
* Layers are named as Choi, Fazekas, Cho & Sandler name them ("A Tutorial on Deep Learning for Music Information
  Retrieval", arXiv 1709.04396, section 4.4): ``d1`` dense on one frame, ``d2`` dense on a frame and its context, ``c1``
  a convolution over time whose kernels span all bins, ``c2`` one over time and bins, ``p1`` and ``p2`` pooling, ``r1``
  recurrent from sequence to sequence, ``r2`` from sequence to one vector.
* All but the flagship and the genre CNN are the tutorial's suggestions (section 5.7, and 2.3 for little data).
* The tutorial gives orders of layers, not their sizes: sizes are ours, chosen so that each has about a hundred
  thousand parameters.
* A label of a recording does not vary with time. The networks that the tutorial suggests for what varies give
  scores for every moment, and the mean of these is the recording's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.listen.networks import BINS, AsPicture, DeepEar, GenreNet, RelativeEar, WideEar


class Apply(nn.Module):
    """A layer that is a function without parameters."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Recurrent(nn.Module):
    """``r1``: a recurrent layer over [shape=(batch, columns, numbers)] to the same with its own numbers."""

    def __init__(self, layer: nn.LSTM | nn.GRU) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0]


def d(inputs: int, outputs: int, dropout: float = 0.0) -> nn.Sequential:
    """Dense, rectified."""
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout))


def c1(inputs: int, outputs: int, width: int) -> nn.Sequential:
    """Convolution over ``width`` columns, normalised and rectified."""
    return nn.Sequential(nn.Conv1d(inputs, outputs, width, bias=False), nn.BatchNorm1d(outputs), nn.ReLU())


def c2(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution of 3 x 3, normalised and rectified."""
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def p1(columns: int) -> nn.MaxPool1d:
    """Pooling over time."""
    return nn.MaxPool1d(columns)


def p2(bins: int, columns: int) -> nn.MaxPool2d:
    """Pooling over bins and time."""
    return nn.MaxPool2d((bins, columns))


def in_context(columns: int) -> nn.Module:
    """[shape=(batch, bins, time)] -> every ``columns`` in a row as one vector [shape=(batch, time, bins * columns)]."""
    return Apply(lambda x: x.unfold(2, columns, 2).permute(0, 2, 1, 3).flatten(2))


def as_sequence() -> nn.Module:
    """[shape=(batch, channels, bins, time)] or [shape=(batch, bins, time)] -> [shape=(batch, time, numbers)]."""
    return Apply(lambda x: x.reshape(x.shape[0], -1, x.shape[-1]).transpose(1, 2))


def mean_over_time() -> nn.Module:
    """[shape=(batch, time, numbers)] -> [shape=(batch, numbers)]."""
    return Apply(lambda x: x.mean(1))


def last_moment() -> nn.Module:
    """What a recurrent layer knows at the end: with it ``r1`` becomes ``r2``."""
    return Apply(lambda x: x[:, -1])


def normalised() -> nn.Module:
    """Each bin by its mean and spread over the training data."""
    return nn.BatchNorm1d(BINS)


def dnn(labels: int) -> nn.Module:
    """d2-d2-d2-d1 on 15 frames, as it was proposed for chroma vectors; there a sigmoid, here a softmax, ends it."""
    return nn.Sequential(
        normalised(), in_context(15), d(15 * BINS, 64, 0.3), d(64, 64, 0.3), d(64, 64, 0.3),
        nn.Linear(64, labels), mean_over_time(),
    )  # fmt: skip


def conv1d(labels: int) -> nn.Module:
    """c1-p1-c1-p1-d1-d1-d1."""
    return nn.Sequential(
        normalised(), c1(BINS, 96, 4), p1(4), c1(96, 96, 4), p1(2), as_sequence(), d(96, 96, 0.3), mean_over_time(),
        d(96, 64, 0.3), nn.Linear(64, labels),
    )  # fmt: skip


def conv2d(labels: int) -> nn.Module:
    """c2-p2-c2-p2-c2-p2-d2."""
    return nn.Sequential(
        AsPicture(), c2(1, 16), p2(4, 2), c2(16, 32), p2(4, 2), c2(32, 64), p2(2, 2), nn.Dropout(0.3),
        nn.Conv2d(64, labels, (4, 4)), as_sequence(), mean_over_time(),
    )  # fmt: skip


def conv2d_in_time(labels: int) -> nn.Module:
    """c2-c2-p1-c2-c2-p1-c2-p1-d1-d1-d1, as it was proposed for finding voices; p1 pools bins and keeps every moment."""
    return nn.Sequential(
        AsPicture(), c2(1, 8), c2(8, 8), p2(4, 2), c2(8, 16), c2(16, 16), p2(4, 1), c2(16, 32), p2(4, 1), as_sequence(),
        d(64, 64, 0.3), d(64, 64, 0.3), nn.Linear(64, labels), mean_over_time(),
    )  # fmt: skip


def crnn(labels: int) -> nn.Module:
    """c2-p2-c2-p2-r1-r2-d1."""
    return nn.Sequential(
        AsPicture(), c2(1, 16), p2(4, 2), c2(16, 32), p2(4, 2), as_sequence(),
        Recurrent(nn.GRU(8 * 32, 64, batch_first=True)), Recurrent(nn.GRU(64, 64, batch_first=True)), last_moment(),
        nn.Dropout(0.3), nn.Linear(64, labels),
    )  # fmt: skip


def bi_lstm(labels: int) -> nn.Module:
    """r1-r1-d1, both ways through time, as it was proposed for finding voices."""
    return nn.Sequential(
        normalised(), as_sequence(),
        Recurrent(nn.LSTM(BINS, 48, num_layers=2, bidirectional=True, batch_first=True, dropout=0.3)),
        nn.Linear(96, labels), mean_over_time(),
    )  # fmt: skip


def genre_cnn(labels: int) -> nn.Module:
    """Velichkovski's network (section III.2.1): four times convolution, batch normalisation and max-pooling,
    then linear and dropout of a half, twice, then linear. The sizes stood in a figure that was not to be had;
    these are ours.
    """
    return nn.Sequential(
        Apply(lambda x: x.unsqueeze(1)), c2(1, 16), p2(2, 2), c2(16, 32), p2(2, 2),
        c2(32, 64), p2(2, 2), c2(64, 64), p2(2, 2),
        nn.Flatten(), d(64 * 8 * 3, 128, 0.5), d(128, 64, 0.5), nn.Linear(64, labels),
    )  # fmt: skip


CONVNET_CHANNELS = 32


class LayersOfConvnet(nn.Module):
    """A convnet as a giver of features: the mean over bins and time of each layer's channels, all in a row
    (Choi, Fazekas, Sandler & Cho, "Transfer learning for music classification and regression tasks", ISMIR 2017).

    With the weights it was born with it shows what the shape of a network alone knows of music; with weights
    learnt elsewhere it is transfer learning.
    """

    def __init__(self, channels: int = CONVNET_CHANNELS) -> None:
        super().__init__()
        self.first = AsPicture()
        pools = [(2, 2), (4, 2), (4, 2), (2, 2)]
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, channels, 3, padding=1), nn.MaxPool2d(pool), nn.BatchNorm2d(channels), nn.ELU()
            )
            for inputs, pool in zip((1, channels, channels, channels), pools)
        )  # fmt: skip

    def forward(self, mel: Tensor) -> Tensor:
        x, found = self.first(mel), []
        for layer in self.layers:
            x = layer(x)
            found += [x.mean((2, 3)), x.amax(2).mean(2)]
        return torch.cat(found, 1)


def convnet_features(labels: int) -> nn.Sequential:
    """`LayersOfConvnet`, its features normalised, and one linear layer (which a support vector machine found)."""
    trunk = LayersOfConvnet()
    size = 2 * 4 * CONVNET_CHANNELS
    return nn.Sequential(trunk, nn.BatchNorm1d(size, affine=False), nn.Linear(size, labels))


@dataclass(frozen=True)
class Network:
    """One kind of network, as `core.listen.registry` names them.

    Attributes
    ----------
    layers : in the words of the tutorial
    build : gives it, untrained, for so many labels
    columns : it hears crops of exactly so many; 0 where it hears any length
    """

    layers: str
    build: Callable[[int], nn.Module]
    columns: int = 0


NETWORKS: dict[str, Network] = {
    "genre": Network("(c2-p2)×4-attention-d1 twice, beside a summary-d1-d1", GenreNet),
    "genre-deep": Network("(c2-p2)×4-attention-d1", DeepEar),
    "genre-relative": Network("bins less their means, (c2-p2)×4-attention-d1", RelativeEar),
    "genre-wide": Network("a summary by rule, d1-d1", WideEar),
    "genre-cnn": Network("(c2-p2)×4-d-d-d", genre_cnn, columns=56),
    "dnn": Network("d2-d2-d2-d1", dnn),
    "conv1d": Network("c1-p1-c1-p1-d1-d1-d1", conv1d),
    "conv2d": Network("c2-p2-c2-p2-c2-p2-d2", conv2d),
    "conv2d-in-time": Network("c2-c2-p1-c2-c2-p1-c2-p1-d1-d1-d1", conv2d_in_time),
    "crnn": Network("c2-p2-c2-p2-r1-r2-d1", crnn),
    "bi-lstm": Network("r1-r1-d1", bi_lstm),
    "random-weights": Network("(c2-p2)×4 as they were born, SVM", convnet_features),
    "transfer": Network("(c2-p2)×4 learnt on another task, SVM", convnet_features),
}
