"""The flagship genre classifier: trained, measured, calibrated and shipped by one command.

The protocol
------------
1. *Fault-filtered split* (see `core.learn.genres.data`), the headline: several networks that differ by their seed
   alone learn from its training part; the test part is looked at when all are done.
2. *Ten folds by track*, beside it and optimistic: artists stand on both sides. Each track's scores come from the
   network that has not learnt from it; on these, pooled, the temperature and the chance to be sure from are chosen.
3. *The shipped network* learns from the training and the validation part what the networks of 1 think together of
   each track, half, and the label, half (distillation; Hinton, Vinyals & Dean, arXiv 1503.02531). The test part is
   as new to it as to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.learn.composers.figures import (
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
from core.learn.genres.runs import fitted, judged, one_hot, step_of, tensors_of
from core.learn.genres.training import Logits, Plan
from core.listen.genre import FLAGSHIP
from core.listen.trained import FRONT_END, KIND
from core.store.folders import user_folder
from core.store.model_file import save_model

Report = Callable[[float], None]
Cancel = Callable[[], bool]

PLAN = Plan(epochs=24, columns=64, strength=Strength(mixup=0, tilt=6, gain=4, masks=1, cut=0.1), strangers=3)
FOLD_PLAN = replace(PLAN, epochs=12)
"""A fold has twice the tracks, so half the epochs are as many steps."""

SEEDS, FOLDS = 5, 10
DRAWS = 2000
"""Of the tracks, for the intervals."""
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6)
SURE = 0.9
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


def by_seed(
    tracks: Tracks, out: Path, learns: Places, plan: Plan, seeds: int, progress: Report, cancelled: Cancel
) -> list[Any]:
    """Networks that differ by their seed alone."""
    return [
        fitted(
            out,
            f"filtered-{seed}",
            FLAGSHIP,
            tracks,
            learns,
            plan,
            seed=seed,
            watched=tracks.part(VALID),
            every=max(1, plan.epochs // 3),
            progress=step_of(progress, seed, seeds),
            cancelled=cancelled,
        )
        for seed in range(seeds)
    ]


def out_of_fold(
    tracks: Tracks, out: Path, plan: Plan, count: int, progress: Report, cancelled: Cancel
) -> tuple[Logits, list[float]]:
    """Scores of every track by a network that has not learnt from it, and the accuracy of each fold."""
    scored = np.zeros((len(tracks.names), len(tracks.genres)), np.float32)
    rates = []
    for number, held_out in enumerate(folds(tracks, count)):
        learns = np.setdiff1d(np.arange(len(tracks.names)), held_out)
        run = fitted(
            out,
            f"fold-{number}",
            FLAGSHIP,
            tracks,
            learns,
            plan,
            seed=number,
            progress=step_of(progress, number, count),
            cancelled=cancelled,
        )
        scored[held_out] = judged(run, FLAGSHIP, tracks, held_out)
        rates.append(float((scored[held_out].argmax(1) == tracks.labels[held_out]).mean()))
    return scored, rates


def learn_genre(
    *,
    data: Path | None,
    out: Path | None = None,
    plan: Plan = PLAN,
    fold_plan: Plan = FOLD_PLAN,
    seeds: int = SEEDS,
    fold_count: int = FOLDS,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Train, measure and save the flagship genre classifier; what was interrupted goes on.

    Parameters
    ----------
    data : folder as `core.learn.genres.data` says
    out : folder for networks, and for the model ``genre``

    Returns
    -------
    dict
        the card's figures, and the ``model`` file
    """
    tracks = load_tracks(data)
    out = out or user_folder("data") / "learning" / FLAGSHIP
    valid, test = tracks.part(VALID), tracks.part(TEST)
    runs = by_seed(
        tracks, out, tracks.part(TRAIN), plan, seeds, lambda share: progress(0.3 * share), cancelled
    )
    scored, rates = out_of_fold(
        tracks, out, fold_plan, fold_count, lambda share: progress(0.3 + 0.6 * share), cancelled
    )
    pooled = softmax(scored)
    temperature = temperature_of(pooled, tracks.labels)
    sure_from = threshold_of(softmax(scored, temperature), tracks.labels, SURE)

    learns = tracks.part(TRAIN, VALID)
    together = np.mean([softmax(judged(run, FLAGSHIP, tracks, learns)) for run in runs], 0)
    shipped = fitted(
        out,
        "shipped",
        FLAGSHIP,
        tracks,
        learns,
        plan,
        seed=0,
        targets=(0.5 * together + 0.5 * one_hot(tracks, learns)).astype(np.float32),
        progress=lambda share: progress(0.9 + 0.1 * share),
        cancelled=cancelled,
    )
    guesses = [judged(run, FLAGSHIP, tracks, test) for run in runs]
    right = [scores(guess.argmax(1), tracks.labels[test]) for guess in guesses]
    found = {
        "filtered_test": {
            name: {
                "mean": float(np.mean([row[name] for row in right])),
                "sd": float(np.std([row[name] for row in right], ddof=1)) if seeds > 1 else 0.0,
                "seeds": [row[name] for row in right],
            }
            for name in ("accuracy", "macro_f1")
        },
        "filtered_valid_accuracy": [
            float((judged(run, FLAGSHIP, tracks, valid).argmax(1) == tracks.labels[valid]).mean())
            for run in runs
        ],
        "seeds_together_test": figures_of(
            np.log(np.mean([softmax(guess) for guess in guesses], 0)).astype(np.float32),
            tracks.labels[test],
            tracks.genres,
        ),
        "shipped_test": figures_of(
            judged(shipped, FLAGSHIP, tracks, test), tracks.labels[test], tracks.genres, temperature
        ),
        "ten_folds_by_track_optimistic": figures_of(scored, tracks.labels, tracks.genres, temperature)
        | {"folds": rates},
        "when_sure_test": when_sure(
            softmax(judged(shipped, FLAGSHIP, tracks, test), temperature), tracks.labels[test], sure_from
        ),
    }
    save_genre(
        out / FLAGSHIP, FLAGSHIP, shipped, tracks, temperature, sure_from, found, "train+valid, distilled"
    )
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
) -> None:
    """Write a classifier of genres and its card."""
    save_model(
        path,
        tensors_of(run.network, half=True),
        {
            "room": "listen",
            "kind": KIND,
            "network": kind,
            "labels": list(tracks.genres),
            "temperature": temperature,
            "sure_from": sure_from,
            "front_end": FRONT_END,
            "parameters": sum(value.numel() for value in run.network.parameters()),
            "trained_on": ABOUT_DATA,
            "split": f"fault-filtered 443/197/290; learnt from {learnt_from}",
            "command": command,
            "figures": found,
            "licence": "MIT for the weights, as far as that can be said of what learnt from such data",
        },
    )
