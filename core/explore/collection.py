"""The built-in collection: pieces that may be passed on, so that the map is never empty.

Conventions
-----------
* One file, ``assets/collection.zip``: MIDI files, and ``collection.json`` with a line of facts on each.
* Pieces are of two kinds: ``composed`` by our own generator (with the recipe that makes them again), and
  ``score``: old music whose notes were typed in by others and given away; each names its licence and source.
* Nothing is read before it is asked for, and of the archive only what is asked for.
* ``assets/collection-vectors.npz`` has where the pieces lie in the embeddings that ship, so that nobody waits until
  they have been played and heard. Of other weights than those it was made with it says nothing.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.song.midi_file import read_midi
from core.song.notes import Song
from core.store.atomic import atomic_write
from core.store.folders import assets_folder

FILE = "collection.zip"
FACTS = "collection.json"
FORMAT = 1
VECTORS = "collection-vectors.npz"
LARGEST = 16 << 20
"""Bytes of one member; the head of an archive is not trusted for more."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the collection.

    Attributes
    ----------
    name : its file in the archive
    kind : "composed" or "score"
    genre : the style it was composed in, or what its editors call it
    key : "D minor"
    tempo : beats per minute at its beginning
    seconds : how long it lasts
    licence, origin : under what it may be passed on, and where it comes from
    recipe : the request that made it; {} for a score
    """

    name: str
    title: str
    kind: str
    genre: str
    key: str
    tempo: float
    seconds: float
    licence: str
    origin: str
    composer: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)


def collection_path() -> Path:
    """Where the collection is."""
    return assets_folder() / FILE


@lru_cache(maxsize=2)
def collection(path: Path | None = None) -> tuple[Piece, ...]:
    """What is in the collection; nothing where there is none.

    Raises
    ------
    TunesmithError
        Where it is damaged, or made for a newer version.
    """
    path = path or collection_path()
    if not path.is_file():
        return ()
    try:
        told = json.loads(_member(path, FACTS))
        if told["format"] > FORMAT:
            raise TunesmithError(f"{path} was made for a newer Tunesmith; update Tunesmith")
        known = {item.name for item in fields(Piece)}
        return tuple(
            Piece(**{name: value for name, value in each.items() if name in known}) for each in told["pieces"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise TunesmithError(f"{path} is damaged ({error}); install Tunesmith again") from error


def midi_of(piece: Piece, path: Path | None = None) -> bytes:
    """The piece's MIDI file.

    Raises
    ------
    TunesmithError
        Where it cannot be read.
    """
    return _member(path or collection_path(), piece.name)


def song_of(piece: Piece, path: Path | None = None) -> Song:
    """The piece.

    Raises
    ------
    TunesmithError
        Where it cannot be read.
    """
    return read_midi(midi_of(piece, path))


@lru_cache(maxsize=8)
def vectors_of(name: str, weights: str, path: Path | None = None) -> Mapping[str, NDArray[np.float32]]:
    """Where pieces of the collection lie in an embedding, by the hash of their content; {} where that is not known.

    Parameters
    ----------
    weights : the checksum of the embedding's weights
    """
    try:
        with np.load(path or assets_folder() / VECTORS, allow_pickle=False) as stored:
            if str(stored[f"{name} weights"]) != weights:
                return {}
            keys, rows = stored["keys"], stored[name].astype(np.float32)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return {}
    return dict(zip(keys.tolist(), rows, strict=True)) if len(keys) == len(rows) else {}


def write_vectors(
    path: Path, keys: Sequence[str], vectors: Mapping[str, NDArray[np.float32]], weights: Mapping[str, str]
) -> None:
    """Write what `vectors_of` reads: of every embedding the vectors of all pieces, and its weights' checksum."""
    arrays: dict[str, Any] = {"keys": np.array(keys, np.str_)}
    for name, rows in vectors.items():
        arrays |= {name: rows.astype(np.float16), f"{name} weights": np.str_(weights[name])}
    with atomic_write(path) as unfinished:
        np.savez_compressed(unfinished, **arrays)


def _member(path: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as member:
            data = member.read(LARGEST + 1)
    except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise TunesmithError(f"cannot read {name} in {path} ({error}); install Tunesmith again") from error
    if len(data) > LARGEST:
        raise TunesmithError(f"{name} in {path} is too large; install Tunesmith again")
    return data
