"""The protocol's figures as Markdown, each beside what it has to reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.learn.comparison import FACTS, table

LOSSES = ("nats", *(f"{name}_nats" for name in ("time", "part", "pitch", "duration", "velocity")))
ACCURACIES = tuple(f"{name}_accuracy" for name in ("time", "part", "pitch", "duration", "velocity"))


@dataclass(frozen=True)
class Goal:
    """What a figure has to reach.

    Attributes
    ----------
    title : what it is, for people
    path : names under which it stands among the figures, the last one a number
    limit : at least this, or at most where ``is_most``; a gap counts without its sign
    """

    title: str
    path: tuple[str, ...]
    limit: float
    is_most: bool = False


GOALS = (
    *(
        Goal(f"piano pop: {title}, distance to held-out music", ("pop", "gap", fact), limit, is_most=True)
        for title, fact, limit in (
            ("pitch-class entropy (bits)", "pitch_class_entropy", 0.08),
            ("scale consistency", "scale_consistency", 0.01),
            ("groove on 16 slots", "groove16", 0.02),
            ("empty beats", "empty_beat_rate", 0.02),
            ("bars that repeat exactly", "structure", 0.05),
        )
    ),
    Goal("piano pop: overlapping area, mean of the measures", ("pop", "overlap"), 0.85),
    Goal("all styles: overlapping area, mean of the measures", ("music", "flagship", "overlap"), 0.85),
    Goal("notes in the key at strictness 100, the least of all pieces", ("strictness", "least"), 1.0),
    Goal("pieces that end at the bar asked for", ("ending", "share"), 1.0),
    Goal("density asked for: parts in the class", ("density", "parts"), 0.9),
    Goal("density asked for: pieces within half a class", ("density", "pieces"), 0.9),
    Goal("polyphony asked for: parts in the class", ("polyphony", "parts"), 0.9),
    Goal("real continuation preferred to the shuffled control", ("preference", "both", "share"), 0.99),
    Goal("real continuation preferred to its bars in disorder", ("preference", "bars", "share"), 0.99),
    Goal("real continuation preferred to its pitches in disorder", ("preference", "pitches", "share"), 0.99),
    Goal(
        "style named, as a share of the rate for real music (without instruments)",
        ("styles", "styles, without instruments", "all", "ratio"),
        0.7,
    ),
    Goal(
        "pieces with a telling copied run",
        ("originality", "composed", "with_a_telling_run"),
        0.0,
        is_most=True,
    ),
)


def value_of(found: Mapping[str, Any], path: Sequence[str]) -> float | None:
    """The figure at a path, a mapping of numbers as their mean; None where it was not measured."""
    value: Any = found
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return float(np.mean(list(value.values()))) if isinstance(value, Mapping) else float(value)


def goals(found: Mapping[str, Any]) -> str:
    """Every goal that was measured, and whether it is met."""
    lines = ["| | measured | has to be | met |", "|---|---|---|---|"]
    for goal in GOALS:
        value = value_of(found, goal.path)
        if value is None:
            continue
        sign = "≤" if goal.is_most else "≥"
        is_met = abs(value) <= goal.limit if goal.is_most else value >= goal.limit
        lines.append(f"| {goal.title} | {value:.3f} | {sign} {goal.limit:g} | {'yes' if is_met else 'no'} |")
    return "\n".join(lines) + "\n"


def markdown(found: Mapping[str, Any]) -> str:
    """All that was measured, as tables."""
    parts = [goals(found)]
    if "held_out" in found:
        held = found["held_out"]
        parts += [
            f"Nats a note on {held['pieces']} held-out pieces (first 64 bars; velocity over notes with dynamics)\n",
            table(held["losses"], LOSSES),
            "95 % intervals of nats, over pieces: "
            + ", ".join(f"{name} {low:.2f}–{high:.2f}" for name, (low, high) in held["nats_95"].items())
            + "\n",
            "Share of first guesses that are right\n",
            table(held["losses"], ACCURACIES),
            "The same on music as written, and on arrangements by rule\n",
            table(held["by_origin"], (*LOSSES, "pitch_accuracy")),
        ]
    if "music" in found:
        parts += _beside("Composed music beside real held-out music", found["music"])
    if found.get("pop"):
        rows = {"real, held-out POP909": {"mean": found["pop"]["real"]}, "flagship, piano pop": found["pop"]}
        parts += _beside("Piano pop beside held-out POP909", rows)
    for name in ("density", "polyphony"):
        if name in found:
            by = found[name][f"by_{name}"]
            rows = {asked: row if isinstance(row, Mapping) else {"parts": row} for asked, row in by.items()}
            parts += [f"By {name} asked for\n", table(rows, tuple(next(iter(rows.values()))))]
    if found.get("styles"):
        rates = {name: row["all"] for name, row in found["styles"].items() if "by_style" in row}
        parts += [
            "Share of pieces whose style is named, every style alike\n",
            table(rates, ("real", "asked", "open", "swapped", "ratio")),
        ]
    if "originality" in found:
        rows = found["originality"]
        parts += ["What is shared with the training music\n", table(rows, tuple(next(iter(rows.values()))))]
    return "\n".join(parts)


def _beside(title: str, rows: Mapping[str, Any]) -> list[str]:
    means = {name: row["mean"] for name, row in rows.items()}
    overlaps = {
        name: {**row["overlap"], "mean": float(np.mean(list(row["overlap"].values())))}
        for name, row in rows.items()
        if "overlap" in row
    }
    return [
        f"{title}: mean and 95 % interval\n",
        table(means, FACTS),
        "Overlapping area\n",
        table(overlaps, (*FACTS, "mean")),
    ]
