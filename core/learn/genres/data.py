"""GTZAN as log-mels: what there is, and who stands on which side of a split.

The folder holds ``logmel_u8.npz`` (``X`` uint8 [shape=(tracks, 128, 334)], ``track_id``, ``label``) and
``tracks.csv`` (``track_id``, ``label``, ``filtered_split``, and, where known, ``exact_duplicate_of``, ``key_lerch`` as
"D minor", ``tempo_from_beats``). A matrix is what
`core.listen.genre.picture` makes of a track's audio.

GTZAN (Tzanetakis & Cook 2002) has no licence: it is excerpts of commercial recordings. It has faults (Sturm,
arXiv 1306.1461): replicas, several excerpts of one recording, wrong labels, few artists in a genre. The split of
Kereliuk, Sturm & Larsen (arXiv 1507.04761) leaves faulty tracks out and parts artists; splits by chance do neither.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.song.harmony import parse_key

MATRICES, TABLE = "logmel_u8.npz", "tracks.csv"
TRAIN, VALID, TEST = "train", "valid", "test"

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Tracks:
    """Tracks with their labels.

    Attributes
    ----------
    names : of the tracks
    pictures : log-mels, uint8 [shape=(tracks, bins, columns)]; 0 is 40 dB below the loudest, 255 the loudest
    labels : index into ``genres`` [shape=(tracks,)]
    genres : in the order of the alphabet
    parts : "train", "valid", "test" or "excluded", for each track
    twins : tracks that are copies of each other have one number [shape=(tracks,)]
    keys : number of the key, tonic and mode, -1 where it is not known [shape=(tracks,)]
    tempi : beats a minute, nan where they are not known [shape=(tracks,)]
    """

    names: tuple[str, ...]
    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    genres: tuple[str, ...]
    parts: tuple[str, ...]
    twins: NDArray[np.int64]
    keys: NDArray[np.int64]
    tempi: NDArray[np.float64]

    def part(self, *names: str) -> Places:
        """Places of the tracks in the parts ``names`` of the fault-filtered split."""
        return np.flatnonzero(np.isin(self.parts, names))


def load_tracks(folder: Path | None) -> Tracks:
    """Read the folder.

    Raises
    ------
    TunesmithError
        If it is not as this module's first lines say.
    """
    if folder is None or not (folder / MATRICES).is_file() or not (folder / TABLE).is_file():
        raise TunesmithError(f"name a folder with {MATRICES} and {TABLE} by --data; see docs/genre.md")
    with (folder / TABLE).open(encoding="utf-8", newline="") as lines:
        rows = {row["track_id"]: row for row in csv.DictReader(lines)}
    try:
        with np.load(folder / MATRICES, allow_pickle=False) as arrays:
            pictures, names = arrays["X"], tuple(str(name) for name in arrays["track_id"])
    except (OSError, ValueError, KeyError) as error:
        raise TunesmithError(f"cannot read {folder / MATRICES}: {error}") from error
    missing = [name for name in names if name not in rows]
    if missing or pictures.dtype != np.uint8 or pictures.ndim != 3 or len(pictures) != len(names):
        raise TunesmithError(f"{folder / MATRICES} and {TABLE} do not belong together; see docs/genre.md")
    genres = tuple(sorted({rows[name]["label"] for name in names}))
    place = {name: number for number, name in enumerate(names)}
    twins = np.arange(len(names))
    for name in names:
        other = rows[name].get("exact_duplicate_of") or name
        if other in place:
            twins[place[name]] = min(place[name], place[other])
    return Tracks(
        names,
        pictures,
        np.array([genres.index(rows[name]["label"]) for name in names], np.int64),
        genres,
        tuple(rows[name]["filtered_split"] for name in names),
        twins,
        np.array([_key(rows[name].get("key_lerch", "")) for name in names], np.int64),
        np.array([float(rows[name].get("tempo_from_beats") or "nan") for name in names]),
    )


def _key(name: str) -> int:
    try:
        key = parse_key(name)
    except TunesmithError:
        return -1
    return key.tonic + 12 * (key.mode == "minor")


def folds(tracks: Tracks, count: int = 10, seed: int = 0) -> list[Places]:
    """Part all tracks by chance, each genre evenly, copies of a track together.

    It is optimistic: other songs of the same artist, and other excerpts of one recording, stand on both sides.

    Returns
    -------
    list of ndarray
        places of the tracks in each fold; every track in exactly one
    """
    draw = np.random.default_rng(seed)
    fold = np.full(len(tracks.names), -1)
    for genre in range(len(tracks.genres)):
        kept = np.unique(tracks.twins[tracks.labels == genre])
        order = draw.permutation(kept)
        fold[order] = (np.arange(len(order)) + genre) % count
    fold = fold[tracks.twins]
    return [np.flatnonzero(fold == number) for number in range(count)]
