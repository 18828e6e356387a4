"""The commands that train and test models; the work is `core.learn`'s."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from types import ModuleType

from core.cli.command import Answer, Command, never, number, option, progress_line
from core.errors import TunesmithError


def run_learn(options: argparse.Namespace) -> Answer:
    """Train a model by a recipe."""
    recipes = _room("recipes").RECIPES
    if options.recipe not in recipes:
        raise TunesmithError(f"there is no recipe {options.recipe!r}; there are {', '.join(recipes)}")
    figures = recipes[options.recipe](
        data=Path(options.data) if options.data else None,
        minutes=options.minutes,
        resume=options.resume,
        device=options.device,
        out=Path(options.out) if options.out else None,
        progress=progress_line(f"learning {options.recipe}"),
        cancelled=never,
    )
    return Answer({"recipe": options.recipe, **figures})


def run_evaluate(options: argparse.Namespace) -> Answer:
    """Measure the figures of a model card anew."""
    from core.store.model_file import find_models

    known = {model.name: model for model in find_models()}
    if options.model not in known:
        there = f"there are {', '.join(known)}" if known else "none is installed"
        raise TunesmithError(f"there is no model {options.model!r}; {there}")
    figures = _room("evaluate").evaluate(
        known[options.model], data=Path(options.data) if options.data else None
    )
    return Answer({"model": options.model, "figures": figures})


def _room(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"core.learn.{name}")
    except ImportError as error:
        raise TunesmithError(
            f"learning needs more packages ({error}); run ./run --set-up-only test to install them"
        ) from error


COMMANDS = (
    Command(
        "learn",
        "train a model by a recipe",
        "learn flagship --data midi/ --minutes 60 --out models/",
        run_learn,
        (
            option("recipe", metavar="RECIPE", help="what to train"),
            option("--data", metavar="DIR", help="the folder of training data"),
            option("--minutes", type=number(0.05, 100_000), metavar="M", help="how long to train"),
            option("--resume", action="store_true", help="go on from the last checkpoint"),
            option("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto"),
            option("--out", metavar="DIR", help="where weights and reports go"),
        ),
    ),
    Command(
        "evaluate",
        "measure the figures of a model's card anew",
        "evaluate flagship --data midi/",
        run_evaluate,
        (
            option("model", metavar="MODEL", help="a name that tunesmith models lists"),
            option("--data", metavar="DIR", help="the folder of test data"),
        ),
    ),
)
