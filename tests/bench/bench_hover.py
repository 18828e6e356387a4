"""From the pointer on a piece to its sound: recorded from a sound server of our own, whose only device is a null sink.

What is recorded is what the server gives the device; a device has a buffer of its own besides.

Run: python tests/bench/bench_hover.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from core.errors import TunesmithError
from core.song.notes import Song, Tempo, Track, make_notes
from core.sound.playback_process import SURE_LATENCY
from core.sound.player import LATENCY, Player
from desktop.document import Document
from desktop.explore.hearing import Hearing
from desktop.explore.map_view import MapView
from desktop.jobs import Jobs
from desktop.playback import Playback
from tests.core.sound.conftest import end, start_server

PIECES = 24
LOUD = 0.02
PAUSE_SECONDS = 0.5
MOST_SECONDS = 5.0
FORM = ("--format=float32le", "--rate=44100", "--channels=2", "--latency-msec=5")


class Ear:
    """Hears what the device is given, and notes when it becomes loud."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.loud_at = 0.0
        self._process = subprocess.Popen(
            ["parec", "-d", "tunesmith.monitor", *FORM], env=environment, stdout=subprocess.PIPE
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        end(self._process)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), 1 << 16):
            samples = np.frombuffer(data[: len(data) // 4 * 4], "<f4")
            if not self.loud_at and np.abs(samples).max(initial=0) > LOUD:
                self.loud_at = time.monotonic()


def hover(runs: int = 40) -> dict[str, Any]:
    """The pointer comes to rest on a piece that is ready, until its first note is in what the device is given (ms); the
    peer has a sure buffer.
    """
    if not shutil.which("pulseaudio") or not shutil.which("parec"):
        raise TunesmithError("pulseaudio is not installed: apt-get install pulseaudio pulseaudio-utils")
    with tempfile.TemporaryDirectory(prefix="tunesmith-bench-") as folder:
        server, environment = start_server(Path(folder))
        try:
            with patch.dict(os.environ, environment):
                ours, peer = (_measured(environment, latency, runs) for latency in (LATENCY, SURE_LATENCY))
        finally:
            end(server)
    return {
        "ours": round(float(np.median(ours)), 1),
        "peer": round(float(np.median(peer)), 1),
        "ratio": round(float(np.median(peer) / np.median(ours)), 2),
        "unit": "ms",
        "runs": runs,
        "p90_ms": round(float(np.percentile(ours, 90)), 1),
    }


def _measured(environment: dict[str, str], latency: float, runs: int) -> np.ndarray:
    """Milliseconds of ``runs`` hovers with a buffer of ``latency`` seconds."""
    app = QApplication.instance() or QApplication([])
    places = np.random.default_rng(0).uniform(size=(PIECES, 2)).astype(np.float32)
    view = MapView()
    view.show_points(places, [f"Piece {number}" for number in range(PIECES)])
    view.show()
    found = []
    with _hearing(latency) as hearing:
        view.rested.connect(lambda point: hearing.hear(f"{point}", {}))
        view.hovered.connect(lambda point: hearing.stop() if point < 0 else None)
        ear = Ear(environment)
        for run in range(runs):
            view._set_hover(-1)
            _wait(lambda: False, PAUSE_SECONDS)
            ear.loud_at, began = 0.0, time.monotonic()
            view._set_hover(run % PIECES)
            if not _wait(lambda: bool(ear.loud_at), MOST_SECONDS):
                raise TunesmithError("nothing is recorded; is libasound2-plugins installed?")
            found.append(1e3 * (ear.loud_at - began))
        ear.close()
    view.close()
    app.processEvents()
    return np.array(found)


@contextmanager
def _hearing(latency: float) -> Iterator[Hearing]:
    """What sounds pieces, with pieces that begin at once and a player that runs."""
    player = Player(latency=latency)
    playback, jobs = Playback(Document(Song()), player), Jobs()
    playback.start()
    playback.set_volume(1.0)
    hearing = Hearing(jobs, playback)
    for number in range(PIECES):
        notes = make_notes(np.arange(32) * 240, 60, 60 + number, 110, 0)
        tracks = tuple(Track(program=80 + each) for each in range(4))  # of square and saw waves
        hearing.keep(f"{number}", Song(notes, tracks, tempos=(Tempo.from_bpm(0, 120),)))
    _wait(lambda: player.state().latency > 0, 60)
    _wait(lambda: False, 1)
    yield hearing
    jobs.close()
    playback.close()


def _wait(condition: Callable[[], bool], most: float) -> bool:
    """Let the window go on until a condition holds, or ``most`` seconds have passed; whether it holds."""
    loop, until = QEventLoop(), time.monotonic() + most
    look = QTimer(interval=2)
    look.timeout.connect(lambda: loop.quit() if condition() or time.monotonic() > until else None)
    look.start()
    loop.exec()
    return condition()


BENCHMARKS = {"map-hover-heard": hover}

if __name__ == "__main__":
    print(hover())
