"""A training as it stands: what goes on with every step, and its file, from which it can be resumed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer

from core.compose.network import Network
from core.errors import TunesmithError
from core.store.atomic import atomic_write


@dataclass
class Run:
    """A training as it stands.

    Attributes
    ----------
    network : as it learns
    average : of the weights so far; what is measured and kept
    seconds : spent training, checks left out
    notes : learnt from, by all processes together
    best : lowest held-out loss so far, nats a note
    waited : checks since then
    """

    network: Network
    average: Network
    optimiser: Optimizer
    scaler: torch.amp.GradScaler
    step: int = 0
    seconds: float = 0.0
    notes: int = 0
    best: float = math.inf
    waited: int = 0


def keep(path: Path, run: Run) -> None:
    """Write everything that a later process needs to go on, as plain tensors."""
    tensors = {f"network.{k}": v for k, v in run.network.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in run.average.state_dict().items()}
    for index, moments in run.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{k}": torch.as_tensor(v) for k, v in moments.items()}
    progress = (run.step, run.seconds, run.notes, run.best, run.waited)
    tensors["progress"] = torch.tensor(progress, dtype=torch.float64)
    with atomic_write(path) as part:
        save_file({k: v.contiguous().cpu() for k, v in tensors.items()}, part)


def restore(path: Path, run: Run) -> None:
    """Go on from what `keep` wrote.

    Raises
    ------
    TunesmithError
        If it was written by a training of another shape.
    """
    tensors = load_file(path)

    def under(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    try:
        run.network.load_state_dict(under("network."))
        run.average.load_state_dict(under("average."))
    except RuntimeError as error:
        raise TunesmithError(
            f"{path} is of a network of another shape: begin anew without --resume, or in another --out"
        ) from error
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in under("optimiser.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    whole = run.optimiser.state_dict()
    run.optimiser.load_state_dict({"state": moments, "param_groups": whole["param_groups"]})
    step, run.seconds, notes, *rest = tensors["progress"].tolist()
    run.step, run.notes = int(step), int(notes)
    if rest:  # not told by versions that did not stop early
        run.best, run.waited = rest[0], int(rest[1])
