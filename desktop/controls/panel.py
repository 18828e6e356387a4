"""What the panels of the window have in common: a button that has the focus is pressed by its keys."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

PRESSES = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Panel(QWidget):
    """A panel in which Space and Return press the focused button, where else they would start the song."""

    def event(self, event: QEvent) -> bool:
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() in PRESSES
            and not event.modifiers()
            and self._focused_button()
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        button = self._focused_button()
        if button is not None and event.key() in PRESSES:
            button.click()
        else:
            super().keyPressEvent(event)

    def _focused_button(self) -> QAbstractButton | None:
        widget = QApplication.focusWidget()
        return widget if isinstance(widget, QAbstractButton) and self.isAncestorOf(widget) else None
