"""The flagship genre classifier: trained, measured, calibrated and shipped by one command.

The protocol
------------
1. *Fault-filtered split* (see `core.learn.genres.data`), the headline: several networks that differ by their seed
   alone learn from its training part; the test part is looked at when all are done.
2. *The shipped network* learns from the training and the validation part. The test part is as new to it as to them.
3. The temperature and the chance to be sure from are chosen on what the networks of 1 say of the validation part.
4. *Ten folds by track* of the wide ear alone, beside it and optimistic: artists stand on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

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
from core.learn.genres.data import TEST, TRAIN, VALID, Tracks, folds, load_tracks
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
DEEP, WIDE = "genre-deep", "genre-wide"
SEEDS, FOLDS = 5, 10
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


def two_ears(deep: nn.Module, wide: nn.Module, tracks: Tracks) -> Run:
    """The flagship of two trained ears."""
    network = GenreNet(len(tracks.genres))
    network.deep.load_state_dict(deep.state_dict())
    network.wide.load_state_dict(wide.state_dict())
    return Run(network.eval(), [])


def spread(values: list[float]) -> dict[str, Any]:
    """Mean, standard deviation and all of them."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "sd": deviation, "seeds": values}


def out_of_fold(
    tracks: Tracks, copies: NDArray[np.float32], count: int, epochs: int, cancelled: Cancel
) -> tuple[Logits, list[float]]:
    """Scores of every track by a wide ear that has not learnt from it, and the accuracy of each fold."""
    scored = np.zeros((len(tracks.names), len(tracks.genres)), np.float32)
    rates = []
    for number, held_out in enumerate(folds(tracks, count)):
        learns = np.setdiff1d(np.arange(len(tracks.names)), held_out)
        ear = fit_wide(
            copies, learns, one_hot(tracks, learns), odd=odd_summaries(tracks, learns),
            epochs=epochs, seed=number, cancelled=cancelled,
        )  # fmt: skip
        scored[held_out] = judged(Run(ear, []), WIDE, tracks, held_out)
        rates.append(float((scored[held_out].argmax(1) == tracks.labels[held_out]).mean()))
    return scored, rates


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
    copies = summaries(tracks)
    heard: dict[str, list[Logits]] = {FLAGSHIP: [], DEEP: [], WIDE: []}
    measured = np.concatenate([valid, test])
    for seed in range(seeds):
        deep = fitted(
            out, f"deep-{seed}", DEEP, tracks, learns, plan,
            seed=seed, progress=step_of(progress, seed, seeds + 2), cancelled=cancelled,
        )  # fmt: skip
        wide = fit_wide(
            copies, learns, one_hot(tracks, learns), odd=odd_summaries(tracks, learns),
            epochs=wide_epochs, seed=seed, cancelled=cancelled,
        )  # fmt: skip
        heard[DEEP].append(judged(deep, DEEP, tracks, measured, bfloat16=plan.bfloat16))
        heard[WIDE].append(judged(Run(wide, []), WIDE, tracks, measured))
        heard[FLAGSHIP].append(np.float32(0.5) * (heard[DEEP][-1] + heard[WIDE][-1]))
    deep = fitted(
        out, "deep-shipped", DEEP, tracks, both, plan,
        seed=0, progress=step_of(progress, seeds, seeds + 2), cancelled=cancelled,
    )  # fmt: skip
    wide = fit_wide(
        copies, both, one_hot(tracks, both), odd=odd_summaries(tracks, both),
        epochs=wide_epochs, seed=0, cancelled=cancelled,
    )  # fmt: skip
    shipped = two_ears(deep.network, wide, tracks)

    checks = np.concatenate([scored[: len(valid)] for scored in heard[FLAGSHIP]])
    truth = np.tile(tracks.labels[valid], seeds)
    temperature = temperature_of(softmax(checks), truth)
    sure_from = threshold_of(softmax(checks, temperature), truth, SURE)
    folded, rates = out_of_fold(tracks, copies, fold_count, wide_epochs, cancelled)
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
        "ten_folds_by_track_optimistic_wide_ear": figures_of(
            folded, tracks.labels, tracks.genres, temperature_of(softmax(folded), tracks.labels)
        )
        | {"folds": rates},
        "log": deep.log,
    }
    ready = Trained(FLAGSHIP, shipped.network, tracks.genres, 0, temperature, sure_from)
    if data is not None and (data / CLIPS).is_dir():
        found["recordings"] = of_recordings(data / CLIPS, tracks, ready)
    progress((seeds + 1.5) / (seeds + 2))
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
