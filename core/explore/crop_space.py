"""Embeddings of crops of three seconds that know the way back: the variational autoencoder, and stabilised ALI.

Both have the encoder and the generator of `core.explore.ali`; they differ by how these learnt.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.explore.ali import small_encoder, small_generator
from core.explore.crops import clips_of, crops_of, halved, spread_out
from core.listen.spectra import one_thread
from core.listen.trained import state_of
from core.store.model_file import Tensors, model_named

if TYPE_CHECKING:
    from core.listen.heard import Heard

Rows = NDArray[np.float32]

CROPS_AT_ONCE = 32
ENCODER, GENERATOR = "encoder.", "generator."
"""What the names of their tensors begin with."""


class CropSpace:
    """See `core.explore.registry.Space`."""

    def __init__(self, tensors: Tensors, card: dict[str, Any]) -> None:
        self.dimensions = int(card["dimensions"])
        self.encoder, self.generator = small_encoder(self.dimensions), small_generator(self.dimensions)
        try:
            for network, prefix in ((self.encoder, ENCODER), (self.generator, GENERATOR)):
                network.load_state_dict(state_of(tensors, prefix))
                network.eval()
        except RuntimeError as error:
            raise TunesmithError(
                f"the weights of {card.get('name')!r} are of another network; install them again"
            ) from error
        self._card = card

    def encode(self, thing: Heard) -> Rows:
        """The mean of a recording's crops [shape=(dimensions,)]."""
        return self.of_clips(clips_of(thing)).mean(0)

    def of_clips(self, pictures: NDArray[np.floating]) -> Rows:
        """The vectors of clips, the means of their crops' [shape=(clips, 128, 107) -> (clips, dimensions)]."""
        codes = self.of_crops(crops_of(halved(pictures)))
        return codes.reshape(len(pictures), -1, self.dimensions).mean(1)

    def of_crops(self, crops: Rows) -> Rows:
        """[shape=(crops, 64, 32) -> (crops, dimensions)]."""
        with one_thread(), torch.inference_mode():
            parts = torch.from_numpy(crops).unsqueeze(1).split(CROPS_AT_ONCE)
            return torch.cat([self.encoder(part).chunk(2, 1)[0] for part in parts]).numpy()

    def drawn(self, codes: Rows) -> Rows:
        """The crops that lie at some places [shape=(n, dimensions) -> (n, 64, 32)], 0 to 1."""
        with one_thread(), torch.inference_mode():
            parts = torch.from_numpy(np.asarray(codes, np.float32)).split(CROPS_AT_ONCE)
            return torch.cat([self.generator(part) for part in parts]).squeeze(1).numpy()

    def decode(self, vector: Rows) -> Rows:
        """Three seconds in decibels [shape=(64, 128)]."""
        return spread_out(self.drawn(vector[None])[0])

    def describe(self) -> dict[str, Any]:
        return self._card


@lru_cache(maxsize=4)
def load(model: str) -> CropSpace:
    """The embedding by the weights of ``model``.

    Raises
    ------
    TunesmithError
        If they are missing or damaged.
    """
    return CropSpace(*model_named(model, "explore").load())
