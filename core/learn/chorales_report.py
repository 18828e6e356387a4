"""The recipe "chorales": the floors, three seeds of the network, their table and learning curve.

What is learnt here is measured and not shipped: the chorales' data set states no licence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.errors import TunesmithError
from core.learn.chorales import Chorale, Plan, figures_of, foretell, foretell_every_way, read_chorales, train
from core.learn.chorales_floors import measure_ngram, measure_repeat
from core.learn.chorales_network import ChoraleLibrary, ChoraleNetwork, Grid, order_mixture
from core.store.atomic import atomic_write
from core.store.folders import user_folder

SEEDS = (1, 2, 3)

PUBLISHED = {
    "Transformer (Huang et al. 2018)": 0.417,
    "Music Transformer (Huang et al. 2018)": 0.335,
}
"""Nats a token on the validation part, as their table has them."""


FLOORS: dict[str, Callable[[list[Grid], list[Grid]], dict[str, float]]] = {
    "repeat previous": lambda _, held_out: measure_repeat(held_out),
    "n-gram without the beat": partial(measure_ngram, beat=False),
    "n-gram": measure_ngram,
}


def learn_chorales(
    *,
    data: Path | None,
    minutes: float | None = None,
    resume: bool = False,
    device: str = "auto",
    out: Path | None = None,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    plan: Plan | None = None,
) -> dict[str, Any]:
    """Train the network from three seeds, choose each one's weights on the validation part, measure the test part once.

    Parameters
    ----------
    data : folder with train/, valid/ and test/, or one that holds it as ``jsb_chorales``
    minutes : for all seeds together; as many as the plan's epochs take unless told
    resume : keep the seeds that ``out`` holds finished
    device : the network is small and learns on the processor
    out : folder for weights, logs, ``chorales.json``, ``chorales.md`` and ``chorales-curve.png``

    Returns
    -------
    dict
        Figures by row of the table.
    """
    if data is None or not data.is_dir():
        raise TunesmithError("say where the chorales are: --data FOLDER, with train, valid and test in it")
    if device == "cuda":
        raise TunesmithError("the chorale network learns on the processor: leave --device out")
    grids = read_chorales(data / "jsb_chorales" if (data / "jsb_chorales").is_dir() else data)
    out = out or user_folder("data") / "learning" / "chorales"
    out.mkdir(parents=True, exist_ok=True)
    library = ChoraleLibrary(grids["train"])
    pieces = {
        split: [
            Chorale.of(grid, library, number if split == "train" else None)
            for number, grid in enumerate(part)
        ]
        for split, part in grids.items()
    }
    plan = plan or Plan()
    networks = []
    for number, seed in enumerate(SEEDS):
        weights, log = out / f"seed{seed}.safetensors", out / f"seed{seed}.jsonl"
        network = ChoraleNetwork(plan.shape)
        if resume and weights.is_file():
            network.load_state_dict(load_file(weights))
        else:
            log.unlink(missing_ok=True)

            def report(figures: dict[str, float], log: Path = log, number: int = number) -> None:
                with log.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(figures) + "\n")
                progress((number + figures["epoch"] / plan.epochs) / len(SEEDS))

            network = train(
                pieces["train"],
                pieces["valid"],
                replace(plan, seed=seed),
                minutes=minutes / len(SEEDS) if minutes else float("inf"),
                report=report,
                cancelled=cancelled,
            )
            with atomic_write(weights) as part:
                save_file(network.state_dict(), part)
        networks.append(network)
    figures = floors(grids) | rows(networks, pieces)
    with atomic_write(out / "chorales.json") as part:
        part.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    with atomic_write(out / "chorales.md") as part:
        part.write_text(table(figures), encoding="utf-8")
    draw_curve([out / f"seed{seed}.jsonl" for seed in SEEDS], out / "chorales-curve.png")
    return figures


def floors(grids: dict[str, list[Grid]]) -> dict[str, dict[str, float]]:
    """The rows of the table that nothing was trained for."""
    named: dict[str, dict[str, float]] = {name: {} for name in FLOORS}
    for split in ("valid", "test"):
        for name, measured in FLOORS.items():
            named[name] |= _named(split, measured(grids["train"], grids[split]))
    return named


def rows(networks: Sequence[ChoraleNetwork], pieces: dict[str, list[Chorale]]) -> dict[str, dict[str, float]]:
    """Each seed's figures in its own order of naming and as the mean over all orders, their means and standard
    deviations, and those of the networks together.

    Together each token's chance is the mean of the networks' chances, in every order of naming, and each
    step's the mean over these orders.
    """
    fixed: list[dict[str, float]] = [{} for _ in networks]
    mixed: list[dict[str, float]] = [{} for _ in networks]
    fixed_together: dict[str, float] = {}
    mixed_together: dict[str, float] = {}
    for split in ("valid", "test"):
        said, ways = [], []
        for place, network in enumerate(networks):
            chances, answers = foretell(network, pieces[split])
            fixed[place] |= _named(split, figures_of(chances, answers))
            said.append(chances)
            ways.append(foretell_every_way(network, pieces[split]))
            mixed[place] |= _named(split, _mixture_nats(ways[-1]))
        fixed_together |= _named(split, figures_of(_mean_chance(said), answers))
        mixed_together |= _named(split, _mixture_nats(_mean_chance(ways)))
    together = f"{len(networks)} networks"
    return {
        "network": _summary(fixed),
        **{f"seed {seed}": row for seed, row in zip(SEEDS, fixed)},
        "network, mean over orders": _summary(mixed),
        **{f"seed {seed}, mean over orders": row for seed, row in zip(SEEDS, mixed)},
        together: fixed_together,
        f"{together}, mean over orders": mixed_together,
    }


def _mixture_nats(ways: Tensor) -> dict[str, float]:
    return {"nats": -float(order_mixture(ways.double()).mean()) / 4}


def _mean_chance(chances: Sequence[Tensor]) -> Tensor:
    """Logarithm of the mean of chances told by their logarithms."""
    return torch.logsumexp(torch.stack(list(chances)), 0) - float(np.log(len(chances)))


def _summary(alone: Sequence[dict[str, float]]) -> dict[str, float]:
    means = {name: float(np.mean([row[name] for row in alone])) for name in alone[0]}
    return means | {f"{name}_sd": float(np.std([row[name] for row in alone], ddof=1)) for name in alone[0]}


def _named(split: str, figures: dict[str, float]) -> dict[str, float]:
    return {f"{split}_{name}": value for name, value in figures.items()}


def table(figures: dict[str, dict[str, float]]) -> str:
    """The figures as Markdown, the published ones among them."""
    lines = ["| | valid nats | valid right | test nats | test right |", "|---|---|---|---|---|"]
    published = {name: {"valid_nats": nats} for name, nats in PUBLISHED.items()}
    for name, row in (figures | published).items():
        cells = [
            _cell(row, f"{split}_{figure}", scale, digits)
            for split in ("valid", "test")
            for figure, scale, digits in (("nats", 1, 3), ("accuracy", 100, 1))
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, float], name: str, scale: float, digits: int) -> str:
    if name not in row:
        return "–"
    unit = " %" if scale == 100 else ""
    spread = f" ± {scale * row[name + '_sd']:.{digits}f}" if name + "_sd" in row else ""
    return f"{scale * row[name]:.{digits}f}{spread}{unit}"


def draw_curve(logs: Sequence[Path], out: Path) -> None:
    """Nats a token over epochs of every seed, the published figures as lines, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axis = figure.subplots()
    for log in logs:
        seen = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        epochs = [row["epoch"] for row in seen]
        first = log is logs[0]
        axis.plot(
            epochs,
            [row["train_nats"] for row in seen],
            color="#9aa4b2",
            label="training, units dropped" if first else None,
        )
        axis.plot(
            epochs,
            [row["valid_nats"] for row in seen],
            color="#d1495b",
            label="validation" if first else None,
        )
    for name, nats in PUBLISHED.items():
        axis.axhline(nats, color="#33415c", linewidth=0.8, linestyle=":")
        axis.annotate(
            name,
            (0.01, nats),
            (0, 2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=8,
            color="#33415c",
        )
    axis.set(xlabel="epochs", ylabel="nats a token", ylim=(0.25, 0.6), title="JSB chorales, sixteenths")
    axis.grid(alpha=0.25, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    with atomic_write(out) as part:
        figure.savefig(part, format="png", dpi=110, metadata={"Software": None})
