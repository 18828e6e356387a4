"""Personal styles: what the flagship needs to know to write in the manner of someone's own files.

A personal style is small: the state that the network begins a piece with instead of zeros, and a vector
added to those of the conditions asked for. `core.learn.personal` tunes both. They lie in the user's own
data folder, under a name, and fit only the weights they were tuned for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.store.folders import user_folder
from core.store.model_file import ModelFile, find_models, load_model, model_paths, save_model

ROOM = "personal"

LONGEST_NAME = 40
_NAME = re.compile(r"[^\W_](?:[\w -]*\w)?")
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
"""Names that Windows keeps for devices."""


@dataclass(frozen=True)
class Personal:
    """A personal style.

    Attributes
    ----------
    name : as it was saved
    h, c : the LSTM's state before a piece, float32 [shape=(layers, hidden)]
    wish : added to the sum of the conditions' vectors, float32 [shape=(size of a condition,)]; it was
        tuned with style and composer left open, and says both
    card : see `core.learn.personal`
    """

    name: str
    h: NDArray[np.float32]
    c: NDArray[np.float32]
    wish: NDArray[np.float32]
    card: dict[str, Any]


def folder(*, create: bool = False) -> Path:
    """Where personal styles lie."""
    place = user_folder("data", create=create) / ROOM
    if create:
        place.mkdir(exist_ok=True)
    return place


def check_name(name: str) -> str:
    """``name`` itself, if it can be a file's name on every system.

    Raises
    ------
    TunesmithError
        If it cannot.
    """
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
        raise TunesmithError(
            f"{name!r} cannot name a personal style; use up to {LONGEST_NAME} letters, digits, spaces, - or _"
        )
    return name


def save(
    name: str,
    h: NDArray[np.float32],
    c: NDArray[np.float32],
    wish: NDArray[np.float32],
    card: dict[str, Any],
) -> Path:
    """Keep a personal style under a name; one of that name that was there before is replaced.

    Parameters
    ----------
    card : must tell ``network`` and ``network_sha256``, the name and checksum of the weights it was tuned for
    """
    path = folder(create=True) / check_name(name)
    save_model(path, {"h": h, "c": c, "wish": wish}, {"name": name, "room": ROOM, **card})
    return model_paths(path)[0]


def saved() -> list[ModelFile]:
    """Every personal style, by name."""
    return find_models(ROOM, folders=[folder()])


def load(name: str, network_sha256: str | None = None) -> Personal:
    """The personal style of a name.

    Parameters
    ----------
    network_sha256 : checksum of the weights it is to be used with, from their card; None does not ask

    Raises
    ------
    TunesmithError
        If there is none of that name, it is damaged, or was tuned for other weights.
    """
    tensors, card = load_model(_find(name).path)
    found = {key: tensors.get(key, np.zeros(0)).astype(np.float32) for key in ("h", "c", "wish")}
    h, c, wish = found.values()
    shaped = h.ndim == 2 and h.shape == c.shape and wish.ndim == 1 and wish.size > 0
    if not shaped or not all(np.isfinite(array).all() for array in found.values()):
        raise TunesmithError(f"the personal style {name!r} is damaged; {_again(name)}")
    if network_sha256 is not None and card.get("network_sha256") != network_sha256:
        raise TunesmithError(
            f"the personal style {name!r} was tuned for other weights than those in use; {_again(name)}"
        )
    return Personal(name, h, c, wish, card)


def delete(name: str) -> None:
    """Remove a personal style for good.

    Raises
    ------
    TunesmithError
        If there is none of that name.
    """
    # The card goes first: without it the weights are no style any more, whatever interrupts.
    for path in reversed(model_paths(_find(name).path)):
        path.unlink(missing_ok=True)


def _find(name: str) -> ModelFile:
    there = {style.name: style for style in saved()}
    if name not in there:
        known = f"there are {', '.join(there)}" if there else "there is none yet"
        raise TunesmithError(f"there is no personal style {name!r}; {known}. {_again(name, 'make it')}")
    return there[name]


def _again(name: str, what: str = "tune it anew") -> str:
    return f"{what} with: tunesmith learn personal --data FOLDER --name {name!r}"
