"""The learnt parts of the analysis: one small model file for beats, chords and the key."""

from __future__ import annotations

from functools import cache

from core.errors import TunesmithError
from core.store.model_file import Tensors, find_models

NAME = KIND = "analysis"


@cache
def weights() -> Tensors:
    """The weights of the shipped model, or of the user's own in its place.

    Raises
    ------
    TunesmithError
        Where there is none, or it is damaged.
    """
    for model in find_models("listen"):
        if model.name == NAME:
            return model.load()[0]
    raise TunesmithError(f"the model {NAME} is missing; install Tunesmith again")
