"""The crash journal: what was edited since the last save, so that a killed program loses two seconds at most.

How it works
------------
`Journal.append` takes the song after an edit and returns at once; songs are values, so a thread can write
them later. It writes what it was given as soon as it can and flushes it to the disk at most
`FLUSH_SECONDS` later. When edits come faster than they are written, only the last of them is.

Format
------
A file is a chain of records: MARK, length (4 bytes), CRC-32 of the payload (4 bytes), payload. A payload is
compressed: the length of a JSON head, the head, then the bytes of the arrays it names. A *snapshot* holds a
whole song; a *difference* holds, for each array, only the entries between those that the start and the end of
the song before have in common with it. Differences that outgrow the snapshot bring the next snapshot, and a
file that outgrows `LARGEST_JOURNAL` is begun anew.

Reading stops believing at the first record that is torn or flipped, and starts again at the next snapshot.
"""

from __future__ import annotations

import json
import logging
import os
import struct
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.song.notes import Song
from core.store.atomic import is_unfinished, write_bytes_atomic
from core.store.folders import user_folder
from core.store.song_parts import ARRAYS, Arrays, Frame, song_from_parts, song_parts

logger = logging.getLogger(__name__)

SUFFIX = ".journal"
MARK = b"\xa7TSJ"
HEADER = struct.Struct("<4sII")
HEAD_LENGTH = struct.Struct("<I")
FLUSH_SECONDS = 1.0
START_SECONDS = 60.0
LARGEST_JOURNAL = 64 << 20
LARGEST_PAYLOAD = 512 << 20


@dataclass(frozen=True, slots=True)
class Recovered:
    """The last good state in a journal.

    ``label`` names its last edit, ``edits`` counts those since the journal began, ``time`` is when it was
    written (seconds since 1970), ``extra`` what the window kept with it (the project's path, for one).
    """

    song: Song
    label: str
    edits: int
    time: float
    extra: dict[str, Any]


class Journal:
    """The journal of one open document.

    Nothing is written before the first `append`, so that what an earlier program left at ``path`` can be
    recovered first. `error` holds one line while the disk refuses, "" while all is well.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path) if path else journal_folder() / f"{uuid.uuid4().hex}{SUFFIX}"
        self.error = ""
        self._owner = _lock(self.path)
        if self._owner is None:
            raise TunesmithError(f"another Tunesmith is writing {self.path}; close it first")
        self._wake = threading.Condition()
        self._waiting: tuple[str, Song, dict[str, Any], int] | None = None
        self._edits = 0
        self._written = 0
        self._closing = False
        self._flush_now = False
        self._writer = _Writer(self.path)
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def append(self, label: str, song: Song, extra: Mapping[str, Any] | None = None) -> None:
        """Note that ``song`` is what the edit called ``label`` made. Returns at once."""
        with self._wake:
            self._edits += 1
            self._waiting = (label, song, dict(extra or {}), self._edits)
            self._wake.notify_all()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was appended is on the disk; False where that did not come to pass."""
        with self._wake:
            self._flush_now = True
            self._wake.notify_all()
            return self._wake.wait_for(lambda: not self._flush_now, timeout) and not self.error

    def recover(self) -> Recovered | None:
        """The last good state on the disk; see `read_journal`."""
        return read_journal(self.path)

    def close(self, *, keep: bool = False) -> None:
        """Stop, and remove the file unless ``keep``: work that was saved needs no recovery."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join()
        self._writer.close()
        if not keep:
            self.path.unlink(missing_ok=True)
        _unlock(self.path, self._owner)
        self._owner = None

    def _work(self) -> None:
        flushed = time.monotonic()
        refused = None
        while True:
            with self._wake:
                due = flushed + FLUSH_SECONDS - time.monotonic() if self._writer.unflushed else None
                if self.error:
                    due = FLUSH_SECONDS
                self._wake.wait_for(lambda: self._waiting or self._closing or self._flush_now, due)
                waiting, self._waiting = self._waiting or refused, None
                closing, flush = self._closing, self._flush_now
            try:
                if waiting:
                    self._writer.write(*waiting)
                if flush or closing or time.monotonic() - flushed >= FLUSH_SECONDS:
                    self._writer.flush()
                    flushed = time.monotonic()
                self.error, refused = "", None
            except (OSError, TunesmithError) as error:
                # The disk may be full now and not in a minute: say so, and try again.
                refused = waiting
                self.error = f"the crash journal cannot be written: {error}"
                logger.warning(self.error)
                self._writer.begin_anew()
            with self._wake:
                if flush and self._waiting is None:
                    self._flush_now = False
                    self._wake.notify_all()
                if closing and self._waiting is None:
                    return


class _Writer:
    """Records to a file; knows the last song written, against which differences are taken."""

    def __init__(self, path: Path) -> None:
        self.unflushed = False
        self._path = path
        self._file: IO[bytes] | None = None
        self._frame: Frame = {}
        self._arrays: Arrays = {}
        self._snapshot_bytes = 0
        self._difference_bytes = 0

    def write(self, label: str, song: Song, extra: dict[str, Any], edits: int) -> None:
        frame, arrays = song_parts(song)
        head = {"label": label, "edits": edits, "time": time.time(), "extra": extra}
        if self._file and self._difference_bytes <= self._snapshot_bytes + 4096:
            record = _record(head, _difference(self._frame, self._arrays, frame, arrays))
            self._difference_bytes += len(record)
        else:
            record = _record(head, _snapshot(frame, arrays))
            self._snapshot_bytes, self._difference_bytes = len(record), 0
            if self._file and self._file.tell() > LARGEST_JOURNAL:
                self.close()
        if self._file is None:
            write_bytes_atomic(self._path, record)
            self._file = self._path.open("ab", buffering=0)
        else:
            _write_whole(self._file, record)
            self.unflushed = True
        self._frame, self._arrays = frame, arrays

    def flush(self) -> None:
        if self._file and self.unflushed:
            os.fsync(self._file.fileno())
        self.unflushed = False

    def begin_anew(self) -> None:
        """Forget the file; the next write replaces it by a snapshot."""
        self.close()
        self._snapshot_bytes = self._difference_bytes = 0

    def close(self) -> None:
        if self._file:
            self._file.close()
        self._file = None
        self.unflushed = False


def read_journal(path: str | os.PathLike[str]) -> Recovered | None:
    """The last good state in a journal, however it is damaged; None where there is none.

    Raises
    ------
    TunesmithError
        where the file exists but the system will not let it be read
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TunesmithError(f"cannot read the journal {path}: {error.strerror}") from error
    best: Recovered | None = None
    frame: Frame | None = None
    arrays: Arrays = {}
    end = 0
    for start, payload in _payloads(data):
        if start != end:
            frame = None  # something was lost between; only a snapshot stands on its own
        end = start + HEADER.size + len(payload)
        try:
            head, parts = _unpacked(payload)
            if head["kind"] == "difference" and frame is None:
                continue
            frame, arrays = _applied(frame or {}, arrays, head, parts)
            best = Recovered(
                song_from_parts(frame, arrays),
                str(head["label"]), int(head["edits"]), float(head["time"]), dict(head["extra"]),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, zlib.error, struct.error):
            frame = None
    return best


def unfinished_journals() -> list[Path]:
    """Journals that a program which no longer runs has left, newest first."""
    left = []
    folder = journal_folder()
    for lock in folder.glob("*" + SUFFIX + ".lock"):
        # A program that ended before its first edit leaves a lock alone; a young one may be just starting.
        if not lock.with_suffix("").exists() and time.time() - lock.stat().st_mtime > START_SECONDS:
            _unlock(lock.with_suffix(""), _lock(lock.with_suffix("")))
    for path in filterfalse(is_unfinished, folder.glob("*" + SUFFIX)):
        owner = _lock(path)
        if owner is not None:
            _unlock(path, owner)
            left.append(path)
    return sorted(left, key=lambda path: path.stat().st_mtime, reverse=True)


def journal_folder() -> Path:
    """Where journals lie."""
    folder = user_folder("data") / "journals"
    folder.mkdir(exist_ok=True)
    return folder


def _record(head: dict[str, Any], body: tuple[dict[str, Any], list[NDArray[Any]]]) -> bytes:
    described, pieces = body
    text = json.dumps({**head, **described}).encode()
    packed = zlib.compress(
        b"".join([HEAD_LENGTH.pack(len(text)), text, *(piece.tobytes() for piece in pieces)]), 1
    )
    return HEADER.pack(MARK, len(packed), zlib.crc32(packed)) + packed


def _snapshot(frame: Frame, arrays: Arrays) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    described = {name: {"head": 0, "tail": 0, "count": len(array)} for name, array in arrays.items()}
    return {"kind": "snapshot", "frame": frame, "arrays": described}, list(arrays.values())


def _difference(
    old_frame: Frame, old: Arrays, frame: Frame, new: Arrays
) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    described: dict[str, Any] = {}
    pieces = []
    for name, array in new.items():
        head, tail = _common(old[name], array)
        middle = array[head : len(array) - tail]
        described[name] = {"head": head, "tail": tail, "count": len(middle)}
        pieces.append(middle)
    changed = None if frame == old_frame else frame
    return {"kind": "difference", "frame": changed, "arrays": described}, pieces


def _common(old: NDArray[Any], new: NDArray[Any]) -> tuple[int, int]:
    """How many entries both arrays share at the start and, beyond those, at the end."""
    if old is new:
        return len(new), 0
    length = min(len(old), len(new))
    rows = new.dtype.itemsize
    a = np.ascontiguousarray(old).view(np.uint8).reshape(-1, rows)
    b = np.ascontiguousarray(new).view(np.uint8).reshape(-1, rows)
    differs = (a[:length] != b[:length]).any(axis=1)
    head = int(np.argmax(differs)) if differs.any() else length
    length -= head
    differs = (a[len(a) - length :] != b[len(b) - length :]).any(axis=1)[::-1]
    tail = int(np.argmax(differs)) if differs.any() else length
    return head, tail


def _payloads(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(position, payload) of every whole record; between damaged ones the next MARK is looked for."""
    at = data.find(MARK)
    while at >= 0 and at + HEADER.size <= len(data):
        _, length, checksum = HEADER.unpack_from(data, at)
        payload = data[at + HEADER.size : at + HEADER.size + length]
        if len(payload) == length and zlib.crc32(payload) == checksum:
            yield at, payload
            at = data.find(MARK, at + HEADER.size + length)
        else:
            at = data.find(MARK, at + 1)


def _unpacked(payload: bytes) -> tuple[dict[str, Any], bytes]:
    data = zlib.decompressobj().decompress(payload, LARGEST_PAYLOAD)
    (length,) = HEAD_LENGTH.unpack_from(data)
    head = json.loads(data[HEAD_LENGTH.size : HEAD_LENGTH.size + length])
    return head, data[HEAD_LENGTH.size + length :]


def _applied(frame: Frame, arrays: Arrays, head: dict[str, Any], data: bytes) -> tuple[Frame, Arrays]:
    """The parts of the song after the record ``head``."""
    made: Arrays = {}
    at = 0
    for name, dtype in ARRAYS.items():
        entry = head["arrays"][name]
        size = entry["count"] * dtype.itemsize
        middle = np.frombuffer(data[at : at + size], dtype)
        if len(middle) != entry["count"]:
            raise ValueError(f"{name} is cut off")
        at += size
        if head["kind"] == "snapshot":
            made[name] = middle
        else:
            old = arrays[name]
            made[name] = np.concatenate([old[: entry["head"]], middle, old[len(old) - entry["tail"] :]])
    return (frame if head["frame"] is None else head["frame"]), made


def _write_whole(file: IO[bytes], data: bytes) -> None:
    """All of ``data``; an unbuffered file may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _lock(path: Path) -> IO[bytes] | None:
    """The sign that this process owns ``path``; None where another does. The system drops it at a kill."""
    file = path.with_name(path.name + ".lock").open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _unlock(path: Path, owner: IO[bytes] | None) -> None:
    if owner:
        with suppress(OSError):  # Windows removes no open file; an old lock file does no harm
            path.with_name(path.name + ".lock").unlink()
        owner.close()
