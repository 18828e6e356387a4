"""Dropping files: while one is dragged over the window, two large fields say what letting go will do."""

from __future__ import annotations

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

from desktop import icons, theme

KINDS = {".mid": "MIDI", ".midi": "MIDI", ".kar": "MIDI", ".tunesmith": "project"}
FIELDS = (
    ("open", "Open", "as the song to work on"),
    ("add", "Add as tracks", "to the song, from its first bar"),
)
"""What a field does, its title, and a line under it."""


class DropOverlay(QWidget):
    dropped = Signal(str, object)
    """Carries "open" or "add", and a list of paths."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._field = 0
        parent.setAcceptDrops(True)
        parent.installEventFilter(self)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DragEnter and isinstance(event, QDragEnterEvent):
            if dropped_files(event.mimeData()):
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
        if dropped_files(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._point_at(event.position())
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.hide()
        files = dropped_files(event.mimeData())
        if files:
            self._point_at(event.position())
            event.acceptProposedAction()
            self.dropped.emit(FIELDS[self._field][0], files)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.colour("window", 0.86))
        for index, (_, title, detail) in enumerate(FIELDS):
            area = self._area(index)
            here = index == self._field
            pen = QPen(theme.colour("accent" if here else "line_strong"), 2)
            pen.setStyle(Qt.PenStyle.SolidLine if here else Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.setBrush(theme.colour("accent", 0.14) if here else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, 12, 12)
            middle = area.center()
            icons.paint(
                painter, "drop" if index == 0 else "plus", QRectF(middle.x() - 16, middle.y() - 52, 32, 32),
                theme.colour("accent" if here else "text_dim"),
            )  # fmt: skip
            painter.setPen(theme.colour("text"))
            painter.setFont(theme.font(18, bold=True))
            painter.drawText(area.adjusted(0, 16, 0, 0), Qt.AlignmentFlag.AlignCenter, title)
            painter.setPen(theme.colour("text_dim"))
            painter.setFont(theme.font())
            painter.drawText(area.adjusted(0, 68, 0, 0), Qt.AlignmentFlag.AlignCenter, detail)

    def _area(self, index: int) -> QRectF:
        half = self.width() / len(FIELDS)
        return QRectF(index * half, 0, half, self.height()).adjusted(32, 64, -32, -64)

    def _point_at(self, position: QPointF) -> None:
        field = min(
            len(FIELDS) - 1, max(0, int(position.x() * len(FIELDS) / max(1, self.parentWidget().width())))
        )
        if field != self._field:
            self._field = field
            self.update()


def dropped_files(mime: QMimeData) -> list[Path]:
    """The local files of a drag that the studio can open."""
    paths = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    return [path for path in paths if path.suffix.lower() in KINDS]
