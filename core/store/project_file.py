"""The project file: everything of a piece of work, in one file that stays readable.

Format
------
A ``.tunesmith`` file is a zip archive of ``project.json`` (``format``, ``version``, the song's frame, and
``extra``: whatever JSON the window wants to find again) and one ``.npy`` array for each entry of
`core.store.song_parts.ARRAYS`. There is no pickle in it. Sizes written in a file are never believed: members
are read up to a limit, and an array must be exactly as long as its bytes.

Promises
--------
* No save can damage the file before it: a save is written beside, read back and compared, then put in place.
* The twenty last versions that a save has replaced are kept in the user's data folder (`list_backups`).
* Every older version opens: `MIGRATIONS` takes its JSON up, one version a step.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import shutil
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from itertools import filterfalse
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.song.notes import Song
from core.store.atomic import atomic_write, is_unfinished
from core.store.folders import user_folder
from core.store.song_parts import ARRAYS, song_from_parts, song_parts

logger = logging.getLogger(__name__)

SUFFIX = ".tunesmith"
FORMAT = "tunesmith project"
VERSION = 1
BACKUPS_KEPT = 20
LARGEST_JSON = 64 << 20
LARGEST_ARRAY = 256 << 20
LARGEST_FILE = 512 << 20

MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Version n -> what makes a document of version n + 1 of it. Version 1 is the first."""

UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, RecursionError,
    ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, MemoryError, SyntaxError,
)  # fmt: skip
"""What the zip, JSON and array readers raise at bytes that are no project."""


def save_project(path: str | os.PathLike[str], song: Song, extra: Mapping[str, Any] | None = None) -> None:
    """Write a project in one step, read it back, and keep the version it replaces.

    Parameters
    ----------
    path : usually ends in ``.tunesmith``
    extra : JSON values to be found again by `load_project`

    Raises
    ------
    TunesmithError
        where it cannot be written, or what was written does not read back as it should; the old file stays
    """
    path = Path(path)
    values: dict[str, Any] = json.loads(json.dumps(dict(extra or {}), allow_nan=False))
    with atomic_write(path) as unfinished:
        _write(unfinished, song, values)
        try:
            same = load_project(unfinished) == (song, values)
        except TunesmithError as error:
            raise TunesmithError(f"{path} was not saved, it did not read back: {error}") from error
        if not same:
            raise TunesmithError(f"{path} was not saved, it read back differently; save it elsewhere")
        _back_up(path)


def load_project(path: str | os.PathLike[str]) -> tuple[Song, dict[str, Any]]:
    """The song and the extra values of a project.

    Raises
    ------
    TunesmithError
        where there is no such file, it is damaged, or a newer version wrote it
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"larger than {LARGEST_FILE >> 20} MiB")
        with path.open("rb") as file:
            return _read(file)
    except FileNotFoundError as error:
        raise TunesmithError(f"there is no file {path}; check the name") from error
    except OSError as error:
        raise TunesmithError(f"cannot read {path}: {error.strerror or error}") from error
    except UNREADABLE as error:
        kept = f"; earlier versions are in {_backup_folder(path)}" if list_backups(path) else ""
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TunesmithError(
            f"{path} is damaged or not a Tunesmith project ({reason[:200]}){kept}"
        ) from error


def list_backups(path: str | os.PathLike[str]) -> list[Path]:
    """Versions of the project at ``path`` that later saves replaced, newest first."""
    kept = _backup_folder(Path(path)).glob("*" + SUFFIX)
    return sorted(filterfalse(is_unfinished, kept), reverse=True)


def _write(path: Path, song: Song, extra: dict[str, Any]) -> None:
    frame, arrays = song_parts(song)
    document = {"format": FORMAT, "version": VERSION, "song": frame, "extra": extra}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_member("project.json"), json.dumps(document, ensure_ascii=False, allow_nan=False))
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            archive.writestr(_member(name + ".npy"), buffer.getvalue())


def _member(name: str) -> zipfile.ZipInfo:
    """A zip entry without the hour, so that the same project gives the same bytes."""
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _read(file: IO[bytes]) -> tuple[Song, dict[str, Any]]:
    with zipfile.ZipFile(file) as archive:
        document = json.loads(_bytes_of(archive, "project.json", LARGEST_JSON))
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError("project.json is of another kind")
        document = _migrated(document)
        arrays = {
            name: _array(name, _bytes_of(archive, name + ".npy", LARGEST_ARRAY), dtype)
            for name, dtype in ARRAYS.items()
        }
    if not isinstance(document["extra"], dict):
        raise ValueError("extra is not a JSON object")
    return song_from_parts(document["song"], arrays), document["extra"]


def _migrated(document: dict[str, Any]) -> dict[str, Any]:
    version = document.get("version")
    if not isinstance(version, int):
        raise ValueError("it has no version")
    if version > VERSION:
        raise TunesmithError("this project was made with a newer Tunesmith; update Tunesmith to open it")
    for step in range(version, VERSION):
        document = MIGRATIONS[step](document)
    return document


def _bytes_of(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A member's bytes; the size the archive claims for it is not asked."""
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        raise ValueError(f"{name} is packed in an unknown way")
    with archive.open(name) as member:
        data = member.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{name} is larger than {limit >> 20} MiB")
    return data


def _array(name: str, data: bytes, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The ``.npy`` array in ``data``, if it is what its name says and as long as its header says."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"{name}.npy is of another format version")
    shape, _, found = np.lib.format.read_array_header_1_0(stream)
    body = data[stream.tell() :]
    if found != dtype or len(shape) != 1 or shape[0] * dtype.itemsize != len(body):
        raise ValueError(f"{name}.npy does not hold what its header says")
    return np.frombuffer(body, dtype)


def _backup_folder(path: Path) -> Path:
    """One folder for each place a project is saved to."""
    whole = os.path.realpath(path)
    mark = hashlib.sha256(os.fsencode(whole)).hexdigest()[:12]
    return user_folder("data", create=False) / "backups" / f"{path.stem[:60]}-{mark}"


def _back_up(path: Path) -> None:
    """Keep the version now at ``path``. That this fails must not keep a person from saving."""
    if not path.is_file():
        return
    try:
        folder = _backup_folder(path)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / f"{time.time_ns():020d}{SUFFIX}") as unfinished:
            shutil.copyfile(path, unfinished)
        for old in list_backups(path)[BACKUPS_KEPT:]:
            old.unlink(missing_ok=True)
    except (OSError, TunesmithError) as error:
        logger.warning("the version before was not kept: %s", error)
