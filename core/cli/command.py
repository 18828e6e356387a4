"""What a sub-command is: a row with its name, its words, its options and the function that does it."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import TunesmithError


@dataclass(frozen=True, slots=True)
class Option:
    """One argument, in the words of `argparse.ArgumentParser.add_argument`.

    Options with the same ``only_one_of`` exclude each other.
    """

    names: tuple[str, ...]
    settings: dict[str, Any]
    only_one_of: str = ""


def option(*names: str, only_one_of: str = "", **settings: Any) -> Option:
    """An `Option`, written as one writes ``add_argument``."""
    return Option(names, settings, only_one_of)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found out.

    ``values`` is printed as the JSON object. ``lines`` are for a person; without them each value is one line.
    """

    values: dict[str, Any]
    lines: Sequence[str] | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """One sub-command. ``example`` is what a person could type, without the program's name.

    One with ``actions`` does nothing by itself: the action is the next word, and ``run`` is that of the example.
    """

    name: str
    summary: str
    example: str
    run: Callable[[argparse.Namespace], Answer]
    options: tuple[Option, ...] = ()
    hidden: bool = False
    actions: tuple[Command, ...] = ()


def number(low: float, high: float) -> Callable[[str], float]:
    """An argument type: a number from ``low`` to ``high``."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"give a number from {low:g} to {high:g}, not {text!r}")
        return value

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """An argument type: a whole number from ``low`` to ``high``."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"give a whole number from {low} to {high}, not {text!r}")
        return value

    return parse


def names(text: str) -> tuple[str, ...]:
    """An argument type: names between commas."""
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise argparse.ArgumentTypeError("give names between commas, such as piano,bass")
    return found


def each_file(paths: Iterable[str], job: Callable[[Path], dict[str, Any]]) -> Answer:
    """``job`` for every path, in order; a bad file is one line in the answer and never stops the rest."""
    files: list[dict[str, Any]] = []
    lines: list[str] = []
    for path in paths:
        try:
            entry = job(Path(path))
        except TunesmithError as error:
            entry = {"error": str(error)}
        except Exception as error:  # the next file must have its turn, whatever a reader did with this one
            entry = {"error": f"cannot be used ({type(error).__name__}: {error}); please report this file"}
        files.append({"file": path, **entry})
        if "error" in entry:
            print_error(f"{path}: {entry['error']}")
        else:
            lines += [path, *(f"  {line}" for line in lines_of(entry))]
    failed = all("error" in entry for entry in files)
    return Answer({"files": files}, lines, exit_code=2 if failed else 0)


def lines_of(values: dict[str, Any]) -> list[str]:
    """One line a value, for a person."""
    width = max((len(name) for name in values), default=0)
    return [f"{name.replace('_', ' '):{width}}  {_shown(value)}" for name, value in values.items()]


def check_folder(path: str | Path | None) -> None:
    """Raise `TunesmithError` where the folder of a file to be written is missing, before the work is done."""
    if path is not None and not Path(path).absolute().parent.is_dir():
        raise TunesmithError(f"cannot write {path}: its folder does not exist; make the folder first")


def print_error(line: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"tunesmith: {line}\n")
    sys.stderr.flush()


def progress_line(label: str) -> Callable[[float], None]:
    """A progress callback that keeps one line up to date on a terminal, and is silent elsewhere."""
    shown = -1

    def show(share: float) -> None:
        nonlocal shown
        percent = round(100 * share)
        if percent != shown and sys.stderr.isatty():
            shown = percent
            sys.stderr.write(f"\r{label} {percent} %" + ("\n" if percent >= 100 else ""))
            sys.stderr.flush()

    return show


def never() -> bool:
    """The ``cancelled`` of the command line: Ctrl+C interrupts by itself."""
    return False


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    return str(value)
