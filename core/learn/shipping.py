"""From a training run to a model file: packed weights, the habits of parts and bands, and the card."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from core.compose.encoding import DRUMS, LONGEST_BAR, MOST_PARTS, PROGRAMS, STEPS_PER_BEAT, VELOCITIES
from core.compose.styles import STYLES
from core.learn.data import Example
from core.song.instruments import instrument_name
from core.store.model_file import save_model

WEIGHTS = "weights.safetensors"
"""The averaged weights in the folder of a training run."""

ARCHITECTURE = (
    "LSTM over events with lookbacks of 1, 2, 4 and 8 bars; heads for bar form, two chords a bar, position, "
    "part, pitch, duration and velocity, each knowing those before it; a second, small LSTM that reads what is given "
    "of the bars to come, from the last bar back"
)
FRONT_END = {
    "steps_per_beat": STEPS_PER_BEAT,
    "longest_bar_steps": LONGEST_BAR,
    "velocity_classes": VELOCITIES,
    "most_parts": MOST_PARTS,
    "common_keys": "C major, A minor",
}

SMALLEST_PACKED = 4096
"""Weights with fewer numbers than this are kept in half precision: packing them saves nothing."""

ENSEMBLES = 64
"""Training pieces a style whose parts the card remembers as they lie together."""

COMMONEST = 8
"""How many habits of a part, and bands of a style, the card remembers."""


def packed(weights: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    """int8 with one scale a row for large matrices, float16 for the rest.

    `core.compose.flagship.unpacked` undoes it.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for name, array in weights.items():
        if array.ndim == 2 and array.size >= SMALLEST_PACKED:
            scale = np.maximum(np.abs(array).max(1, keepdims=True), 1e-8) / 127
            tensors[name] = np.rint(array / scale).astype(np.int8)
            tensors[f"{name}.scale"] = scale.astype(np.float32)
        else:
            tensors[name] = array.astype(np.float16)
    return tensors


def habits(examples: Sequence[Example]) -> dict[str, Any]:
    """How parts usually lie and which bands usually play, counted over the training pieces.

    Returns
    -------
    dict
        "parts": style ("" for all) -> program -> rows of [register, polyphony, density, count];
        "bands": style -> lists of instrument names, the commonest first;
        "ensembles": style -> pieces, each its parts as "program-register-polyphony-density" and a space.
    """
    pieces: dict[str, list[str]] = defaultdict(list)
    parts: dict[str, dict[int, Counter[tuple[int, ...]]]] = defaultdict(lambda: defaultdict(Counter))
    bands: dict[str, Counter[tuple[int, ...]]] = defaultdict(Counter)
    for example in examples:
        if example.split != "train":
            continue
        style = STYLES[example.style] if example.style < len(STYLES) else ""
        rows = example.piece.parts.tolist()
        pieces[style].append(" ".join("-".join(map(str, row)) for row in rows))
        for program, *lie in rows:
            parts[style][program][tuple(lie)] += 1
            parts[""][program][tuple(lie)] += 1
        programs = tuple(row[0] for row in rows)
        if set(programs) != {DRUMS}:  # drum solos are no bands
            bands[style][programs] += 1
    return {
        "parts": {
            style: {
                str(program): [[*lie, count] for lie, count in lies.most_common(COMMONEST)]
                for program, lies in sorted(programs.items())
                if sum(lies.values()) > 1
            }
            for style, programs in parts.items()
        },
        "bands": {
            style: [[_name(program) for program in band] for band, _ in usual.most_common(COMMONEST)]
            for style, usual in bands.items()
            if style
        },
        "ensembles": {style: _spaced(found, ENSEMBLES) for style, found in pieces.items() if style},
    }


def _spaced(things: list[Any], count: int) -> list[Any]:
    """``count`` of the things (or all), evenly spaced."""
    return [things[int(place)] for place in np.linspace(0, len(things) - 1, min(count, len(things)))]


def _name(program: int) -> str:
    return "drums" if program == DRUMS else instrument_name(min(program, PROGRAMS - 2))


LICENCE = (
    "CC BY-SA 4.0: some of the data is share-alike; the data sets and their licences are under trained_on"
)
"""Of weights that write music and learnt from all data that permit it."""


def data_credits(examples: Sequence[Example], licences: Mapping[str, str]) -> dict[str, Any]:
    """Per data set: how many pieces and events were learnt from, and the licence as stated."""
    pieces: Counter[str] = Counter()
    events: Counter[str] = Counter()
    for example in examples:
        if example.split == "train":
            pieces[example.dataset] += 1
            events[example.dataset] += len(example.piece.events)
    return {
        name: {"pieces": pieces[name], "events": events[name], "licence": licences.get(name, "")}
        for name in sorted(pieces)
    }


def ship(run: Path, examples: Sequence[Example], out: Path, more: Mapping[str, Any]) -> dict[str, Any]:
    """Pack the weights of a training run into the model file ``out``, with its card.

    Parameters
    ----------
    run : the folder that `core.learn.flagship.train` wrote
    more : what the card says besides: figures, data, licence, command
    """
    plan = json.loads((run / "flagship.plan.json").read_text(encoding="utf-8"))
    card = {
        "room": "compose",
        "architecture": ARCHITECTURE,
        "front_end": FRONT_END,
        "shape": plan["shape"],
        "plan": plan["plan"],
        "habits": habits(examples),
        **more,
    }
    return save_model(out, packed(load_file(run / WEIGHTS)), card)
