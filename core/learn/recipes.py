"""What can be trained, by name: each recipe goes from a folder of data to a model file with its card."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """A function of this room, loaded when it is first wanted, since nearly all need torch.

    Attributes
    ----------
    place : module and function, as "short_tunes.learn" or "composers.scores.learn"
    given : its first arguments
    """

    place: str
    given: tuple[Any, ...] = ()

    @property
    def function(self) -> Callable[..., dict[str, Any]]:
        """What `place` names."""
        module, _, name = self.place.rpartition(".")
        return partial(getattr(importlib.import_module(f"core.learn.{module}"), name), *self.given)

    @property
    def __signature__(self) -> inspect.Signature:
        """The options it knows."""
        return inspect.signature(self.function)

    def __call__(self, **options: Any) -> dict[str, Any]:
        """Train; the figures, and the ``model`` file."""
        return self.function(**options)


RECIPES: dict[str, Recipe] = {
    "flagship": Recipe("composer.learn_composer", ("flagship", {})),
    # The baseline: Magenta's size, and nothing but the events to go by.
    "plain-lstm": Recipe("composer.learn_composer", ("plain-lstm", {"hidden": 128, "plain": True})),
    # The same at Performance RNN's size.
    "plain-lstm-3x512": Recipe(
        "composer.learn_composer", ("plain-lstm-3x512", {"hidden": 512, "layers": 3, "plain": True})
    ),
    "originality-index": Recipe("originality_index.learn_originality_index"),
    "chorales": Recipe("chorales_report.learn_chorales"),
    "personal": Recipe("personal.learn_personal"),
    "short-tunes": Recipe("short_tunes.learn"),
    "mixtape": Recipe("mixtape_report.learn_mixtape"),
    "style": Recipe("style_classifier.learn_style"),
    "genre": Recipe("genres.flagship.learn_genre"),
    "s3": Recipe("genres.seminar.learn_seminar"),
    "zoo": Recipe("genres.tutorial.learn_zoo"),
    "analysis": Recipe("analysis_recipe.learn_analysis"),
    "composers-audio": Recipe("composers.audio.learn"),
    "composers-scores": Recipe("composers.scores.learn"),
    "score-embedding": Recipe("embeddings_scores.recipe.learn_score_embedding"),
    "embeddings": Recipe("embeddings.recipe.learn"),
    "collection": Recipe("collection.learn_collection"),
    "collection-vectors": Recipe("collection.learn_collection_vectors"),
}
