"""Loss of the flagship on held-out music, beside the dull baselines and plain LSTMs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.compose.flagship import unpacked
from core.compose.network import Network, network_from_card
from core.learn.arrange import STYLES as ARRANGED_STYLES
from core.learn.baselines import measure_ngram, measure_repeat
from core.learn.data import Example
from core.learn.flagship import measure_loss, spread
from core.store.model_file import load_model

FORM = ("copy_nats", "chord_nats", "second_chord_nats")
"""What a plain network is not asked for: bars' forms and chords."""

ORIGIN_PIECES = 120
"""Pieces as written, and arranged by rule, that are measured apart."""

CPU = torch.device("cpu")


def network_of(path: Path) -> tuple[Network, dict[str, Any]]:
    """The network of a model file, ready to be measured, and its card."""
    tensors, card = load_model(path)
    network = network_from_card(card)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in unpacked(tensors).items()})
    return network, card


def is_arranged(example: Example) -> bool:
    """Whether a piece is one of our arrangements by rule, which are easier than music as written."""
    return example.style < len(ARRANGED_STYLES) and example.dataset != "groove"


def nats_of(network: Network, example: Example) -> float:
    """Everything that is foretold of a piece, its bars' chords and forms too, in nats."""
    found = measure_loss(network, [example], CPU)
    return found["nats"] * found["notes"]


def without_form(figures: Mapping[str, float]) -> dict[str, float]:
    """Loss without what a plain network is not asked for."""
    return {**figures, "nats": figures["nats"] - sum(figures[name] for name in FORM)}


def interval(network: Network, examples: Sequence[Example], resamples: int = 1000) -> list[float]:
    """The 95 % interval, by bootstrap over pieces, of the nats a note that `without_form` tells: [low, high]."""
    found = [measure_loss(network, [example], CPU) for example in examples]
    notes = np.array([each["notes"] for each in found])
    nats = np.array([without_form(each)["nats"] for each in found]) * notes
    picks = np.random.default_rng(0).integers(len(found), size=(resamples, len(found)))
    low, high = np.percentile(nats[picks].sum(1) / notes[picks].sum(1), (2.5, 97.5))
    return [float(low), float(high)]


def held_out_losses(
    examples: Sequence[Example], model: Path, plain: Mapping[str, Path], pieces: int, training: int
) -> dict[str, Any]:
    """Figures of `core.learn.flagship.measure_loss` for every network and baseline on the split "test".

    Parameters
    ----------
    model : the flagship's weights
    plain : weights of plain LSTMs, by name
    pieces : how many held-out pieces are read
    training : how many training pieces the n-gram counts

    Returns
    -------
    dict
        "pieces"; "losses" by network; "nats_95" by network; "by_origin" the same, as written and arranged by rule
    """
    test = [e for e in examples if e.split == "test"]
    held_out = spread(test, pieces)
    networks = {**plain, "flagship": model}
    losses: dict[str, Any] = {"repeat previous": measure_repeat(held_out)}
    known = spread([e for e in examples if e.split == "train"], training)
    if known:
        losses["n-gram"] = measure_ngram(known, held_out)
    origins = {
        "as written": [e for e in test if not is_arranged(e) and e.dataset != "groove"],
        "arranged": [e for e in test if is_arranged(e)],
    }
    by_origin: dict[str, Any] = {}
    intervals: dict[str, list[float]] = {}
    for name, path in networks.items():
        network, _ = network_of(path)
        found = measure_loss(network, held_out, CPU)
        losses[name] = without_form(found)
        intervals[name] = interval(network, held_out)
        if name == "flagship":
            losses["flagship, with chords and form"] = found
        for origin, some in origins.items():
            if some:
                part = measure_loss(network, spread(some, ORIGIN_PIECES), CPU)
                by_origin[f"{name}, {origin}"] = without_form(part)
    return {"pieces": len(held_out), "losses": losses, "nats_95": intervals, "by_origin": by_origin}
