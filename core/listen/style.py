"""Which style a piece is in, by its notes: a small network over `core.listen.style_features`.

The weights hold several networks: for every set of labels one that knows everything and one that does not know
the instruments, for those who asked for the instruments themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.listen.style_features import COUNT, FEWEST_NOTES, features
from core.song.notes import Song
from core.store.model_file import ModelFile, Tensors, find_models

NAME = "style"

KIND = "classifier of styles by notes"
"""What the card of such a model says of it."""

KNOWING_ALL = "all"
BLIND = "without instruments"
VIEWS = (KNOWING_ALL, BLIND)
"""What a network may know: every feature, or all but the instruments."""

STYLES_ASKED_FOR = "styles"
"""The labels that the flagship can be asked for."""

GENRES = "genres"
"""The labels under which people publish MIDI files."""

Chances = NDArray[np.float64]


@dataclass(frozen=True)
class Classifier:
    """One network: features -> hidden -> labels.

    Attributes
    ----------
    labels : what it tells apart
    mean, scale : of the features in the training data; a scale of 0 blinds the network to a feature
    layers : (weights [shape=(inputs, outputs)], biases) of every layer; rectified in between
    """

    labels: tuple[str, ...]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]

    def chances(self, rows: NDArray[np.float32]) -> Chances:
        """How likely every label is for every row of features [shape=(rows, labels)]."""
        values = np.clip((rows - self.mean) * self.scale, -FARTHEST, FARTHEST)
        for weights, biases in self.layers[:-1]:
            values = np.maximum(values @ weights + biases, 0)
        weights, biases = self.layers[-1]
        logits = (values @ weights + biases).astype(float)
        spread = np.exp(logits - logits.max(1, keepdims=True))
        return spread / spread.sum(1, keepdims=True)

    def piece(self, rows: NDArray[np.float32]) -> Chances:
        """How likely every label is for a piece of several stretches: the mean over them [shape=(labels,)]."""
        return self.chances(rows).mean(0)


FARTHEST = 5.0
"""Standard deviations from the mean beyond which a feature says no more."""


def model_file() -> ModelFile:
    """The shipped weights, or those that the user trained.

    Raises
    ------
    TunesmithError
        If there are none.
    """
    files = {model.name: model for model in find_models("listen")}
    if NAME not in files:
        raise TunesmithError("the style classifier's weights are missing; install Tunesmith again")
    return files[NAME]


@lru_cache(maxsize=8)
def load(labels: str = STYLES_ASKED_FOR, view: str = KNOWING_ALL) -> Classifier:
    """One of the networks of `model_file`.

    Parameters
    ----------
    labels : "styles" or "genres"
    view : one of `VIEWS`

    Raises
    ------
    TunesmithError
        If there are no weights, they are damaged, or they do not have this network.
    """
    return classifier(*model_file().load(), labels, view)


def classifier(tensors: Tensors, card: dict[str, Any], labels: str, view: str) -> Classifier:
    """One of the networks of a model's weights and card."""
    names: dict[str, list[str]] = card["labels"]
    if labels not in names or view not in VIEWS:
        raise TunesmithError(
            f"the style classifier does not know {labels!r} {view!r}; it knows {', '.join(names)}"
        )
    if card["features"] != COUNT:
        raise TunesmithError(
            "the style classifier was trained for another Tunesmith; install Tunesmith again"
        )
    prefix = f"{labels}.{view}"

    def tensor(name: str) -> NDArray[np.float32]:
        return tensors[f"{prefix}.{name}"].astype(np.float32)

    layers = tuple((tensor(f"{layer}.weights"), tensor(f"{layer}.biases")) for layer in range(card["layers"]))
    return Classifier(tuple(names[labels]), tensor("mean"), tensor("scale"), layers)


def name_style(
    song: Song, labels: str = STYLES_ASKED_FOR, view: str = KNOWING_ALL
) -> list[tuple[str, float]]:
    """The labels of ``song`` with how likely each is, the likeliest first.

    Raises
    ------
    TunesmithError
        For a song with too few notes.
    """
    rows = features(song)
    if not len(rows):
        raise TunesmithError(f"a style needs at least {FEWEST_NOTES} notes to be told by")
    network = load(labels, view)
    chances = network.piece(rows)
    order = np.argsort(-chances, kind="stable")
    return [(network.labels[place], float(chances[place])) for place in order]
