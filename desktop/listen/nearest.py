"""The pieces most like the one that was listened to: click to hear one, or see it on the map."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from core.song.notes import Song
from desktop.controls.basics import label, row
from desktop.explore.hearing import Hearing
from desktop.explore.piece_rows import ROW_HEIGHT, PieceRows, Row, facts_of
from desktop.jobs import Job, Jobs, Task

log = logging.getLogger(__name__)

COUNT = 5
LOOKING = "Looking for them…"
NOTHING = "There is nothing to compare with: no collection is installed, and the library is empty."


class Nearest(QWidget):
    """A list of five; hidden where no embedding is installed for such a file."""

    map_wanted = Signal(str)
    """To see a piece on the map, by its key; "" for the map alone."""
    open_wanted = Signal(object)
    """To open a piece, by what is told of it."""

    def __init__(self, jobs: Jobs, hearing: Hearing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._hearing = jobs, hearing
        self._job: Job | None = None
        self._found: dict[str, Any] = {}
        self._of: Song | Path | None = None
        self.rows = PieceRows("Nearest pieces")
        self.rows.setFixedHeight(COUNT * ROW_HEIGHT + 2)
        self.rows.wanted.connect(self._do)
        self.text = label("", "small", wrap=True)
        self.link = QToolButton(text="On the map")
        self.link.setProperty("role", "link")
        self.link.clicked.connect(self._show_on_map)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row(label("Nearest pieces", "small"), None, self.link))
        layout.addWidget(self.text)
        layout.addWidget(self.rows)
        hearing.changed.connect(lambda: self.rows.show_heard(hearing.heard))
        self.hide()

    def look_for(self, thing: Song | Path | None) -> None:
        """Find what is most like a song or a file."""
        if thing is self._of:
            return
        self._of = thing
        if self._job is not None:
            self._jobs.cancel(self._job)
            self._job = None
        self.setVisible(thing is not None)
        if thing is None:
            return
        self.rows.hide()
        self.text.setText(LOOKING)
        self.text.show()

        def failed(error: Exception) -> None:
            log.info("no nearest pieces", exc_info=error)
            self._job = None
            self.hide()

        self._job = self._jobs.run(
            "explore", "Finding the nearest pieces", lambda task: nearest(task, thing), on_success=self._show,
            on_failure=failed, quiet=True,
        )  # fmt: skip

    def _show(self, found: list[tuple[str, Any, float]]) -> None:
        self._job = None
        self._found = {key: about for key, about, _ in found}
        rows = [
            Row(key, -1, str(about.get("title")), facts_of(about), likeness) for key, about, likeness in found
        ]
        self.rows.show_rows(rows)
        self.rows.setFixedHeight(len(rows) * ROW_HEIGHT + 2)
        self.rows.setVisible(bool(rows))
        self.text.setText("" if rows else NOTHING)
        self.text.setVisible(not rows)
        self._hearing.prepare([(key, about) for key, about, _ in found])

    def _do(self, deed: str, line: Row) -> None:
        about = self._found.get(line.key)
        if about is None:
            return
        if deed == "open":
            self.open_wanted.emit(about)
        elif self._hearing.heard == line.key:
            self._hearing.stop()
        else:
            self._hearing.hear(line.key, about)

    def _show_on_map(self) -> None:
        line = self.rows.current()
        first = next(iter(self._found), "")
        self.map_wanted.emit(line.key if line is not None else first)


def nearest(task: Task, thing: Song | Path) -> list[tuple[str, Any, float]]:
    """Key, facts and likeness of each of the nearest."""
    from core.explore.library import nearest_to

    found = nearest_to(thing, COUNT, cancelled=task.cancelled)
    return [(item.key, item.about, likeness) for item, likeness in found]
