"""The learnt parts of the analysis: one small model file for beats, chords and the key."""

from __future__ import annotations

from functools import cache

from core.store.model_file import Tensors, model_named

NAME = KIND = "analysis"


@cache
def weights() -> Tensors:
    """The weights of the shipped model, or of the user's own in its place.

    Raises
    ------
    TunesmithError
        Where there is none, or it is damaged.
    """
    return model_named(NAME, "listen").load()[0]
