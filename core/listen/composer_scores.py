"""Who wrote a piece, by its notes: a small network over `core.listen.composer_features`.

The network knows the composers of whom there was enough to learn from, and everyone else as one more class. It is not
sure where its best chance, calibrated, is lower than the limit on its card, or where everyone else is likeliest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.listen.composer_features import COUNT, features
from core.listen.report import NOT_SURE, Verdict
from core.song.notes import Song
from core.store.model_file import Tensors, model_named

NAME = "composer-scores"
KIND = "classifier of composers by notes"
OTHERS = "another composer"


FARTHEST = 4.0
"""Standard deviations from the mean beyond which a feature says no more."""

TOLD = 5
"""Chances that a verdict names."""


@dataclass(frozen=True)
class Composers:
    """The network: features -> hidden -> composers.

    Attributes
    ----------
    labels : composers, and `OTHERS`
    mean, scale : of the prepared features in the training data; a scale of 0 blinds the network to a feature
    layers : (weights [shape=(inputs, outputs)], biases) of every layer; rectified in between
    temperature : divides the scores of a piece
    threshold : the least chance of a verdict
    """

    labels: tuple[str, ...]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    temperature: float = 1.0
    threshold: float = 0.0

    @staticmethod
    def standard(
        rows: NDArray[np.float32], mean: NDArray[np.float32], scale: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Prepared features as the network takes them."""
        return np.clip((rows - mean) * scale, -FARTHEST, FARTHEST).astype(np.float32)

    def logarithms(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logarithm of the chance of every label for every row of features, uncalibrated [shape=(rows, labels)]."""
        values = self.standard(prepared(rows), self.mean, self.scale)
        for weights, biases in self.layers[:-1]:
            values = np.maximum(values @ weights + biases, 0)
        weights, biases = self.layers[-1]
        scores = (values @ weights + biases).astype(np.float64)
        scores -= scores.max(1, keepdims=True)
        return scores - np.log(np.exp(scores).sum(1, keepdims=True))

    def piece(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """The calibrated chance of every label for a piece of several stretches [shape=(labels,)]."""
        scores = self.logarithms(rows).mean(0) / self.temperature
        spread = np.exp(scores - scores.max())
        return spread / spread.sum()


def prepared(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Square roots, with their sign: shares of what is rare then count as their differences deserve."""
    return np.sign(rows) * np.sqrt(np.abs(rows))


def composers(tensors: Tensors, card: dict[str, Any]) -> Composers:
    """The network of a model's weights and card.

    Raises
    ------
    TunesmithError
        Where it was trained on other features than these.
    """
    if card.get("features") != COUNT:
        raise TunesmithError(
            f"the model {card.get('name')} was trained for another Tunesmith; install it again"
        )

    def tensor(name: str) -> NDArray[np.float32]:
        return tensors[name].astype(np.float32)

    layers = tuple((tensor(f"{layer}.weights"), tensor(f"{layer}.biases")) for layer in range(card["layers"]))
    return Composers(
        tuple(card["labels"]), tensor("mean"), tensor("scale"), layers, card["temperature"], card["threshold"]
    )


@lru_cache(maxsize=2)
def load(model: str = NAME) -> Composers:
    """The shipped network, or the one that the user trained.

    Raises
    ------
    TunesmithError
        If there is none, or it is damaged.
    """
    return composers(*model_named(model, "listen").load())


def classify(song: Song, model: str = NAME) -> Verdict:
    """The composer of ``song``, or "not sure", with the likeliest labels.

    Raises
    ------
    TunesmithError
        If there are no weights.
    """
    rows = features(song)
    if not len(rows):
        return Verdict(NOT_SURE, (), model)
    network = load(model)
    chances = network.piece(rows)
    order = np.argsort(-chances, kind="stable")[:TOLD]
    best = network.labels[order[0]]
    is_sure = chances[order[0]] >= network.threshold and best != OTHERS
    told = tuple((network.labels[place], float(chances[place])) for place in order)
    return Verdict(best if is_sure else NOT_SURE, told, model)
