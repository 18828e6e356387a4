"""What every embedding of sound is measured by: composers of unseen works, genres of unseen artists, tracks found.

Conventions
-----------
* A clip of ten seconds has the vector that `of_clips` of its `core.explore.registry.Space` gives it.
* Composers: a logistic regression on the clips of the training works names those of the test works (table s2).
* Genres: GTZAN's fault-filtered split, a track's vector being the mean of its three crops'. Regression and neighbours
  learn from the training part; by figures of the validation part was chosen, those of the test part were looked at.
* Finding again: of all tracks' last ten seconds, how often those of the same track are the likest to its first ten.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.explore.sound import FLOOR
from core.learn.composers.clips import Clips
from core.learn.embeddings.judging import Rows, neighbours, regression, row_of
from core.learn.figures import with_interval
from core.learn.genres.data import TEST, TRAIN, VALID, Tracks
from core.listen.composer_audio import COLUMNS

Pictures = NDArray[np.floating]

CROP_STARTS = (0, 113, 226)
"""Columns of a track at which its crops of ten seconds begin."""

AT_ONCE = 64


class OfClips(Protocol):
    """A space that takes clips."""

    def of_clips(self, pictures: Pictures) -> NDArray[np.float32]: ...


def codes_of(space: OfClips, pictures: Pictures) -> NDArray[np.float32]:
    """The vectors of many clips [shape=(clips, 128, 107) -> (clips, dimensions)]."""
    parts = [space.of_clips(pictures[at : at + AT_ONCE]) for at in range(0, len(pictures), AT_ONCE)]
    return np.concatenate(parts)


def track_clips(tracks: Tracks) -> NDArray[np.float32]:
    """The crops of tracks as clips [shape=(n * 3, 128, 107)]; what lies 40 dB below the loudest is not known."""
    cut = np.stack([tracks.pictures[:, :, start : start + COLUMNS] for start in CROP_STARTS], 1)
    loud = cut.reshape(-1, *cut.shape[2:]).astype(np.float32)
    loud /= np.maximum(loud.max((1, 2), keepdims=True), 1)
    return np.float32(FLOOR) + np.float32(1 - FLOOR) * loud


def composers(
    first: Rows, second: Rows, training: Clips, test: Clips, strength: float = 1.0
) -> dict[str, Any]:
    """A row of the table s2, with the accuracy on the training clips, out of fold, and by neighbours."""
    label = training.label
    row = row_of(regression(first, label, second, strength), test.label, test.work)
    own = regression(first, label, first, strength).argmax(1)
    return row | {
        "training_accuracy": float((own == label).mean()),
        "out_of_fold_accuracy": out_of_fold(first, training, strength),
        "neighbours_accuracy": float((neighbours(first, label, second) == test.label).mean()),
    }


def out_of_fold(rows: Rows, clips: Clips, strength: float = 1.0) -> float:
    """Accuracy on training clips, each by a regression that has not seen its work."""
    right = 0
    for fold in np.unique(clips.fold):
        out = clips.fold == fold
        guessed = regression(rows[~out], clips.label[~out], rows[out], strength).argmax(1)
        right += int((guessed == clips.label[out]).sum())
    return right / len(rows)


def genres(codes: Rows, tracks: Tracks) -> dict[str, Any]:
    """Figures on GTZAN.

    Parameters
    ----------
    codes : of the crops of every track [shape=(tracks * 3, dimensions)]
    """
    each = codes.reshape(len(tracks.names), len(CROP_STARTS), -1)
    whole = each.mean(1)
    learns = tracks.part(TRAIN)
    found: dict[str, Any] = {}
    for part in (VALID, TEST):
        asked = tracks.part(part)
        label = tracks.labels[asked]
        by_regression = regression(whole[learns], tracks.labels[learns], whole[asked]).argmax(1)
        by_neighbours = neighbours(whole[learns], tracks.labels[learns], whole[asked])
        found[part] = {
            "tracks": len(asked),
            "regression": _short(by_regression, label),
            "neighbours": _short(by_neighbours, label),
            "found_again": found_again(each[asked, 0], each[asked, -1]),
        }
    return found


def found_again(first: Rows, last: Rows) -> float:
    """How often the likest of the ``last``, by cosine, is the same track's."""
    one, other = (
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (first, last)
    )
    return float(((one @ other.T).argmax(1) == np.arange(len(one))).mean())


def _short(guessed: NDArray[np.int64], label: NDArray[np.int64]) -> dict[str, Any]:
    found = with_interval(guessed, label, np.arange(len(label)))
    return {"accuracy": found["accuracy"], "accuracy_95": found["accuracy_95"]}
