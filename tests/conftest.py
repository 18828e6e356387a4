"""What every test may rely on: Qt without a screen, a home of its own, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before anything imports Qt or reads settings. A test of a real window starts Xvfb and a child process.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
_home = tempfile.TemporaryDirectory(prefix="tunesmith-test-home-")
os.environ["TUNESMITH_HOME"] = _home.name

GRACE_SECONDS = 2.0
"""How long a test's threads and processes may take to end after it."""


def pytest_unconfigure() -> None:
    _home.cleanup()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top of the tree."""
    return Path(__file__).resolve().parent.parent


def _settles(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + GRACE_SECONDS
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _running_qthreads() -> set[int]:
    """Addresses of running QThreads; none where Qt was never loaded."""
    if "PySide6.QtCore" not in sys.modules:
        return set()
    import gc

    import shiboken6
    from PySide6.QtCore import QThread

    # By type, for `isinstance` asks weak proxies for what they stand for, and that may be gone.
    threads = [thing for thing in gc.get_objects() if issubclass(type(thing), QThread)]
    return {id(thread) for thread in threads if shiboken6.isValid(thread) and thread.isRunning()}


def _visible_windows() -> set[str]:
    if "PySide6.QtWidgets" not in sys.modules:
        return set()
    from PySide6.QtWidgets import QApplication

    return {repr(window) for window in QApplication.topLevelWidgets() if window.isVisible()}


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, a child process or a window behind; they break some later test."""
    threads = set(threading.enumerate())
    processes = set(multiprocessing.active_children())
    windows = _visible_windows()
    yield
    left = [
        ("thread", lambda: {t.name for t in threading.enumerate() if t not in threads and not t.daemon}),
        ("process", lambda: {p.name for p in multiprocessing.active_children() if p not in processes}),
        ("window", lambda: _visible_windows() - windows),
    ]
    if "qtbot" in request.fixturenames or "qapp" in request.fixturenames:
        left.append(("QThread", lambda: {str(address) for address in _running_qthreads()}))
    for kind, remaining in left:
        assert _settles(lambda remaining=remaining: not remaining()), f"left behind: {kind} {remaining()}"
