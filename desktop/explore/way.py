"""A path between two pieces: found on a thread of its own, stop by stop a piece that can be heard.

Kinds of paths
--------------
Straight and round ones are decoded: of scores every stop is a song that the embedding writes, of sound a spectrogram
made audible. A path through pieces has stops that are there already: those nearest to it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from core.song.notes import Song
from desktop.explore.explorer import Chart
from desktop.explore.hearing import sound_from
from desktop.explore.piece_rows import facts_of
from desktop.jobs import Job, Jobs, Task
from desktop.spectrogram.sound import Sound

log = logging.getLogger(__name__)

LANE = "explore"
STEPS = 8
PIECES: Final = "pieces"
Decoded = Literal["linear", "spherical"]
Kind = Literal[Decoded, "pieces"]
KINDS: dict[str, str] = {"linear": "Straight", "spherical": "Round", PIECES: "Through pieces"}


@dataclass(frozen=True, eq=False)
class Stop:
    """One of the places on a path.

    Attributes
    ----------
    song, sound : what is heard there; neither for a piece that is on the map
    picture : decibels [shape=(64, frames)], of sound that was decoded
    point : of a piece that is on the map, else -1
    place : where it lies on the map
    """

    key: str
    title: str
    facts: str
    place: tuple[float, float]
    song: Song | None = None
    sound: Sound | None = None
    picture: NDArray[np.float32] | None = None
    point: int = -1


class Way(QObject):
    """The path that is shown."""

    changed = Signal()
    progressed = Signal(float)
    failed = Signal(str)
    saved = Signal(str)

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job: Job | None = None
        self._chart: Chart | None = None
        self._ends = (-1, -1)
        self.kind: Kind = "linear"
        self.title = ""
        self.stops: list[Stop] = []

    @property
    def busy(self) -> bool:
        return self._job is not None

    def why_not_save(self) -> str:
        """Why the path's files cannot be written, or ""."""
        if not self.stops:
            return "find a path first"
        return "its stops are files already" if self.stops[1].point >= 0 else ""

    def find(self, chart: Chart, begin: int, end: int) -> None:
        """Find the path between two points."""
        self.forget()
        self._chart, self._ends = chart, (begin, end)
        titles = [str(chart.pieces[point].get("title")) for point in (begin, end)]
        self.title = f"{titles[0]} → {titles[1]}"
        kind: Kind = self.kind if chart.space.decodes else PIECES

        def done(stops: list[Stop]) -> None:
            self._job, self.stops = None, stops
            self.changed.emit()

        self._run("Finding a path", lambda task: stops_of(task, chart, begin, end, kind), done)
        self.changed.emit()

    def use_kind(self, kind: str) -> None:
        """Go another way between the same pieces."""
        self.kind = cast(Kind, kind)  # a name out of `KINDS`
        if self._chart is not None and self._ends[0] >= 0:
            self.find(self._chart, *self._ends)

    def kinds(self) -> dict[str, str]:
        """The kinds that this map knows, with their names."""
        decodes = self._chart is None or self._chart.space.decodes
        return {name: title for name, title in KINDS.items() if decodes or name == PIECES}

    def save(self, folder: Path) -> None:
        """Write the path's files into a folder, as the command line does."""
        chart, (begin, end), kind = self._chart, self._ends, self.kind
        if chart is None or kind == PIECES:
            return

        def done(files: Sequence[Path]) -> None:
            self._job = None
            self.changed.emit()
            self.saved.emit(f"Wrote {len(files)} files to {folder}")

        self._run("Saving a path", lambda task: write(task, chart, begin, end, kind, folder), done)
        self.changed.emit()

    def forget(self) -> None:
        """Let go of the path."""
        if self._job is not None:
            job, self._job = self._job, None
            self._jobs.cancel(job)
        self.stops, self.title, self._chart, self._ends = [], "", None, (-1, -1)
        self.changed.emit()

    def _run(self, label: str, work: Callable[[Task], Any], done: Callable[[Any], None]) -> None:
        def failed(error: Exception) -> None:
            log.info("%s", label, exc_info=error)
            self._job = None
            self.changed.emit()
            self.failed.emit(f"No path: {error}")

        def cancelled() -> None:
            self._job = None
            self.changed.emit()

        self._job = self._jobs.run(
            LANE, label, work, on_success=done, on_failure=failed, on_cancelled=cancelled,
            on_progress=self.progressed.emit,
        )  # fmt: skip


def stops_of(task: Task, chart: Chart, begin: int, end: int, kind: Kind) -> list[Stop]:
    """The stops between two points."""
    if kind == PIECES:
        return _through(chart, begin, end)
    if chart.space.of == "score":
        return _written(task, chart, begin, end, kind)
    return _sounding(task, chart, begin, end, kind)


def _through(chart: Chart, begin: int, end: int) -> list[Stop]:
    """Pieces near the straight way, each of them once."""
    from core.explore.paths import between

    ways = between(chart.vector(begin), chart.vector(end), STEPS)
    points = [begin]
    for vector in ways[1:-1]:
        free = [point for point, _ in chart.nearest(vector, STEPS + 2) if point not in (*points, end)]
        points += free[:1]
    return [
        Stop(
            chart.key(point), str(chart.pieces[point].get("title")), facts_of(chart.pieces[point]),
            (float(chart.places[point, 0]), float(chart.places[point, 1])), point=point,
        )
        for point in (*points, end)
    ]  # fmt: skip


def _written(task: Task, chart: Chart, begin: int, end: int, kind: Decoded) -> list[Stop]:
    """Songs that the embedding writes."""
    from core.explore import registry
    from core.explore.library import opened
    from core.explore.paths import path_of_songs

    first, last = (opened(chart.pieces[point]) for point in (begin, end))
    assert isinstance(first, Song)
    assert isinstance(last, Song)  # nothing else is on a map of scores
    songs = path_of_songs(
        first, last, STEPS, name=chart.space.name, kind=kind, progress=lambda share: task.progress(0.8 * share),
        cancelled=task.cancelled,
    )  # fmt: skip
    vectors = [registry.encode(song, chart.space.name, cancelled=task.cancelled) for song in songs]
    places = _places(chart, begin, end, np.stack(vectors))
    return [
        Stop(
            _key(chart, begin, end, kind, number),
            f"Step {number + 1}",
            _facts_of_song(song),
            place,
            song=song,
        )
        for number, (song, place) in enumerate(zip(songs, places, strict=True))
    ]


def _sounding(task: Task, chart: Chart, begin: int, end: int, kind: Decoded) -> list[Stop]:
    """Spectrograms that the embedding draws, made audible."""
    from core.explore import registry
    from core.explore.paths import between
    from core.explore.sounding import sound_of

    # Of the index only directions are kept; how far out a piece lies is part of how it sounds.
    ends = [_encoded(task, chart, point) for point in (begin, end)]
    vectors = between(ends[0], ends[1], STEPS, kind=kind)
    space = registry.loaded(chart.space.name)
    places = _places(chart, begin, end, vectors)
    stops = []
    for number, (vector, place) in enumerate(zip(vectors, places, strict=True)):
        picture = space.decode(vector)
        sound = sound_from(sound_of(picture, cancelled=task.cancelled))
        facts = f"{sound.seconds:.1f} s as the map draws it"
        key = _key(chart, begin, end, kind, number)
        stops.append(Stop(key, f"Step {number + 1}", facts, place, sound=sound, picture=picture))
        task.progress((number + 1) / STEPS)
    return stops


def _encoded(task: Task, chart: Chart, point: int) -> NDArray[np.float32]:
    from core.explore import registry
    from core.explore.library import opened
    from core.listen.heard import hear

    thing = opened(chart.pieces[point])
    heard = thing if isinstance(thing, Song) else hear(thing, cancelled=task.cancelled)
    return registry.encode(heard, chart.space.name, cancelled=task.cancelled)


def _key(chart: Chart, begin: int, end: int, kind: str, number: int) -> str:
    """What a stop is known by; two that sound the same are two."""
    return f"path {chart.space.name} {chart.key(begin)} {chart.key(end)} {kind} {number}"


def _places(chart: Chart, begin: int, end: int, vectors: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Where vectors fall on the map; the ends lie where their pieces do."""
    from core.explore.index import unit
    from core.explore.maps import placed

    fallen = placed(np.asarray(chart.index.vectors)[chart.rows], chart.places, unit(vectors))
    fallen[0], fallen[-1] = chart.places[begin], chart.places[end]
    return [(float(x), float(y)) for x, y in fallen]


def _facts_of_song(song: Song) -> str:
    from core.song.harmony import Key, estimate_key

    key = Key(song.keys[0].tonic, song.keys[0].mode) if song.keys else estimate_key(song.notes)[0]
    about: Mapping[str, Any] = {"key": key.name, "tempo_bpm": song.tempos[0].bpm}
    return f"{facts_of(about)} · {len(song.notes):,} notes"


def write(task: Task, chart: Chart, begin: int, end: int, kind: Decoded, folder: Path) -> list[Path]:
    """The path's files, by the function that the command line calls."""
    import tempfile

    from core.explore.library import opened
    from core.explore.paths import path_of_files
    from core.song.midi_file import write_midi

    with tempfile.TemporaryDirectory(prefix="tunesmith-path-") as place:
        ends = []
        for name, point in (("a", begin), ("b", end)):
            thing = opened(chart.pieces[point])
            if isinstance(thing, Song):
                path = Path(place) / f"{name}.mid"
                write_midi(thing, path)
                thing = path
            ends.append(thing)
        walk = path_of_files(
            ends[0], ends[1], STEPS, folder, name=chart.space.name, kind=kind, progress=task.progress,
            cancelled=task.cancelled,
        )  # fmt: skip
        return list(walk.files)
