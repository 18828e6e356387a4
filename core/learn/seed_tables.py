"""The tables of the papers that Tunesmith builds on, by name: what was published, and ours beside it.

Another table is one function in a file of its own and one row in `TABLES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core.errors import TunesmithError


@dataclass(frozen=True)
class SeedTable:
    """A finished table: its figures as JSON values, and the same in Markdown."""

    values: Mapping[str, Any]
    markdown: str


class Maker(Protocol):
    """Makes a table. ``data`` is a folder of real music, for what needs it; ``quick`` asks for fewer samples."""

    def __call__(
        self,
        *,
        data: Path | None,
        quick: bool,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> SeedTable: ...


NAMES = ("s1", "s2", "s3", "s4", "s5")
"""All that there will be."""


def _short_tunes(**settings: Any) -> SeedTable:
    from core.learn.short_tunes_table import make

    return make(**settings)


def _composers(**settings: Any) -> SeedTable:
    from core.learn.composers.s2_table import make

    return make(**settings)


def _mixtape(**settings: Any) -> SeedTable:
    from core.learn.mixtape_tables import make

    return make(**settings)


def _seminar(**settings: Any) -> SeedTable:
    from core.learn.genres.seminar import make

    return make(**settings)


def _tutorial(**settings: Any) -> SeedTable:
    from core.learn.genres.tutorial import make

    return make(**settings)


TABLES: dict[str, Maker] = {
    "s1": _short_tunes,
    "s2": _composers,
    "s3": _seminar,
    "s4": _tutorial,
    "s5": _mixtape,
}


def make_table(
    name: str,
    *,
    data: Path | None = None,
    quick: bool = False,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SeedTable:
    """Make the table ``name``.

    Raises
    ------
    TunesmithError
        Where it cannot be made yet, or what it needs is missing.
    """
    if name not in TABLES:
        there = ", ".join(TABLES)
        if name in NAMES:
            raise TunesmithError(f"the table {name} cannot be made yet; there are {there}")
        raise TunesmithError(f"there is no table {name!r}; there are {there}")
    if data is not None and not data.is_dir():
        raise TunesmithError(f"{data} is no folder; name the folder of the data with --data")
    return TABLES[name](data=data, quick=quick, progress=progress, cancelled=cancelled)
