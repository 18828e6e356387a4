"""The classifiers by name. A new one is one new file and one row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.listen import composer_audio, composer_scores, genre
from core.store.model_file import find_models

if TYPE_CHECKING:
    from core.listen.heard import Heard
    from core.listen.report import Span, Verdict

TUTORIAL = "Choi, Fazekas, Cho & Sandler, A Tutorial on Deep Learning for Music Information Retrieval (2017)"
SEMINAR = "Velichkovski, Classification of music by genre with machine learning (2020)"
OURS = "ours"


@dataclass(frozen=True)
class Classifier:
    """What a panel or the command line must know of a classifier.

    Attributes
    ----------
    title : its name for people
    tells : what its labels are
    source : the paper it comes from, or "ours"
    model : name of its model file
    verdict : of what was heard, by the model; a classifier of scores is given a `core.song.notes.Song`
    hears : a recording or a score
    """

    name: str
    title: str
    tells: Literal["genre", "composer"]
    source: str
    description: str
    model: str
    verdict: Callable[[Any, str], Verdict] = genre.classify
    hears: Literal["recording", "score"] = "recording"


def _rows(*rows: tuple[str, str, str, str]) -> dict[str, Classifier]:
    return {name: Classifier(name, title, "genre", source, text, name) for name, title, source, text in rows}


CLASSIFIERS: dict[str, Classifier] = _rows(
    (genre.FLAGSHIP, "Flagship", OURS, "Ten genres; knows when it is not sure"),
    ("genre-cnn", "Genre CNN", SEMINAR, "Four convolutions and three dense layers on 5 s"),
    ("dnn", "DNN", TUTORIAL, "Dense layers on 15 frames; the mean over time"),
    ("conv1d", "Conv1D", TUTORIAL, "Convolutions over time that see all frequencies at once"),
    ("conv2d", "Conv2D", TUTORIAL, "Convolutions over time and frequency"),
    ("conv2d-in-time", "Conv2D in time", TUTORIAL, "Convolutions that keep every moment; the mean over time"),
    ("crnn", "CRNN", TUTORIAL, "Convolutions, then recurrent layers"),
    ("bi-lstm", "Bidirectional LSTM", TUTORIAL, "Recurrent both ways through time"),
    ("random-weights", "Random weights", TUTORIAL, "A convnet that never learnt, and a support vector machine"),
    ("transfer", "Transfer", TUTORIAL, "A convnet that learnt another task, and a support vector machine"),
)  # fmt: skip

CLASSIFIERS |= {
    composer_audio.NAME: Classifier(
        composer_audio.NAME,
        "Composer by sound",
        "composer",
        OURS,
        "Five composers of orchestral music; learnt from rendered scores",
        composer_audio.NAME,
        composer_audio.classify,
    ),
    composer_scores.NAME: Classifier(
        composer_scores.NAME,
        "Composer by notes",
        "composer",
        OURS,
        "Composers with fifteen works or more in the data, or none of them",
        composer_scores.NAME,
        composer_scores.classify,
        "score",
    ),
}


def find(name: str = "") -> Classifier:
    """The classifier ``name``, or the flagship.

    Raises
    ------
    TunesmithError
        If there is none of that name.
    """
    if not name:
        return CLASSIFIERS[genre.FLAGSHIP]
    if name not in CLASSIFIERS:
        raise TunesmithError(f"there is no classifier {name!r}; there are {', '.join(CLASSIFIERS)}")
    return CLASSIFIERS[name]


def installed() -> tuple[Classifier, ...]:
    """The classifiers whose weights are here."""
    there = {model.name for model in find_models("listen")}
    return tuple(classifier for classifier in CLASSIFIERS.values() if classifier.model in there)


def classify(heard: Heard, name: str = "") -> Verdict:
    """What the classifier ``name`` says of a recording; the flagship unless named.

    Raises
    ------
    TunesmithError
        If there is none of that name, or its weights are missing.
    """
    classifier = find(name)
    return classifier.verdict(heard, classifier.model)


def timeline(heard: Heard, name: str = "") -> tuple[Span, ...]:
    """Which genre when; see `core.listen.genre.timeline`. Nothing for a classifier of something else."""
    classifier = find(name)
    return genre.timeline(heard, classifier.model) if classifier.tells == "genre" else ()


def saliency(
    heard: Heard, name: str = "", label: str = "", start_s: float = 0.0, end_s: float = np.inf
) -> NDArray[np.float32]:
    """What in the sound speaks for ``label``; see `core.listen.saliency.saliency`.

    Parameters
    ----------
    label : the likeliest unless named
    start_s, end_s : the stretch wanted

    Returns
    -------
    ndarray
        0 to 1 for every mel bin and frame of the stretch [shape=(128, frames)]
    """
    from core.listen import saliency as place

    return place.saliency(heard, find(name).model, label, start_s, end_s)
