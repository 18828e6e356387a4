"""The roll for people who do not see it: what is selected, in words, for the screen reader."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAccessibleEvent
from PySide6.QtWidgets import QWidget

from desktop.roll.names import describe_note, describe_notes
from desktop.roll.state import RollState


class RollReader(QObject):
    """Keeps a widget's accessible description at what is selected, and announces every change of it."""

    def __init__(self, state: RollState, widget: QWidget) -> None:
        super().__init__(widget)
        self.state = state
        self.widget = widget
        widget.setAccessibleName("Piano roll")
        state.document.selection_changed.connect(self.refresh)
        state.document.changed.connect(self.refresh)
        self.refresh()

    def text(self) -> str:
        """Like "C4, bar 3 beat 2, quarter, velocity 90" for one note, a summary for more."""
        index = self.state.selection
        if len(index) == 1:
            return describe_note(self.state.song, int(index[0]))
        return describe_notes(self.state.song, self.state.notes[index])

    def refresh(self) -> None:
        """Say what is selected now, unless it was said already."""
        text = self.text()
        if text == self.widget.accessibleDescription():
            return
        self.widget.setAccessibleDescription(text)
        if QAccessible.isActive():
            QAccessible.updateAccessibility(
                QAccessibleEvent(self.widget, QAccessible.Event.DescriptionChanged)
            )
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self.widget, text))
