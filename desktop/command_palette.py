"""Ctrl+P: every action by a few of its letters, with its key, over the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsDropShadowEffect, QWidget

from desktop.actions import Actions
from desktop.controls.search_list import SearchList

WIDTH = 520
TOP = 96


class CommandPalette(SearchList):
    """A child of the window, so that the sound and everything else go on."""

    wanted = Signal(str)
    """Carries the id of the action that was chosen."""

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__("Search all commands", parent)
        self._actions = actions
        self.field.setProperty("role", "search")
        shadow = QGraphicsDropShadowEffect(self)
        shadow.setBlurRadius(32)
        shadow.setOffset(0, 8)
        shadow.setColor(QColor(0, 0, 0, 160))
        self.setGraphicsEffect(shadow)
        self.chosen.connect(self._choose)
        self.left.connect(self.hide)
        self.field.textChanged.connect(self._place)
        parent.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        self.offer(self._actions.entries())
        self._place()
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self.isVisible():
            if watched is self.parent() and event.type() == QEvent.Type.Resize:
                self._place()
            elif watched is self.field and event.type() == QEvent.Type.FocusOut:
                self.hide()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        window = self.parentWidget()
        width = min(WIDTH, window.width() - 32)
        height = min(self.wanted_height() + 16, window.height() - TOP - 48)
        self.setGeometry((window.width() - width) // 2, TOP, width, height)

    def _choose(self, action: str) -> None:
        self.hide()
        self.wanted.emit(action)
