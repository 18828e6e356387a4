"""The tutorial's networks on one data set under one protocol, and their table.

After Choi, Fazekas, Cho & Sandler, "A Tutorial on Deep Learning for Music Information Retrieval": the suggestions of
section 5.7, and section 2.3's three remedies for little data: augmentation (all networks have it), transfer learning,
and networks without training as givers of features.

The protocol: GTZAN's fault-filtered split; every network learns from the training part by the same plan with several
seeds, keeps the weights of the epoch with the lowest loss on validation, and is tested once. A support vector machine
chooses its cost on validation. *Transfer*: a convnet learns key and tempo, which have nothing to do with who
plays; its features then go to the same machine as those of the convnet that never learnt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.learn.figures import scores, softmax, temperature_of, threshold_of
from core.learn.genres.augment import Strength
from core.learn.genres.data import TEST, TRAIN, VALID, Places, Tracks, load_tracks
from core.learn.genres.flagship import PLAN as FLAGSHIP_PLAN
from core.learn.genres.flagship import SURE, Cancel, Report, figures_of, save_genre
from core.learn.genres.runs import Run, figures_on_card, fitted, judged, step_of
from core.learn.genres.training import Plan, scores_of, train
from core.learn.seed_tables import SeedTable
from core.listen.genre import CROP
from core.listen.zoo import NETWORKS, convnet_features
from core.store.folders import user_folder

PLAN = replace(FLAGSHIP_PLAN, epochs=15, strangers=0, best=True)
SEEDS = 3
TRAINED = ("dnn", "conv1d", "conv2d", "conv2d-in-time", "crnn", "bi-lstm")
RANDOM, TRANSFER = "random-weights", "transfer"
COSTS = tuple(10.0**power for power in (-4, -3.5, -3, -2.5, -2, -1.5, -1))

KEYS = 24
TEMPO_EDGES = np.array([70, 85, 95, 105, 115, 125, 140])
SOURCE_PLAN = Plan(
    epochs=10,
    columns=64,
    strength=Strength(stretch=0, semitones=0, tilt=5, gain=4, masks=1, cut=0.1, mixup=0),
)


def statistics(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a plain classifier is told of a track: mean, spread and loudest tenth of every bin, and how much it moves
    [shape=(tracks, 4 * bins)].
    """
    x = pictures.astype(np.float32) / 255
    moves = np.abs(np.diff(x, axis=2)).mean(2)
    return np.concatenate([x.mean(2), x.std(2), np.percentile(x, 90, axis=2), moves], 1).astype(np.float32)


def baselines(tracks: Tracks, learns: Places, valid: Places, test: Places) -> dict[str, dict[str, float]]:
    """The commonest genre, logistic regression and a support vector machine on `statistics`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    rows, labels = statistics(tracks.pictures), tracks.labels
    common = np.full(len(test), np.bincount(labels[learns]).argmax())
    found = {"the commonest genre": scores(common, labels[test])}
    kinds: dict[str, Iterable[Any]] = {
        "logistic regression on log-mel statistics": (
            LogisticRegression(C=cost, max_iter=500) for cost in (0.003, 0.01, 0.03, 0.1)
        ),
        "support vector machine (RBF) on log-mel statistics": (SVC(C=cost) for cost in (1, 3, 10, 30)),
    }
    for name, kind in kinds.items():
        fits = [make_pipeline(StandardScaler(), each).fit(rows[learns], labels[learns]) for each in kind]
        best = max(fits, key=lambda fit: fit.score(rows[valid], labels[valid]))
        found[name] = scores(best.predict(rows[test]), labels[test])
    return found


def key_and_tempo(tracks: Tracks) -> tuple[Places, NDArray[np.float32]]:
    """Another task on the same sound: which key, and how fast.

    Returns
    -------
    places : of the tracks outside the test part of which both are known
    targets : half on one of `KEYS` keys, half on one of the classes of tempo
        [shape=(places, keys + tempo classes)]
    """
    known = (tracks.keys >= 0) & np.isfinite(tracks.tempi)
    places = np.setdiff1d(np.flatnonzero(known), tracks.part(TEST))
    targets = np.zeros((len(places), KEYS + len(TEMPO_EDGES) + 1), np.float32)
    rows = np.arange(len(places))
    targets[rows, tracks.keys[places]] = 0.5
    targets[rows, KEYS + np.searchsorted(TEMPO_EDGES, tracks.tempi[places])] = 0.5
    return places, targets


def with_machine(
    convnet: nn.Sequential, tracks: Tracks, learns: Places, valid: Places
) -> tuple[nn.Module, dict[str, float]]:
    """A convnet's features with a linear support vector machine on top, as one network.

    Returns
    -------
    network : as `core.listen.zoo.convnet_features` builds
    chosen : the cost, and how many were right on validation
    """
    from sklearn.svm import LinearSVC

    network = convnet_features(len(tracks.genres))
    network[0].load_state_dict(convnet[0].state_dict())
    rows = scores_of(network[0], tracks.pictures, columns=CROP, hop=CROP)
    mean, variance = rows[learns].mean(0), rows[learns].var(0) + 1e-6
    rows = (rows - mean) / np.sqrt(variance)
    fits = [LinearSVC(C=cost, max_iter=5000).fit(rows[learns], tracks.labels[learns]) for cost in COSTS]
    rates = [float(fit.score(rows[valid], tracks.labels[valid])) for fit in fits]
    best = int(np.argmax(rates))
    found = {
        "1.running_mean": mean, "1.running_var": variance, "2.weight": fits[best].coef_, "2.bias": fits[best].intercept_
    }  # fmt: skip
    network.load_state_dict(
        network.state_dict() | {key: torch.from_numpy(value).float() for key, value in found.items()}
    )
    return network.eval(), {"cost": COSTS[best], "valid_accuracy": rates[best]}


def learn_zoo(
    *,
    data: Path | None,
    out: Path | None = None,
    plan: Plan = PLAN,
    source_plan: Plan = SOURCE_PLAN,
    seeds: int = SEEDS,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Train every network of the tutorial, measure them, and save each; what was interrupted goes on.

    Parameters
    ----------
    data : folder as `core.learn.genres.data` says

    Returns
    -------
    dict
        ``baselines``, and ``networks`` by name
    """
    tracks = load_tracks(data)
    out = out or user_folder("data") / "learning" / "zoo"
    learns, valid, test = tracks.part(TRAIN), tracks.part(VALID), tracks.part(TEST)
    found: dict[str, Any] = {"baselines": baselines(tracks, learns, valid, test), "networks": {}}
    total = len(TRAINED) * seeds + 2

    def keep(name: str, runs: list[Run], more: dict[str, Any]) -> None:
        guesses = [judged(run, name, tracks, test) for run in runs]
        rates = [scores(guess.argmax(1), tracks.labels[test]) for guess in guesses]
        checks = [judged(run, name, tracks, valid) for run in runs]
        best = int(np.argmax([(check.argmax(1) == tracks.labels[valid]).mean() for check in checks]))
        temperature = temperature_of(softmax(checks[best]), tracks.labels[valid])
        sure_from = threshold_of(softmax(checks[best], temperature), tracks.labels[valid], SURE)
        accuracies = [rate["accuracy"] for rate in rates]
        figures = {
            "test_accuracy_mean": float(np.mean(accuracies)),
            "test_accuracy_sd": float(np.std(accuracies, ddof=1)) if len(runs) > 1 else 0.0,
            "seeds": accuracies,
            "macro_f1_mean": float(np.mean([rate["macro_f1"] for rate in rates])),
            "shipped": figures_of(guesses[best], tracks.labels[test], tracks.genres, temperature),
            "parameters": sum(value.numel() for value in runs[best].network.parameters()),
            "layers": NETWORKS[name].layers,
            "log": runs[best].log,
            **more,
        }
        found["networks"][name] = figures
        command = "tunesmith learn zoo --data DIR"
        save_genre(
            out / name, name, runs[best], tracks, temperature, sure_from, figures, "train", command, best
        )

    for number, name in enumerate(TRAINED):
        runs = []
        for seed in range(seeds):
            done = number * seeds + seed
            runs.append(
                fitted(
                    out / "runs",
                    f"{name}-{seed}",
                    name,
                    tracks,
                    learns,
                    plan,
                    seed=seed,
                    watched=valid,
                    every=max(1, plan.epochs // 5),
                    progress=step_of(progress, done, total),
                    cancelled=cancelled,
                )
            )
        keep(name, runs, {})
    for name in (RANDOM, TRANSFER):
        runs, chosen = [], []
        for seed in range(seeds if name == RANDOM else 1):
            torch.manual_seed(seed)
            places, targets = key_and_tempo(tracks)
            convnet = convnet_features(targets.shape[1])
            if name == TRANSFER:
                pictures = tracks.pictures[places]
                convnet = train(convnet, pictures, targets, source_plan, seed=seed, cancelled=cancelled)
            network, choice = with_machine(convnet, tracks, learns, valid)
            runs.append(Run(network, []))
            chosen.append(choice)
        keep(name, runs, {"machines": chosen} | ({"baselines": found["baselines"]} if name == RANDOM else {}))
        progress((total - (name == RANDOM)) / total)
    return found


def make(
    *,
    data: Path | None = None,
    quick: bool = False,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SeedTable:
    """The table: trained anew where ``data`` are given (two epochs, one seed if ``quick``), else from the cards."""
    if data is not None:
        plan = replace(PLAN, epochs=2) if quick else PLAN
        source = replace(SOURCE_PLAN, epochs=2) if quick else SOURCE_PLAN
        seeds = 1 if quick else SEEDS
        values = learn_zoo(
            data=data, plan=plan, source_plan=source, seeds=seeds, progress=progress, cancelled=cancelled
        )
    else:
        values = {"networks": {name: figures_on_card(name) for name in (*TRAINED, RANDOM, TRANSFER)}}
        values["baselines"] = figures_on_card(RANDOM)["baselines"]
    return SeedTable(values, markdown(values))


def markdown(values: Mapping[str, Any]) -> str:
    """The table for people, the best last."""
    rows = [
        "| network | layers | parameters | right, FF test | macro-F1 |",
        "|---|---|--:|--:|--:|",
    ]
    told = [
        (row["accuracy"], f"| {name} | | | {row['accuracy']:.1%} | {row['macro_f1']:.1%} |")
        for name, row in values["baselines"].items()
    ]
    for name, row in values["networks"].items():
        right = f"{row['test_accuracy_mean']:.1%}"
        if len(row["seeds"]) > 1:
            right += f" ± {row['test_accuracy_sd']:.1%}"
        told.append(
            (
                row["test_accuracy_mean"],
                f"| {name} | {row['layers']} | {row['parameters']:,} | {right} | {row['macro_f1_mean']:.1%} |",
            )
        )
    return "\n".join([*rows, *(line for _, line in sorted(told))])
