"""Table s2: composers told by sound, S2's published accuracies and ours beside them (``tunesmith tables s2``).

The paper's clips are recordings of the Berlin Philharmonic, ours are rendered scores of the same composers: they say
what each kind of network can do with a new work, not whether ours are better recordings.

Conventions
-----------
* Accuracies are of ten-second clips of test works, in per cent; intervals by drawing whole works.
* Without ``data`` our figures are those kept on model cards: any model of the rooms "listen" and "explore" whose
  card's ``figures`` have ``s2`` adds its rows, by the names of `PUBLISHED` or new ones. With ``data``, a folder of
  rendered clips (`core.learn.composers.clips`), the nine baselines are trained anew, which takes half an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.errors import TunesmithError
from core.learn.composers.clips import read_clips
from core.learn.composers.s2 import SEEDS, measure
from core.learn.seed_tables import SeedTable
from core.listen.composer_networks import BASELINES
from core.store.model_file import find_models

EMBEDDINGS = {
    "chroma": {"AE": 39.43, "CAE": 40.60, "VAE": 38.73, "PCA": 35.89},
    "mfcc": {"AE": 39.41, "CAE": 36.65, "VAE": 45.45, "PCA": 36.65},
    "mel": {"AE": 34.77, "CAE": 34.38, "VAE": 36.85, "PCA": 28.24},
}
"""S2, Table 4: 40 dimensions and a logistic regression."""

ADVERSARIAL = {
    "ALI, 256": 29.91,
    "ALI, 128": 28.67,
    "ALI, 40": 28.67,
    "feed forward, 32x32 crop": 35.81,
    "ALI's encoder as classifier": 40.63,
}
"""S2, Table 7 and the text before it."""

SECTIONS: dict[str, dict[str, float | None]] = {
    "Classifiers (Table 3)": {row.name: row.published for row in BASELINES},
    "Dull": {"majority": 25.1, "chance": None},
    "Embeddings of 40 dimensions, logistic regression (Table 4)": {
        f"{name}, {kind}": value for kind, row in EMBEDDINGS.items() for name, value in row.items()
    },
    "Adversarially learned inference (Table 7)": dict(ADVERSARIAL),
}
PUBLISHED = {name: value for rows in SECTIONS.values() for name, value in rows.items()}
"""Row -> published test accuracy in per cent."""

OURS = "Ours"

NO_FIGURES = "no model card has figures for the table s2; name a folder of rendered clips with --data"


def make(
    *,
    data: Path | None = None,
    quick: bool = False,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SeedTable:
    """The table. ``quick`` trains each baseline with one seed only, where ``data`` asks for training.

    Raises
    ------
    TunesmithError
        Where there are no figures.
    """
    figures = kept_figures()
    if data is not None:
        seeds = SEEDS[:1] if quick else SEEDS
        figures |= measure(read_clips(data), seeds=seeds, progress=progress, cancelled=cancelled)
    if not figures:
        raise TunesmithError(NO_FIGURES)
    values = {
        name: {"published": PUBLISHED.get(name), "ours": figures.get(name)}
        for name in {**PUBLISHED, **figures}
    }
    return SeedTable(values, markdown(figures))


def kept_figures() -> dict[str, Any]:
    """Rows of the table on the cards of models."""
    found: dict[str, Any] = {}
    for room in ("listen", "explore"):
        for model in find_models(room):
            figures = model.card.get("figures")
            if isinstance(figures, dict):
                found |= figures.get("s2", {})
    return found


def markdown(figures: Mapping[str, Any]) -> str:
    """The table in Markdown; a section appears once one of its rows has a figure of ours."""
    sections = {**SECTIONS, OURS: dict.fromkeys(name for name in figures if name not in PUBLISHED)}
    lines: list[str] = []
    for title, rows in sections.items():
        if not any(name in figures for name in rows):
            continue
        lines += [f"{title}\n", "| | published | ours | ours, 95 % by works |", "| --- | --- | --- | --- |"]
        lines += [_line(name, published, figures.get(name)) for name, published in rows.items()]
        lines.append("")
    return "\n".join(lines)


def _line(name: str, published: float | None, ours: Mapping[str, Any] | None) -> str:
    cells = ["–" if published is None else f"{published:.1f}", "–", ""]
    if ours:
        cells[1] = f"{100 * ours['accuracy']:.1f}"
        if "accuracy_95" in ours:
            low, high = ours["accuracy_95"]
            cells[2] = f"{100 * low:.1f}–{100 * high:.1f}"
        if len(ours.get("seeds", ())) > 1:
            cells[1] += " (" + ", ".join(f"{100 * seed:.1f}" for seed in ours["seeds"]) + ")"
    return f"| {name} | {' | '.join(cells)} |"
