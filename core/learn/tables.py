"""The flagship's table: held-out loss and accuracy, and what it composes, beside baselines and real music.

``python -m core.learn.tables PACK PLAIN OUT`` reads a packed data file, the plain LSTM's model file and
writes Markdown. It takes some minutes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.compose import flagship
from core.compose.network import Network, network_from_card
from core.learn.arrange import STYLES as ARRANGED_STYLES
from core.learn.baselines import measure_ngram, measure_repeat
from core.learn.comparison import FACTS, composed_facts, overlap, real_facts, summary, table
from core.learn.data import Example, load_pack
from core.learn.flagship import measure_loss, spread
from core.store.model_file import load_card, load_model

LOSSES = ("nats", *(f"{name}_nats" for name in ("time", "part", "pitch", "duration", "velocity")))
ACCURACIES = tuple(f"{name}_accuracy" for name in ("time", "part", "pitch", "duration", "velocity"))
FORM = ("copy_nats", "chord_nats", "second_chord_nats")

TRAINING_PIECES = 4000
HELD_OUT_PIECES = 300
ORIGIN_PIECES = 120
COMPOSED = 60
BARS = 16


def network_of(path: Path) -> Network:
    """The network of a model file, ready to be measured."""
    tensors, card = load_model(path)
    network = network_from_card(card)
    network.load_state_dict(
        {name: torch.from_numpy(array) for name, array in flagship.unpacked(tensors).items()}
    )
    return network


def is_arranged(example: Example) -> bool:
    """Whether a piece is one of our arrangements by rule, which are easier than music as written."""
    return example.style < len(ARRANGED_STYLES) and example.dataset != "groove"


def without_form(figures: Mapping[str, float]) -> dict[str, float]:
    """Loss without what a plain network is not asked for: bars' forms and chords."""
    return {**figures, "nats": figures["nats"] - sum(figures[name] for name in FORM)}


def with_weights(path: Path, examples: list[Example]) -> list[dict[str, float]]:
    """Facts of what another model file composes through the flagship's own sampler."""
    other = flagship.Loaded(network_of(path).eval(), load_card(flagship.model_file().path))
    return composed_facts(examples, BARS, compose=partial(flagship.compose_with, other), strictness=0)


def make(pack: Path, plain: Path) -> dict[str, Any]:
    """Every figure of the table, as JSON values."""
    examples = load_pack(pack)
    test = [e for e in examples if e.split == "test"]
    held_out = spread(test, HELD_OUT_PIECES)
    training = spread([e for e in examples if e.split == "train"], TRAINING_PIECES)
    place = torch.device("cpu")
    ours = measure_loss(network_of(flagship.model_file().path), held_out, place)
    figures: dict[str, Any] = {
        "repeat previous": measure_repeat(held_out),
        "n-gram": measure_ngram(training, held_out),
        "plain LSTM 2x128": without_form(measure_loss(network_of(plain), held_out, place)),
        "flagship": without_form(ours),
        "flagship, with chords and form": ours,
    }
    origins = {
        "as written": [e for e in test if not is_arranged(e) and e.dataset != "groove"],
        "arranged": [e for e in test if is_arranged(e)],
    }
    by_origin = {
        f"{name}, {origin}": without_form(
            measure_loss(network_of(path), spread(pieces, ORIGIN_PIECES), place)
        )
        for name, path in (("plain LSTM 2x128", plain), ("flagship", flagship.model_file().path))
        for origin, pieces in origins.items()
    }
    long_enough = [e for e in test if len(e.piece.bar_steps) >= BARS]
    rng = np.random.default_rng(0)
    asked = [long_enough[i] for i in rng.choice(len(long_enough), COMPOSED, replace=False)]
    real = real_facts(asked, BARS)
    composed = {
        "plain LSTM 2x128, free": with_weights(plain, asked),
        "flagship, free": composed_facts(asked, BARS, strictness=0),
        "flagship, as asked for by default": composed_facts(asked, BARS),
    }
    music: dict[str, Any] = {"real, held out": summary(real)}
    music |= {name: summary(rows) for name, rows in composed.items()}
    overlaps = {name: {fact: overlap(rows, real, fact) for fact in FACTS} for name, rows in composed.items()}
    return {
        "held_out": figures,
        "by_origin": by_origin,
        "music": music,
        "overlap": overlaps,
        "pieces": len(held_out),
        "composed": COMPOSED,
    }


def markdown(found: Mapping[str, Any]) -> str:
    """The three tables."""
    return "\n".join(
        [
            f"Nats a note on {found['pieces']} held-out pieces (first 64 bars; velocity over notes with dynamics)\n",
            table(found["held_out"], LOSSES),
            "Share of first guesses that are right\n",
            table(found["held_out"], ACCURACIES),
            f"The same on {ORIGIN_PIECES} pieces each, as written and arranged by rule\n",
            table(found["by_origin"], (*LOSSES, "pitch_accuracy")),
            f"{found['composed']} pieces of {BARS} bars, mean and 95 % interval\n",
            table(found["music"], FACTS),
            "Overlapping area with the real pieces\n",
            table(found["overlap"], FACTS),
        ]
    )


if __name__ == "__main__":
    packed, plain_file, written = map(Path, sys.argv[1:4])
    result = make(packed, plain_file)
    written.with_suffix(".json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    written.with_suffix(".md").write_text(markdown(result), encoding="utf-8")
