"""Recipes, as the library keeps them, back to the requests they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from core.compose.request import Request
from core.song.notes import Song


def request_of(recipe: Mapping[str, Any], song: Song | None = None) -> Request:
    """The request that a recipe was made of; of a field that is unknown here nothing is taken.

    Parameters
    ----------
    song : what was continued, filled, varied or accompanied; the recipe only names it
    """
    known = {item.name for item in fields(Request)} - {"song"}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in recipe.items()
        if name in known
    }
    return Request(**values, song=song)
