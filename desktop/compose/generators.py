"""The generators as the window knows them: what each can be asked for, and why it cannot be asked now."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from desktop.controls.search_list import Entry
from desktop.pages import is_installed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GeneratorChoice:
    """A generator of `core.compose.registry`.

    Attributes
    ----------
    why_not : why it cannot be asked now, or ""
    tasks, conditions : as in `core.compose.registry.Generator`
    streams : whether it can compose on and on
    """

    name: str
    title: str
    description: str
    styles: tuple[str, ...]
    why_not: str = ""
    tasks: tuple[str, ...] = ("new",)
    conditions: frozenset[str] = frozenset()
    composers: tuple[str, ...] = ()
    streams: bool = False


def installed_generators() -> list[GeneratorChoice]:
    """The generators of `core.compose.registry`; none where that cannot be loaded."""
    try:
        from core.compose.registry import GENERATORS
        from core.store.model_file import find_models

        weights = {model.name for model in find_models("compose")}
    except ImportError:
        log.warning("no generators", exc_info=True)
        return []
    torch_is_there = is_installed("torch")
    return [
        GeneratorChoice(
            name,
            one.title,
            one.description,
            tuple(one.styles),
            _why_not(name, weights, torch_is_there),
            tuple(one.tasks),
            frozenset(one.conditions),
            tuple(one.composers),
            one.stream is not None,
        )
        for name, one in GENERATORS.items()
    ]


def generator_entries(generators: Sequence[GeneratorChoice]) -> list[Entry]:
    """For the list that a generator is chosen from."""
    return [Entry(one.name, one.title, "", why_not=one.why_not, words=one.description) for one in generators]


def _why_not(name: str, weights: set[str], torch_is_there: bool) -> str:
    if not torch_is_there:
        return "PyTorch is missing: pip install torch==2.13.0"
    # A generator may have several sets of weights: "mixtape-guitar", "mixtape-piano".
    if any(each == name or each.startswith(f"{name}-") for each in weights):
        return ""
    return f"its weights are missing: install Tunesmith again, or train it with: tunesmith learn {name}"
