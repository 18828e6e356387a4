"""Who wrote orchestral music, by its sound: five composers, told by a small network from clips of ten seconds.

Conventions
-----------
* A *clip* is 431 frames of `core.listen.heard.Heard.mel_db`, heard as 107 columns of four frames each: decibels below
  the clip's loudest place, 1 there and 0 at 80 dB below it (`columns`).
* A file's scores are the mean of the logarithms of its clips' chances; those of silent clips do not count.
* A network hears what sounds at every moment (`TARGETS`); statistics of that (`described`) tell the composer. Both
  learnt from rendered scores (docs/composers.md). Where its best chance, calibrated, is lower than the
  limit on its card, or half of the clips are like nothing learnt from (`strangeness`), the verdict is "not sure".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.listen.composer_scores import prepared
from core.listen.report import NOT_SURE, Verdict
from core.store.model_file import Tensors, model_named

if TYPE_CHECKING:
    from core.listen.composer_networks import Ears
    from core.listen.heard import Heard

NAME = "composer-audio"
KIND = "classifier of composers by sound"

FRAMES = 431
COLUMN_FRAMES = 4
COLUMNS = FRAMES // COLUMN_FRAMES
RANGE_DB = 80.0

TARGETS = {
    "families": 9,
    "pitch classes": 12,
    "bass": 12,
    "top": 12,
    "depth": 3,
    "octaves": 7,
    "begun": 3,
}
"""What the network tells of every pair of columns, and how many numbers that takes: families of instruments and drums,
pitch classes, those of the lowest and the highest note, depths of texture, octaves in use, notes that begin."""

MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)

FARTHEST = 4.0
"""Standard deviations from the mean beyond which a statistic says no more."""

FEWEST_FRAMES = 130
"""Three seconds: of less nothing is told."""

SILENT_DB = -45.0
"""A clip whose loudest place is below has nothing to hear."""

MOST_CLIPS = 72
"""A longer file (more than six minutes) is heard in so many clips, evenly spread."""


@dataclass(frozen=True)
class Trained:
    """Ears, and the straight line from what they hear to the composers, with what the card says.

    Attributes
    ----------
    mean, scale : of the statistics of the training clips
    weights : [shape=(statistics, labels)]
    temperature : divides the scores of a file
    threshold : the least chance of a verdict
    strangest : the largest `strangeness` of a clip that is like those learnt from
    """

    ears: Ears
    labels: tuple[str, ...]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]
    temperature: float
    threshold: float
    strangest: float

    def statistics(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """`described` of what is heard in clips, `prepared` [shape=(clips, statistics)]."""
        import torch

        with torch.inference_mode():
            parts = [torch.sigmoid(self.ears(part)) for part in torch.from_numpy(pictures).split(16)]
        return prepared(described(torch.cat(parts).numpy()))

    def logarithms(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logarithms of the uncalibrated chances of clips, by their statistics [shape=(clips, labels)]."""
        values = np.clip((rows - self.mean) * self.scale, -FARTHEST, FARTHEST)
        scores = (values @ self.weights + self.biases).astype(np.float64)
        scores -= scores.max(1, keepdims=True)
        return scores - np.log(np.exp(scores).sum(1, keepdims=True))

    def chances(self, logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated chances of a file by the logarithms of its clips [shape=(labels,)]."""
        scores = logarithms.mean(0) / self.temperature
        spread = np.exp(scores - scores.max())
        return spread / spread.sum()


def strangeness(
    rows: NDArray[np.float32], mean: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """How many deviations the statistics of clips lie from the mean of those learnt from, by root mean square.

    What is no orchestra, such as whales, is far from all of it, and no chance is to be believed there.
    """
    values = np.clip((rows - mean) * scale, -2 * FARTHEST, 2 * FARTHEST)
    return np.sqrt(np.square(values).mean(1))


def described(told: NDArray[np.floating]) -> NDArray[np.float32]:
    """Statistics of what sounds in clips, pitch classes above the tonic that fits best.

    Parameters
    ----------
    told : how likely everything of `TARGETS` sounds [shape=(clips, targets, pairs of columns)]

    Returns
    -------
    ndarray
        [shape=(clips, statistics)]: means and spreads; pitch classes that sound together; how far and how soon
        harmony, bass, melody and texture change
    """
    edges = np.cumsum([0, *TARGETS.values()])
    part = {name: told[:, a:b].astype(np.float32) for name, a, b in zip(TARGETS, edges, edges[1:])}
    pairs = told.shape[2]
    tonic, is_minor = _keys(part["pitch classes"].mean(2) + part["bass"].mean(2) / 2)
    turn = ((tonic[:, None] + np.arange(12)) % 12)[:, :, None]
    for name in ("pitch classes", "bass", "top"):
        part[name] = np.take_along_axis(part[name], turn, 1)
    found = [is_minor[:, None]]
    for values in part.values():
        found += [values.mean(2), values.std(2)]
    classes, bass, top = part["pitch classes"], part["bass"], part["top"]
    there = classes.sum(1)
    found += [there.mean(1, keepdims=True), there.std(1, keepdims=True)]
    upper = np.triu_indices(12, 1)
    found.append((np.einsum("nit,njt->nij", classes, classes) / pairs)[:, upper[0], upper[1]])
    found += [_intervals(bass, classes, 0), _intervals(bass, top, 0)]
    for lag in (1, 2, 4, 8):
        found += [
            np.abs(values[:, :, lag:] - values[:, :, :-lag]).mean((1, 2))[:, None]
            for values in (classes, bass, top)
        ]
        found += [
            np.abs(part[name][:, :, lag:] - part[name][:, :, :-lag]).mean(2)
            for name in ("families", "depth", "begun")
        ]
    for lag in (1, 3):
        found += [_intervals(values, values, lag) for values in (classes, bass, top)]
    for values in (classes, part["begun"]):
        centred = values - values.mean(2, keepdims=True)
        power = (centred * centred).mean((1, 2)) + 1e-4
        returns = [(centred[:, :, lag:] * centred[:, :, :-lag]).mean((1, 2)) / power for lag in range(1, 17)]
        found.append(np.stack(returns, 1))
    return np.concatenate(found, 1).astype(np.float32)


def _intervals(low: NDArray[np.float32], high: NDArray[np.float32], lag: int) -> NDArray[np.float32]:
    """How often each interval lies between a class of ``low`` and one of ``high``, ``lag`` pairs of columns later."""
    first, second = (low[:, :, :-lag], high[:, :, lag:]) if lag else (low, high)
    return np.stack([(first * np.roll(second, -step, 1)).sum(1).mean(1) for step in range(12)], 1)


def _keys(weights: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The tonic (0 = C), and whether minor, whose profile (Krumhansl 1990) fits weights of pitch classes best."""
    profiles = []
    for profile in (MAJOR, MINOR):
        centred = np.array(profile) - np.mean(profile)
        profiles += [np.roll(centred / np.linalg.norm(centred), tonic) for tonic in range(12)]
    best = ((weights - weights.mean(1, keepdims=True)) @ np.array(profiles).T).argmax(1)
    return best % 12, (best >= 12).astype(np.float32)


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


JUDGE = ("mean", "scale", "weights", "biases")
"""Tensors of the line from statistics to composers; the others are the ears'."""


def trained(tensors: Tensors, card: dict[str, Any]) -> Trained:
    """The network of a model's weights and card."""
    import torch

    from core.listen.composer_networks import Ears

    ears = Ears(**card["layers"])
    own = {name: torch.from_numpy(array).float() for name, array in tensors.items() if name not in JUDGE}
    ears.load_state_dict(own)
    mean, scale, weights, biases = (tensors[name].astype(np.float32) for name in JUDGE)
    return Trained(
        ears.eval(),
        tuple(card["labels"]),
        mean,
        scale,
        weights,
        biases,
        card["temperature"],
        card["threshold"],
        card["strangest"],
    )


@lru_cache(maxsize=2)
def load(model: str = NAME) -> Trained:
    """The shipped network, or the one that the user trained.

    Raises
    ------
    TunesmithError
        If there is none, or it is damaged.
    """
    return trained(*model_named(model, "listen").load())


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
    rows = network.statistics(pictures)
    chances = network.chances(network.logarithms(rows))
    is_strange = np.median(strangeness(rows, network.mean, network.scale)) > network.strangest
    order = np.argsort(-chances, kind="stable")
    told = tuple((network.labels[place], float(chances[place])) for place in order)
    is_sure = told[0][1] >= network.threshold and not is_strange
    return Verdict(told[0][0] if is_sure else NOT_SURE, told, model)
