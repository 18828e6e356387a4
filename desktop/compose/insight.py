"""What the flagship thinks of the notes: which pitches it would rather have, and which notes surprise it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from core.song import edits
from core.song.instruments import DRUMS
from core.song.notes import Song
from desktop import theme
from desktop.controls.basics import label
from desktop.document import Change, Document
from desktop.jobs import Job, Jobs, Task
from desktop.pages import is_installed
from desktop.roll.colours import HEAT_LEVELS
from desktop.roll.names import pitch_name, place_name, uses_flats
from desktop.roll.state import RollState

if TYPE_CHECKING:
    from core.compose.insight import Reading

LANE = "analysis"
COUNT = 8
"""Alternatives offered for a note."""

HOTTEST = 8.0
"""Nats of surprise that have the last colour: one in 3000."""

REST_MS = 500
ROW = 24


class Readings(QObject):
    """The flagship's reading of the document's song, kept while the song is the same."""

    def __init__(self, document: Document, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document, self.jobs = document, jobs
        self._kept: tuple[Song, Reading] | None = None

    def of(self, song: Song) -> Reading:
        """The reading of a song. For worker threads."""
        from core.compose.insight import Reading

        kept = self._kept
        if kept is None or kept[0] is not song:
            kept = (song, Reading(song))
            self._kept = kept
        return kept[1]

    @staticmethod
    def why_not() -> str:
        """Why nothing can be read, or ""."""
        return "" if is_installed("torch") else "PyTorch is missing: pip install torch==2.13.0"


class SurpriseColours(QObject):
    """Colours the notes by how much each surprises the flagship, and follows the edits."""

    toggled = Signal(bool)
    failed = Signal(str)

    def __init__(self, readings: Readings, state: RollState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._readings, self._state = readings, state
        self._job: Job | None = None
        self.on = False
        self.nats: np.ndarray | None = None
        self._rest = QTimer(self, interval=REST_MS, singleShot=True)
        self._rest.timeout.connect(self._read)
        readings.document.changed.connect(self._song_changed)

    def set_on(self, on: bool) -> None:
        """Colour the notes so, or as usual again."""
        if on == self.on:
            return
        self.on = on
        self._stop()
        if on:
            self._read()
        else:
            self._show(None)
        self.toggled.emit(on)

    def _song_changed(self, change: Change) -> None:
        if self.on and change.touches("notes", "tracks", "meter", "keys"):
            self._stop()
            self._rest.start()

    def _stop(self) -> None:
        self._rest.stop()
        if self._job is not None:
            job, self._job = self._job, None
            self._readings.jobs.cancel(job)

    def _read(self) -> None:
        song = self._state.song
        if not len(song.notes):
            return

        def work(task: Task) -> np.ndarray:
            reading = self._readings.of(song)
            return np.asarray(reading.surprise(progress=task.progress, cancelled=task.cancelled))

        def found(nats: np.ndarray) -> None:
            self._job = None
            if self.on and song is self._state.song:
                self._show(nats)

        self._job = self._readings.jobs.run(
            LANE, "Reading the notes", work, on_success=found, on_failure=self._failed,
            on_cancelled=self._cancelled,
        )  # fmt: skip

    def _cancelled(self) -> None:
        # By the user's hand, in the hint line: nothing more is coming. `_stop` has forgotten the job before.
        if self._job is not None:
            self._job = None
            self.set_on(False)

    def _failed(self, error: Exception) -> None:
        self._job = None
        self.set_on(False)
        self.failed.emit(str(error) or type(error).__name__)

    def _show(self, nats: np.ndarray | None) -> None:
        self.nats = nats
        if nats is None:
            self._state.set_heat(self._state.notes, None)
            return
        levels = np.full(len(nats), 255, np.uint8)
        known = np.isfinite(nats)
        levels[known] = np.clip(nats[known] / HOTTEST * HEAT_LEVELS, 0, HEAT_LEVELS - 1)
        self._state.set_heat(self._state.notes, levels)


class AlternativesPopup(QFrame):
    """The pitches that the flagship would choose for a note. Moving over them sounds them, Enter takes one."""

    taken = Signal(int)
    previewed = Signal(int)

    def __init__(self, title: str, current: int, names: dict[int, str], flats: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("popup")
        self.setProperty("role", "window")
        self.setWindowFlags(Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.list = _Bars(current, names, flats)
        self.wait = label("Reading the song up to here…", "small")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(4)
        layout.addWidget(label(title, "title"))
        layout.addWidget(self.wait)
        layout.addWidget(self.list)
        layout.addWidget(label("Arrows or mouse: hear · Enter: take", "small"))
        self.list.hide()
        self.list.moved.connect(self.previewed)
        self.list.taken.connect(self._take)
        self.setFixedWidth(232)

    def offer(self, found: list[tuple[int, float]]) -> None:
        """Show what was found."""
        self.wait.hide()
        self.list.offer(found)
        self.list.show()
        self.list.setFocus()
        self.adjustSize()
        self._keep_on_screen()

    def show_error(self, text: str) -> None:
        self.wait.setWordWrap(True)
        self.wait.setText(text)
        self.adjustSize()

    def open_at(self, place: QPoint) -> None:
        """Open beside a global position."""
        self.adjustSize()
        self.move(place)
        self._keep_on_screen()
        self.show()
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def _take(self, pitch: int) -> None:
        self.close()
        self.taken.emit(pitch)

    def _keep_on_screen(self) -> None:
        area = self.screen().availableGeometry()
        x = min(max(area.left(), self.x()), area.right() - self.width())
        y = min(max(area.top(), self.y()), area.bottom() - self.height())
        self.move(x, y)


KEYS = frozenset({Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape})


class _Bars(QWidget):
    """Pitches with their probabilities as bars."""

    moved = Signal(int)
    taken = Signal(int)

    def __init__(self, current: int, names: dict[int, str], flats: bool) -> None:
        super().__init__()
        self.entries: list[tuple[int, float]] = []
        self.at = 0
        self._current, self._names, self._flats = current, names, flats
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Alternatives")

    def offer(self, entries: list[tuple[int, float]]) -> None:
        self.entries = entries
        pitches = [pitch for pitch, _ in entries]
        self.at = pitches.index(self._current) if self._current in pitches else 0
        self.setFixedHeight(ROW * len(entries))
        self._tell()

    def sizeHint(self) -> QSize:
        return QSize(200, ROW * max(1, len(self.entries)))

    def name(self, pitch: int) -> str:
        return self._names.get(pitch) or pitch_name(pitch, self._flats)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        most = max((share for _, share in self.entries), default=1.0) or 1.0
        for index, (pitch, share) in enumerate(self.entries):
            box = QRectF(0, index * ROW, self.width(), ROW - 2)
            if index == self.at:
                painter.setBrush(theme.colour("accent", 0.35))
                painter.drawRoundedRect(box, 4, 4)
            bar = QRectF(72, box.top() + 7, (self.width() - 72 - 50) * share / most, ROW - 16)
            painter.setBrush(theme.colour("accent"))
            painter.drawRoundedRect(bar, 3, 3)
            painter.setFont(theme.font(bold=pitch == self._current))
            painter.setPen(theme.colour("text"))
            align = Qt.AlignmentFlag.AlignVCenter
            text = painter.fontMetrics().elidedText(self.name(pitch), Qt.TextElideMode.ElideRight, 58)
            painter.drawText(box.adjusted(8, 0, 0, 0), align, text + (" •" if pitch == self._current else ""))
            painter.setFont(theme.font(theme.SMALL_SIZE))
            painter.setPen(theme.colour("text_dim"))
            painter.drawText(box.adjusted(0, 0, -8, 0), align | Qt.AlignmentFlag.AlignRight, percent(share))
            painter.setPen(Qt.PenStyle.NoPen)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._go(int(event.position().y()) // ROW)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(int(event.position().y()) // ROW)
        if self.entries:
            self.taken.emit(self.entries[self.at][0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        if event.key() in steps:
            self._go(self.at + steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.entries:
            self.taken.emit(self.entries[self.at][0])
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        # The roll's keys (arrows, Enter) reach through a popup over it.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in KEYS
        ):
            event.accept()
            return True
        return super().event(event)

    def _go(self, at: int) -> None:
        at = max(0, min(at, len(self.entries) - 1))
        if at != self.at and self.entries:
            self.at = at
            self._tell()
            self.moved.emit(self.entries[at][0])

    def _tell(self) -> None:
        if self.entries:
            pitch, share = self.entries[self.at]
            self.setAccessibleDescription(f"{self.name(pitch)}, {percent(share)}")
        self.update()


class Alternatives(QObject):
    """Opens the popup for a note, and swaps the pitch that is taken in."""

    failed = Signal(str)

    def __init__(
        self, readings: Readings, state: RollState, canvas: QWidget, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._readings, self._state, self._canvas = readings, state, canvas
        self.popup: AlternativesPopup | None = None

    def open(self) -> None:
        """For the selected note; of several the first."""
        state = self._state
        if not len(state.selection):
            return
        song, index = state.song, int(state.selection[0])
        note = song.notes[index]
        track = int(note["track"])
        is_drum = track < len(song.tracks) and song.tracks[track].is_drum
        popup = AlternativesPopup(
            f"Instead of {self._name(song, index)}", int(note["pitch"]), DRUMS if is_drum else {},
            uses_flats(song, int(note["onset"])), self._canvas,
        )  # fmt: skip
        popup.previewed.connect(lambda pitch: state.note_previewed.emit(pitch, int(note["velocity"]), track))
        popup.taken.connect(lambda pitch: self._swap(song, index, pitch))
        self.popup = popup
        job = self._readings.jobs.run(
            LANE, "Reading the notes",
            lambda task: self._readings.of(song).alternatives(index, COUNT, cancelled=task.cancelled),
            on_success=lambda found: self._offer(popup, found),
            on_failure=lambda error: self._tell(popup, str(error)),
        )  # fmt: skip
        popup.destroyed.connect(lambda: self._closed(popup, job))
        popup.open_at(self._place(index))

    def _place(self, index: int) -> QPoint:
        state, note = self._state, self._state.notes[index]
        x = state.time_axis.x(int(note["onset"]) + int(note["duration"]))
        y = state.pitch_axis.y(int(note["pitch"]))
        x = min(max(0.0, x), self._canvas.width()) + 8
        y = min(max(0.0, y), self._canvas.height())
        return self._canvas.mapToGlobal(QPoint(round(x), round(y)))

    def _name(self, song: Song, index: int) -> str:
        note = song.notes[index]
        onset = int(note["onset"])
        return f"{pitch_name(int(note['pitch']), uses_flats(song, onset))} at {place_name(song, onset)}"

    def _offer(self, popup: AlternativesPopup, found: list[tuple[int, float]]) -> None:
        if popup is self.popup:
            popup.offer(found)

    def _tell(self, popup: AlternativesPopup, text: str) -> None:
        if popup is self.popup:
            popup.show_error(text)

    def _closed(self, popup: AlternativesPopup, job: Job) -> None:
        if popup is self.popup:
            self.popup = None
        if job in self._readings.jobs.running:
            self._readings.jobs.cancel(job)

    def _swap(self, song: Song, index: int, pitch: int) -> None:
        document = self._state.document
        if document.song is not song or int(song.notes["pitch"][index]) == pitch:
            return
        note = song.notes[index : index + 1].copy()
        note["pitch"] = pitch
        document.apply("Take an alternative", edits.insert(edits.delete(song, [index]), note))
        document.select(edits.find(document.song, note))
        self._state.note_previewed.emit(pitch, int(note["velocity"][0]), int(note["track"][0]))


def percent(share: float) -> str:
    """For people: "37 %", "4.2 %", "<0.1 %"."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.1f} %" if value >= 0.1 else "<0.1 %"
