"""The index that `core.compose.originality` searches, made from the music that shipped generators learn from.

Every training file of the data folder is read as it is read for training; its lines go in. Arrangements of it made
by rule do not: their melody is the file's, and what the rules add (drums, basses, chords) is nobody's.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.compose.lines import Steps, lines_of, marks_of
from core.compose.originality import BETWEEN, MOST_MARKS, NAME, SHORTEST, Index, pair_counts
from core.errors import Cancelled, TunesmithError
from core.learn.data import Row, corpus_rows, licences, read_song
from core.learn.workers import Workers, mapped
from core.store.folders import user_folder
from core.store.model_file import save_model

MOST_SOURCES = 2**16

EDITION = re.compile(r"\s*(\[[^\]]*\])?$")
"""The end of a title that names genre and instruments."""


def learn_originality_index(
    *,
    data: Path | None,
    minutes: float | None = None,
    resume: bool = False,
    device: str = "auto",
    workers: Workers = None,
    out: Path | None = None,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Make the index and leave it in ``out`` as a model file.

    Parameters
    ----------
    data : folder of MIDI files, with a ``manifest.csv`` or without
    minutes, resume, device : have no say; nothing is trained
    workers : see `core.learn.workers.Workers`
    out : folder of the model

    Returns
    -------
    dict
        "model", and the card's figures.

    Raises
    ------
    TunesmithError
        Where there is no music to index.
    Cancelled
        Between two files, after ``cancelled`` first answers True.
    """
    if data is None or not data.is_dir():
        raise TunesmithError("say where the training data are: --data FOLDER, a folder of MIDI files")
    out = out or user_folder("data") / "learning" / NAME
    rows = [row for row in corpus_rows(data) if row.split == "train"]
    names = _names(data)
    found: list[tuple[Row, list[Steps]]] = []
    for done, steps in enumerate(mapped(_steps_of, [(data, row) for row in rows], workers)):
        if cancelled():
            raise Cancelled
        found.append((rows[done], steps))
        progress(0.9 * (done + 1) / len(rows))
    index = make_index([(names.get(row.path, row.path), steps) for row, steps in found])
    if not len(index.line_sources):
        raise TunesmithError(f"{data} has no training file with a line of {SHORTEST} notes")
    stated = licences(data)
    pieces: Counter[str] = Counter()
    lengths: Counter[str] = Counter()
    for row, steps in found:
        pieces[row.dataset] += bool(steps)
        lengths[row.dataset] += sum(map(len, steps))
    figures = {
        "sources": len(index.sources),
        "lines": len(index.line_sources),
        "marks": len(index.marks) - len(index.line_sources) - 1,
    }
    card = {
        "room": NAME,
        "architecture": "a mark of six bits for every five notes of the top and bottom line of every part",
        "parameters": 0,
        "licence": "facts of the files under trained_on, each under its own licence; none can be heard from it",
        "split": "the manifest's: the training part alone is indexed",
        "seed": "none: nothing is drawn",
        "command": f"tunesmith learn {NAME}-index --data DIR",
        "trained_on": {
            name: {"pieces": pieces[name], "steps": lengths[name], "licence": stated.get(name, "")}
            for name in sorted(pieces)
            if pieces[name]
        },
        "figures": figures,
    }
    out.mkdir(parents=True, exist_ok=True)
    save_model(out / NAME, index.tensors(), card)
    progress(1.0)
    return {"model": str(out / f"{NAME}.safetensors"), **figures}


def make_index(pieces: Sequence[tuple[str, Sequence[Steps]]]) -> Index:
    """An index of pieces, each with its name and its lines; a line that stands there already is left out.

    Raises
    ------
    TunesmithError
        For more music than an index can hold.
    """
    known: set[bytes] = set()
    kept: list[Steps] = []
    owners: list[int] = []
    sources: list[str] = []
    for name, lines in pieces:
        new = {line.tobytes(): line for line in lines if len(line) >= SHORTEST - 1}
        new = {digits: line for digits, line in new.items() if digits not in known}
        known.update(new)
        kept += new.values()
        owners += [len(sources)] * len(new)
        sources += [name] if new else []
    between = np.full(1, BETWEEN, np.uint8)
    marks = np.concatenate([between, *(part for line in kept for part in (marks_of(line), between))])
    if len(marks) > MOST_MARKS or len(sources) > MOST_SOURCES:
        raise TunesmithError(
            f"an index holds {MOST_SOURCES:,} files and {MOST_MARKS:,} notes; here are {len(sources):,} and "
            f"{len(marks):,}: take a part of the data"
        )
    return Index(marks, np.array(owners, np.uint16), sources, pair_counts(kept))


def _steps_of(job: tuple[Path, Row]) -> list[Steps]:
    """The lines of one file."""
    folder, row = job
    song = read_song(folder, row)
    return (
        [line.steps for line in lines_of(song) if len(line.steps) >= SHORTEST - 1] if song is not None else []
    )


def _names(folder: Path) -> dict[str, str]:
    """File -> "data set: composer, title", from the manifest."""
    path = folder / "manifest.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        return {
            row["path"]: f"{row['dataset']}: "
            + ", ".join(filter(None, (row["composer"], EDITION.sub("", row["title"]))))
            for row in csv.DictReader(lines)
        }
