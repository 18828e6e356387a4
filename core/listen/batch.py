"""Many files, one after the other or several at once, into a table that grows and that a later run goes on with.

Conventions
-----------
* A folder stands for the files in it and below whose names end in one of `core.listen.formats.SUFFIXES`, sorted; a
  file that is named is listened to whatever it is called.
* A bad file is one line of error in its place and never stops the rest.
* The table is CSV in UTF-8, one line a file, written as soon as the file is done. A file that stands in it with the
  same size and time of change is not listened to again; half a line, left by a run that was killed, is removed.
"""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Any

from core.errors import Cancelled, TunesmithError
from core.listen.formats import SUFFIXES
from core.listen.report import Report, Verdict, listen
from core.store.atomic import cannot_write

COLUMNS = (
    *("file", "kind", "duration_s", "genre", "genre_p", "composer", "composer_p", "tempo_bpm", "key"),
    *("key_confidence", "chords", "form", "seconds", "warnings", "error", "bytes", "changed"),
)

_POLL_SECONDS = 0.05
_LINE_END = b"\r\n"


@dataclass(frozen=True, slots=True)
class Job:
    """What one process is asked for."""

    file: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a file: a report, or a line of error."""

    file: str
    report: Report | None = None
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """As one of the command line's files."""
        told = self.report.as_json() if self.report else {"error": self.error}
        return {"file": self.file, **told}


Mapped = Callable[[Callable[[Job], Outcome], Sequence[Job]], Iterable[Outcome]]
"""Does a function to every job, somewhere; results come in any order."""


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """The files that ``paths`` stand for, each once.

    Raises
    ------
    TunesmithError
        For a folder that cannot be read or in which there is nothing to listen to.
    """
    found: dict[str, None] = {}
    for path in paths:
        inside = _inside(Path(path)) if Path(path).is_dir() else [os.fspath(path)]
        if not inside:
            raise TunesmithError(f"there is no audio and no MIDI file in {path}; give another folder")
        found.update(dict.fromkeys(inside))
    return list(found)


def _inside(folder: Path) -> list[str]:
    def refuse(error: OSError) -> None:
        raise TunesmithError(f"cannot read the folder {error.filename}: {error.strerror}") from error

    return sorted(
        os.path.join(parent, name)  # noqa: PTH118  # a Path an entry would take longer than the disk
        for parent, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if name.lower().endswith(SUFFIXES) and not name.startswith(".")
    )


def listen_all(
    files: Sequence[str],
    *,
    model: str = "",
    table: str | os.PathLike[str] | None = None,
    workers: int = 1,
    mapped: Mapped | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Outcome]:
    """Listen to files; their outcomes come as they are done, in no certain order.

    Parameters
    ----------
    files : see `find_files`
    model : see `core.listen.report.listen`
    table : a CSV file to be begun or gone on with; what stands in it already is left out of the outcomes
    workers : processes; with one the work is done in this
    mapped : does the work somewhere else, such as on a cluster

    Raises
    ------
    TunesmithError
        Where the table cannot be written, or is another table.
    Cancelled
        When ``cancelled`` says so; the table keeps what was done.
    """
    cancelled = cancelled or _never
    with ExitStack() as stack:
        rows = stack.enter_context(Table(table)) if table is not None else None
        jobs = [Job(file, model) for file in files if rows is None or not rows.has(file)]
        done = len(files) - len(jobs)
        if mapped is not None:
            outcomes: Iterable[Outcome] = mapped(outcome_of, jobs)
        elif workers > 1 and len(jobs) > 1:
            outcomes = in_processes(jobs, min(workers, len(jobs)), cancelled)
        else:
            outcomes = (outcome_of(job, cancelled=cancelled) for job in jobs)
        for outcome in outcomes:
            if rows is not None:
                rows.add(outcome)
            done += 1
            if progress:
                progress(done / len(files))
            yield outcome
            if cancelled():
                raise Cancelled


def outcome_of(job: Job, *, cancelled: Callable[[], bool] | None = None) -> Outcome:
    """Listen to one file, whatever it is.

    Raises
    ------
    Cancelled
        When ``cancelled`` says so.
    """
    try:
        # A thousand files would drive all else from the cache, and the table remembers them.
        return Outcome(job.file, listen(job.file, model=job.model, remember=False, cancelled=cancelled))
    except TunesmithError as error:
        return Outcome(job.file, error=str(error))
    except Cancelled:
        raise
    except Exception as error:  # the next file must have its turn, whatever a reader did with this one
        return Outcome(
            job.file, error=f"cannot be used ({type(error).__name__}: {error}); please report this file"
        )


def in_processes(jobs: Sequence[Job], workers: int, cancelled: Callable[[], bool]) -> Iterator[Outcome]:
    """The outcomes of jobs by so many processes of this machine, as they are done.

    Raises
    ------
    Cancelled
        Within 100 ms of ``cancelled`` saying so.
    """
    waiting = list(reversed(jobs))
    # Not forked: a library may have threads, which a fork would leave behind.
    context = get_context("spawn")
    while waiting:
        with ProcessPoolExecutor(workers, context, _watch_parent) as pool:
            running: dict[Future[Outcome], Job] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < 2 * workers:
                        job = waiting.pop()
                        running[pool.submit(outcome_of, job)] = job
                    done, _ = wait(running, _POLL_SECONDS, FIRST_COMPLETED)
                    if cancelled():
                        raise Cancelled
                    for future in done:
                        yield future.result()
                        del running[future]
            except BrokenProcessPool:
                # One of these files brought its process down, which took the others with it.
                for job in running.values():
                    yield Outcome(job.file, error=f"the process that listened to {Path(job.file).name} ended")
            except BaseException:
                _end(pool)
                raise


class Table:
    """The CSV file; open in a ``with`` statement."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._known: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> Table:
        try:
            self._read()
            fresh = not self.path.exists() or not self.path.stat().st_size
            self._file: IO[str] = self.path.open("a", newline="", encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._writer = csv.writer(self._file)
        if fresh:
            self._write(COLUMNS)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def has(self, file: str) -> bool:
        """Whether this file, as it is now, was listened to."""
        return file in self._known and self._known[file] == _state(file)

    def add(self, outcome: Outcome) -> None:
        """Write a line."""
        self._write(row_of(outcome))
        self._known[outcome.file] = _state(outcome.file)

    def _write(self, row: Sequence[Any]) -> None:
        try:
            self._writer.writerow(row)
            self._file.flush()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _read(self) -> None:
        if not self.path.exists():
            return
        whole = self.path.read_bytes()
        kept = whole.rfind(_LINE_END) + len(_LINE_END) if _LINE_END in whole else 0
        text = whole[:kept].decode("utf-8", "surrogateescape")
        rows = list(csv.reader(text.splitlines(keepends=True)))
        begun = ",".join(COLUMNS).encode()
        if tuple(rows[0]) != COLUMNS if rows else not begun.startswith(whole):
            raise TunesmithError(
                f"{self.path} is another table than this Tunesmith makes; give a new name with --out"
            )
        if kept < len(whole):
            with self.path.open("rb+") as file:
                file.truncate(kept)
        for row in rows[1:]:
            if len(row) == len(COLUMNS):
                self._known[row[0]] = row[-2], row[-1]


def row_of(outcome: Outcome) -> list[Any]:
    """A line of the table."""
    told = outcome.report
    if told is None:
        return [outcome.file, *[""] * (len(COLUMNS) - 4), outcome.error, *_state(outcome.file)]
    return [
        outcome.file,
        told.kind,
        f"{told.duration_s:.2f}",
        *_best(told.genre),
        *_best(told.composer),
        f"{told.tempo_bpm:.1f}" if told.tempo_bpm else "",
        told.key,
        f"{told.key_confidence:.2f}",
        len(told.chords),
        " ".join(span.label for span in told.structure),
        f"{told.seconds:.2f}",
        "; ".join(told.warnings),
        "",
        *_state(outcome.file),
    ]


def _best(verdict: Verdict | None) -> tuple[str, str]:
    if verdict is None:
        return "", ""
    return verdict.label, f"{verdict.chances[0][1]:.3f}" if verdict.chances else ""


def _state(file: str) -> tuple[str, str]:
    """By what a file that was changed is known: bytes, and when."""
    with suppress(OSError):
        found = os.stat(file)  # noqa: PTH116  # a thousand times
        return str(found.st_size), str(found.st_mtime_ns)
    return "", ""


def _watch_parent() -> None:
    """End this process with the one that started it, should that be killed: a pool's process would wait for ever."""

    def watch(parent: BaseProcess) -> None:
        parent.join()
        os._exit(1)

    parent = parent_process()
    if parent is not None:
        threading.Thread(target=watch, args=(parent,), name="watching the parent", daemon=True).start()


def _end(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool in the middle of their work; from Python 3.14 on it can itself."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def _never() -> bool:
    return False
