"""Pictures of embeddings: learning curves, reconstructions, draws, and S2's diagonal, which is also heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.explore.crop_space import CropSpace
from core.explore.crops import spread_out
from core.explore.sounding import sound_of
from core.learn.curves import HELD_OUT, TRAINING, TRAINING_MEAN
from core.listen.blocks import SAMPLE_RATE
from core.sound.audio_file import write_audio
from core.store.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Crops = NDArray[np.float32]
Log = Sequence[Mapping[str, float]]

COLOURS = (TRAINING_MEAN, HELD_OUT, TRAINING, "#2a9d8f")
TIMES = ("epoch", "step")
MAP = "magma"
DIAGONAL = 9
"""Places of S2's Figure 9, from the origin to where every coordinate is one."""

PAUSE_SECONDS = 0.25


def draw_curves(logs: Mapping[str, Log], out: Path, title: str) -> Path:
    """A panel for each log: everything that it tells, over epochs or steps.

    Parameters
    ----------
    logs : title of a panel -> rows of numbers
    out : PNG file
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(logs), 3.4), layout="constrained")
    figure.suptitle(title)
    for axis, (name, log) in zip(np.ravel(figure.subplots(1, len(logs), squeeze=False)), logs.items()):
        time = next(each for each in TIMES if each in log[0])
        told = [key for key in log[0] if key not in (*TIMES, "minutes")]
        for key, colour in zip(told, COLOURS):
            axis.plot(
                [row[time] for row in log],
                [row[key] for row in log],
                color=colour,
                label=key.replace("_", " "),
            )
        axis.set(title=name, xlabel=time, yscale="log")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    return _written(figure, out)


def draw_crops(rows: Mapping[str, Crops], out: Path, title: str) -> Path:
    """Crops side by side, a row for each title.

    Parameters
    ----------
    rows : title -> crops, 0 to 1 [shape=(n, 64, 32)], as many in each
    """
    from matplotlib.figure import Figure

    count = len(next(iter(rows.values())))
    figure = Figure(figsize=(0.95 * count + 1.2, 1.55 * len(rows) + 0.5), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(len(rows), count, squeeze=False)
    for line, (name, crops) in zip(axes, rows.items()):
        for axis, crop in zip(line, crops):
            _shown(axis, crop)
        line[0].set_ylabel(name, fontsize=9)
    return _written(figure, out)


def diagonal(space: CropSpace, count: int = DIAGONAL) -> tuple[NDArray[np.float32], Crops]:
    """S2's Figure 9: coordinates, all the same at each place, from 0 to 1, and what lies there."""
    places = np.linspace(0, 1, count, dtype=np.float32)
    return places, space.drawn(np.repeat(places[:, None], space.dimensions, 1))


def draw_diagonal(spaces: Mapping[str, CropSpace], out: Path) -> Path:
    """The diagonals of some embeddings, a row each; above each crop the coordinate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(0.95 * DIAGONAL + 1.2, 1.7 * len(spaces) + 0.5), layout="constrained")
    figure.suptitle("From the origin of the latents to where every coordinate is one")
    axes = figure.subplots(len(spaces), DIAGONAL, squeeze=False)
    for line, (name, space) in zip(axes, spaces.items()):
        for axis, place, crop in zip(line, *diagonal(space)):
            _shown(axis, crop)
            axis.set_title(f"{place:.2f}", fontsize=8)
        line[0].set_ylabel(name, fontsize=9)
    return _written(figure, out)


def sound_diagonal(space: CropSpace, out: Path) -> Path:
    """The diagonal, one crop after the other, as a sound file."""
    pause = np.zeros(round(PAUSE_SECONDS * SAMPLE_RATE), np.float32)
    parts = [np.concatenate([sound_of(spread_out(crop)), pause]) for crop in diagonal(space)[1]]
    write_audio(out, np.concatenate(parts), SAMPLE_RATE, bits=16)
    return out


def _shown(axis: Axes, crop: NDArray[np.floating]) -> None:
    axis.imshow(crop, origin="lower", aspect="auto", cmap=MAP, vmin=0, vmax=1, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])


def _written(figure: Figure, out: Path) -> Path:
    with atomic_write(out) as part:
        figure.savefig(part, format="png", dpi=80, metadata={"Software": None})
    return out
