"""The rendered ten-second clips on the disk: what table S2, our own network and the embeddings learn from.

A folder of clips holds

``clips.csv``
    a row a clip, in the order of the arrays: ``path`` of the MIDI file below the data folder, ``composer``,
    ``work``, ``split`` (``train`` or ``test``, by work), ``fold`` (0 to 4, by work, of the training clips; fold 1 is
    the validation part; -1 for test), ``start_s`` in the score, ``font``, ``tempo`` (factor), ``seed``.
``mel.npy``
    uint8 [shape=(clips, 64, 431)], mel-spectrogram; `decibels` makes dB of it, 0 at the clip's loudest
``mel128.npy``
    uint8 [shape=(clips, 128, 431)], the same with 128 bands: what our own network hears
``mfcc.npy``
    float16 [shape=(clips, 13, 431)]
``chroma.npy``
    float16 [shape=(clips, 12, 431)], each frame's largest is 1
``state.npy``
    uint8 [shape=(clips,)]: `TO_DO`, `READY` or `SILENT`; only clips that are ready are read

Arrays are opened as memory maps, so that a reader takes what it needs.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.store.atomic import write_bytes_atomic

COMPOSERS = ("Beethoven", "Brahms", "Haydn", "Sibelius", "Tchaikovsky")
"""Of S2, in the order of its Table 1."""

SAMPLE_RATE = 22_050
HOP = 512
WINDOW = 2048
SECONDS = 10
FRAMES = 1 + SECONDS * SAMPLE_RATE // HOP
"""Of a clip: 431, as published."""

RANGE_DB = 80.0
"""How far below a clip's loudest place its spectrogram goes."""

FOLDS = 5
VALID_FOLD = 1

TO_DO, READY, SILENT = 0, 1, 2

KINDS: dict[str, tuple[int, str]] = {
    "mel": (64, "uint8"),
    "mel128": (128, "uint8"),
    "mfcc": (13, "float16"),
    "chroma": (12, "float16"),
}
"""Representations: name -> rows of a frame, type on the disk."""

LIST, STATE = "clips.csv", "state.npy"


@dataclass(frozen=True)
class Clip:
    """Where a clip comes from and how it was rendered; see the module for the fields."""

    path: str
    composer: str
    work: str
    split: str
    fold: int
    start_s: float
    font: str
    tempo: float
    seed: int


@dataclass(frozen=True)
class Clips:
    """Clips that are ready, with their representations.

    Attributes
    ----------
    rows : one `Clip` each
    place : of each in the arrays on the disk
    """

    folder: Path
    rows: tuple[Clip, ...]
    place: NDArray[np.int64]

    @property
    def label(self) -> NDArray[np.int64]:
        """Number in `COMPOSERS` of every clip."""
        return np.array([COMPOSERS.index(row.composer) for row in self.rows], np.int64)

    @property
    def work(self) -> NDArray[np.str_]:
        """Composer and work of every clip: two composers may have written a symphony 1."""
        return np.array([f"{row.composer}: {row.work}" for row in self.rows], str)

    @property
    def fold(self) -> NDArray[np.int64]:
        return np.array([row.fold for row in self.rows], np.int64)

    def of(self, split: str) -> Clips:
        """Those of one split: "train", "test", or "valid", the training works of the fold `VALID_FOLD`."""
        if split == "valid":
            return self.where(self.fold == VALID_FOLD)
        return self.where(np.array([row.split == split for row in self.rows], bool))

    def where(self, kept: NDArray[np.bool_]) -> Clips:
        """Those for which ``kept`` is true."""
        rows = tuple(row for row, keep in zip(self.rows, kept, strict=True) if keep)
        return Clips(self.folder, rows, self.place[kept])

    def read(self, kind: str) -> NDArray:
        """One representation of all of them, as stored [shape=(clips, rows, 431)]."""
        return open_array(self.folder, kind)[self.place]


def decibels(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Decibels below the clip's loudest place, 0 to -`RANGE_DB`, of a stored spectrogram."""
    return stored.astype(np.float32) * np.float32(RANGE_DB / 255) - np.float32(RANGE_DB)


def stored(db: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The inverse of `decibels`, of clips whose loudest place may have any level [shape=(..., bands, frames)]."""
    below = db - db.max((-2, -1), keepdims=True)
    return np.rint(np.clip(below / RANGE_DB + 1, 0, 1) * 255).astype(np.uint8)


def read_clips(folder: Path) -> Clips:
    """The clips of ``folder`` that are ready.

    Raises
    ------
    TunesmithError
        Where there are none.
    """
    listed, state = folder / LIST, folder / STATE
    if not listed.is_file() or not state.is_file():
        raise TunesmithError(
            f"{folder} holds no rendered clips; make them with: tunesmith learn composers-audio --data MIDI_FOLDER"
        )
    with listed.open(encoding="utf-8", newline="") as file:
        rows = [
            Clip(
                row["path"], row["composer"], row["work"], row["split"], int(row["fold"]), float(row["start_s"]),
                row["font"], float(row["tempo"]), int(row["seed"]),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip
    ready = np.flatnonzero(np.load(state, allow_pickle=False) == READY)
    if not len(ready):
        raise TunesmithError(f"{folder} has no clip that is ready; render them anew")
    return Clips(folder, tuple(rows[place] for place in ready.tolist()), ready)


def write_list(folder: Path, rows: Sequence[Clip]) -> None:
    """Write ``clips.csv``, and the empty arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Clip)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    for kind, (size, kind_of_number) in KINDS.items():
        np.lib.format.open_memmap(
            folder / f"{kind}.npy", "w+", dtype=kind_of_number, shape=(len(rows), size, FRAMES)
        ).flush()
    np.lib.format.open_memmap(folder / STATE, "w+", dtype=np.uint8, shape=(len(rows),)).flush()
    write_bytes_atomic(folder / LIST, text.getvalue().encode())


def open_array(folder: Path, kind: str, *, writing: bool = False) -> np.memmap:
    """A representation of all clips of the list, as a memory map."""
    return np.load(folder / f"{kind}.npy", mmap_mode="r+" if writing else "r", allow_pickle=False)
