"""Composing: variants under way and done, and taking one over into the song.

A variant is never part of the song until the user inserts it or puts it in the song's place; either is one
undo step. The variant shown (the one under the pointer, or else the chosen one) stands as ghosts in the roll,
and plays in place of the song. Of a task on the song only what it changes is shown and taken.
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
from core.song import edits
from core.song.notes import Notes, Song, empty_notes
from desktop.compose.tasks import Region, difference, merged
from desktop.document import Document
from desktop.jobs import Job, Jobs, Task
from desktop.tracks.changes import in_ticks, inserted, rescaled

SHOW_EVERY_MS = 33
LEADING_SHARE = 0.3
"""A track with fewer notes, as a share of the busiest one's, does not lead."""
PAST_KEPT = 60
"""Requests that the history holds."""

Compose = Callable[..., Iterator[Update]]


@dataclass(frozen=True, slots=True)
class Past:
    """What was asked for: asking again gives the same notes."""

    request: Request
    count: int


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
    facts: dict[str, Any] = field(default_factory=dict)
    """What is known of the finished variant, see `desktop.compose.facts`."""
    _difference: tuple[Notes, Notes] | None = None

    @property
    def fresh(self) -> Notes:
        """The notes that came so far, in the ticks of `sketch`; of a finished variant see its song."""
        if len(self.pieces) > 1:
            self.pieces[:] = [np.concatenate(self.pieces)]
        return self.pieces[0] if self.pieces else empty_notes()

    @property
    def sketch(self) -> Song | None:
        """The song as far as it has come; that of a task on a song holds the rest of that song too."""
        if self.song is not None:
            return self.song
        if self.frame is None:
            return None
        kept = np.delete(self.frame.notes, self._to_be_filled(self.frame))
        return self.frame.with_notes(np.concatenate([kept, self.fresh]))

    @property
    def is_of_song(self) -> bool:
        """Whether the variant is about the song that was there."""
        return self.request.song is not None

    def change(self) -> tuple[Notes, Notes]:
        """The notes that go and those that come, in the ticks of the sketch, where the variant is of a song."""
        before = self.request.song
        if before is None:
            return empty_notes(), self.song.notes if self.song is not None else self.fresh
        if self.song is None:
            return before.notes[self._to_be_filled(before)], self.fresh
        if self._difference is None:
            self._difference = difference(before, self.song)
        return self._difference

    @property
    def own(self) -> Song | None:
        """The song with those notes alone that the variant brings."""
        sketch = self.sketch
        return None if sketch is None else sketch.with_notes(self.change()[1])

    def _to_be_filled(self, song: Song) -> np.ndarray:
        """Indices of the notes of the asked song that a fill under way has taken out."""
        request = self.request
        if request.task != "fill" or request.song is None:
            return np.empty(0, np.intp)
        region = Region(request.first_bar, request.bars, request.tracks)
        locked = edits.find(song, request.song.notes[np.array(request.locked, np.intp)])
        return np.setdiff1d(region.notes(song), locked)

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
    shown_changed = Signal(object)
    """Carries the variant that is to be seen and heard: the hovered one, or else the chosen one."""
    past_changed = Signal()
    busy_changed = Signal(bool)
    taken = Signal(object)
    """Carries a variant that was just taken over into the song."""
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
        self.hovered: Variant | None = None
        self.past: list[Past] = []
        """What was asked for, newest first."""

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
        self._remember(request, count)
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
            before = self.shown
            self.chosen = variant
            if variant is None:
                self.hovered = None
            self.chosen_changed.emit(variant)
            self._tell_shown(before)

    @property
    def shown(self) -> Variant | None:
        """The variant to be seen and heard now."""
        return self.hovered or self.chosen

    def hover(self, variant: Variant | None) -> None:
        """Show and sound this variant for as long as the pointer rests on it."""
        before = self.shown
        self.hovered = variant
        self._tell_shown(before)

    def compare(self) -> None:
        """Go to the next variant that was asked for together with the chosen one; in time, for playing goes on."""
        chosen = self.chosen
        if chosen is not None:
            batch = [each for each in self.variants if each.batch == chosen.batch and each.is_usable]
            if len(batch) < 2:
                batch = [each for each in self.variants if each.is_usable]
            if chosen in batch:
                self.choose(batch[(batch.index(chosen) + 1) % len(batch)])

    def _tell_shown(self, before: Variant | None) -> None:
        if self.shown is not before:
            self._show_ghosts()
            self.shown_changed.emit(self.shown)

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
            if variant is self.hovered:
                self.hover(None)
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
            self._take_over(f"Use variant {variant.number}", song, variant)
            self._document.set_current_track(leading_track(song))

    def merge(self, variant: Variant) -> None:
        """Take over what the variant changes of the song it is about: one undo step."""
        song, document = variant.sketch, self._document
        if song is not None:
            result = merged(document.song, variant.request, song)
            self._take_over(
                f"{TAKEN.get(variant.request.task, 'Use')} variant {variant.number}", result, variant
            )

    def insert(self, variant: Variant) -> None:
        """Put the variant's notes in at the bar of the play-head: one undo step."""
        song = variant.sketch
        if song is None:
            return
        document = self._document
        bars = document.song.bars
        at = bars.start(bars.bar_at(document.playhead))
        self._take_over(f"Insert variant {variant.number}", inserted(document.song, song, at), variant)

    def accept(self, variant: Variant, *, untouched: bool) -> None:
        """What the result's first button does: a whole song where there was nothing of the user's, else insert.

        Of a task on the song just the change is taken over.
        """
        if variant.is_of_song:
            self.merge(variant)
        elif untouched:
            self.replace_song(variant)
        else:
            self.insert(variant)

    def _remember(self, request: Request, count: int) -> None:
        self.past.insert(0, Past(request, count))
        del self.past[PAST_KEPT:]
        self.past_changed.emit()

    def _take_over(self, label: str, song: Song, variant: Variant) -> None:
        self.choose(None)
        self.hover(None)
        self._document.apply(label, song)
        self.taken.emit(variant)

    def _news(self, news: tuple[int, Update]) -> None:
        index, update = news
        variant = self._batch[index]
        variant.state = "composing"
        variant.progress = update.progress
        if update.song is not None and not update.done:
            # A second frame means that the generator begins anew: what it told is void.
            variant.frame = update.song
            variant.pieces.clear()
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
        shown, song = self.shown, self._document.song
        sketch = shown.sketch if shown else None
        if shown is None or sketch is None:
            self._document.set_ghosts(empty_notes())
            return
        gone, came = (rescaled(notes, sketch.ticks_per_beat, song.ticks_per_beat) for notes in shown.change())
        sketch = in_ticks(sketch, song.ticks_per_beat)
        self._document.set_ghosts(came, sketch, edits.find(song, gone) if len(gone) else ())

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


TAKEN = {"continue": "Continue with", "fill": "Fill with", "vary": "Vary with", "accompany": "Accompany with"}
"""How the undo history calls the taking over of a task's result."""


def _compose_all(requests: list[Request], task: Task, compose: Compose | None) -> None:
    """In the inference thread: the first call loads the neural networks."""
    if compose is None:
        from core.compose import registry

        for index, update in registry.compose_variants(requests[0], len(requests), cancelled=task.cancelled):
            task.check()
            task.update((index, update))
        return
    for index, request in enumerate(requests):
        for update in compose(request, cancelled=task.cancelled):
            task.check()
            task.update((index, update))


def warm_up(task: Task) -> None:
    """In the inference thread: load what composing needs, so that the first note comes sooner."""
    from core.torch_libraries import preload

    preload()
    from core.compose import registry

    registry.warm_up()


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
