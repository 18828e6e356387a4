"""How long the piano roll takes to paint, beside painting each note by itself.

Run: python tests/bench/bench_roll.py
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QGraphicsScene

from core.song.notes import Song, Track, make_notes
from desktop import theme
from desktop.document import Document
from desktop.roll.view import RollView
from desktop.time_axis import TimeAxis

WIDTH, HEIGHT = 1600, 900
BARS = 300


def _song(count: int) -> Song:
    rng = np.random.default_rng(7)
    notes = make_notes(
        rng.integers(0, BARS * 1920, count),
        rng.integers(60, 480, count),
        np.clip(rng.normal(64, 14, count), 24, 104).astype(int),
        rng.integers(20, 127, count),
        rng.integers(0, 8, count),
    )
    return Song(notes, tuple(Track(f"Track {n}", colour=n) for n in range(8)))


def _roll(song: Song) -> RollView:
    app = QApplication.instance() or QApplication([])
    roll = RollView(Document(song), TimeAxis())
    roll.splitter.widget(1).hide()
    roll.resize(WIDTH + 84, HEIGHT + 52)
    roll.show()
    app.processEvents()
    roll.fit()
    app.processEvents()
    return roll


def _times(step: Callable[[int], None], runs: int) -> np.ndarray:
    """Milliseconds of each of ``runs`` steps, by the clock and of this process, after three to warm up."""
    for run in range(3):
        step(run)
    found = np.empty((runs, 2))
    for run in range(runs):
        begin = time.perf_counter(), time.process_time()
        step(run)
        found[run] = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return found * 1e3


def _graphics_scene(song: Song) -> tuple[QGraphicsScene, QImage]:
    """The same notes as one item each: what a roll by the book would be."""
    scene = QGraphicsScene()
    scale = WIDTH / max(1, song.end_tick)
    for onset, duration, track, pitch, _ in song.notes.tolist():
        rect = QRectF(onset * scale, (127 - pitch) * 7, max(1.0, duration * scale), 6)
        scene.addRect(rect, theme.colour("window"), theme.track_colour(track))
    return scene, QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)


def _report(ours: np.ndarray, peer: np.ndarray) -> dict[str, float | int | str]:
    return {
        "ours": round(float(np.median(ours[:, 0])), 2),
        "peer": round(float(np.median(peer[:, 0])), 2),
        "ratio": round(float(np.median(peer[:, 0]) / np.median(ours[:, 0])), 1),
        "unit": "ms",
        "runs": len(ours),
        "p99_ms": round(float(np.percentile(ours[:, 0], 99)), 2),
        "process_ms": round(float(np.median(ours[:, 1])), 2),
    }


def repaint(count: int = 100_000, runs: int = 60) -> dict[str, float | int | str]:
    """All notes in view, painted anew after an edit; the peer is QGraphicsScene, one item a note."""
    song = _song(count)
    roll = _roll(song)
    canvas = roll.canvas
    target = QImage(canvas.width(), canvas.height(), QImage.Format.Format_RGB32)

    def ours(_: int) -> None:
        canvas.layers.invalidate_notes()
        canvas.render(target)

    scene, image = _graphics_scene(song)

    def peer(_: int) -> None:
        painter = QPainter(image)
        scene.render(painter, QRectF(image.rect()), QRectF(0, 0, WIDTH, HEIGHT))
        painter.end()

    result = _report(_times(ours, runs), _times(peer, 5))
    roll.close()
    return result


def scroll(in_view: int = 5_000, runs: int = 120) -> dict[str, float | int | str]:
    """Scrolling by a few pixels with 5,000 notes in view; the peer fills one rectangle a note."""
    song = _song(100_000)
    roll = _roll(song)
    roll.time_axis.set_view(0, roll.time_axis.pixels_per_tick * len(song.notes) / in_view)
    canvas = roll.canvas
    target = QImage(canvas.width(), canvas.height(), QImage.Format.Format_RGB32)
    view = canvas.viewport()
    shown = song.notes[view.visible(song.notes)]

    def ours(run: int) -> None:
        roll.time_axis.scroll(7 if run % 40 < 20 else -7)
        canvas.render(target)

    colours = [theme.track_colour(track) for track in range(8)]

    def peer(run: int) -> None:
        painter = QPainter(target)
        painter.fillRect(target.rect(), theme.colour("roll"))
        left, right = view.spans(shown)
        rows = view.row_edge(view.rows[shown["pitch"]])
        for x0, x1, y, track in zip(left.tolist(), right.tolist(), rows.tolist(), shown["track"].tolist()):
            painter.fillRect(x0 - run, y, x1 - x0, 8, colours[track])
        painter.end()

    result = _report(_times(ours, runs), _times(peer, 20))
    result["notes_in_view"] = len(shown)
    roll.close()
    return result


def playhead(runs: int = 200) -> dict[str, float | int | str]:
    """Moving the play-head over 5,000 notes in view; the peer repaints the whole note area."""
    song = _song(100_000)
    roll = _roll(song)
    roll.follow = False
    roll.time_axis.set_view(0, roll.time_axis.pixels_per_tick * 20)
    canvas = roll.canvas

    def ours(run: int) -> None:
        roll.document.set_playhead(200 + 40 * run)
        QApplication.processEvents()

    def peer(run: int) -> None:
        canvas.layers.invalidate_notes()
        ours(run)
        canvas.repaint()

    result = _report(_times(ours, runs), _times(peer, 20))
    roll.close()
    return result


BENCHMARKS = {"repaint-100k": repaint, "scroll-5k": scroll, "playhead": playhead}

if __name__ == "__main__":
    for name, run in BENCHMARKS.items():
        print(name, run())
