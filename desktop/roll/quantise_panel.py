"""Quantise and humanise with sliders; the notes show the outcome before it is applied."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QVBoxLayout, QWidget

from core.song import edits
from core.song.notes import Notes, Song
from desktop.controls.basics import label, push_button, row
from desktop.controls.value_slider import ValueSlider
from desktop.roll.edit_actions import came_of
from desktop.roll.gestures import Index, Preview
from desktop.roll.names import counted
from desktop.roll.state import RollState

WIDTH = 268
OWN_KEYS = frozenset(
    {
        Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Space, Qt.Key.Key_Home,
        Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_End,
    }
)  # fmt: skip


class QuantisePanel(QFrame):
    """A small panel over the notes. Enter applies, Escape leaves everything as it was."""

    previewed = Signal(object)
    """A `Preview` of the outcome; None when there is nothing to show any more."""

    def __init__(self, state: RollState, parent: QWidget) -> None:
        super().__init__(parent)
        self.state = state
        self.setObjectName("popup")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Quantise and humanise")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.strength = ValueSlider("Strength", 0, 100, 100, show="{:g} %".format)
        self.swing = ValueSlider("Swing", 0, 100, 0, show="{:g} %".format)
        self.timing = ValueSlider("Loosen time", 0, 100, 0, show="{:g} %".format)
        self.loudness = ValueSlider("Loosen velocity", 0, 40, 0, show="±{:g}".format)
        self.lengths = QCheckBox("Lengths too")
        self.about = label("", "small")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(6)
        column.addLayout(row(label("Quantise", "title"), None, self.about))
        for slider in (self.strength, self.swing, self.timing, self.loudness):
            column.addWidget(slider)
            slider.valueChanged.connect(self.refresh)
        column.addWidget(self.lengths)
        self.lengths.toggled.connect(self.refresh)
        column.addLayout(
            row(
                push_button("Other chances", self._reseed, tip="Loosen in another way"),
                None,
                push_button("Cancel", self.hide),
                push_button("Apply", self.apply, role="primary"),
            )
        )
        self._seed = 0
        state.document.changed.connect(self.refresh)
        state.document.selection_changed.connect(self.refresh)
        state.changed.connect(self.refresh)
        self.hide()

    def open(self) -> None:
        """Show the panel at the upper right of the notes."""
        self.adjustSize()
        self.move(self.parentWidget().width() - self.width() - 12, 12)
        self.show()
        self.raise_()
        self.strength.setFocus()
        self.refresh()

    def apply(self) -> None:
        """Make what is shown the song, in one undo step."""
        index, song = self.index(), self.outcome()
        chosen = bool(len(self.state.selection))
        before = self.state.song
        self.hide()
        if song is not before:
            self.state.document.apply("Quantise", song)
            if chosen:
                self.state.document.select(came_of(before.notes, index, song.notes))

    def index(self) -> Index:
        """What would be quantised: the selection, or without one the whole current track."""
        if len(self.state.selection):
            return self.state.selection
        return (self.state.notes["track"] == self.state.track).nonzero()[0]

    def outcome(self) -> Song:
        """The song as the sliders would have it."""
        song, index, step = self.state.song, self.index(), self.state.step()
        if not len(index):
            return song
        straight = edits.quantise(
            song,
            index,
            step,
            strength=self.strength.number / 100,
            swing=self.swing.number / 100,
            lengths=self.lengths.isChecked(),
        )
        ticks = round(step * self.timing.number / 200)
        if not (ticks or self.loudness.number):
            return straight
        moved = came_of(song.notes, index, straight.notes)
        return edits.humanise(straight, moved, ticks, int(self.loudness.number), self._seed)

    def refresh(self) -> None:
        """Show the outcome in the roll."""
        if self.isHidden():
            return
        index = self.index()
        song = self.outcome()
        fresh: Notes = song.notes[came_of(self.state.notes, index, song.notes)]
        self.about.setText(counted(len(index)) if len(self.state.selection) else "the whole track")
        self.previewed.emit(Preview(index, fresh))

    def event(self, event: QEvent) -> bool:
        """Keep for the panel the keys that it knows, which are shortcuts elsewhere in the roll."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in OWN_KEYS
        ):
            event.accept()
            return True
        return super().event(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.previewed.emit(None)
        super().hideEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.apply()
        elif event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def _reseed(self) -> None:
        self._seed += 1
        self.refresh()
