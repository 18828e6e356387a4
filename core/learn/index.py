"""What a training learnt from, file by file, with checksums: a CSV beside the packed data.

Columns: data set, path in the data folder, SHA-256 of the file, split, group (works that must stay
together on one side of a split). With it anyone who has the files can tell whether they are the same, and
what was held out.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from core.errors import TunesmithError
from core.learn.data import Row
from core.store.atomic import write_bytes_atomic


class Entry(NamedTuple):
    """One file; the fields are the columns."""

    dataset: str
    path: str
    sha256: str
    split: str
    group: str


def index_of(folder: Path, rows: Iterable[Row]) -> list[Entry]:
    """An entry for every row's file; one that is missing has no checksum."""
    return [
        Entry(row.dataset, row.path, sha256(folder / row.path) or "", row.split, row.group) for row in rows
    ]


def sha256(path: Path) -> str | None:
    """The checksum of a file, or None where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def write_index(path: Path, entries: Iterable[Entry]) -> str:
    """Write an index; the SHA-256 of what was written."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(Entry._fields)
    lines.writerows(entries)
    data = text.getvalue().encode()
    write_bytes_atomic(path, data)
    return hashlib.sha256(data).hexdigest()


def read_index(path: Path) -> list[Entry]:
    """Read what `write_index` wrote.

    Raises
    ------
    TunesmithError
        For a file that is no index.
    """
    with path.open(encoding="utf-8", newline="") as text:
        lines = list(csv.reader(text))
    if (
        not lines
        or tuple(lines[0]) != Entry._fields
        or any(len(line) != len(Entry._fields) for line in lines)
    ):
        raise TunesmithError(f"{path} is no index of training data: pack the data again, without --resume")
    return [Entry(*line) for line in lines[1:]]


def changed(folder: Path, entries: Sequence[Entry]) -> list[str]:
    """The paths whose files are not those of the index any more."""
    return [entry.path for entry in entries if (sha256(folder / entry.path) or "") != entry.sha256]


def across_splits(entries: Sequence[Entry]) -> list[str]:
    """The paths of held-out files whose very bytes are in the training split, too."""
    training = {entry.sha256 for entry in entries if entry.split == "train" and entry.sha256}
    return [entry.path for entry in entries if entry.split != "train" and entry.sha256 in training]
