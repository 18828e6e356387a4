"""The library as the window uses it: on a thread of its own, with a connection of its own.

Nothing here reads or writes a file on the GUI thread, except at the very end: what was still to be remembered when
the window closed is written then.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.compose.request import Request
from core.errors import TunesmithError
from core.song.notes import Song
from core.store.library import Library, remember
from core.store.settings import Settings
from desktop.jobs import Job, Jobs, Task

log = logging.getLogger(__name__)

LANE = "library"


class Keeper(QObject):
    """Asks the library, and remembers pieces in it."""

    changed = Signal()
    """The library holds something else than before."""
    failed = Signal(str)
    """What went wrong, in one line for a person."""

    def __init__(self, jobs: Jobs, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._settings = settings
        self._library: Library | None = None
        self._numbers = itertools.count()
        self._to_remember: dict[int, Callable[[Library], int]] = {}

    def ask(
        self,
        work: Callable[[Library, Task], Any],
        on_success: Callable[[Any], object] = lambda answer: None,
        *,
        label: str = "Asking the library",
        on_failure: Callable[[str], None] | None = None,
        on_update: Callable[[Any], None] | None = None,
        quiet: bool = True,
    ) -> Job:
        """Run ``work(library, task)`` on the library's thread; what it returns comes to ``on_success``."""

        def failed(error: Exception) -> None:
            log.info("%s", label, exc_info=error)
            (on_failure or self.failed.emit)(str(error) or type(error).__name__)

        def done(answer: Any) -> None:
            on_success(answer)

        return self._jobs.run(
            LANE, label, lambda task: work(self._opened(), task),
            on_success=done, on_failure=failed, on_update=on_update, quiet=quiet,
        )  # fmt: skip

    def change(
        self, work: Callable[[Library], Any], on_success: Callable[[Any], None] = lambda answer: None
    ) -> Job:
        """As `ask`, for what alters the library; `changed` is told afterwards."""

        def done(answer: Any) -> None:
            on_success(answer)
            self.changed.emit()

        return self.ask(lambda library, task: work(library), done, label="Writing to the library")

    def remember(self, song: Song, request: Request) -> None:
        """Put a composed piece in with its recipe, if the user wants that."""
        self._remember(song, lambda library: remember(song, request, library=library))

    def remember_file(self, song: Song, title: str) -> None:
        """Put a piece from a file in, if the user wants that."""
        self._remember(song, lambda library: library.add(song, title=song.title or title))

    def close(self) -> None:
        """Write what is still to be remembered, and let go of the library; after the jobs have ended."""
        for add in self._to_remember.values():
            try:
                add(self._opened())
            except TunesmithError as error:
                log.warning("not remembered: %s", error)
        self._to_remember.clear()
        if self._library is not None:
            self._library.close()
            self._library = None

    def _remember(self, song: Song, add: Callable[[Library], int]) -> None:
        if not self._settings.keep_pieces or not len(song.notes):
            return
        number = next(self._numbers)
        self._to_remember[number] = add

        def work(library: Library) -> None:
            add(library)
            self._to_remember.pop(number, None)

        self.change(work)

    def _opened(self) -> Library:
        if self._library is None:
            self._library = Library()
        return self._library
