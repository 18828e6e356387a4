"""The embedding of all ten seconds: what the ears tell of music, and what makes two crops of one recording alike.

A clip is heard by `core.listen.composer_networks.Ears` (instruments, pitch classes, bass, textures at every moment;
learnt from scores) and summed up by rule (`core.listen.summary.Summary`: timbre, cepstra, pulse). Of these numbers come

* the *heard* half: the principal components of what the ears tell (`core.listen.composer_audio.described`), which is
  the same in every key;
* the *learnt* half: two dense layers on the summary, learnt so that crops of one recording lie close and others
  apart, and genres apart where they are known (docs/embeddings.md).

Each half has length 1. A recording's vector is the mean of its clips'.

Conventions
-----------
* A clip is as in `core.explore.crops`, 128 bands. The rule sums up what lies less than 40 dB below its loudest place:
  what is known of genres was learnt from such pictures, and it matters less how noisy a recording is.
* A row has what the ears tell first, `STATISTICS` numbers, then the summary.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.explore.crops import clips_of
from core.explore.index import unit
from core.explore.linear import Line
from core.listen.composer_audio import described
from core.store.model_file import Tensors, model_named

if TYPE_CHECKING:
    from torch import Tensor

    from core.listen.composer_networks import Ears
    from core.listen.heard import Heard
    from core.listen.summary import Summary

Rows = NDArray[np.float32]

FLOOR = 0.5
"""Of a picture's range of 80 dB, what is left out."""

FARTHEST = 4.0
"""Standard deviations from the mean beyond which a number says no more."""

STATISTICS = 385
"""Of the ears; the rest of a row is the summary's."""

CLIPS_AT_ONCE = 16


def heard_rows(ears: Ears, pictures: Tensor) -> Rows:
    """What the ears tell of clips [shape=(clips, 128, columns) -> (clips, `STATISTICS`)]."""
    import torch

    from core.listen.spectra import one_thread

    with one_thread(), torch.inference_mode():
        told = [torch.sigmoid(ears(part)) for part in pictures.split(CLIPS_AT_ONCE)]
    return described(torch.cat(told).numpy())


def summed_rows(summary: Summary, loud: Tensor) -> Rows:
    """What the rule tells of clips.

    Parameters
    ----------
    loud : 0 at 40 dB below the loudest and 1 there [shape=(clips, 128, columns)]
    """
    import torch

    from core.listen.spectra import one_thread

    with one_thread(), torch.inference_mode():
        told: Rows = torch.cat([summary(part) for part in loud.split(CLIPS_AT_ONCE)]).numpy()
    return told


def above_floor(pictures: Tensor) -> Tensor:
    """Clips of 80 dB as clips of 40: 0 there, 1 at the loudest."""
    return ((pictures - FLOOR) / (1 - FLOOR)).clamp(0, 1)


@dataclass(frozen=True, eq=False)
class Halves:
    """From rows to vectors.

    Attributes
    ----------
    mean, spread : of rows
    line : principal components of the ears' part
    scale : of each component: the square root of its deviation, so that the first do not drown the others
    weights, biases : of the learnt half's two layers, normalisation folded in
    """

    mean: Rows
    spread: Rows
    line: Line
    scale: Rows
    weights: tuple[Rows, Rows]
    biases: tuple[Rows, Rows]

    @property
    def dimensions(self) -> int:
        return len(self.scale) + len(self.biases[1])

    def standardised(self, rows: Rows) -> Rows:
        return np.clip((rows - self.mean) / self.spread, -FARTHEST, FARTHEST)

    def vectors(self, rows: Rows) -> Rows:
        """[shape=(clips, dimensions)]."""
        values = self.standardised(rows)
        heard = self.line.encode(values[:, :STATISTICS]) / self.scale
        hidden = np.maximum(values[:, STATISTICS:] @ self.weights[0].T + self.biases[0], 0)
        return np.concatenate([unit(heard), unit(hidden @ self.weights[1].T + self.biases[1])], 1)

    def tensors(self) -> Tensors:
        """As they are kept."""
        return {
            "mean": self.mean,
            "spread": self.spread,
            "line.mean": self.line.mean,
            "line.components": self.line.components,
            "scale": self.scale,
            "weights.0": self.weights[0],
            "weights.1": self.weights[1],
            "biases.0": self.biases[0],
            "biases.1": self.biases[1],
        }

    @classmethod
    def of(cls, tensors: Tensors) -> Halves:
        """From kept tensors."""
        a = {name: value.astype(np.float32) for name, value in tensors.items() if not name.startswith(EARS)}
        return cls(
            a["mean"],
            a["spread"],
            Line(a["line.mean"], a["line.components"]),
            a["scale"],
            (a["weights.0"], a["weights.1"]),
            (a["biases.0"], a["biases.1"]),
        )


EARS = "ears."
NO_WAY_BACK = (
    "this embedding only knows the way from sound to its map; for the way back choose vae, pca or stable-ali"
)


class SoundSpace:
    """See `core.explore.registry.Space`."""

    def __init__(self, tensors: Tensors, card: dict[str, Any]) -> None:
        from core.listen.composer_networks import Ears
        from core.listen.summary import Summary
        from core.listen.trained import state_of

        self.ears = Ears(**card["layers"])
        try:
            self.ears.load_state_dict(state_of(tensors, EARS))
            self.halves = Halves.of(tensors)
        except (RuntimeError, KeyError) as error:
            raise TunesmithError(
                "the weights of the embedding of sound are of another network; install them again"
            ) from error
        self.ears.eval()
        self.summary = Summary()
        self.dimensions = self.halves.dimensions
        self._card = card

    def encode(self, thing: Heard) -> Rows:
        """The mean of a recording's clips [shape=(dimensions,)]."""
        return self.of_clips(clips_of(thing)).mean(0)

    def of_clips(self, pictures: NDArray[np.floating]) -> Rows:
        """The vectors of clips [shape=(clips, 128, 107) -> (clips, dimensions)]."""
        import torch

        clips = torch.from_numpy(np.ascontiguousarray(pictures, np.float32))
        rows = [heard_rows(self.ears, clips), summed_rows(self.summary, above_floor(clips))]
        return self.halves.vectors(np.concatenate(rows, 1))

    def decode(self, vector: Rows) -> Rows:
        raise TunesmithError(NO_WAY_BACK)

    def describe(self) -> dict[str, Any]:
        return self._card


@lru_cache(maxsize=2)
def load(model: str) -> SoundSpace:
    """The embedding by the weights of ``model``.

    Raises
    ------
    TunesmithError
        If they are missing or damaged.
    """
    return SoundSpace(*model_named(model, "explore").load())
