"""Files that are whole or not there: written beside their place, then put into it in one step.

Conventions
-----------
* The temporary file lies in the target's folder (a rename works only inside one file system), is hidden,
  and keeps the target's suffix, by which audio and MIDI writers know the format.
* A process killed while it writes leaves such a file behind; the next write to the same folder
  sweeps it.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import TunesmithError

UNFINISHED = ".tunesmith-unfinished-"
STALE_SECONDS = 3600.0
"""Age from which an unfinished file is taken for a dead process's; a live one keeps changing."""

REASONS = {
    errno.ENOENT: "its folder does not exist; make the folder first",
    errno.ENOTDIR: "a part of its path is a file, not a folder; choose another place",
    errno.EISDIR: "it is a folder; give a file name",
    errno.EACCES: "it may not be written there; choose another place or change the permissions",
    errno.EPERM: "it may not be written there; choose another place or change the permissions",
    errno.EROFS: "the disk is read-only; choose another place",
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "your disk quota is used up; free some space",
    errno.EFBIG: "the file system does not take files this large; choose another place",
    errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
}


def cannot_write(path: Path, error: OSError) -> TunesmithError:
    """The one line a person reads when ``path`` could not be written."""
    reason = REASONS.get(error.errno or 0, error.strerror or str(error))
    return TunesmithError(f"cannot write {path}: {reason}")


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file so that it is whole or unchanged, whatever happens meanwhile.

    Yields the path of an empty temporary file to write to. When the block ends, it is flushed to the disk
    and takes the place of ``path`` (through a link, if ``path`` is one); when the block raises, it is
    removed and ``path`` stays as it was.

    Raises
    ------
    TunesmithError
        where the place cannot be written or the disk is full

    Examples
    --------
    >>> with atomic_write("song.txt") as unfinished:
    ...     _ = unfinished.write_text("la la la")
    """
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder", str(target))
        _sweep(target.parent)
        prefix = f".{target.stem[:40]}{UNFINISHED}"
        number, name = tempfile.mkstemp(prefix=prefix, suffix=target.suffix, dir=target.parent)
        os.close(number)
    except OSError as error:
        raise cannot_write(target, error) from error
    unfinished = Path(name)
    try:
        yield unfinished
        unfinished.chmod(_mode_for(target))
        _flush_file(unfinished)
        unfinished.replace(target)
        _flush_folder(target.parent)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in REASONS:
            raise cannot_write(target, error) from error
        raise


def write_bytes_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path``: all of it, or `TunesmithError` and the old file."""
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(data)


def is_unfinished(path: Path) -> bool:
    """Whether ``path`` is a temporary file of `atomic_write`; who lists a folder's files leaves these out."""
    return path.name.startswith(".") and UNFINISHED in path.name


def _sweep(folder: Path) -> None:
    """Remove what killed processes left in ``folder``."""
    for path in list(filter(is_unfinished, folder.iterdir())):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()


def _mode_for(target: Path) -> int:
    """The permissions of the file that is replaced, or those a plain new file would get."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        umask = os.umask(0o077)
        os.umask(umask)
        return 0o666 & ~umask


def _flush_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system lets a folder be flushed."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
