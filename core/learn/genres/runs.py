"""Networks trained once and kept: what was interrupted goes on where it stood, a network at a time.

A run leaves ``NAME.safetensors`` (weights, and a card with the plan and the log) in its folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.errors import TunesmithError
from core.learn.genres.data import Places, Tracks
from core.learn.genres.training import Logits, Plan, Watch, scores_of, train
from core.listen.genre import CROP
from core.listen.zoo import NETWORKS
from core.store.model_file import find_models, load_card, load_model, model_paths, save_model


@dataclass(frozen=True)
class Run:
    """A network as it was trained.

    Attributes
    ----------
    network : in evaluation mode
    log : figures of each epoch; see `core.learn.genres.training.train`
    """

    network: nn.Module
    log: list[dict[str, float]]


def fitted(
    folder: Path,
    name: str,
    kind: str,
    tracks: Tracks,
    learns: Places,
    plan: Plan,
    *,
    seed: int,
    watched: Places | None = None,
    every: int = 1,
    targets: NDArray[np.float32] | None = None,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Run:
    """Train a network, or take it from ``folder`` where the same plan has left it.

    Parameters
    ----------
    kind : a row of `NETWORKS`
    learns, watched : places of the tracks learnt from, and of those its figures are told on while it learns
    every : look at these every so many epochs
    targets : how likely every label of each of ``learns`` is; what they are labelled unless given
    seed : of the first weights and of everything drawn
    """
    asked = {"network": kind, "seed": seed, "plan": asdict(plan), "tracks": len(learns)}
    path = folder / name
    if model_paths(path)[1].is_file():
        card = load_card(path)
        if {key: card[key] for key in asked} == asked:
            network = _blank(kind, tracks, seed)
            network.load_state_dict(
                {key: torch.from_numpy(value) for key, value in load_model(path)[0].items()}
            )
            return Run(network.eval(), card["log"])
    log: list[dict[str, float]] = []

    def report(figures: dict[str, float]) -> None:
        log.append(figures)
        progress(figures["epoch"] / plan.epochs)

    network = train(
        _blank(kind, tracks, seed),
        tracks.pictures[learns],
        one_hot(tracks, learns) if targets is None else targets,
        plan,
        seed=seed,
        watch=None if watched is None else _watch(kind, tracks, watched, every),
        report=report,
        cancelled=cancelled,
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_model(path, tensors_of(network), {**asked, "room": "learn", "log": log})
    return Run(network, log)


def judged(run: Run, kind: str, tracks: Tracks, places: Places, *, bfloat16: bool = False) -> Logits:
    """Scores of tracks as the application gives them: the mean over crops, each half in the next one too."""
    columns = NETWORKS[kind].columns or CROP
    return scores_of(run.network, tracks.pictures[places], columns=columns, bfloat16=bfloat16)


def tensors_of(network: nn.Module, *, half: bool = False) -> dict[str, NDArray[Any]]:
    """Weights as arrays; halved in width, where they are numbers with fractions, if ``half``."""
    arrays = {key: value.detach().numpy() for key, value in network.state_dict().items()}
    if half:
        return {
            key: value.astype(np.float16) if value.dtype == np.float32 else value
            for key, value in arrays.items()
        }
    return arrays


def one_hot(tracks: Tracks, places: Places) -> NDArray[np.float32]:
    """Labels as chances [shape=(places, labels)]."""
    return np.eye(len(tracks.genres), dtype=np.float32)[tracks.labels[places]]


def step_of(progress: Callable[[float], None], done: int, total: int) -> Callable[[float], None]:
    """The progress of one step of ``total``, when ``done`` are behind."""
    return lambda share: progress((done + share) / total)


def figures_on_card(name: str) -> dict[str, Any]:
    """The figures of an installed model.

    Raises
    ------
    TunesmithError
        If it is not installed.
    """
    for model in find_models("listen"):
        if model.name == name:
            return model.card["figures"]
    raise TunesmithError(f"the model {name!r} is missing; name the folder of GTZAN's log-mels with --data")


def _watch(kind: str, tracks: Tracks, places: Places, every: int) -> Watch:
    return Watch(tracks.pictures[places], tracks.labels[places], every, NETWORKS[kind].columns)


def _blank(kind: str, tracks: Tracks, seed: int) -> nn.Module:
    if kind not in NETWORKS:
        raise TunesmithError(f"there is no network {kind!r}; there are {', '.join(NETWORKS)}")
    torch.manual_seed(seed)
    return NETWORKS[kind].build(len(tracks.genres))
