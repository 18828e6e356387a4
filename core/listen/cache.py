"""What was heard of files, kept by their content: the same file is not listened to twice, whatever its name.

Conventions
-----------
* An entry is one ``.npz`` without pickles, named after a hash of the file's bytes and of `front_end`; another
  version of Tunesmith finds none of its own.
* Entries that were not used for longest go first, where all would be larger than `MOST_BYTES`.
* A damaged entry is none: ZIP's checksums tell. So nothing is flushed to the disk, which would take longer
  than all else.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import Cancelled, TunesmithError
from core.listen import analysis_frames, blocks
from core.store.folders import user_folder
from core.version import VERSION

if TYPE_CHECKING:
    from core.listen.heard import Heard

MOST_BYTES = 1024**3
"""Some 180 songs of three minutes."""

_PIECE = 1 << 20
_SUFFIX = ".npz"
_FRAMES = "frames."


def fingerprint(path: str | os.PathLike[str], *, cancelled: Callable[[], bool] | None = None) -> str:
    """What a file's content is known by.

    Raises
    ------
    OSError
        Where it cannot be read.
    Cancelled
        When ``cancelled`` says so.
    """
    digest = hashlib.blake2b(front_end().encode(), digest_size=20)
    with Path(path).open("rb") as file:
        while piece := file.read(_PIECE):
            if cancelled and cancelled():
                raise Cancelled
            digest.update(piece)
    return digest.hexdigest()


@lru_cache(maxsize=1)
def front_end() -> str:
    """What an entry depends on besides the file: this version, and in a checkout its source."""
    parts = [VERSION]
    for module in (analysis_frames, blocks):
        with suppress(OSError, TypeError):
            source = Path(module.__file__ or "").read_bytes()
            parts.append(hashlib.blake2b(source, digest_size=8).hexdigest())
    return " ".join(parts)


def load(name: str) -> Heard | None:
    """The entry of that fingerprint, or None."""
    from core.listen.heard import Heard

    try:
        path = _path(name)
        with np.load(path, allow_pickle=False) as stored:
            found = {key: _value(stored[key]) for key in stored.files}
        frames = {key.removeprefix(_FRAMES): found.pop(key) for key in list(found) if key.startswith(_FRAMES)}
        heard = Heard(
            **{**found, "mel_db": found["mel_db"].T, "warnings": tuple(found["warnings"].tolist())},
            frames=analysis_frames.Frames(**frames),
        )
        os.utime(path)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, TunesmithError):
        return None
    return heard


def save(name: str, heard: Heard) -> None:
    """Keep what was heard; where that cannot be, nothing happens."""
    stored: dict[str, Any] = {
        entry.name: getattr(heard, entry.name) for entry in fields(heard) if entry.name != "frames"
    }
    stored["mel_db"] = heard.mel_db.T  # as it lies in memory
    stored["warnings"] = np.array(heard.warnings, dtype=np.str_)
    for entry in fields(heard.frames):
        stored[_FRAMES + entry.name] = getattr(heard.frames, entry.name)
    unfinished = None
    try:
        path = _path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        number, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".unfinished")
        with os.fdopen(number, "wb") as file:
            np.savez(file, allow_pickle=False, **stored)
        Path(unfinished).replace(path)
    except (OSError, TunesmithError):
        if unfinished:
            with suppress(OSError):
                Path(unfinished).unlink(missing_ok=True)
        return
    trim(path.parent)


def trim(folder: Path, most: int | None = None) -> None:
    """Remove the entries of a folder that were not used for longest, until all have at most ``most`` bytes."""
    entries = []
    for path in folder.iterdir():
        with suppress(OSError):
            found = path.stat()
            entries.append((found.st_mtime, found.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= (MOST_BYTES if most is None else most):
            return
        with suppress(OSError):
            path.unlink()
            total -= size


def folder() -> Path:
    """Where entries are kept."""
    return user_folder("cache") / "heard"


def _path(name: str) -> Path:
    return folder() / f"{name}{_SUFFIX}"


def _value(array: np.ndarray) -> Any:
    return array.item() if array.ndim == 0 else array
