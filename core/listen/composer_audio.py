"""Who wrote orchestral music, by its sound: five composers, told by a small network from clips of ten seconds.

Conventions
-----------
* A *clip* is 431 frames of `core.listen.heard.Heard.mel_db`, heard as 107 columns of four frames each: decibels below
  the clip's loudest place, 1 there and 0 at 80 dB below it (`columns`).
* A file's scores are the mean of the logarithms of its clips' chances; those of silent clips do not count.
* The network learnt from rendered scores (docs/composers.md). Where its best chance, calibrated, is lower than the
  limit on its card, the verdict is "not sure".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.listen.report import NOT_SURE, Verdict
from core.store.model_file import Tensors, find_models

if TYPE_CHECKING:
    from core.listen.composer_networks import ComposerNet
    from core.listen.heard import Heard

NAME = "composer-audio"
KIND = "classifier of composers by sound"

FRAMES = 431
COLUMN_FRAMES = 4
COLUMNS = FRAMES // COLUMN_FRAMES
RANGE_DB = 80.0

FEWEST_FRAMES = 130
"""Three seconds: of less nothing is told."""

SILENT_DB = -45.0
"""A clip whose loudest place is below has nothing to hear."""

MOST_CLIPS = 72
"""A longer file (more than six minutes) is heard in so many clips, evenly spread."""


@dataclass(frozen=True)
class Trained:
    """A network with what its card says of it."""

    network: ComposerNet
    labels: tuple[str, ...]
    temperature: float
    threshold: float

    def logarithms(self, pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logarithms of the uncalibrated chances of clips [shape=(clips, labels)]."""
        import torch

        with torch.inference_mode():
            parts = [
                torch.log_softmax(self.network(part), 1) for part in torch.from_numpy(pictures).split(16)
            ]
        return torch.cat(parts).numpy().astype(np.float64)

    def chances(self, logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated chances of a file by the logarithms of its clips [shape=(labels,)]."""
        scores = logarithms.mean(0) / self.temperature
        spread = np.exp(scores - scores.max())
        return spread / spread.sum()


def columns(mel_db: NDArray[np.floating]) -> NDArray[np.float32]:
    """Clips as the network takes them [shape=(..., 128, 107)].

    Parameters
    ----------
    mel_db : decibels of any level [shape=(..., 128, 431)]
    """
    below = mel_db.astype(np.float32)
    below -= below.max((-2, -1), keepdims=True)
    heard = np.clip(below / RANGE_DB + 1, 0, 1)[..., : COLUMNS * COLUMN_FRAMES]
    return heard.reshape(*heard.shape[:-1], COLUMNS, COLUMN_FRAMES).mean(-1)


def clips(mel_db: NDArray[np.floating]) -> NDArray[np.float32]:
    """The clips of a file that are not silent, every five seconds [shape=(clips, 128, 107)]; none of a short file."""
    frames = mel_db.shape[1]
    if frames < FEWEST_FRAMES:
        return np.zeros((0, 128, COLUMNS), np.float32)
    if frames < FRAMES:
        mel_db = np.pad(mel_db, ((0, 0), (0, FRAMES - frames)), mode="wrap")
    last = mel_db.shape[1] - FRAMES
    count = min(MOST_CLIPS, last // (FRAMES // 2) + 1)
    starts = np.linspace(0, last, count).astype(int) if count > 1 else [0]
    cut = np.stack([mel_db[:, start : start + FRAMES] for start in starts])
    return columns(cut[cut.max((1, 2)) > SILENT_DB])


def trained(tensors: Tensors, card: dict[str, Any]) -> Trained:
    """The network of a model's weights and card."""
    import torch

    from core.listen.composer_networks import ComposerNet

    network = ComposerNet(len(card["labels"]), **card["layers"])
    network.load_state_dict({name: torch.from_numpy(array).float() for name, array in tensors.items()})
    return Trained(network.eval(), tuple(card["labels"]), card["temperature"], card["threshold"])


@lru_cache(maxsize=2)
def load(model: str = NAME) -> Trained:
    """The shipped network, or the one that the user trained.

    Raises
    ------
    TunesmithError
        If there is none, or it is damaged.
    """
    files = {file.name: file for file in find_models("listen")}
    if model not in files:
        raise TunesmithError(f"the weights {model} are missing; install Tunesmith again")
    return trained(*files[model].load())


def classify(heard: Heard, model: str = NAME) -> Verdict:
    """The composer of a recording of orchestral music, or "not sure", with the chances of all five.

    Silence, and less than three seconds, have no composer: the verdict is "not sure", without chances.

    Raises
    ------
    TunesmithError
        If there are no weights.
    """
    pictures = clips(heard.mel_db)
    if heard.silent or not len(pictures):
        return Verdict(NOT_SURE, (), model)
    network = load(model)
    chances = network.chances(network.logarithms(pictures))
    order = np.argsort(-chances, kind="stable")
    told = tuple((network.labels[place], float(chances[place])) for place in order)
    return Verdict(told[0][0] if told[0][1] >= network.threshold else NOT_SURE, told, model)
