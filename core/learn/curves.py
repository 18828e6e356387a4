"""Learning curves as a picture, from the log that a training writes.

Conventions
-----------
* A log is JSON lines. Each has ``minutes`` of training so far; lines of training have losses under plain
  names (``nats`` the whole, ``pitch``, ... its parts), lines of a check have ``valid_nats`` and
  ``valid_pitch_nats``.
* Every loss is in nats a note, that of velocity in nats a note whose velocity means anything.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.store.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NO_LOSS = {"step", "minutes", "notes", "rate", "bits_a_unit"}
"""What a line of training tells besides losses."""

TITLES = {
    "nats": "all",
    "copy": "bar's form",
    "chord": "chord",
    "second_chord": "second chord",
    "time": "onset",
    "fill": "all, filling a gap",
    "accompany": "all, accompanying",
}
"""Panels whose title is not the loss's own name."""

COLUMNS = 3
SMOOTHED = 25
"""Lines of training averaged for the firm line: one line is one batch, and jumps."""

TRAINING, HELD_OUT = "#9aa4b2", "#d1495b"
TRAINING_MEAN = "#33415c"

Curve = NDArray[np.float64]
"""Rows of (minutes, loss) [shape=(n, 2)]."""


def read_log(path: Path) -> tuple[dict[str, Curve], dict[str, Curve]]:
    """The losses of training and of the held-out checks, by name, the whole first.

    A line cut short, as a killed training leaves it, is passed over.

    Raises
    ------
    TunesmithError
        If there are none.
    """
    training: dict[str, list[tuple[float, float]]] = defaultdict(list)
    held_out: dict[str, list[tuple[float, float]]] = defaultdict(list)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TunesmithError(f"cannot read the log {path}: {error.strerror}") from error
    for line in lines:
        try:
            figures = json.loads(line)
            minutes = float(figures["minutes"])
        except (ValueError, KeyError, TypeError):
            continue
        for name, value in figures.items():
            if name.startswith("valid_") and name.endswith("nats"):
                part = name.removeprefix("valid_").removesuffix("_nats")
                held_out[part].append((minutes, value))
            elif name not in NO_LOSS and not name.startswith("valid_"):
                training[name].append((minutes, value))
    if not training and not held_out:
        raise TunesmithError(f"{path} tells no losses: give the log.jsonl of a training")
    return (
        {name: np.array(rows, float) for name, rows in training.items()},
        {name: np.array(rows, float) for name, rows in held_out.items()},
    )


def draw_curves(log: Path, out: Path, title: str = "") -> Path:
    """Draw the losses of a log, a panel each, as a PNG.

    Raises
    ------
    TunesmithError
        Where matplotlib is missing or the log tells nothing.
    """
    training, held_out = read_log(log)
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise TunesmithError(
            f"pictures of curves need matplotlib ({error}); run ./run --set-up-only test to install it"
        ) from error
    names = list(dict.fromkeys([*training, *held_out]))
    rows = -(-len(names) // COLUMNS)
    columns = min(COLUMNS, len(names))
    figure = Figure(figsize=(3.6 * columns, 2.5 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True).flatten()
    for axis, name in zip(axes, names, strict=False):
        _panel(axis, name, training.get(name), held_out.get(name))
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    for axis in axes[max(0, len(names) - columns) : len(names)]:
        axis.set_xlabel("minutes of training", fontsize=9)
        axis.tick_params(labelbottom=True)
    handles = {
        label: line for axis in axes for line, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(), handles.keys(), loc="outside upper right", ncols=3, frameon=False, fontsize=9
    )
    figure.suptitle(title or "Learning curves", x=0.01, ha="left", fontsize=12)
    with atomic_write(out) as part:
        figure.savefig(part, format="png", dpi=110, metadata={"Software": None})
    return out


def smoothed(curve: Curve, width: int = SMOOTHED) -> Curve:
    """The mean of ``width`` rows around every row, of fewer at the ends."""
    sums = np.cumsum(np.vstack([np.zeros(2), curve]), axis=0)
    place = np.arange(len(curve))
    low, high = np.maximum(place - width // 2, 0), np.minimum(place + width // 2 + 1, len(curve))
    return np.column_stack([curve[:, 0], (sums[high, 1] - sums[low, 1]) / (high - low)])


def _panel(axis: Axes, name: str, training: Curve | None, held_out: Curve | None) -> None:
    if training is not None:
        axis.plot(*training.T, color=TRAINING, linewidth=0.6, alpha=0.6)
        axis.plot(*smoothed(training).T, color=TRAINING_MEAN, linewidth=1.4, label="training")
    if held_out is not None:
        axis.plot(*held_out.T, "o-", color=HELD_OUT, markersize=3, linewidth=1.2, label="held out")
        minutes, loss = held_out[-1]
        axis.annotate(
            f"{loss:.3f}",
            (minutes, loss),
            (0, 6),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=HELD_OUT,
        )
    axis.set_title(TITLES.get(name, name.replace("_", " ")), fontsize=10, loc="left")
    axis.set_ylabel("nats a note", fontsize=9)
    axis.set_ylim(*_span(training, held_out))
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.25, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)


def _span(training: Curve | None, held_out: Curve | None) -> tuple[float, float]:
    """The losses worth showing: the first batches of an untrained network would flatten all others."""
    shown: list[float] = []
    if training is not None:
        losses = smoothed(training)[:, 1]
        shown += [float(losses.min()), float(np.quantile(losses, 0.97))]
    if held_out is not None:
        shown += held_out[:, 1].tolist()
    low, high = min(shown), max(shown)
    margin = 0.08 * (high - low) or 0.05
    return max(0.0, low - margin), high + 2 * margin
