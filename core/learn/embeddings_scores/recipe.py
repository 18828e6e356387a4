"""From a folder of songs to the score embedding: the autoencoder, what makes pieces alike, figures, model file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.compose.flagship import unpacked
from core.errors import TunesmithError
from core.explore.score import KIND, NAME, load, summed_up
from core.explore.score_network import ScoreNetwork
from core.learn.composer import PACK, prepared
from core.learn.composers.scores import OTHERS
from core.learn.data import Example, licences, load_pack
from core.learn.embeddings_scores.batches import shelf_of
from core.learn.embeddings_scores.figures import in_between, reconstruction
from core.learn.embeddings_scores.likeness import (
    Works,
    latents_of,
    neighbour_figures,
    pitch_classes,
    read_works,
    train_likeness,
)
from core.learn.embeddings_scores.training import Plan, train
from core.learn.shipping import FRONT_END, LICENCE, data_credits, packed
from core.learn.workers import Workers
from core.store.folders import user_folder
from core.store.model_file import save_model

Report = Callable[[float], None]
Cancel = Callable[[], bool]

ARCHITECTURE = (
    "recurrent variational autoencoder over bars: events of every slot read together, two bars to one latent vector; "
    "a recurrent conductor unfolds it into bars and slots, whose events a GRU writes; two dense layers make a piece's "
    "vector of mean and spread of its latent vectors"
)
SPLIT = (
    "by work: the manifest's; the writer learns from its training works that permit it, what is alike from training "
    "works of all data sets, figures are of test works"
)
LOG = "log.jsonl"


def learn_score_embedding(
    *,
    data: Path | None,
    minutes: float | None = None,
    resume: bool = False,
    out: Path | None = None,
    workers: Workers = None,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Train the score embedding (``tunesmith learn score-embedding``).

    Parameters
    ----------
    data : folder of MIDI files with a ``manifest.csv``
    minutes : how long the autoencoder learns, `Plan.minutes` unless told
    resume : go on from what ``out`` holds
    out : folder for packed data, checkpoints, log, picture and model
    workers : what prepares the data, see `core.learn.workers`

    Returns
    -------
    dict
        The card's figures, and the ``model`` file.
    """
    if data is None or not (data / "manifest.csv").is_file():
        raise TunesmithError("say where the training data are: --data FOLDER, with its manifest.csv")
    out = out or user_folder("data") / "learning" / NAME
    out.mkdir(parents=True, exist_ok=True)
    learnt_from = prepared(data, out, resume, workers, lambda share: progress(0.2 * share))
    examples = load_pack(out / PACK)
    parts = {name: [e for e in examples if e.split == name] for name in ("train", "valid", "test")}
    if not (parts["train"] and parts["valid"] and parts["test"]):
        raise TunesmithError(
            f"{data} has too few songs to learn from some and be measured by others; add music"
        )
    plan = replace(Plan(), minutes=minutes) if minutes else Plan()

    def report(figures: dict[str, float]) -> None:
        with (out / LOG).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(figures) + "\n")
        progress(0.2 + 0.6 * min(1.0, max(figures["minutes"] / plan.minutes, figures["step"] / plan.steps)))

    network = train(
        shelf_of(parts["train"]), shelf_of(parts["valid"]), out, plan,
        resume=resume, report=report, cancelled=cancelled,
    )  # fmt: skip
    works = read_works(data, out, resume=resume, cancelled=cancelled)
    progress(0.85)
    told = finish(network, works, parts["test"], out, examples, data, plan, learnt_from, cancelled)
    progress(1.0)
    return told


def finish(
    network: ScoreNetwork,
    works: Works,
    test: list[Example],
    out: Path,
    examples: list[Example],
    data: Path,
    plan: Plan,
    learnt_from: dict[str, Any],
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Learn what is alike, measure, and write the model file of a trained autoencoder."""
    latents = latents_of(network, works.examples, cancelled=cancelled)
    train_likeness(network.likeness, latents, works, works.fold >= 0, cancelled=cancelled)
    # What is measured is what is shipped: large matrices as bytes with a scale a row, the rest in half precision.
    weights = packed({name: value.numpy() for name, value in network.state_dict().items()})
    network.load_state_dict({name: torch.from_numpy(value) for name, value in unpacked(weights).items()})
    told = {
        "reconstruction": reconstruction(network, test, cancelled=cancelled),
        "in_between": {
            kind: in_between(network, test, kind=kind, cancelled=cancelled)
            for kind in ("linear", "spherical")
        },
        "neighbours": neighbours(network, latents, works),
    }
    last = json.loads((out / LOG).read_text(encoding="utf-8").splitlines()[-1])
    told["held_out"] = {name: value for name, value in last.items() if name.startswith("valid_")}
    told["steps"], told["minutes"] = last["step"], last["minutes"]
    card = {
        "room": "explore",
        "kind": KIND,
        "architecture": ARCHITECTURE,
        "shape": asdict(network.shape),
        "plan": asdict(plan),
        "licence": LICENCE,
        "trained_on": data_credits(examples, licences(data)),
        "likeness_trained_on": "written music by composers of the same folder, whatever its licence: it only labels",
        "data": learnt_from,
        "split": SPLIT,
        "seed": plan.seed,
        "command": "tunesmith learn score-embedding --data FOLDER",
        "front_end": FRONT_END,
        "figures": told,
    }
    save_model(out / NAME, weights, card)
    load.cache_clear()
    if find_spec("matplotlib"):
        from core.learn.curves import draw_curves

        draw_curves(out / LOG, out / "curve.png", "Learning curves of the score embedding")
    return {**told, "model": str(out / f"{NAME}.safetensors")}


def neighbours(network: ScoreNetwork, latents: list[Any], works: Works) -> dict[str, Any]:
    """Whose the neighbours of held-out pieces are: by the vectors, and by two dull answers."""
    # Only works that the autoencoder has not learnt from either.
    asked = (works.fold < 0) & (works.split == "test") & (works.composer != OTHERS)
    summaries = np.stack([summed_up(rows) for rows in latents])
    with torch.no_grad():
        vectors = network.likeness(torch.from_numpy(summaries)).numpy()
    scaled = (summaries - summaries.mean(0)) / np.maximum(summaries.std(0), 1e-3)
    return {
        "ours": neighbour_figures(vectors, works, asked),
        "latent vectors as they are": neighbour_figures(scaled, works, asked),
        "pitch classes and durations": neighbour_figures(pitch_classes(works), works, asked),
    }
