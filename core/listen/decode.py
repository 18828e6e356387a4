"""Audio files as mono samples, read by another process that may fail without harm.

Conventions
-----------
* Sound is mono float32 [shape=(n,)] in the sample rate that was asked for; channels are averaged, and resampled
  by soxr's high quality, as librosa does.
* What a file is, is told by its content (`core.listen.formats`); the limits are those of
  `core.listen.decode_child`: 2 GiB, 3 hours, 8 channels, 8 to 192 kHz, 1 GiB of memory.
* The other process is kept for the next file. It is ended when it is silent for longer than
  `STALL_SECONDS`, when the job is cancelled, and with this one.

Examples
--------
>>> decode("song.mp3").duration_s  # doctest: +SKIP
183.4
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import core
from core.errors import Cancelled, TunesmithError
from core.store.atomic import REASONS

CHILD_COMMAND = "decode-for-listening"
"""The hidden command by which a frozen program, which has no Python to call, becomes the other process."""

MOST_BYTES = 2 * 1024**3

STALL_SECONDS = 4.0
"""How long it may say nothing, and how many bytes of the file a second it may take to look through besides."""
SLOWEST_BYTES_PER_SECOND = 20e6

START_SECONDS = 60.0
_POLL_SECONDS = 0.02
_MOST_WAITING = 16
_MOST_IDLE = 2

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """A whole recording in memory.

    Attributes
    ----------
    samples : mono float32 [shape=(frames,)]
    sample_rate : int
    duration_s : float
    warnings : what was wrong with the file, one line each
    """

    samples: Samples
    sample_rate: int
    duration_s: float
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Findings:
    """What `stream` found out, filled in while it reads.

    Attributes
    ----------
    format, sample_rate, channels : of the file
    share : how much was read, 0-1, by what the file promises; 0 where it promises nothing
    peak : the highest absolute sample, in all channels
    warnings : what was wrong, one line each
    """

    format: str = ""
    sample_rate: int = 0
    channels: int = 0
    share: float = 0.0
    peak: float = 0.0
    warnings: tuple[str, ...] = ()


def decode(
    path: str | os.PathLike[str],
    *,
    sample_rate: int = 22050,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Audio:
    """A whole file in memory: three hours are 950 MB, so what may be long is better taken by `stream`.

    Raises
    ------
    TunesmithError
        In one line, for what cannot be read.
    Cancelled
        Within 100 ms of ``cancelled`` saying so.
    """
    findings = Findings()
    blocks = []
    for block in stream(path, sample_rate=sample_rate, cancelled=cancelled, findings=findings):
        blocks.append(block)
        if progress:
            progress(findings.share)
    samples = np.concatenate(blocks)
    return Audio(samples, sample_rate, len(samples) / sample_rate, findings.warnings)


def stream(
    path: str | os.PathLike[str],
    *,
    sample_rate: int = 22050,
    seconds: float = 10.0,
    cancelled: Callable[[], bool] | None = None,
    findings: Findings | None = None,
) -> Generator[Samples, None, None]:
    """Consecutive blocks of a file, each ``seconds`` long but the last, and at least one.

    Parameters
    ----------
    findings : filled in with what is learned of the file

    Raises
    ------
    TunesmithError
        In one line, for what cannot be read; also half way through.
    Cancelled
        Within 100 ms of ``cancelled`` saying so.
    """
    path = Path(path)
    size = check_file(path)
    findings = findings if findings is not None else Findings()
    length = max(1, round(seconds * sample_rate))
    request = {"path": str(path.absolute()), "sample_rate": sample_rate}
    patience = STALL_SECONDS + size / SLOWEST_BYTES_PER_SECOND
    waiting: list[Samples] = []
    held = total = 0
    with closing(_answers(request, patience, cancelled or _never)) as answers:
        declared = None
        for letter, content in answers:
            if letter == b"s":
                block = np.frombuffer(content, np.float32)
                waiting.append(block)
                held += len(block)
                total += len(block)
                if declared:
                    findings.share = min(1.0, total / (declared * sample_rate))
                if held >= length:
                    ready = np.concatenate(waiting)
                    while len(ready) >= length:
                        yield ready[:length]
                        ready = ready[length:]
                    waiting, held = [ready], len(ready)
            elif letter == b"i":
                info = json.loads(content)
                findings.format = str(info["format"])
                findings.sample_rate, findings.channels = info["sample_rate"], info["channels"]
                declared = info["declared_s"]
            elif letter == b"d":
                found = json.loads(content)
                findings.peak, findings.warnings = found["peak"], tuple(found["warnings"])
            else:
                raise _cannot_read(path, content.decode(errors="replace"))
    findings.share = 1.0
    if held:
        yield np.concatenate(waiting)


def warm() -> None:
    """Start the other process now, so that the first file need not wait for it (about a third of a second)."""
    threading.Thread(target=lambda: _give_back(_take()), name="warming the decoder", daemon=True).start()


def close() -> None:
    """End the processes that wait for the next file."""
    with _lock:
        ending, _idle[:] = _idle[:], []
    for child in ending:
        child.kill()


class _Stalled(Exception):
    """The other process said nothing for too long."""


class _Gone(Exception):
    """The other process has ended."""


class _Child:
    """One such process, with a thread that takes what it says; a pipe cannot be waited for on every system."""

    def __init__(self) -> None:
        self._said: queue.Queue[tuple[bytes, bytes] | None] = queue.Queue(_MOST_WAITING)
        self._closed = False
        self._process = subprocess.Popen(
            _command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            # Ctrl+C is for this process, which then ends that one and whatever it started.
            start_new_session=True,
            pipesize=2**20,
        )
        threading.Thread(target=self._listen, name="from the decoder", daemon=True).start()

    def ask(self, request: dict[str, Any]) -> None:
        """Ask for a file; the answers come by `next`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise _Gone from error

    def next(self, patience: float, cancelled: Callable[[], bool]) -> tuple[bytes, bytes]:
        """The next message.

        Raises
        ------
        _Stalled, _Gone, Cancelled
        """
        end = time.monotonic() + patience
        while True:
            if cancelled():
                raise Cancelled
            try:
                said = self._said.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if time.monotonic() > end:
                    raise _Stalled from None
                continue
            if said is None:
                raise _Gone
            return said

    def kill(self) -> None:
        """End it at once."""
        self._closed = True
        with suppress(OSError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(queue.Empty):  # the thread may be waiting for room
            while True:
                self._said.get_nowait()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError, AttributeError):
                pipe.close()  # type: ignore[union-attr]  # AttributeError is suppressed

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _listen(self) -> None:
        from core.listen.decode_child import HEADER

        pipe = self._process.stdout
        assert pipe is not None
        with suppress(OSError, ValueError):  # closed by `kill`
            while not self._closed:
                header = pipe.read(HEADER.size)
                if len(header) < HEADER.size:
                    break
                letter, length = HEADER.unpack(header)
                content = pipe.read(length)
                if len(content) < length:
                    break
                self._said.put((letter, content))
        if not self._closed:
            self._said.put(None)


_idle: list[_Child] = []
_lock = threading.Lock()
atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # they are the parent's


def _take() -> _Child:
    with _lock:
        while _idle:
            child = _idle.pop()
            if child.alive:
                return child
            child.kill()
    child = _Child()
    try:
        letter, _ = child.next(START_SECONDS, _never)
    except (_Stalled, _Gone):
        child.kill()
        raise TunesmithError("the audio decoder does not start; run: tunesmith doctor") from None
    assert letter == b"r"
    return child


def _give_back(child: _Child) -> None:
    with _lock:
        if len(_idle) < _MOST_IDLE:
            _idle.append(child)
            return
    child.kill()


@contextmanager
def _borrowed() -> Iterator[_Child]:
    """A process for one file; who leaves it before the last message ends it."""
    child = _take()
    try:
        yield child
    except BaseException:
        child.kill()
        raise
    _give_back(child)


def _answers(
    request: dict[str, Any], patience: float, cancelled: Callable[[], bool]
) -> Generator[tuple[bytes, bytes], None, None]:
    path = Path(request["path"])
    if cancelled():
        raise Cancelled
    try:
        with _borrowed() as child:
            child.ask(request)
            while True:
                letter, content = child.next(patience, cancelled)
                if letter not in b"de":
                    yield letter, content
                else:
                    break
    except _Stalled:
        raise _cannot_read(path, f"nothing came for {patience:.0f} s: it is damaged") from None
    except _Gone:
        raise _cannot_read(path, "the decoder crashed over it: it is damaged") from None
    yield letter, content


def check_file(path: Path) -> int:
    """The bytes of a file that may be opened.

    Raises
    ------
    TunesmithError
        For what is no ordinary file, cannot be read, or is too large.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise _cannot_read(path, "it is a folder; give a file")
        if not stat.S_ISREG(found.st_mode):
            raise _cannot_read(path, "it is no ordinary file")
        if found.st_size > MOST_BYTES:
            raise _cannot_read(path, "it is larger than 2 GiB; cut it into shorter pieces")
        with path.open("rb"):
            return found.st_size
    except FileNotFoundError:
        raise _cannot_read(path, "there is no such file") from None
    except OSError as error:
        reason = REASONS.get(error.errno or 0, "") if isinstance(error, IsADirectoryError) else ""
        raise _cannot_read(path, reason or error.strerror or str(error)) from None


def _cannot_read(path: Path, why: str) -> TunesmithError:
    return TunesmithError(f"cannot listen to {path.name}: {' '.join(why.split())}")


def _command() -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable, CHILD_COMMAND]
    return [sys.executable, "-P", "-m", "core.listen.decode_child"]


def _environment() -> dict[str, str]:
    root = str(Path(core.__file__).resolve().parent.parent)
    before = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "PYTHONPATH": root + os.pathsep + before if before else root,
        # It has one thing to do; a thread a core would take address space by the gigabyte.
        **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }


def _never() -> bool:
    return False
