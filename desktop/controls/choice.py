"""A button that shows a value and opens a searchable list to change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from desktop import icons, theme
from desktop.controls.search_list import Entry, SearchList, drop_down


class Choice(QPushButton):
    """One of a list of entries; with ``label`` its name stands dim before the value."""

    changed = Signal(object)
    """Carries the new value; only for changes by the user."""

    def __init__(
        self,
        entries: Iterable[Entry] | Callable[[], Iterable[Entry]],
        value: Any = None,
        *,
        name: str,
        label: str = "",
        popup_width: int = 0,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._source = entries
        self._label = label
        self._popup_width = popup_width
        self.value = value
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self.open)

    def entries(self) -> list[Entry]:
        return list(self._source() if callable(self._source) else self._source)

    def set_entries(self, entries: Iterable[Entry]) -> None:
        self._source = list(entries)
        self.update()

    def set_value(self, value: Any) -> None:
        """Show another value, silently."""
        self.value = value
        self.setAccessibleDescription(self.shown_text())
        self.update()

    def shown_text(self) -> str:
        return next(
            (entry.text for entry in self.entries() if entry.value == self.value), str(self.value or "")
        )

    def open(self) -> SearchList:
        return drop_down(
            self, self.entries(), self._take, current=self.value, width=self._popup_width,
            placeholder=f"Search {self.accessibleName().lower()}",
        )  # fmt: skip

    def wheelEvent(self, event: QWheelEvent) -> None:
        values = [entry.value for entry in self.entries() if not entry.why_not]
        if self.isEnabled() and self.value in values and event.angleDelta().y():
            step = -1 if event.angleDelta().y() > 0 else 1
            at = values.index(self.value) + step
            if 0 <= at < len(values):
                self._take(values[at])
        event.accept()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        widest = metrics.horizontalAdvance(self.shown_text())
        label = metrics.horizontalAdvance(self._label) + 8 if self._label else 0
        return QSize(widest + label + 36, 28)

    def minimumSizeHint(self) -> QSize:
        return QSize(48, 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setFont(self.font())
        area = self.rect().adjusted(9, 0, -22, 0)
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        if self._label:
            painter.setPen(theme.colour("text_dim" if self.isEnabled() else "text_faint"))
            painter.drawText(area, align, self._label)
            area.setLeft(area.left() + painter.fontMetrics().horizontalAdvance(self._label) + 8)
        painter.setPen(theme.colour("text" if self.isEnabled() else "text_faint"))
        text = painter.fontMetrics().elidedText(self.shown_text(), Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, align, text)
        chevron = QRectF(self.width() - 19, self.height() / 2 - 6, 12, 12)
        icons.paint(painter, "down", chevron, theme.colour("text_faint"))

    def _take(self, value: Any) -> None:
        if value != self.value:
            self.set_value(value)
            self.changed.emit(value)
