"""The third page: a folder, listened to file by file."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from desktop.controls.basics import label, push_button, row, rule
from desktop.jobs import Job, Jobs, Task
from desktop.listen.batch_model import COLUMNS, FOUND, BatchModel, Found, Sorted, found

LANE = "batch"
SHOWN_AFTER_MS = 120
"""How long finished files are gathered before they become rows."""
MANY, MOST_WORKERS = 8, 4
"""From so many files on they are listened to by several processes, and by how many at most."""
SCORES = (".mid", ".midi")
EMPTY = (
    "Drop a folder on the window, or choose one: every sound and MIDI file in it becomes a line of a table, "
    "which you can sort and save as CSV."
)
WIDTHS = (128, 84, 48, 84, 52, 76, 56)


class Table(QTableView):
    """Rows as wide as the panel and farther; Return opens the row that is chosen."""

    opened = Signal(QModelIndex)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)


class BatchPage(QWidget):
    """What is found of many files, while it is found."""

    open_wanted = Signal(object)
    """The path of a file to show."""
    folder_wanted = Signal()
    said = Signal(str, str)

    def __init__(
        self,
        jobs: Jobs,
        model_name: Callable[[], str],
        ask_where: Callable[[str, str, str, Callable[[str], object]], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs, self._model_name, self._ask_where = jobs, model_name, ask_where
        self._job: Job | None = None
        self._count = 0
        self._errors = 0
        self._began = 0.0
        self._waiting: list[Found] = []
        self._name = "listened"
        self._soon = QTimer(self, interval=SHOWN_AFTER_MS, singleShot=True)
        self._soon.timeout.connect(self._flush)
        self.model = BatchModel(self)
        self.sorted = Sorted(self.model, self)
        self.table = Table()
        self.table.setModel(self.sorted)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setCornerButtonEnabled(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table.horizontalHeader().setHighlightSections(False)
        for column, width in enumerate(WIDTHS):
            self.table.setColumnWidth(column, width)
        self.table.setAccessibleName("Files that were listened to")
        self.table.doubleClicked.connect(self._open)
        self.table.opened.connect(self._open)
        self.choose: QPushButton = push_button("Choose a folder…", self.folder_wanted.emit, role="primary")
        self.stop = push_button("Cancel", self.cancel)
        self.save = push_button("Save CSV…", self.ask_save, tip="The table as a file for a spreadsheet")
        self.note = label("", "small")
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        self.bar.setAccessibleName("Progress")
        self.empty = label(EMPTY, "small", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._body = QStackedLayout()
        blank = QWidget()
        middle = QVBoxLayout(blank)
        middle.setContentsMargins(24, 16, 24, 16)
        middle.addStretch(1)
        middle.addWidget(self.empty)
        middle.addStretch(2)
        self._body.addWidget(blank)
        self._body.addWidget(self.table)
        head = QVBoxLayout()
        head.setContentsMargins(10, 8, 10, 6)
        head.setSpacing(4)
        head.addLayout(row(self.choose, self.stop, None, self.save))
        head.addWidget(self.note)
        head.addWidget(self.bar)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(rule())
        layout.addLayout(self._body, 1)
        self._show()

    @property
    def is_busy(self) -> bool:
        return self._job is not None

    def listen_to(self, places: Sequence[Path]) -> None:
        """Listen to files, and to all in folders; what was in the table goes."""
        self.cancel()
        self.model.clear()
        self.empty.setText(EMPTY)
        self._waiting = []
        self._count = self._errors = 0
        self._began = time.monotonic()
        self._name = places[0].name if len(places) == 1 else "files"
        wanted, model = list(places), self._model_name()
        self._job = self._jobs.run(
            LANE, f"Listening to {self._name}", lambda task: listen_to_all(task, wanted, model),
            on_update=self._take, on_progress=lambda share: self.bar.setValue(round(1000 * share)),
            on_success=lambda _: self._end(), on_failure=self._failed, on_cancelled=self._end,
        )  # fmt: skip
        self._show()

    def cancel(self) -> None:
        """Stop; the rows there are stay."""
        if self._job is not None:
            self._jobs.cancel(self._job)

    def ask_save(self) -> None:
        """Ask where to write the table."""
        self._ask_where(
            "Save the table", "CSV (*.csv)", f"{self._name}.csv", lambda path: self.save_to(Path(path))
        )

    def save_to(self, path: Path) -> Job:
        """Write the table as it is sorted now, as CSV in UTF-8 with the columns of ``tunesmith listen --out``."""
        rows = [self.sorted.index(line, 0).data(FOUND) for line in range(self.sorted.rowCount())]

        def work(task: Task) -> None:
            from core.listen.batch import COLUMNS as CSV_COLUMNS
            from core.store.atomic import write_bytes_atomic

            text = io.StringIO()
            writer = csv.writer(text)
            writer.writerow(CSV_COLUMNS)
            writer.writerows(each.line for each in rows)
            write_bytes_atomic(path, text.getvalue().encode("utf-8", "surrogateescape"))

        return self._jobs.run(
            "files", f"Writing {path.name}", work,
            on_success=lambda _: self.said.emit(f"Saved {path.name}", "info"),
            on_failure=lambda error: self.said.emit(f"{path.name} was not written: {error}", "bad"),
        )  # fmt: skip

    # -- as files finish -----------------------------------------------------------------------------

    def _take(self, news: int | Found) -> None:
        if isinstance(news, int):
            self._count = news
            self._show()
            return
        self._waiting.append(news)
        self._errors += bool(news.error)
        if not self._soon.isActive():
            self._soon.start()

    def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        self.model.add(rows)
        self._show()

    def _failed(self, error: Exception) -> None:
        self._end()
        text = str(error)
        self.empty.setText(text[:1].upper() + text[1:])

    def _end(self) -> None:
        self._job = None
        self._soon.stop()
        self._flush()

    def _show(self) -> None:
        done, busy = len(self.model.rows), self.is_busy
        self.choose.setVisible(not busy)
        self.stop.setVisible(busy)
        self.bar.setVisible(busy)
        self.bar.setMaximum(1000 if self._count else 0)
        self.save.setEnabled(bool(done))
        self._body.setCurrentIndex(1 if done or busy else 0)
        self.note.setText(self._text(done, busy))
        self.note.setVisible(bool(self.note.text()))

    def _text(self, done: int, busy: bool) -> str:
        if not done and not busy:
            return ""
        if busy and not self._count:
            return f"Looking for files in {self._name}…"
        parts = [f"{done} of {self._count} files" if done < self._count else f"{done} files"]
        if self._errors:
            parts.append("1 error" if self._errors == 1 else f"{self._errors} errors")
        if busy and done:
            left = (time.monotonic() - self._began) / done * (self._count - done)
            parts.append(f"{left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left")
        elif not busy and done < self._count:
            parts.append("cancelled")
        return " · ".join(parts)

    def _open(self, index: QModelIndex) -> None:
        chosen: Found | None = index.data(FOUND)
        if chosen is not None:
            self.open_wanted.emit(chosen.path)


def listen_to_all(task: Task, places: Sequence[Path], model: str) -> None:
    """On the worker's thread: hand out how many files there are, and a `Found` for each as it is done.

    A broken file is a row, too. Many files are listened to by several processes.
    """
    from core.listen.batch import find_files, listen_all, row_of

    files = find_files(places)
    task.update(len(files))
    workers = min(MOST_WORKERS, os.cpu_count() or 1) if len(files) >= MANY else 1
    done = 0
    for group, judge in by_judge(files, model):
        for outcome in listen_all(group, model=judge, workers=workers, cancelled=task.cancelled):
            line = tuple(str(each) for each in row_of(outcome))
            path = Path(outcome.file)
            task.update(found(path, name_in(path, places), line, outcome.report, outcome.error))
            done += 1
            task.progress(done / len(files))


def by_judge(files: Sequence[str], model: str) -> list[tuple[list[str], str]]:
    """The files with the model that is to judge them: the one chosen where it hears such files, or the best."""
    if not model:
        return [(list(files), "")]
    from core.listen import registry

    scores = [file for file in files if file.lower().endswith(SCORES)]
    sounds = [file for file in files if not file.lower().endswith(SCORES)]
    by_notes = registry.find(model).hears == "score"
    groups = [(scores, model if by_notes else ""), (sounds, "" if by_notes else model)]
    return [(group, judge) for group, judge in groups if group]


def name_in(path: Path, places: Sequence[Path]) -> str:
    """What to call a file: its path below the place it was found in."""
    for place in places:
        if path != place and path.is_relative_to(place):
            return str(path.relative_to(place))
    return path.name


assert len(WIDTHS) == len(COLUMNS)
