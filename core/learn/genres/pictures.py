"""Learning curves and confusion matrices of classifiers, as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.learn.curves import HELD_OUT, TRAINING_MEAN
from core.store.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_curves(log: Sequence[dict[str, float]], out: Path, title: str) -> Path:
    """Accuracy and loss by epoch, of training and held out, side by side.

    Parameters
    ----------
    log : as `core.learn.genres.training.train` reports
    out : PNG file
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    for axis, (name, told) in zip(figure.subplots(1, 2), (("right", "accuracy"), ("loss", "loss (nats)"))):
        axis.plot(
            [row["epoch"] for row in log], [row[name] for row in log], color=TRAINING_MEAN, label="training"
        )
        seen = [row for row in log if f"valid_{name}" in row]
        axis.plot(
            [row["epoch"] for row in seen],
            [row[f"valid_{name}"] for row in seen],
            color=HELD_OUT,
            label="validation",
        )
        axis.set(xlabel="epoch", ylabel=told)
        axis.grid(alpha=0.3)
        axis.legend()
    return _written(figure, out)


def draw_confusion(counts: Sequence[Sequence[int]], labels: Sequence[str], out: Path, title: str) -> Path:
    """How often each label (row) was taken for each (column); the shade is the share of the row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.2, 5.6), layout="constrained")
    axis = figure.subplots()
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for y, row in enumerate(counts):
        for x, count in enumerate(row):
            if count:
                axis.text(
                    x,
                    y,
                    str(count),
                    ha="center",
                    va="center",
                    color="white" if shares[y][x] > 0.5 else "black",
                )
    axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axis.set_yticks(range(len(labels)), labels)
    axis.set(xlabel="heard as", ylabel="labelled", title=title)
    return _written(figure, out)


def _written(figure: Figure, out: Path) -> Path:
    with atomic_write(out) as part:
        figure.savefig(part, format="png", dpi=110, metadata={"Software": None})
    return out
