"""Weights on the disk: a safetensors file and, beside it, a JSON card that says what it is.

Conventions
-----------
* ``NAME.safetensors`` holds arrays and nothing that runs; ``NAME.json`` is the card.
* The card names the room and kind of the model, its licence, data and figures, and everything needed to use
  it (front end, vocabulary, layer sizes). `save_model` adds ``format``, ``name``, ``bytes``, ``sha256``,
  ``parameters`` and ``tensors`` (name -> shape and type); `load_model` believes the file only where
  these agree.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import filterfalse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.store.atomic import atomic_write, is_unfinished
from core.store.folders import assets_folder, user_folder

FORMAT = 1
LARGEST_CARD = 8 << 20

Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One model found on the disk: its name, its card (unchecked against the weights) and its path."""

    name: str
    path: Path
    card: dict[str, Any]

    def load(self) -> tuple[Tensors, dict[str, Any]]:
        """Weights and card, checked; see `load_model`."""
        return load_model(self.path)


def save_model(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], card: Mapping[str, Any]
) -> dict[str, Any]:
    """Write weights and card, each in one step.

    Parameters
    ----------
    path : the model's path with or without suffix; ``.safetensors`` and ``.json`` are put in its place
    tensors : name -> array
    card : JSON values; ``name`` defaults to the file's name, ``parameters`` to the numbers in ``tensors``

    Returns
    -------
    dict
        the card as written
    """
    from safetensors.numpy import save

    weights_path, card_path = model_paths(path)
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    data = save(arrays)
    whole = {
        "name": weights_path.stem,
        "parameters": sum(array.size for array in arrays.values()),
        **card,
        "format": FORMAT,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "tensors": _shapes(arrays),
    }
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    # Both are on the disk before either takes its place, so only the instant between two renames
    # could part a card from its weights; the checksum would tell.
    with atomic_write(card_path) as new_card, atomic_write(weights_path) as new_weights:
        new_card.write_bytes(text)
        new_weights.write_bytes(data)
    return whole


def load_card(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The card of a model, without its weights.

    Raises
    ------
    TunesmithError
        where it is missing or damaged, or made by a newer version
    """
    card_path = model_paths(path)[1]
    try:
        with card_path.open("rb") as file:
            text = file.read(LARGEST_CARD + 1)
        if len(text) > LARGEST_CARD:
            raise ValueError(f"larger than {LARGEST_CARD >> 20} MiB")
        card = json.loads(text)
        if not isinstance(card, dict):
            raise ValueError("not a JSON object")
    except FileNotFoundError as error:
        raise TunesmithError(f"there is no model card {card_path}; check the model's name") from error
    except OSError as error:
        raise TunesmithError(f"cannot read the model card {card_path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise TunesmithError(
            f"the model card {card_path} is damaged ({error}); install the model again"
        ) from error
    if not isinstance(card.get("format"), int):
        raise TunesmithError(f"{card_path} is not a Tunesmith model card; it has no format number")
    if card["format"] > FORMAT:
        raise TunesmithError(f"the model {card_path} was made for a newer Tunesmith; update Tunesmith")
    return card


def load_model(path: str | os.PathLike[str]) -> tuple[Tensors, dict[str, Any]]:
    """Weights and card, once size, checksum, names, shapes and types of the weights agree with the card.

    Returns
    -------
    tensors : dict of name -> ndarray
        writeable, in the file's own types
    card : dict

    Raises
    ------
    TunesmithError
        where either file is missing, damaged, or does not belong to the other
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    card = load_card(path)
    weights_path = model_paths(path)[0]
    try:
        size = weights_path.stat().st_size
        if size != card.get("bytes"):
            raise TunesmithError(
                f"the weights {weights_path} are {size} bytes, the card says {card.get('bytes')}; "
                "the copy is incomplete: install the model again"
            )
        data = weights_path.read_bytes()
    except OSError as error:
        raise TunesmithError(
            f"cannot read the weights {weights_path}: {error.strerror}; install the model again"
        ) from error
    if hashlib.sha256(data).hexdigest() != card.get("sha256"):
        raise TunesmithError(
            f"the weights {weights_path} are not those the card describes (checksum); install the model again"
        )
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise TunesmithError(f"the weights {weights_path} cannot be read: {error}") from error
    if _shapes(tensors) != card.get("tensors"):
        raise TunesmithError(
            f"the tensors in {weights_path} differ in name, shape or type from the card; "
            "install the model again"
        )
    return {name: array.copy() for name, array in tensors.items()}, card


@lru_cache(maxsize=256)
def _known_card(path: Path, modified: int, size: int) -> dict[str, Any]:
    """The card of a file as it stood then. All cards are asked for often, and reading them holds every thread up."""
    return load_card(path)


def find_models(room: str | None = None, *, folders: list[Path] | None = None) -> list[ModelFile]:
    """Every model shipped with the program or trained by its user, by name.

    A user's model takes the place of a shipped one of the same name. Cards that cannot be read are left
    out here; `tunesmith doctor` reports them.

    Parameters
    ----------
    room : "compose", "listen" or "explore" gives the models of one room
    folders : where to look, later ones win
    """
    found: dict[str, ModelFile] = {}
    for card_path in card_paths(folders):
        try:
            told = card_path.stat()
            card = _known_card(card_path, told.st_mtime_ns, told.st_size)
        except (TunesmithError, OSError):
            continue
        name = str(card.get("name", card_path.stem))
        if room is None or card.get("room") == room:
            found[name] = ModelFile(name, card_path.with_suffix(".safetensors"), card)
    return sorted(found.values(), key=lambda model: model.name)


def model_named(name: str, room: str) -> ModelFile:
    """The model ``name`` of a room: the shipped one, or the user's own in its place.

    Raises
    ------
    TunesmithError
        If there is none.
    """
    for model in find_models(room):
        if model.name == name:
            return model
    raise TunesmithError(f"the weights {name} are missing; install Tunesmith again")


def card_paths(folders: list[Path] | None = None) -> list[Path]:
    """The cards in the model folders, readable or not."""
    if folders is None:
        folders = [assets_folder() / "models", user_folder("data", create=False) / "models"]
    found = (path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.json")))
    return list(filterfalse(is_unfinished, found))


def model_paths(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """(weights, card) of the model at ``path``, which may name either of them or neither."""
    path = Path(path)
    base = path.with_suffix("") if path.suffix in (".safetensors", ".json") else path
    return base.with_name(base.name + ".safetensors"), base.with_name(base.name + ".json")


def _shapes(arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {"shape": list(arrays[name].shape), "type": str(arrays[name].dtype)} for name in sorted(arrays)
    }
