"""How fast the map of Explore answers: panning 50,000 points, asking for nearest pieces, hearing a piece.

Run: python tests/bench/bench_explore.py
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QGraphicsScene

from core.explore.index import Index, Item
from desktop import theme
from desktop.explore.colours import Columns, colour_by
from desktop.explore.map_view import MapView

COUNT = 50_000
DIMENSIONS = 64
WIDTH, HEIGHT = 1600, 900
GENRES = ("jazz", "pop", "rock", "waltz", "classical", "folk", "blues", "metal")


def _map(count: int) -> MapView:
    _app()
    rng = np.random.default_rng(3)
    group = rng.integers(0, len(GENRES), count)
    middles = rng.normal(size=(len(GENRES), 2)) * 0.2
    places = (middles[group] + rng.normal(size=(count, 2)) * 0.06).astype(np.float32)
    view = MapView()
    view.resize(WIDTH, HEIGHT)
    view.show_points(places, [f"Piece {number}" for number in range(count)])
    pieces = [{"genre": GENRES[number]} for number in group.tolist()]
    view.show_colours(
        colour_by("genre", Columns.of(pieces), np.ones(count, np.float32), group.astype(np.int16))
    )
    view.show()
    QApplication.processEvents()
    return view


def _app() -> QApplication:
    app = QApplication.instance()
    return app if isinstance(app, QApplication) else QApplication([])


def _times(step: Callable[[int], object], runs: int, warm: int = 3) -> np.ndarray:
    """Milliseconds of each of ``runs`` steps, by the clock and of this process."""
    for run in range(warm):
        step(run)
    found = np.empty((runs, 2))
    for run in range(runs):
        begin = time.perf_counter(), time.process_time()
        step(run)
        found[run] = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return found * 1e3


def _report(ours: np.ndarray, peer: np.ndarray) -> dict[str, Any]:
    return {
        "ours": round(float(np.median(ours[:, 0])), 3),
        "peer": round(float(np.median(peer[:, 0])), 3),
        "ratio": round(float(np.median(peer[:, 0]) / np.median(ours[:, 0])), 1),
        "unit": "ms",
        "runs": len(ours),
        "p99_ms": round(float(np.percentile(ours[:, 0], 99)), 3),
        "process_p99_ms": round(float(np.percentile(ours[:, 1], 99)), 3),
    }


def _scene(view: MapView) -> tuple[QGraphicsScene, QImage]:
    """The same points as one item each: what a map by the book would be."""
    scene = QGraphicsScene()
    radius = view.radius()
    for point in range(len(view.shown)):
        place = view.place_of(point)
        area = QRectF(place.x() - radius, place.y() - radius, 2 * radius, 2 * radius)
        scene.addEllipse(area, theme.colour("window"), theme.track_colour(point % 12))
    return scene, QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)


def pan(runs: int = 300) -> dict[str, Any]:
    """A map of 50,000 points moved by some pixels and painted; the peer is QGraphicsScene, one item a point."""
    view = _map(COUNT)
    target = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)

    def ours(run: int) -> None:
        view.pan(9 if run % 60 < 30 else -9, 5 if run % 40 < 20 else -5)
        view.render(target)

    scene, image = _scene(view)

    def peer(run: int) -> None:
        painter = QPainter(image)
        scene.render(painter, QRectF(0, 0, WIDTH, HEIGHT), QRectF(9 * run, 5 * run, WIDTH, HEIGHT))
        painter.end()

    result = _report(_times(ours, runs), _times(peer, 3, warm=1))
    view.close()
    return result


def zoom(runs: int = 100) -> dict[str, Any]:
    """The same map zoomed in steps, so that all points are drawn anew; the peer as for pan."""
    view = _map(COUNT)
    target = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)

    def ours(run: int) -> None:
        view.zoom(1.05 if run % 40 < 20 else 1 / 1.05)
        view.render(target)

    scene, image = _scene(view)

    def peer(run: int) -> None:
        painter = QPainter(image)
        scene.render(painter, QRectF(0, 0, WIDTH, HEIGHT), QRectF(0, 0, WIDTH, HEIGHT))
        painter.end()

    result = _report(_times(ours, runs), _times(peer, 3, warm=1))
    view.close()
    return result


def query(runs: int = 200) -> dict[str, Any]:
    """The ten nearest of 50,000 vectors; the peer sorts the products of all, as one would write it down."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(COUNT, DIMENSIONS)).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="tunesmith-bench-") as place:
        index = Index(Path(place) / "index", DIMENSIONS)
        index.add([Item(f"{number}") for number in range(COUNT)], vectors)
        queries = rng.normal(size=(64, DIMENSIONS)).astype(np.float32)
        ours = _times(lambda run: index.nearest(queries[run % 64], 10), runs)

        def by_sorting(run: int) -> object:
            query_, lengths = queries[run % 64], np.linalg.norm(vectors, axis=1)
            return np.argsort(-(vectors @ query_) / (lengths * np.linalg.norm(query_)))[:10]

        return _report(ours, _times(by_sorting, 30))


def hover(runs: int = 40) -> dict[str, Any]:
    """From the pointer coming to rest on a piece to its notes being with the player; the peer reads the file then.

    The time for which the pointer must rest is in it.
    """
    from core.explore.collection import collection, song_of
    from core.song.notes import Song, Track, make_notes
    from desktop.document import Document
    from desktop.explore.hearing import Hearing
    from desktop.explore.map_view import REST_MS
    from desktop.jobs import Jobs
    from desktop.playback import Playback

    app = _app()
    player = _Player()
    playback = Playback(Document(Song()), player)
    playback.start()
    hearing = Hearing(Jobs(), playback)
    pieces = collection()[:runs]
    songs = [song_of(piece) for piece in pieces]
    if not songs:
        songs = [Song(make_notes(np.arange(400) * 240, 200, 60, 90, 0), (Track("Piano"),))] * runs
    for number, song in enumerate(songs):
        hearing.keep(f"{number}", song)
    view = _map(2000)
    view.rested.connect(lambda point: hearing.hear(f"{point % len(songs)}", {}))

    def ours(run: int) -> None:
        player.came = False
        view._set_hover(-1)
        view._set_hover(run % len(songs))
        while not player.came:
            app.processEvents()

    def peer(run: int) -> None:
        time.sleep(REST_MS / 1000)
        if pieces:
            song_of(pieces[run % len(pieces)])

    result = _report(_times(ours, runs), _times(peer, runs))
    view.close()
    return result


def take(runs: int = 20) -> dict[str, Any]:
    """A map of 50,000 points taken over by the panel, one piece chosen, of another embedding each time; the peer is
    what is looked up of it beforehand, on another thread.
    """
    from core.song.notes import Song
    from core.store.settings import Settings
    from desktop.document import Document
    from desktop.explore.explorer import Chart, Space
    from desktop.main_window import Studio

    app = _app()
    rng = np.random.default_rng(7)
    group = rng.integers(0, len(GENRES), COUNT)
    studio = Studio(Document(Song()), Settings(), player=_Player(), generators=[], keep_settings=False)
    studio.resize(WIDTH, HEIGHT)
    studio.show()
    panel = studio.explore
    with tempfile.TemporaryDirectory(prefix="tunesmith-bench-") as folder:
        charts = []
        for name in ("sound", "score"):
            index = Index(Path(folder) / name, DIMENSIONS)
            items = [
                Item(
                    f"{number:064x}",
                    {"title": f"Piece {number}", "genre": GENRES[kind], "path": f"{number}.mid"},
                )
                for number, kind in enumerate(group.tolist())
            ]
            index.add(items, rng.normal(size=(COUNT, DIMENSIONS)))
            places = rng.uniform(size=(COUNT, 2)).astype(np.float32)
            trust = rng.uniform(size=COUNT).astype(np.float32)
            charts.append(
                Chart(
                    Space(name, name, name),
                    "pca",
                    index,
                    np.arange(COUNT),
                    places,
                    trust,
                    group.astype(np.int16),
                )
            )
        begun = time.perf_counter(), time.process_time()
        for chart in charts:
            chart.ready()
        peer = (np.array([[time.perf_counter(), time.process_time()]]) - begun) * 1e3 / len(charts)

        def ours(run: int) -> None:
            panel.explorer.chart = charts[run % 2]
            panel.refresh()
            panel.map.choose(17, quiet=True)
            panel.map.repaint()

        studio.place_map(True)
        app.processEvents()
        result = _report(_times(ours, runs), peer)
        studio.asks_before_closing = False
        studio.close()
    return result


class _Player:
    """Takes what it is told and notes when it was told to play."""

    came = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None

    def play(self) -> None:
        self.came = True

    def state(self) -> Any:
        from desktop.playback import Silence

        return Silence()


BENCHMARKS = {
    "map-pan-50k": pan,
    "map-zoom-50k": zoom,
    "nearest-50k": query,
    "map-hover": hover,
    "map-take-50k": take,
}

if __name__ == "__main__":
    for name, measure in BENCHMARKS.items():
        print(name, measure())
