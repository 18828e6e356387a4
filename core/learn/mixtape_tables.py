"""MixTape's tables (``tunesmith tables s5``): what was published, and ours beside it.

After R. Kumar, A. Mishra and Y. Chhabra, "Application of Recurrent Neural Networks paired with LSTM - Music
Generation" (tables I to IV and section VIII.C). Ours are made with the installed weights; what the networks
composed when they were partly trained was measured then and stands on their cards. Ours are seconds of
processor time, on one thread what a person waits for on a machine that does nothing else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.compose.mixtape import NAME, OFFSET, TRAINED_ON, drawn, load, song_of
from core.compose.request import Request
from core.learn.mixtape_facts import ELEMENTS, composed, mean_facts
from core.learn.seed_tables import SeedTable
from core.store.model_file import find_models

UNIQUE = {100: 35, 200: 43, 300: 27, 400: 26, 500: 32}
SECONDS = {100: 37.65, 200: 66.49, 300: 93.32, 400: 121.14, 500: 160.5}
DURATION = {100: 26, 200: 51, 300: 76, 400: 101, 500: 126}
OFFSETS = {0.5: 51, 0.6: 61, 0.7: 71, 0.8: 81, 0.9: 91}
"""As published: by windows of so many elements, by so many elements composed, by beats between them."""

RATED = {80: "mostly unpleasant", 120: "mostly mediocre", 180: "over 80 % gave 4 or 5"}
"""What the paper says of its 148 listeners, by epochs; its charts are pictures."""

TEMPO = 120.0
PIECES = 3
DRAWN_PIECES = 10
QUICK_LENGTHS = (100, 200)


def make(
    *,
    data: Path | None = None,
    quick: bool = False,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SeedTable:
    """The tables. ``quick`` composes one piece a row, with windows of 100 and 200 only; ``data`` is not needed."""
    lengths = QUICK_LENGTHS if quick else tuple(UNIQUE)
    pieces = 1 if quick else PIECES
    steps = iter(range(1, len(TRAINED_ON) * len(lengths) * pieces + 1))
    values: dict[str, Any] = {"threads": torch.get_num_threads(), "pieces": pieces}
    for trained_on in TRAINED_ON:
        loaded = load(trained_on)
        rows: dict[str, Any] = {}
        for length in lengths:
            found, seconds = [], []
            for seed in range(pieces):
                begun = time.process_time()
                found.append(composed(loaded, seed, length, cancelled=cancelled))
                seconds.append(time.process_time() - begun)
                progress(next(steps) / (len(TRAINED_ON) * len(lengths) * pieces))
            rows[str(length)] = {"seconds": float(np.median(seconds)), **mean_facts(found)}
        values[trained_on] = {"by_length": rows, "drawn": ours_instead(trained_on, DRAWN_PIECES)}
    cards = {model.name: model.card for model in find_models("compose")}
    stages = {name: cards[f"{NAME}-{name}"]["figures"].get("stages", {}) for name in TRAINED_ON}
    values |= {"duration": duration_by_elements(), "offset": duration_by_offset(), "stages": stages}
    return SeedTable(values, markdown(values))


def ours_instead(trained_on: str, pieces: int) -> dict[str, float]:
    """Processor seconds for 200 elements, and their facts, in our way: drawn at temperature 1, the state carried on."""
    loaded = load(trained_on)
    found, seconds = [], []
    for seed in range(pieces):
        begun = time.process_time()
        indices = drawn(Request(seed=seed), loaded, cancelled=lambda: False)
        found.append([loaded.vocabulary[index] for index in islice(indices, ELEMENTS)])
        seconds.append(time.process_time() - begun)
    return {"seconds": float(np.median(seconds)), **mean_facts(found)}


def duration_by_elements() -> dict[str, float]:
    """Seconds that so many elements last at 120 beats a minute."""
    return {str(count): _seconds(count, OFFSET) for count in DURATION}


def duration_by_offset() -> dict[str, float]:
    """Seconds that 200 elements last, so many beats apart."""
    return {f"{offset:g}": _seconds(ELEMENTS, offset) for offset in OFFSETS}


def _seconds(count: int, offset: float) -> float:
    scale = ("C4", "D4", "E4")  # which notes they are is the same to the duration
    return song_of(Request(tempo=TEMPO), [scale[i % len(scale)] for i in range(count)], offset).seconds


def markdown(values: Mapping[str, Any]) -> str:
    """The tables in Markdown."""
    lengths = [int(length) for length in values[TRAINED_ON[0]]["by_length"]]
    threads = "one thread" if values["threads"] == 1 else f"{values['threads']} threads"

    def ours(fact: str, digits: int) -> list[list[str]]:
        rows = [[values[name]["by_length"][str(length)][fact] for name in TRAINED_ON] for length in lengths]
        return [[f"{value:.{digits}f}" for value in row] for row in rows]

    headings = [f"ours, {name}" for name in TRAINED_ON]
    parts = [
        f"Unique notes and chords in 200 elements, by sequence length (mean of {values['pieces']})\n",
        _table(["sequence length", "published", *headings], lengths, UNIQUE, ours("unique", 0)),
        f"Seconds of processor time to compose 200 elements, by sequence length ({threads})\n",
        _table(["sequence length", "published", *headings], lengths, SECONDS, ours("seconds", 2)),
        "In our way (drawn at temperature 1, the state carried on) 200 elements take and have: "
        + "; ".join(
            f"{name} {values[name]['drawn']['seconds']:.2f} s, {values[name]['drawn']['unique']:.0f} unique"
            for name in TRAINED_ON
        )
        + "\n",
        "Seconds that the music lasts, by elements, half a beat apart at 120 beats a minute\n",
        _table(["elements", "published", "ours"], DURATION, DURATION, _lasting(values["duration"])),
        "Seconds that 200 elements last, by beats between them\n",
        _table(["offset", "published", "ours"], OFFSETS, OFFSETS, _lasting(values["offset"])),
        "Music by training: the paper's listeners, and what we counted (facts of 200 elements, windows of 100)\n",
        _stages(values["stages"]),
    ]
    return "\n".join(parts)


def _lasting(found: Mapping[str, float]) -> list[list[str]]:
    return [[f"{value:.2f}, rounded up {math.ceil(value)}"] for value in found.values()]


def _table(
    headings: Sequence[str],
    keys: Iterable[float],
    published: Mapping[Any, float],
    ours: Sequence[Sequence[str]],
) -> str:
    rows = [[f"{key:g}", f"{published[key]:g}", *row] for key, row in zip(keys, ours, strict=True)]
    return _rows([list(headings), ["---"] * len(headings), *rows])


STAGE_FACTS = {
    "valid_nats": ("held-out nats", 3),
    "unique": ("unique", 0),
    "in_key_share": ("in key", 3),
    "repeated": ("repeated", 3),
}
"""Fact on the card -> its heading and digits."""


def _stages(stages: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    headings = [f"{name}: {title}" for name in stages for title, _ in STAGE_FACTS.values()]
    rows = [["of 180 parts of the training", "listeners", *headings], ["---"] * (2 + len(headings))]
    # "80" before "120", and real music last.
    known = sorted(
        {stage for found in stages.values() for stage in found}, key=lambda s: (not s.isdigit(), len(s), s)
    )
    for stage in known:
        cells = [
            f"{stages[name][stage][fact]:.{digits}f}" if fact in stages[name].get(stage, {}) else "–"
            for name in stages
            for fact, (_, digits) in STAGE_FACTS.items()
        ]
        rated = RATED.get(int(stage), "–") if stage.isdigit() else "–"
        rows.append([stage, rated, *cells])
    return _rows(rows)


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
