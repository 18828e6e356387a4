"""A trained classifier of recordings, from its model file.

The card tells what is needed beside the weights: ``network`` (a row of `core.listen.zoo.NETWORKS`), ``labels``,
``temperature`` (what scores are divided by before softmax, so that chances mean what they say), ``sure_from`` (the
chance below which the verdict is "not sure"), and ``front_end``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.errors import TunesmithError
from core.listen.spectra import one_thread
from core.listen.zoo import NETWORKS
from core.store.model_file import Tensors, model_named

KIND = "classifier of recordings"
"""What the card of such a model says of it."""

FRONT_END = {
    "sample_rate": 22050,
    "n_fft": 2048,
    "hop_length": 512,
    "n_mels": 128,
    "mel_formula": "slaney",
    "frames_a_column": 1293 / 334.8,
    "decibels_below_the_loudest": 40,
}
"""What `core.listen.genre.picture` makes; a card that asks for another is refused."""

BATCH, AT_ONCE = 8, 2
"""Crops that are heard together, and such batches at once."""

MANY = 400
"""Of more crops one batch is heard at a time: of hours, memory counts."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A classifier ready to listen.

    Attributes
    ----------
    name : of the model file
    network : in evaluation mode
    labels : what it tells apart
    columns : it hears crops of exactly so many; any length where 0
    temperature, sure_from : see this module
    device : where the network is: "cpu", or "cuda" where there is a card
    """

    name: str
    network: nn.Module
    labels: tuple[str, ...]
    columns: int
    temperature: float
    sure_from: float
    device: str = "cpu"

    def scores(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores before softmax [shape=(crops, labels)] of crops of a picture [shape=(crops, bins, columns)]."""
        parts = torch.from_numpy(np.ascontiguousarray(crops)).split(BATCH)
        with one_thread(), ThreadPoolExecutor(AT_ONCE if len(crops) < MANY else 1) as pool:
            return torch.cat(list(pool.map(self._scored, parts))).numpy()

    @torch.no_grad()
    def _scored(self, crops: torch.Tensor) -> torch.Tensor:
        return self.network(crops.to(self.device).float() / 255).cpu()

    def chances(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """How likely every label is; adds up to one over the last axis."""
        scaled = scores.astype(np.float64) / self.temperature
        spread = np.exp(scaled - scaled.max(-1, keepdims=True))
        return spread / spread.sum(-1, keepdims=True)


@lru_cache(maxsize=4)
def load(name: str) -> Trained:
    """The classifier ``name``, shipped or trained by the user.

    Raises
    ------
    TunesmithError
        If there is none, or it is not such a classifier.
    """
    return trained(name, *model_named(name, "listen").load())


def state_of(tensors: Tensors, prefix: str = "") -> dict[str, torch.Tensor]:
    """The weights whose names begin with ``prefix``, as a network takes them: what was halved in width is whole."""
    return {
        name.removeprefix(prefix): torch.from_numpy(
            value.astype(np.float32) if value.dtype == np.float16 else value
        )
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def trained(name: str, tensors: Tensors, card: dict[str, Any]) -> Trained:
    """The classifier that weights and a card describe."""
    kind = str(card.get("network"))
    if card.get("kind") != KIND or kind not in NETWORKS:
        raise TunesmithError(f"the model {name!r} is no classifier of recordings; choose another")
    if card["front_end"] != FRONT_END:
        raise TunesmithError(f"the model {name!r} hears otherwise than this Tunesmith; update one of them")
    labels = tuple(card["labels"])
    network = NETWORKS[kind].build(len(labels))
    try:
        network.load_state_dict(state_of(tensors))
    except RuntimeError as error:
        raise TunesmithError(
            f"the weights of {name!r} are of another network; install the model again"
        ) from error
    # With few channels and large pictures, convolutions whose channels come last take 40 % of the time.
    for weights in network.parameters():
        if weights.ndim == 4:
            weights.data = weights.data.contiguous(memory_format=torch.channels_last)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Trained(
        name,
        network.eval().to(device),
        labels,
        NETWORKS[kind].columns,
        float(card["temperature"]),
        float(card["sure_from"]),
        device,
    )
