"""Composing: variants under way and done, and taking one over into the song.

A variant is never part of the song until the user inserts it or puts it in the song's place; either is one
undo step. The chosen variant shows as ghosts in the roll, and plays in place of the song while it is chosen.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from core.compose.request import Request, Update
from core.song.notes import Notes, Song, empty_notes
from desktop.document import Document
from desktop.jobs import Job, Jobs, Task
from desktop.tracks.changes import in_ticks, inserted, rescaled

SHOW_EVERY_MS = 33
LEADING_SHARE = 0.3
"""A track with fewer notes, as a share of the busiest one's, does not lead."""
Compose = Callable[..., Iterator[Update]]


@dataclass(eq=False)
class Variant:
    """One answer to a request; those asked for together share a ``batch``.

    ``state`` is waiting, composing, done, stopped or failed.
    """

    number: int
    batch: int
    request: Request
    state: str = "waiting"
    progress: float = 0.0
    frame: Song | None = None
    song: Song | None = None
    pieces: list[Notes] = field(default_factory=list)
    starred: bool = False
    error: str = ""

    @property
    def fresh(self) -> Notes:
        """The notes that came so far, in the ticks of `sketch`; of a finished variant see its song."""
        if len(self.pieces) > 1:
            self.pieces[:] = [np.concatenate(self.pieces)]
        return self.pieces[0] if self.pieces else empty_notes()

    @property
    def sketch(self) -> Song | None:
        """The song as far as it has come; that of a continuation begins with what it continues."""
        if self.song is not None:
            return self.song
        if self.frame is None:
            return None
        return self.frame.with_notes(np.concatenate([self.frame.notes, self.fresh]))

    @property
    def is_usable(self) -> bool:
        """Whether there is something to hear and to take over."""
        return self.song is not None or bool(self.pieces)

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "stopped", "failed")


class ComposeSession(QObject):
    """The variants of this sitting. ``compose`` is `core.compose.registry.compose` unless a test gives another."""

    added = Signal(object)
    updated = Signal(object)
    removed = Signal(object)
    chosen_changed = Signal(object)
    busy_changed = Signal(bool)
    said = Signal(str, str)
    """A text for the user and its tone: "info" or "bad"."""

    def __init__(
        self, document: Document, jobs: Jobs, compose: Compose | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._jobs = jobs
        self._compose = compose
        self._numbers = itertools.count(1)
        self._batches = itertools.count(1)
        self._job: Job | None = None
        self._batch: list[Variant] = []
        self._show = QTimer(self, interval=SHOW_EVERY_MS, singleShot=True)
        self._show.timeout.connect(self._show_ghosts)
        self._fresh: set[int] = set()
        self.variants: list[Variant] = []
        self.chosen: Variant | None = None

    @property
    def busy(self) -> bool:
        return self._job is not None

    @property
    def progress(self) -> float:
        """How far the batch under way is, 0-1."""
        if not self._batch:
            return 0.0
        return sum(1.0 if v.state == "done" else v.progress for v in self._batch) / len(self._batch)

    def generate(self, request: Request, count: int = 1) -> None:
        """Compose ``count`` variants of a request, with seeds counted up from its own."""
        if self.busy:
            self.cancel()
        self._clear_unfinished()
        batch = next(self._batches)
        self._batch = [
            Variant(next(self._numbers), batch, replace(request, seed=(request.seed + index) % 2**32))
            for index in range(count)
        ]
        for variant in self._batch:
            self.variants.append(variant)
            self.added.emit(variant)
        self.choose(self._batch[0])
        requests = [variant.request for variant in self._batch]
        self._job = self._jobs.run(
            "inference",
            "Composing",
            lambda task: _compose_all(requests, task, self._compose),
            on_update=self._news,
            on_success=lambda _: self._finished(),
            on_failure=self._failed,
            on_cancelled=lambda: self._finished("stopped"),
        )
        self.busy_changed.emit(True)

    def cancel(self) -> None:
        """Stop composing; what is there already of each variant stays."""
        if self._job is not None:
            self._jobs.cancel(self._job)

    def choose(self, variant: Variant | None) -> None:
        """Show this variant as ghosts, and let it sound in place of the song."""
        if variant is not self.chosen:
            self.chosen = variant
            self._show_ghosts()
            self.chosen_changed.emit(variant)

    def choose_next(self, step: int = 1) -> None:
        """Go through the variants that have notes."""
        ready = [variant for variant in self.variants if variant.sketch is not None]
        if ready:
            at = ready.index(self.chosen) + step if self.chosen in ready else 0
            self.choose(ready[at % len(ready)])

    def star(self, variant: Variant) -> None:
        """Keep a variant: it is not discarded with the others."""
        variant.starred = not variant.starred
        self.updated.emit(variant)

    def discard(self, variant: Variant) -> None:
        if variant in self.variants and variant.is_over:
            self.variants.remove(variant)
            if variant is self.chosen:
                self.choose(None)
            self.removed.emit(variant)

    def discard_all(self) -> None:
        """Discard every variant that is finished and has no star."""
        for variant in list(self.variants):
            if not variant.starred:
                self.discard(variant)

    def replace_song(self, variant: Variant) -> None:
        """Put the variant in the song's place: one undo step."""
        song = variant.sketch
        if song is not None:
            self._take_over(f"Use variant {variant.number}", song)
            self._document.set_current_track(leading_track(song))

    def insert(self, variant: Variant) -> None:
        """Put the variant's notes in at the bar of the play-head: one undo step."""
        song = variant.sketch
        if song is None:
            return
        document = self._document
        bars = document.song.bars
        at = bars.start(bars.bar_at(document.playhead))
        self._take_over(f"Insert variant {variant.number}", inserted(document.song, song, at))

    def accept(self, variant: Variant, *, untouched: bool) -> None:
        """What the result's first button does: a whole song where there was nothing of the user's, else insert.

        A continuation holds the song it continues, so it takes that song's place.
        """
        if untouched or variant.request.task == "continue":
            self.replace_song(variant)
        else:
            self.insert(variant)

    def _take_over(self, label: str, song: Song) -> None:
        self.choose(None)
        self._document.apply(label, song)

    def _news(self, news: tuple[int, Update]) -> None:
        index, update = news
        variant = self._batch[index]
        variant.state = "composing"
        variant.progress = update.progress
        if update.song is not None and variant.frame is None:
            variant.frame = update.song
        if len(update.notes):
            variant.pieces.append(update.notes)
        if update.done:
            variant.song = update.song if update.song is not None else variant.sketch
            variant.state = "done"
            variant.progress = 1.0
        self._fresh.add(index)
        if update.done or not self._show.isActive():
            self._show.start(0 if update.done else SHOW_EVERY_MS)

    def _show_ghosts(self) -> None:
        for index in sorted(self._fresh):
            if index < len(self._batch):
                self.updated.emit(self._batch[index])
        self._fresh.clear()
        sketch = self.chosen.sketch if self.chosen else None
        if sketch is None:
            self._document.set_ghosts(empty_notes())
            return
        notes = rescaled(sketch.notes, sketch.ticks_per_beat, self._document.song.ticks_per_beat)
        request = self.chosen.request if self.chosen else Request()
        if request.task == "continue" and request.song is not None:
            notes = notes[len(request.song.notes) :]
        sketch = in_ticks(sketch, self._document.song.ticks_per_beat)
        self._document.set_ghosts(notes, sketch)

    def _finished(self, state: str = "stopped") -> None:
        for variant in self._batch:
            if variant.state in ("waiting", "composing"):
                variant.state = state
        self._job = None
        self._fresh.update(range(len(self._batch)))
        self._show_ghosts()
        self._clear_unfinished()
        self.busy_changed.emit(False)

    def _failed(self, error: Exception) -> None:
        text = str(error) or type(error).__name__
        for variant in self._batch:
            if variant.state in ("waiting", "composing"):
                variant.error = text
        self._finished("failed")
        self.said.emit(f"Nothing was composed: {text}", "bad")

    def _clear_unfinished(self) -> None:
        """Variants that never got a note leave the list."""
        for variant in list(self.variants):
            if variant.is_over and not variant.is_usable:
                self.discard(variant)


def _compose_all(requests: list[Request], task: Task, compose: Compose | None) -> None:
    """In the inference thread: the first call loads the neural networks."""
    if compose is None:
        from core.compose import registry

        compose = registry.compose
    for index, request in enumerate(requests):
        for update in compose(request, cancelled=task.cancelled):
            task.check()
            task.update((index, update))


def warm_up(task: Task) -> None:
    """In the inference thread: load what composing needs, so that the first note comes sooner."""
    from core.compose import registry

    warm: Any = getattr(registry, "warm_up", None)
    if warm is not None:
        warm()


def leading_track(song: Song) -> int:
    """The highest of the tracks with much to play, drums left out: the one to look at first."""
    pitches = {
        index: song.notes["pitch"][song.notes["track"] == index]
        for index, track in enumerate(song.tracks)
        if not track.is_drum
    }
    most = max(map(len, pitches.values()), default=0)
    heights = {index: each.mean() for index, each in pitches.items() if len(each) > LEADING_SHARE * most}
    return max(heights, key=lambda index: heights[index], default=0)


def fresh_seed() -> int:
    """A seed nobody asked for before."""
    return random.SystemRandom().randrange(1_000_000)
