"""Exploring as the window uses it: which map is shown, how it comes about, and what is near what.

What is asked of `core.explore` stands here and nowhere else in the panel; the widgets show what this object knows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop.explore.colours import Columns
from desktop.explore.search import words_of
from desktop.jobs import Job, Jobs, Task

log = logging.getLogger(__name__)

LANE = "explore"
FILLING = 0.7
"""The share of the time that filling an index takes; the map takes the rest."""
LOOK_SECONDS = 4.0
"""How long it takes between two looks at what has come while an index is filled."""
FIRST_LOOK = "pca"
"""The projection of such a look: it takes milliseconds."""

State = Literal["none", "empty", "busy", "error", "ready"]
About = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Space:
    """An embedding that may be chosen; ``of`` is "score" or "sound"."""

    name: str
    title: str
    of: str
    source: str = ""
    description: str = ""
    decodes: bool = True
    why_not: str = ""


@dataclass(frozen=True, eq=False)
class Chart:
    """A map with all that stands on it. A *point* is a place in these arrays.

    Attributes
    ----------
    space : the embedding
    index : `core.explore.index.Index`
    rows : row of the index of every point [shape=(n,)]
    places : [shape=(n, 2)]
    trust : 0-1 [shape=(n,)]
    groups : [shape=(n,)]
    whole : whether everything that is to come has come
    """

    space: Space
    projection: str
    index: Any
    rows: NDArray[np.int64]
    places: NDArray[np.float32]
    trust: NDArray[np.float32]
    groups: NDArray[np.int16]
    whole: bool = True

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def pieces(self) -> list[About]:
        """What is told of every point."""
        return [self.index.items[row].about for row in self.rows.tolist()]

    @cached_property
    def names(self) -> list[str]:
        """What every point is called, with its composer."""
        return [
            " · ".join(str(piece[name]) for name in ("title", "composer") if piece.get(name))
            for piece in self.pieces
        ]

    @cached_property
    def words(self) -> list[str]:
        """What every point is found by."""
        return [words_of(piece) for piece in self.pieces]

    @cached_property
    def is_recording(self) -> NDArray[np.bool_]:
        """Whether a point is a recording and no song [shape=(n,)]."""
        return np.array([piece.get("kind") == "audio" for piece in self.pieces], bool)

    @cached_property
    def columns(self) -> Columns:
        """What the points are coloured by."""
        return Columns.of(self.pieces)

    @cached_property
    def ranked(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All points by a number of 64 bits that stands for the key, and those numbers in order [shape=(n,) each]."""
        numbers = np.array([hash(self.key(point)) for point in range(len(self))], np.int64)
        order = np.argsort(numbers)
        return order, numbers[order]

    @cached_property
    def points(self) -> dict[int, int]:
        """The point of a row of the index."""
        return {row: point for point, row in enumerate(self.rows.tolist())}

    def key(self, point: int) -> str:
        return str(self.index.items[int(self.rows[point])].key)

    def point_of(self, key: str) -> int | None:
        """The point of a thing, where it is on the map."""
        row = self.index.row_of(key)
        return None if row is None else self.points.get(row)

    def where_on(self, other: Chart) -> NDArray[np.int64]:
        """The point of every one of ours on another map, -1 where it is not there [shape=(n,)]."""
        found = np.full(len(self), -1, np.int64)
        if len(self) and len(other):
            (mine, ours), (theirs, others) = self.ranked, other.ranked
            place = np.minimum(np.searchsorted(others, ours), len(others) - 1)
            same = others[place] == ours
            found[mine[same]] = theirs[place[same]]
        return found

    def ready(self) -> Chart:
        """This map, with all that takes a while looked up."""
        _ = self.pieces, self.names, self.words, self.points, self.columns, self.ranked, self.is_recording
        return self

    def vector(self, point: int) -> NDArray[np.float32]:
        return np.array(self.index.vectors[int(self.rows[point])])

    def nearest(self, vector: NDArray[np.float32], count: int, but: int = -1) -> list[tuple[int, float]]:
        """The points likest to a vector, with their likeness (the cosine), the likest first."""
        # What is in the index and not on the map (the trash) may come first: some more are asked for.
        spare = min(len(self.index) - len(self), 200)
        found = self.index.nearest(vector, count + 1 + spare)
        points = ((self.points.get(each.row), each.likeness) for each in found)
        return [(point, likeness) for point, likeness in points if point is not None and point != but][:count]


class Explorer(QObject):
    """Which map is shown, and what is asked of it."""

    changed = Signal()
    """Another state, another map."""
    progressed = Signal(float)
    arrived = Signal(object)
    """Points of files that were dropped; a list of their keys."""
    said = Signal(str, str)
    """Something to tell the user, and its tone."""

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job: Job | None = None
        self.spaces: list[Space] = []
        self.space = ""
        self.projection = "tsne"
        self.chart: Chart | None = None
        self.error = ""
        self.doing = ""
        self.progress = 0.0
        self._asked = False

    @property
    def state(self) -> State:
        if self.chart is not None and len(self.chart):
            return "ready"
        if self._job is not None:
            return "busy"
        if self.error:
            return "error"
        return "none" if self._asked and not any(not each.why_not for each in self.spaces) else "empty"

    @property
    def busy(self) -> bool:
        return self._job is not None

    def come(self) -> None:
        """The panel comes into sight: the map is made, or brought up to date."""
        if self._job is None:
            self.refresh()

    def use_space(self, name: str) -> None:
        """Show the map of another embedding."""
        if name != self.space:
            self.space = name
            self.refresh()

    def use_projection(self, name: str) -> None:
        """Show another map of the same embedding."""
        if name != self.projection:
            self.projection = name
            self.refresh()

    def refresh(self, *, anew: bool = False) -> None:
        """Bring the map up to date; with ``anew`` draw it from nothing."""
        self._start(anew=anew)

    def add(self, places: Sequence[Path]) -> None:
        """Put files, or all in a folder, on the map."""
        self._start(places)

    def cancel(self) -> None:
        """Stop; what came until then stays."""
        if self._job is not None:
            self._jobs.cancel(self._job)

    def _start(self, places: Sequence[Path] = (), *, anew: bool = False) -> None:
        if self._job is not None:
            job, self._job = self._job, None
            job.on_cancelled = None
            self._jobs.cancel(job)
        space, projection = self.space, self.projection
        self.error, self.progress, self.doing = "", 0.0, "Drawing the map"

        def news(found: Any) -> None:
            if isinstance(found, str):
                self.doing = found
            elif isinstance(found, Chart):
                self._take(found)
            else:
                self.spaces, self._asked = found, True
            self.changed.emit()

        def done(found: Outcome) -> None:
            self._job = None
            if found.chart is not None:
                self._take(found.chart)
            self.changed.emit()
            if found.failed:
                self.said.emit(_failures(found.failed), "warn")
            if places and found.keys:
                self.arrived.emit(found.keys)

        def failed(error: Exception) -> None:
            log.info("no map", exc_info=error)
            self._job = None
            self.error = str(error) or type(error).__name__
            self.changed.emit()
            if self.chart is not None:
                self.said.emit(self.error[:1].upper() + self.error[1:], "bad")

        def cancelled() -> None:
            self._job = None
            self.changed.emit()

        self._job = self._jobs.run(
            LANE, "Adding to the map" if places else "Drawing the map",
            lambda task: work_out(task, space, projection, list(places), anew=anew),
            on_update=news, on_success=done, on_failure=failed, on_cancelled=cancelled, on_progress=self._tell,
            quiet=not places,
        )  # fmt: skip
        self.changed.emit()

    def _take(self, chart: Chart) -> None:
        self.chart, self.space = chart, chart.space.name

    def _tell(self, share: float) -> None:
        self.progress = share
        self.progressed.emit(share)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a job: a map, what could not be put on it and why, and what was dropped."""

    chart: Chart | None = None
    failed: tuple[tuple[str, str], ...] = ()
    keys: tuple[str, ...] = ()


def spaces() -> list[Space]:
    """The embeddings there are; those whose weights are missing say so."""
    from core.explore import registry

    there = {each.name for each in registry.available()}
    return [
        Space(
            each.name, each.title, each.of, each.source, each.description, each.decodes,
            "" if each.name in there else "its weights are not installed",
        )
        for each in registry.EMBEDDINGS.values()
    ]  # fmt: skip


def work_out(task: Task, name: str, projection: str, places: list[Path], *, anew: bool = False) -> Outcome:
    """Make a map on a thread of its own: what is new goes into the index, and from there on the map.

    What it has so far it hands out: the list of `Space`, a line that says what is done, a `Chart`.
    """
    from core.explore import atlas, library

    known = spaces()
    task.update(known)
    usable = {each.name: each for each in known if not each.why_not}
    files = library.file_things(places) if places else []
    if not usable:
        return Outcome()
    space = _fitting(usable, name, files)
    folder, index = library.folder_of(space.name), library.index_of(space.name)
    standing = library.standing()
    things = [*files, *standing]
    if not anew and len(index) and atlas.is_ready(index, folder, projection):
        task.update(_chart(task, space, projection, index, folder, things, whole=False))
    dropped = _fill(task, space, index, files)
    kept = _fill(task, space, index, standing)
    task.update("Drawing the map")
    chart = _chart(task, space, projection, index, folder, things, anew=anew)
    return Outcome(chart, (*dropped.failed, *kept.failed), tuple(dropped.keys))


def _fitting(usable: Mapping[str, Space], name: str, files: Sequence[Any]) -> Space:
    """The embedding asked for, or the best; for recordings one of sound."""
    from core.explore.registry import DEFAULT, SCORE, SOUND

    best = [DEFAULT[SCORE], DEFAULT[SOUND], *usable]
    space = usable.get(name) or next(usable[each] for each in best if each in usable)
    sounds = files and not any(
        str(thing.about["path"]).lower().endswith((".mid", ".midi")) for thing in files
    )
    if sounds and space.of == SCORE:
        hears = [DEFAULT[SOUND], *(each.name for each in usable.values() if each.of == SOUND)]
        space = next((usable[each] for each in hears if each in usable), space)
    return space


def _fill(task: Task, space: Space, index: Any, things: Sequence[Any]) -> Any:
    from core.explore import library

    new = len(library.missing(index, things))
    looked = time.monotonic()

    def added(count: int) -> None:
        nonlocal looked
        if time.monotonic() - looked > LOOK_SECONDS:
            task.update(_look(space, things))
            looked = time.monotonic()

    def progress(share: float) -> None:
        task.progress(FILLING * share)

    if new:
        task.update(f"Taking in {new:,} {'piece' if new == 1 else 'pieces'}")
    return library.fill(index, things, space.name, progress=progress, cancelled=task.cancelled, added=added)


def _look(space: Space, things: Sequence[Any]) -> Chart:
    """A map of what has come so far, drawn in no time and kept nowhere."""
    from core.explore import library, maps

    now = library.index_of(space.name)  # one of its own: this one goes on growing
    rows = np.fromiter(library.present(now, things), np.int64)
    places = maps.pca(np.asarray(now.vectors))[rows]
    return Chart(
        space,
        FIRST_LOOK,
        now,
        rows,
        places,
        np.ones(len(rows), np.float32),
        np.zeros(len(rows), np.int16),
        False,
    ).ready()


def _chart(
    task: Task, space: Space, projection: str, index: Any, folder: Path, things: Sequence[Any], *,
    anew: bool = False, whole: bool = True,
) -> Chart:  # fmt: skip
    from core.explore import atlas, library

    def progress(share: float) -> None:
        task.progress(FILLING + (1 - FILLING) * share)

    made = atlas.chart(index, folder, projection, anew=anew, progress=progress, cancelled=task.cancelled)
    rows = np.fromiter(library.present(index, things), np.int64)
    groups = atlas.groups(np.asarray(index.vectors), cancelled=task.cancelled)
    found = Chart(space, projection, index, rows, made.places[rows], made.trust[rows], groups[rows], whole)
    return found.ready()


def _failures(failed: Sequence[tuple[str, str]]) -> str:
    title, why = failed[0]
    more = f" (and {len(failed) - 1:,} more)" if len(failed) > 1 else ""
    return f"Not on the map: {title}: {why}{more}"
