"""The blind listening test's votes: what sounded as A and as B, which was liked better, and what that proves.

Trials lie in the library's file. Each holds both recipes whole, with their seeds, so that it can be heard again;
the content ids tell whether what is made again is what was heard.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from core.errors import TunesmithError
from core.store.database import DatabaseOwner
from core.store.library import KIND, MIGRATIONS, library_path, now

VOTES = ("first", "second", "tie")
LONGEST_NOTE = 2000
NORMAL_95 = 1.959963984540054
"""The standard normal distribution's 97.5 % point."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One side of a trial.

    Attributes
    ----------
    name : what competes: a generator's name, or "real" for a piece of the library
    recipe : the request, or {"piece", "first_bar", "bars"}
    content_id : of what was heard
    """

    name: str
    recipe: Mapping[str, Any]
    content_id: str


@dataclass(frozen=True, slots=True)
class Trial:
    """A vote. ``first`` sounded as A, ``second`` as B; ``vote`` is one of `VOTES`; ``held`` is UTC."""

    id: int
    held: str
    first: Contestant
    second: Contestant
    vote: str
    note: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How two contestants stand against each other; ``one`` comes first in the alphabet."""

    one: str
    other: str
    wins: int
    losses: int
    ties: int

    @property
    def decided(self) -> int:
        """Votes for either."""
        return self.wins + self.losses

    @property
    def share(self) -> float:
        """``one``'s share of the decided votes, 0-1; 0.5 where there is none."""
        return self.wins / self.decided if self.decided else 0.5

    @property
    def interval(self) -> tuple[float, float]:
        """Where that share may truly lie, with 95 % confidence."""
        return wilson(self.wins, self.decided)

    @property
    def verdict(self) -> str:
        """What may be said by now, in words."""
        low, high = self.interval
        if low > 0.5:
            return f"{self.one} is liked better"
        if high < 0.5:
            return f"{self.other} is liked better"
        return "not decided yet"


class Votes(DatabaseOwner):
    """The open votes; a context manager.

    Raises
    ------
    TunesmithError
        where the library's file cannot be used or was damaged; see `core.store.database`
    """

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path or library_path(), "the library", KIND, MIGRATIONS)

    def add(self, first: Contestant, second: Contestant, vote: str, note: str = "") -> int:
        """Write a vote down and return its number.

        Raises
        ------
        TunesmithError
            where the vote is none of `VOTES`, or both sides are the same contestant
        """
        if vote not in VOTES:
            raise TunesmithError(f"a vote is {', '.join(VOTES)}, not {vote!r}")
        if first.name == second.name:
            raise TunesmithError(f"{first.name} cannot compete with itself; choose another")
        sides = (
            *(side.name for side in (first, second)),
            *(json.dumps(dict(side.recipe), sort_keys=True, ensure_ascii=False) for side in (first, second)),
            *(side.content_id for side in (first, second)),
        )
        with self._database.change() as connection:
            number = connection.execute(
                "INSERT INTO trials (held, first, second, first_recipe, second_recipe, first_content,"
                " second_content, vote, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (now(), *sides, vote, note.strip()[:LONGEST_NOTE]),
            ).lastrowid
        assert number is not None
        return number

    def trials(self) -> list[Trial]:
        """All of them, the oldest first."""
        rows = self._database.rows("SELECT * FROM trials ORDER BY id")
        return [
            Trial(row["id"], row["held"], _side(row, "first"), _side(row, "second"), row["vote"], row["note"])
            for row in rows
        ]

    def trial(self, number: int) -> Trial:
        """One of them.

        Raises
        ------
        TunesmithError
            where there is none of that number
        """
        for trial in self.trials():
            if trial.id == number:
                return trial
        raise TunesmithError(f"there is no trial {number}; tunesmith library votes --trials shows them")

    def standings(self) -> list[Standing]:
        """How all pairs stand."""
        return standings(self.trials())


def _side(row: sqlite3.Row, side: str) -> Contestant:
    return Contestant(row[side], json.loads(row[f"{side}_recipe"]), row[f"{side}_content"])


def standings(trials: Iterable[Trial]) -> list[Standing]:
    """How every pair that met stands, in alphabetical order."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for trial in trials:
        pair = (trial.first.name, trial.second.name)
        one, other = sorted(pair)
        won = {"first": pair[0], "second": pair[1]}.get(trial.vote, "")
        counts.setdefault((one, other), Counter())[won] += 1
    return [
        Standing(one, other, count[one], count[other], count[""])
        for (one, other), count in sorted(counts.items())
    ]


def wilson(wins: int, trials: int) -> tuple[float, float]:
    """The interval that holds a binomial share with 95 % confidence; (0, 1) of no trials.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927. Unlike the normal
    approximation it stays within 0-1 and is right for few trials.
    """
    if not trials:
        return 0.0, 1.0
    share, z2 = wins / trials, NORMAL_95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = NORMAL_95 * sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)
