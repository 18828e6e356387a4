"""Nearest neighbours by cosine, exact, over vectors that lie in a file and grow with the library.

Conventions
-----------
* An index is a folder of two files that only grow: ``vectors.f32`` (rows of unit length, little-endian
  float32) and ``items.jsonl`` (a line a row). A row counts once its line is whole: what a crash left half
  written is cut off when the index is next opened for writing.
* A thing is known by a key that names its content (a hash), so that the same thing is never there twice.
* Vectors are mapped into memory, not read: a query looks at `ROWS_AT_ONCE` rows at a time.

100,000 vectors of 64 numbers are 25 MB and a query takes milliseconds; past that number a library for
approximate search would pay (docs/decisions.md).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import TunesmithError
from core.store.atomic import cannot_write

Vectors = NDArray[np.float32]

VECTORS, ITEMS = "vectors.f32", "items.jsonl"

ROWS_AT_ONCE = 16_384
MOST_DIMENSIONS = 4096


@dataclass(frozen=True)
class Item:
    """A thing in the index.

    Attributes
    ----------
    key : the hash of its content
    about : what is known of it: title, path, composer, seconds ...
    """

    key: str
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Neighbour:
    """An answer: ``likeness`` is the cosine, -1 to 1."""

    item: Item
    row: int
    likeness: float


def unit(vectors: ArrayLike) -> Vectors:
    """Rows of length 1 [shape=(n, dimensions)]; a row of zeros stays one.

    Raises
    ------
    TunesmithError
        If a number is not finite.
    """
    rows = np.atleast_2d(np.asarray(vectors, np.float32))
    if not np.isfinite(rows).all():
        raise TunesmithError("an embedding holds numbers that are not finite; embed the piece anew")
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


class Index:
    """The vectors and items of one embedding.

    Parameters
    ----------
    folder : where its two files lie; made when the first vector comes
    dimensions : numbers in a vector

    Raises
    ------
    TunesmithError
        If the files are no index, or of vectors of another size.
    """

    def __init__(self, folder: Path, dimensions: int) -> None:
        if not 1 <= dimensions <= MOST_DIMENSIONS:
            raise TunesmithError(f"a vector has 1 to {MOST_DIMENSIONS} numbers, not {dimensions}")
        self.dimensions = dimensions
        self._vectors, self._items = folder / VECTORS, folder / ITEMS
        self._mapped: Vectors = np.empty((0, dimensions), np.float32)
        self._bytes = 0
        """Of the file of items, those that count."""
        self.items: list[Item] = list(self._read_items())
        self._row = {item.key: row for row, item in enumerate(self.items)}

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, key: str) -> bool:
        return key in self._row

    @property
    def vectors(self) -> Vectors:
        """All vectors, mapped into memory [shape=(items, dimensions)]."""
        if len(self._mapped) != len(self):
            self._mapped = np.memmap(self._vectors, "<f4", "r", shape=(len(self), self.dimensions))
        return self._mapped

    def row_of(self, key: str) -> int | None:
        """Where a thing stands."""
        return self._row.get(key)

    def add(self, items: Sequence[Item], vectors: ArrayLike) -> int:
        """Add what is not there yet; how many were new.

        Raises
        ------
        TunesmithError
            If the vectors do not fit, or cannot be written.
        """
        rows = unit(vectors) if len(items) else np.empty((0, self.dimensions), np.float32)
        if rows.shape != (len(items), self.dimensions):
            raise TunesmithError(
                f"{len(items)} vectors of {self.dimensions} numbers are needed, not {rows.shape}"
            )
        new: dict[str, int] = {}
        for place, item in enumerate(items):
            if item.key not in self:
                new.setdefault(item.key, place)
        if not new:
            return 0
        lines = [
            json.dumps({"key": key, "about": dict(items[place].about)}) + "\n" for key, place in new.items()
        ]
        try:
            self._items.parent.mkdir(parents=True, exist_ok=True)
            # The vectors first: a row without its line does not count, a line without its row would.
            _append(self._vectors, 4 * self.dimensions * len(self), rows[list(new.values())].tobytes())
            _append(self._items, self._bytes, data := "".join(lines).encode())
        except OSError as error:
            raise cannot_write(self._items, error) from error
        self._bytes += len(data)
        for key, place in new.items():
            self._row[key] = len(self.items)
            self.items.append(Item(key, dict(items[place].about)))
        return len(new)

    def nearest(self, vector: ArrayLike, count: int = 10, *, without: Iterable[str] = ()) -> list[Neighbour]:
        """The ``count`` things most like ``vector``, the likest first.

        Parameters
        ----------
        vector : [shape=(dimensions,)]
        without : keys that are no answers
        """
        query = unit(vector)[0]
        if query.shape != (self.dimensions,):
            raise TunesmithError(f"a vector of {self.dimensions} numbers is needed, not {query.shape}")
        vectors, likeness = self.vectors, np.empty(len(self), np.float32)
        for first in range(0, len(self), ROWS_AT_ONCE):
            # Not by the matrix library: its threads wait for each other longer than this takes.
            np.einsum(
                "ij,j->i",
                vectors[first : first + ROWS_AT_ONCE],
                query,
                out=likeness[first : first + ROWS_AT_ONCE],
            )
        for key in without:
            if key in self:
                likeness[self._row[key]] = -np.inf
        count = min(count, int(np.isfinite(likeness).sum()))
        if not count:
            return []
        best = np.argpartition(-likeness, count - 1)[:count]
        # Equal ones in the order they came: the same question always has the same answer.
        best = best[np.lexsort((best, -likeness[best]))]
        return [Neighbour(self.items[row], int(row), float(likeness[row])) for row in best]

    # -- the files -----------------------------------------------------------------------------------

    def _read_items(self) -> Iterator[Item]:
        if not self._items.is_file():
            return
        held = self._vectors.stat().st_size // (4 * self.dimensions) if self._vectors.is_file() else 0
        with self._items.open("rb") as lines:
            for number, line in enumerate(lines):
                if number == held or not line.endswith(b"\n"):
                    return  # half written by a process that was killed
                try:
                    told = json.loads(line)
                    key, about = told["key"], dict(told["about"])
                except (ValueError, KeyError, AttributeError, TypeError) as error:
                    raise TunesmithError(
                        f"{self._items} is damaged in line {number + 1}; delete {self._items.parent} to build it anew"
                    ) from error
                self._bytes += len(line)
                yield Item(str(key), about)


def _append(path: Path, at: int, data: bytes) -> None:
    """Write ``data`` at ``at`` bytes, where the file is to end, and see it to the disk."""
    with path.open("r+b" if path.is_file() else "w+b") as out:
        out.truncate(at)
        out.seek(at)
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
