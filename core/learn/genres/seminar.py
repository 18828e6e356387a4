"""The genre CNN of Velichkovski, "Classification of music by genre with machine learning" (Skopje 2020), and its table.

What the paper says: GTZAN, 22,050 Hz; librosa's mel-spectrogram of every track, cut into sub-clips, whose best length
was sought and is not told; the network of `core.listen.zoo.genre_cnn`; RMSprop with 0.9; a hold-out set; 65 % right.
Whether clips of one track stood on both sides is not told. Ours never do. Two splits:

* the fault-filtered split (443/197/290), where artists do not either;
* a hold-out by chance, a tenth of the tracks of each genre, as the paper seems to have had it.

The unknown sizes are ours (5 s sub-clips, 16-32-64-64 channels, 128 and 64 hidden, rate 0.001, no augmentation); the
number of epochs is the one with the lowest loss on validation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.learn.figures import softmax, temperature_of, threshold_of
from core.learn.genres.data import TEST, TRAIN, VALID, Places, Tracks, folds, load_tracks
from core.learn.genres.flagship import SURE, Cancel, Report, figures_of, save_genre
from core.learn.genres.pictures import draw_confusion, draw_curves
from core.learn.genres.runs import Run, figures_on_card, fitted, judged, step_of
from core.learn.genres.training import Plan, scores_of
from core.learn.seed_tables import SeedTable
from core.store.folders import user_folder

NAME = "genre-cnn"
PUBLISHED = 0.65
PLAN = Plan(
    epochs=60,
    columns=56,
    rate=1e-3,
    decay=0.0,
    optimizer="rmsprop",
    smoothing=0.0,
    strength=None,
    average=0.0,
    best=True,
)


def best_epoch(log: list[dict[str, float]]) -> int:
    """The epoch with the lowest loss on validation."""
    return int(min((row for row in log if "valid_loss" in row), key=lambda row: row["valid_loss"])["epoch"])


def learn_seminar(
    *,
    data: Path | None,
    out: Path | None = None,
    plan: Plan = PLAN,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Train the genre CNN on both splits; leaves the model, its curves and its confusion matrix in ``out``.

    Parameters
    ----------
    data : folder as `core.learn.genres.data` says
    """
    tracks = load_tracks(data)
    out = out or user_folder("data") / "learning" / NAME
    parts = folds(tracks)
    by_chance = (
        np.setdiff1d(np.arange(len(tracks.names)), np.concatenate(parts[:2])),
        parts[1],
        parts[0],
    )
    filtered = (tracks.part(TRAIN), tracks.part(VALID), tracks.part(TEST))
    found: dict[str, Any] = {}
    runs = {}
    # The second split has about twice the tracks, so half the epochs are as many steps.
    plans = {"filtered": plan, "by_chance": replace(plan, epochs=-(-plan.epochs // 2))}
    for number, (name, split) in enumerate({"filtered": filtered, "by_chance": by_chance}.items()):
        runs[name], found[name] = _measured(
            tracks, out, name, split, plans[name], step_of(progress, number, 2), cancelled
        )
    # Each track is heard in the paper's application as a whole, so that is what is calibrated.
    valid = judged(runs["filtered"], NAME, tracks, filtered[1])
    labels = tracks.labels[filtered[1]]
    temperature = temperature_of(softmax(valid), labels)
    sure_from = threshold_of(softmax(valid, temperature), labels, SURE)
    found["log"] = found["filtered"].pop("log")
    found["by_chance"].pop("log")
    command = "tunesmith learn s3 --data DIR"
    save_genre(out / NAME, NAME, runs["filtered"], tracks, temperature, sure_from, found, "train", command)
    title = "Genre CNN, fault-filtered split"
    return found | {
        "model": str(out / f"{NAME}.safetensors"),
        "curves": str(draw_curves(found["log"], out / "genre-cnn-curves.png", title)),
        "confusion": str(
            draw_confusion(
                found["filtered"]["track"]["confusion"], tracks.genres, out / "genre-cnn-confusion.png", title
            )
        ),
    }


def _measured(
    tracks: Tracks,
    out: Path,
    name: str,
    split: tuple[Places, Places, Places],
    plan: Plan,
    progress: Report,
    cancelled: Cancel,
) -> tuple[Run, dict[str, Any]]:
    learns, watched, test = split
    run = fitted(
        out, name, NAME, tracks, learns, plan, seed=0, watched=watched, every=2, progress=progress, cancelled=cancelled
    )  # fmt: skip
    labels = tracks.labels[test]
    clips = np.concatenate(
        [
            tracks.pictures[test][:, :, start : start + 56]
            for start in range(0, tracks.pictures.shape[2] - 55, 56)
        ]
    )
    scored = scores_of(run.network, clips)
    told = {
        "tracks_learnt_from": len(learns),
        "epoch": best_epoch(run.log),
        "track": figures_of(judged(run, NAME, tracks, test), labels, tracks.genres),
        "sub_clip_accuracy": float((scored.argmax(1) == np.tile(labels, len(clips) // len(test))).mean()),
        "log": run.log,
    }
    return run, told


def make(
    *,
    data: Path | None = None,
    quick: bool = False,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SeedTable:
    """The table: trained anew where ``data`` are given (a tenth of the epochs if ``quick``), else from the card."""
    if data is not None:
        plan = replace(PLAN, epochs=4) if quick else PLAN
        values = learn_seminar(data=data, plan=plan, progress=progress, cancelled=cancelled)
    else:
        values = figures_on_card(NAME)
    return SeedTable({"published": PUBLISHED, **values}, markdown(values))


def markdown(values: Mapping[str, Any]) -> str:
    """The table for people."""
    rows = [
        "| Genre CNN on GTZAN | tracks learnt from | right, test |",
        "|---|--:|--:|",
        f"| published (hold-out; how it was split is not told) | ? | {PUBLISHED:.0%} |",
    ]
    titles = {
        "by_chance": "ours, hold-out by chance, by track (optimistic: artists on both sides)",
        "filtered": "ours, fault-filtered split 443/197/290",
    }
    for name, title in titles.items():
        row = values[name]
        low, high = row["track"]["accuracy_95"]
        learnt = row["tracks_learnt_from"]
        right = f"{row['track']['accuracy']:.1%} ({low:.1%}–{high:.1%})"
        rows += [
            f"| {title}: tracks, mean of their sub-clips | {learnt} | {right} |",
            f"| the same: single sub-clips of 5 s | {learnt} | {row['sub_clip_accuracy']:.1%} |",
        ]
    return "\n".join(rows)
