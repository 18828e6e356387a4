"""Dropping files: while one is dragged over the window, large fields say what letting go will do.

Which fields there are follows from the kind of file: a song can be opened or added, sound can be looked at, both
can be classified or used as a seed, a folder becomes a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from core.listen.formats import SUFFIXES
from desktop import icons, theme

GAP = 24
SONGS = {".mid": "MIDI", ".midi": "MIDI", ".kar": "MIDI", ".tunesmith": "project"}


@dataclass(frozen=True, slots=True)
class Field:
    """What letting go there does: its name, title, a line under it, an icon, and for which kinds of files."""

    name: str
    title: str
    detail: str
    icon: str
    kinds: frozenset[str]


FIELDS = (
    Field("open", "Open", "as the song to work on", "drop", frozenset({"MIDI", "project"})),
    Field("see", "Open", "see and hear its spectrogram", "spectrum", frozenset({"sound"})),
    Field("add", "New track", "add its tracks to the song", "plus", frozenset({"MIDI", "project"})),
    Field("classify", "Classify", "genre, tempo, key, chords, parts", "ear", frozenset({"MIDI", "sound"})),
    Field(
        "seed", "Use as seed", "compose with its tempo, key and chords", "seed", frozenset({"MIDI", "sound"})
    ),
)
FOLDER = Field("batch", "Classify", "every sound and MIDI file, as a table", "table", frozenset())
"""For a folder, and for more files than one that can be classified."""
MAP = Field("map", "Explore", "see where it falls on the map", "map", frozenset({"MIDI", "sound"}))
"""For whatever can be heard, and for a folder of it."""


def fields_for(files: Sequence[Path]) -> tuple[Field, ...]:
    """What can be done with these files."""
    kinds = {kind_of(path) for path in files} - {""}
    if not kinds:
        return ()
    if "folder" in kinds:
        return (FOLDER, MAP)
    one = len(files) == 1
    # Of several files at once there is a table rather than a verdict, and no single tempo or picture.
    fields = [
        each if one or each.name in ("open", "add") else FOLDER
        for each in FIELDS
        if kinds <= each.kinds and (one or each.name not in ("see", "seed"))
    ]
    if kinds <= MAP.kinds or not fields:
        fields.append(MAP)
    return tuple(fields) if fields != [MAP] else (FOLDER, MAP)


def kind_of(path: Path) -> str:
    """What a file is by its name: "MIDI", "project", "sound" or "folder"; "" for what is not taken."""
    if path.is_dir():
        return "folder"
    suffix = path.suffix.lower()
    return SONGS.get(suffix) or ("sound" if suffix in SUFFIXES else "")


class DropOverlay(QWidget):
    dropped = Signal(str, object)
    """Carries the name of a field, and a list of paths."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._fields: tuple[Field, ...] = ()
        self._field = 0
        parent.setAcceptDrops(True)
        parent.installEventFilter(self)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DragEnter and isinstance(event, QDragEnterEvent):
            if self._take(event.mimeData()):
                self.setGeometry(self.parentWidget().rect())
                self._point_at(event.position())
                self.show()
                self.raise_()
                event.acceptProposedAction()
                return True
        elif event.type() == QEvent.Type.Drop and isinstance(event, QDropEvent):
            self.dropEvent(event)
            return True
        return False

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._take(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._point_at(event.position())
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.hide()
        files = dropped_files(event.mimeData())
        if self._take(event.mimeData()):
            self._point_at(event.position())
            event.acceptProposedAction()
            self.dropped.emit(self._fields[self._field].name, files)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.colour("window", 0.86))
        for index, field in enumerate(self._fields):
            area = self.area(index)
            here = index == self._field
            pen = QPen(theme.colour("accent" if here else "line_strong"), 2)
            pen.setStyle(Qt.PenStyle.SolidLine if here else Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.setBrush(theme.colour("accent", 0.14) if here else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, 12, 12)
            middle = area.center()
            icons.paint(
                painter, field.icon, QRectF(middle.x() - 16, middle.y() - 52, 32, 32),
                theme.colour("accent" if here else "text_dim"),
            )  # fmt: skip
            painter.setPen(theme.colour("text"))
            painter.setFont(theme.font(18, bold=True))
            painter.drawText(area.adjusted(0, 16, 0, 0), Qt.AlignmentFlag.AlignCenter, field.title)
            painter.setPen(theme.colour("text_dim"))
            painter.setFont(theme.font())
            detail = QRectF(area.left() + 12, middle.y() + 24, area.width() - 24, 40)
            align = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
            painter.drawText(detail, int(align | Qt.TextFlag.TextWordWrap), field.detail)

    def area(self, index: int) -> QRectF:
        """Where a field is."""
        across, down = self._shape()
        width, height = (self.width() - 64 + GAP) / across, (self.height() - 112 + GAP) / down
        return QRectF(32 + index % across * width, 56 + index // across * height, width - GAP, height - GAP)

    def _shape(self) -> tuple[int, int]:
        """Fields side by side, and one below the other."""
        count = max(1, len(self._fields))
        across = count if count <= 3 else -(-count // 2)
        return across, -(-count // across)

    def _take(self, mime: QMimeData) -> bool:
        """See what can be done with what is dragged; whether it is anything."""
        self._fields = fields_for(dropped_files(mime))
        self._field = min(self._field, max(0, len(self._fields) - 1))
        return bool(self._fields)

    def _point_at(self, position: QPointF) -> None:
        across, down = self._shape()
        column = int(position.x() * across / max(1, self.parentWidget().width()))
        line = int(position.y() * down / max(1, self.parentWidget().height()))
        field = max(0, min(down - 1, line)) * across + max(0, min(across - 1, column))
        field = min(field, len(self._fields) - 1)
        if field != self._field:
            self._field = field
            self.update()


def dropped_files(mime: QMimeData) -> list[Path]:
    """The local files and folders of a drag that the studio can do something with."""
    paths = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    return [path for path in paths if kind_of(path)]
