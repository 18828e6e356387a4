"""From a training run to a model file: packed weights, the habits of parts and bands, and the card."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.compose.encoding import DRUMS, PROGRAMS
from core.compose.styles import STYLES
from core.learn.data import Example
from core.song.instruments import instrument_name

SMALLEST_PACKED = 4096
"""Weights with fewer numbers than this are kept in half precision: packing them saves nothing."""

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
        "bands": style -> lists of instrument names, the commonest first.
    """
    parts: dict[str, dict[int, Counter[tuple[int, ...]]]] = defaultdict(lambda: defaultdict(Counter))
    bands: dict[str, Counter[tuple[int, ...]]] = defaultdict(Counter)
    for example in examples:
        if example.split != "train":
            continue
        style = STYLES[example.style] if example.style < len(STYLES) else ""
        rows = example.piece.parts.tolist()
        for program, *lie in rows:
            parts[style][program][tuple(lie)] += 1
            parts[""][program][tuple(lie)] += 1
        programs = tuple(row[0] for row in rows)
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
    }


def _name(program: int) -> str:
    return "drums" if program == DRUMS else instrument_name(min(program, PROGRAMS - 2))


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


def read_plan(run: Path) -> dict[str, Any]:
    """What `core.learn.flagship.train` wrote beside its weights."""
    return json.loads((run / "flagship.plan.json").read_text(encoding="utf-8"))
