"""The commands that train and test models; the work is `core.learn`'s."""

from __future__ import annotations

import argparse
import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from core.cli.command import Answer, Command, check_folder, never, number, option, progress_line, whole
from core.errors import TunesmithError


def run_learn(options: argparse.Namespace) -> Answer:
    """Train a model by a recipe."""
    recipes = _room("recipes").RECIPES
    if options.recipe not in recipes:
        raise TunesmithError(f"there is no recipe {options.recipe!r}; there are {', '.join(recipes)}")
    recipe = recipes[options.recipe]
    given = {
        "minutes": options.minutes,
        "resume": options.resume or None,
        "device": options.device if options.device != "auto" else None,
        "out": Path(options.out) if options.out else None,
        "workers": _room("workers").parse_workers(options.workers),
        "patience": options.patience,
        "name": options.name,
    }
    given = {name: value for name, value in given.items() if value is not None}
    with _packages():
        taken = inspect.signature(recipe).parameters
    unknown = [f"--{name}" for name in given if name not in taken]
    if unknown:
        raise TunesmithError(f"the recipe {options.recipe} knows no {', '.join(unknown)}: leave it out")
    with _packages():
        figures = recipe(
            data=Path(options.data) if options.data else None,
            progress=progress_line(f"learning {options.recipe}"),
            cancelled=never,
            **given,
        )
    if not figures:  # the first of several processes tells what there is to tell
        raise SystemExit(0)
    return Answer({"recipe": options.recipe, **figures})


def run_curves(options: argparse.Namespace) -> Answer:
    """Draw the learning curves of a log."""
    check_folder(options.out)
    drawn = _room("curves").draw_curves(Path(options.log), Path(options.out), options.title)
    return Answer({"curves": str(drawn)}, [f"drawn: {drawn}"])


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
    with _packages():
        return importlib.import_module(f"core.learn.{name}")


@contextmanager
def _packages() -> Iterator[None]:
    """Say how to mend it where a package is missing that only learning needs."""
    try:
        yield
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
            option(
                "--workers",
                default="",
                metavar="N|ADDRESS",
                help="so many processes prepare the data, or a Dask cluster (tcp://host:8786); one a core unless told",
            ),
            option(
                "--patience",
                type=whole(1, 1000),
                metavar="N",
                help="end after N checks in a row without a lower held-out loss",
            ),
            option("--name", metavar="NAME", help="what to call a personal style"),
        ),
    ),
    Command(
        "curves",
        "draw the learning curves of a training",
        "curves models/log.jsonl --out curve.png",
        run_curves,
        (
            option("log", metavar="LOG.jsonl", help="the log that a training left"),
            option("--out", required=True, metavar="PICTURE.png", help="a PNG file"),
            option("--title", default="", metavar="T", help="above the curves"),
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
