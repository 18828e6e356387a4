"""The flagship genre classifier: trained, measured, calibrated and shipped by one command.

The protocol
------------
1. *Fault-filtered split* (see `core.learn.genres.data`), the headline: several networks that differ by their seed
   alone learn from its training part; the test part is looked at when all are done.
2. *The shipped network* learns from the training and the validation part. The test part is as new to it as to them.
3. The temperature and the chance to be sure from are chosen on what the networks of 1 say of the validation part.
4. *Ten folds by track*, after fewer epochs, beside it and optimistic: artists stand on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.learn.figures import (
    calibration_error,
    confusion,
    scores,
    softmax,
    temperature_of,
    threshold_of,
    when_sure,
    with_interval,
)
from core.learn.genres.augment import Strength
from core.learn.genres.data import TEST, TRAIN, VALID, Places, Tracks, folds, load_tracks
from core.learn.genres.robustness import of_log_mels, of_recordings
from core.learn.genres.runs import Run, fitted, judged, one_hot, step_of, tensors_of
from core.learn.genres.training import Logits, Plan
from core.learn.genres.wide import EPOCHS, fit_wide, odd_summaries, summaries
from core.listen.genre import FLAGSHIP
from core.listen.networks import GenreNet
from core.listen.trained import FRONT_END, KIND, Trained
from core.listen.zoo import NETWORKS
from core.store.folders import user_folder
from core.store.model_file import save_model

Report = Callable[[float], None]
Cancel = Callable[[], bool]

PLAN = Plan(
    epochs=100, columns=112, strength=Strength(mixup=0, tilt=10, gain=4, masks=2, cut=0.1), strangers=3
)
CLIPS = "clips"
DEEP, RELATIVE, WIDE = "genre-deep", "genre-relative", "genre-wide"
EARS = {DEEP: "deep", RELATIVE: "relative", WIDE: "wide"}
"""Kinds of ears and their names in the flagship."""
SEEDS, FOLDS = 5, 10
FOLD_EPOCHS = 30
"""Of the deep ears in ten folds: twenty trainings as long as the others would take a night."""
DRAWS = 2000
"""Of the tracks, for the intervals."""
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6)
SURE = 0.8
"""How often a verdict should be right where one is given."""

ABOUT_DATA = {
    "name": "GTZAN (Tzanetakis & Cook 2002), log-mels of 999 tracks",
    "licence": "none: excerpts of commercial recordings; for research. Nothing of them is in the weights' file",
    "faults": "replicas, several excerpts of one recording, wrong labels, few artists in a genre (Sturm, arXiv "
    "1306.1461); the fault-filtered split of Kereliuk, Sturm & Larsen (arXiv 1507.04761) leaves the known ones out",
}


def figures_of(
    scored: Logits, labels: NDArray[np.int64], genres: tuple[str, ...], temperature: float = 1.0
) -> dict[str, Any]:
    """What is told of a classifier: accuracy with its interval, macro-F1, recall by genre, calibration, coverage.

    Parameters
    ----------
    scored : before softmax [shape=(tracks, labels)]
    """
    guessed, chances = scored.argmax(1), softmax(scored, temperature)
    claimed = chances.max(1)
    found = with_interval(guessed, labels, np.arange(len(labels)), draws=DRAWS)
    return {
        "tracks": len(labels),
        "accuracy": found["accuracy"],
        "accuracy_95": found["accuracy_95"],
        "macro_f1": found["macro_f1"],
        "macro_f1_95": found["macro_f1_95"],
        "recall": {
            genre: float((guessed == place)[labels == place].mean())
            for place, genre in enumerate(genres)
            if (labels == place).any()
        },
        "calibration_error": calibration_error(chances, labels),
        "accuracy_at_coverage": {
            f"{coverage:.0%}": when_sure(chances, labels, float(np.quantile(claimed, 1 - coverage)))[
                "accuracy_when_given"
            ]
            for coverage in COVERAGES
        },
        "confusion": confusion(guessed, labels, len(genres)),
    }


@dataclass(frozen=True)
class Lesson:
    """What every ear learns from, and how.

    Attributes
    ----------
    folder : where trained ears are kept; those that are there already are not trained again
    copies : all tracks summed up, by `summaries`
    """

    folder: Path
    tracks: Tracks
    copies: NDArray[np.float32]
    plan: Plan
    wide_epochs: int
    cancelled: Cancel

    def taught(
        self, kind: str, name: str, learns: Places, seed: int, progress: Report = lambda _: None
    ) -> Run:
        """One ear of a kind, which has learnt from the tracks ``learns``."""
        if kind == WIDE:
            odd = odd_summaries(self.tracks, learns)
            ear = fit_wide(
                self.copies, learns, one_hot(self.tracks, learns), odd=odd,
                epochs=self.wide_epochs, seed=seed, cancelled=self.cancelled,
            )  # fmt: skip
            return Run(ear, [])
        return fitted(
            self.folder, f"{EARS[kind]}-{name}", kind, self.tracks, learns, self.plan,
            seed=seed, progress=progress, cancelled=self.cancelled,
        )  # fmt: skip

    def all_ears(self, name: str, learns: Places, seed: int, progress: Report) -> dict[str, Run]:
        """An ear of every kind."""
        return {
            kind: self.taught(kind, name, learns, seed, step_of(progress, number, len(EARS)))
            for number, kind in enumerate(EARS)
        }


def joined(ears: Mapping[str, Run], tracks: Tracks) -> Run:
    """The flagship of trained ears."""
    network = GenreNet(len(tracks.genres))
    for kind, ear in ears.items():
        network.get_submodule(EARS[kind]).load_state_dict(ear.network.state_dict())
    return Run(network.eval(), ears[DEEP].log)


def spread(values: list[float]) -> dict[str, Any]:
    """Mean, standard deviation and all of them."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "sd": deviation, "seeds": values}


def out_of_fold(lesson: Lesson, count: int, progress: Report) -> tuple[dict[str, Logits], list[float]]:
    """Scores of every track by ears that have not heard it, by kind and by all together; accuracy by fold."""
    tracks = lesson.tracks
    found = {
        kind: np.zeros((len(tracks.names), len(tracks.genres)), np.float32) for kind in (FLAGSHIP, *EARS)
    }
    rates = []
    for number, held_out in enumerate(folds(tracks, count)):
        learns = np.setdiff1d(np.arange(len(tracks.names)), held_out)
        ears = lesson.all_ears(f"fold-{number}", learns, number, step_of(progress, number, count))
        for kind, run in {FLAGSHIP: joined(ears, tracks), **ears}.items():
            found[kind][held_out] = judged(run, kind, tracks, held_out)
        rates.append(float((found[FLAGSHIP][held_out].argmax(1) == tracks.labels[held_out]).mean()))
    return found, rates


def learn_genre(
    *,
    data: Path | None,
    out: Path | None = None,
    plan: Plan = PLAN,
    wide_epochs: int = EPOCHS,
    seeds: int = SEEDS,
    fold_count: int = FOLDS,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Train, measure and save the flagship genre classifier; deep ears that are there already are not trained again.

    Parameters
    ----------
    data : folder as `core.learn.genres.data` says; recordings in its folder ``clips``, named as their tracks, are
        heard as the application hears them
    out : folder for networks, and for the model ``genre``

    Returns
    -------
    dict
        the card's figures, and the ``model`` file
    """
    tracks = load_tracks(data)
    out = out or user_folder("data") / "learning" / FLAGSHIP
    learns, valid, test = tracks.part(TRAIN), tracks.part(VALID), tracks.part(TEST)
    both = tracks.part(TRAIN, VALID)
    lesson = Lesson(out, tracks, summaries(tracks), plan, wide_epochs, cancelled)
    heard: dict[str, list[Logits]] = {kind: [] for kind in (FLAGSHIP, *EARS)}
    measured = np.concatenate([valid, test])
    steps = seeds + 3
    for seed in range(seeds):
        ears = lesson.all_ears(str(seed), learns, seed, step_of(progress, seed, steps))
        for kind, run in {FLAGSHIP: joined(ears, tracks), **ears}.items():
            heard[kind].append(judged(run, kind, tracks, measured))
    shipped = joined(lesson.all_ears("shipped", both, 0, step_of(progress, seeds, steps)), tracks)

    checks = np.concatenate([scored[: len(valid)] for scored in heard[FLAGSHIP]])
    truth = np.tile(tracks.labels[valid], seeds)
    temperature = temperature_of(softmax(checks), truth)
    sure_from = threshold_of(softmax(checks, temperature), truth, SURE)
    at_folds = replace(lesson, plan=replace(plan, epochs=min(plan.epochs, FOLD_EPOCHS)))
    folded, rates = out_of_fold(at_folds, fold_count, step_of(progress, seeds + 1, steps))
    labels = tracks.labels[test]
    guesses = {kind: [scored[len(valid) :] for scored in each] for kind, each in heard.items()}
    last = judged(shipped, FLAGSHIP, tracks, test)
    found = {
        "filtered_test": {
            kind: {
                name: spread([scores(guess.argmax(1), labels)[name] for guess in each])
                for name in ("accuracy", "macro_f1")
            }
            for kind, each in guesses.items()
        },
        "filtered_valid_accuracy": spread(
            [float((part.argmax(1) == tracks.labels[valid]).mean()) for part in np.split(checks, seeds)]
        ),
        "seeds_test": figures_of(
            np.concatenate(guesses[FLAGSHIP]), np.tile(labels, seeds), tracks.genres, temperature
        ),
        "shipped_test": figures_of(last, labels, tracks.genres, temperature),
        "when_sure_test": when_sure(softmax(last, temperature), labels, sure_from),
        "ten_folds_by_track_optimistic": {
            kind: figures_of(
                scored, tracks.labels, tracks.genres, temperature_of(softmax(scored), tracks.labels)
            )
            for kind, scored in folded.items()
        }
        | {"folds": rates, "epochs": at_folds.plan.epochs},
        "log": shipped.log,
    }
    ready = Trained(FLAGSHIP, shipped.network, tracks.genres, 0, temperature, sure_from)
    if data is not None and (data / CLIPS).is_dir():
        found["recordings"] = of_recordings(data / CLIPS, tracks, ready)
    progress((seeds + 2) / steps)
    found["robustness_test_log_mels"] = of_log_mels(tracks, test, ready)
    save_genre(out / FLAGSHIP, FLAGSHIP, shipped, tracks, temperature, sure_from, found, "train and valid")
    return found | {"model": str(out / f"{FLAGSHIP}.safetensors")}


def save_genre(
    path: Path,
    kind: str,
    run: Any,
    tracks: Tracks,
    temperature: float,
    sure_from: float,
    found: dict[str, Any],
    learnt_from: str,
    command: str = "tunesmith learn genre --data DIR",
    seed: int = 0,
) -> None:
    """Write a classifier of genres and its card."""
    save_model(
        path,
        tensors_of(run.network, half=True),
        {
            "room": "listen",
            "kind": KIND,
            "network": kind,
            "architecture": NETWORKS[kind].layers,
            "seed": seed,
            "labels": list(tracks.genres),
            "temperature": temperature,
            "sure_from": sure_from,
            "front_end": FRONT_END,
            "parameters": sum(value.numel() for value in run.network.parameters()),
            "trained_on": ABOUT_DATA,
            "split": f"fault-filtered 443/197/290; learnt from {learnt_from}",
            "command": command,
            "figures": found,
            "licence": "MIT; what they learnt from has no licence of its own: see trained_on",
        },
    )
