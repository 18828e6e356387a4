"""One SQLite file of the person's: opened with care, changed in whole steps, taken up from every older version.

Promises
--------
* A change is on the disk whole or not at all, also when the program is killed in the midst of it; readers go on
  meanwhile (write-ahead log, flushed at every change).
* A damaged file is put aside as ``NAME.bad-1.sqlite`` and so on, the person is told in one line, and the next start
  begins a new one.
* Every older version opens: migrations take it up one version a step, each step whole or not at all.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from core.errors import TunesmithError

logger = logging.getLogger(__name__)

BUSY_SECONDS = 10.0
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

REASONS = {
    sqlite3.SQLITE_BUSY: "another program is writing to it; try again in a moment",
    sqlite3.SQLITE_LOCKED: "another program is writing to it; try again in a moment",
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: "it may not be written; change its permissions or set TUNESMITH_HOME",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened there; change the permissions or set TUNESMITH_HOME",
    sqlite3.SQLITE_PERM: "it may not be used; change its permissions or set TUNESMITH_HOME",
    sqlite3.SQLITE_IOERR: "the disk refuses; check the disk",
    sqlite3.SQLITE_TOOBIG: "a piece is too large for it",
}
"""SQLite's primary result codes as a person reads them."""


class Database:
    """An open file. Every method may be called from any thread, one at a time.

    Parameters
    ----------
    path : made, with its tables, where it is missing
    what : its name in messages, such as "the library"
    kind : SQLite's application id; a file of another kind is refused and left alone
    migrations : SQL that makes version n + 1 of version n; the first makes the tables

    Raises
    ------
    TunesmithError
        where it is damaged (it was then put aside), newer than this program, or cannot be used
    """

    def __init__(self, path: Path, what: str, kind: int, migrations: Sequence[str]) -> None:
        self.path = path
        self._what = what
        self._turn = threading.RLock()
        with self._told():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self._told():
                self._prepare(kind, migrations)
        except BaseException:
            self._connection.close()
            raise

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows that a query gives."""
        with self._turn, self._told():
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A block of which all changes are made, or, where it raises, none."""
        with self._turn, self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file."""
        with self._turn:
            self._connection.close()

    def _prepare(self, kind: int, migrations: Sequence[str]) -> None:
        self._connection.row_factory = sqlite3.Row
        found, version = self._number("application_id"), self._number("user_version")
        if version and found != kind:
            raise TunesmithError(f"{self.path} is a file of another kind; move it away to begin anew")
        if version > len(migrations):
            raise TunesmithError(f"{self._what} was made with a newer Tunesmith; update Tunesmith to use it")
        if self._connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise _malformed()
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        for step in range(version, len(migrations)):
            with self.change() as connection:
                # Another program may have taken the step while this one waited for its turn.
                if self._number("user_version") != step:
                    continue
                for statement in filter(str.strip, migrations[step].split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {kind}")
                connection.execute(f"PRAGMA user_version = {step + 1}")

    def _number(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as one line for a person."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in DAMAGED:
                raise self._put_aside() from error
            if code not in REASONS:
                raise
            raise TunesmithError(f"{self._what} ({self.path}) cannot be used: {REASONS[code]}") from error

    def _put_aside(self) -> TunesmithError:
        self._connection.close()
        number = 1
        while (bad := self.path.with_name(f"{self.path.stem}.bad-{number}{self.path.suffix}")).exists():
            number += 1
        try:
            self.path.rename(bad)
            for ending in ("-wal", "-shm"):
                log = self.path.with_name(self.path.name + ending)
                if log.exists():
                    log.rename(bad.with_name(bad.name + ending))
        except OSError as error:
            logger.warning("%s could not be put aside: %s", self.path, error)
            return TunesmithError(f"{self._what} ({self.path}) is damaged; move it away to begin a new one")
        return TunesmithError(f"{self._what} was damaged and is kept as {bad}; try again to begin a new one")


class DatabaseOwner:
    """Something kept in one `Database` until it is closed; a context manager.

    Raises
    ------
    TunesmithError
        where the file cannot be used or was damaged; see `Database`
    """

    def __init__(self, path: Path, what: str, kind: int, migrations: Sequence[str]) -> None:
        self._database = Database(path, what, kind, migrations)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def _malformed() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
