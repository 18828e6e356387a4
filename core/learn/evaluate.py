"""The figures of a model's card, measured anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import TunesmithError
from core.store.model_file import ModelFile

HELD_OUT = 200
"""Pieces of the held-out split that a measurement reads."""


def _generator(model: ModelFile, data: Path | None) -> dict[str, Any]:
    """Loss and accuracy on held-out music.

    Where ``data`` has a manifest, its test split is measured; else every MIDI file in it is.
    """
    import torch

    from core.compose.flagship import unpacked
    from core.compose.network import network_from_card
    from core.learn.data import encode_rows, read_folder, read_manifest
    from core.learn.flagship import measure_loss, spread

    if data is None or not data.is_dir():
        raise TunesmithError("say what to measure on: --data FOLDER, a folder of MIDI files")
    if (data / "manifest.csv").is_file():
        rows = [row for row in read_manifest(data) if row.split == "test"]
    else:
        rows = read_folder(data)
    examples = encode_rows(data, spread(rows, HELD_OUT))
    if not examples:
        raise TunesmithError(f"no MIDI file in {data} has bars of up to eight beats and at least eight notes")
    tensors, card = model.load()
    network = network_from_card(card)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in unpacked(tensors).items()})
    figures = measure_loss(network, examples, torch.device("cpu"))
    return {"pieces": len(examples), "nll": figures.pop("nats"), **figures}


BY_ROOM: dict[str, Callable[[ModelFile, Path | None], dict[str, Any]]] = {"compose": _generator}


def evaluate(model: ModelFile, data: Path | None = None) -> dict[str, Any]:
    """Measure a model on ``data``.

    Raises
    ------
    TunesmithError
        Where there is nothing to measure on, or the model's room has no measurement.
    """
    room = str(model.card.get("room"))
    if room not in BY_ROOM:
        raise TunesmithError(f"models of the room {room!r} cannot be evaluated")
    return BY_ROOM[room](model, data)
