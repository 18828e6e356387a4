"""What a convnet that never learnt makes of music: the mean of each layer's channels, which a dull network knows too.

Choi, Fazekas, Sandler & Cho, "Transfer learning for music classification and regression tasks" (ISMIR 2017): such
features are a baseline that an embedding which learnt must beat. The network is that of the classifier of that name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.explore.crops import clips_of
from core.explore.sound import above_floor
from core.store.model_file import load_card, model_named

if TYPE_CHECKING:
    from core.listen.heard import Heard

NO_WAY_BACK = "random weights know no way back from a place to sound; choose another embedding"


class RandomWeights:
    """See `core.explore.registry.Space`."""

    def __init__(self, model: str) -> None:
        from core.listen.trained import load
        from core.listen.zoo import CONVNET_CHANNELS

        self._trained = load(model)
        self._card = load_card(model_named(model, "listen").path)
        self.dimensions = 2 * 4 * CONVNET_CHANNELS

    def encode(self, thing: Heard) -> NDArray[np.float32]:
        """The mean of a recording's clips [shape=(256,)]."""
        return self.of_clips(clips_of(thing)).mean(0)

    def of_clips(self, pictures: NDArray[np.floating]) -> NDArray[np.float32]:
        """The features of clips [shape=(clips, 128, 107) -> (clips, 256)]."""
        import torch
        from torch import nn

        from core.listen.spectra import one_thread

        layers = self._trained.network
        if not isinstance(layers, nn.Sequential):
            raise TunesmithError(
                "the weights of the random convnet are of another network; install them again"
            )
        with one_thread(), torch.inference_mode():
            parts = above_floor(torch.from_numpy(np.ascontiguousarray(pictures, np.float32))).split(8)
            found = [layers[:2](part.to(self._trained.device)) for part in parts]
            return torch.cat(found).cpu().numpy()

    def decode(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        raise TunesmithError(NO_WAY_BACK)

    def describe(self) -> dict[str, Any]:
        return self._card


def load(model: str) -> RandomWeights:
    """The embedding by the weights of ``model``."""
    return RandomWeights(model)
