"""The strip above the piano roll: the tools, which track is drawn to, and what is being auditioned."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from desktop import icons, theme
from desktop.compose.session import ComposeSession, Variant
from desktop.controls.basics import label
from desktop.document import Document
from desktop.tracks.panel import follow

TOOLS = (
    ("tool_select", "select"), ("tool_draw", "draw"), ("tool_erase", "erase"), ("tool_split", "split"),
    ("tool_glue", "glue"),
)  # fmt: skip
VIEWS = (("ghost_tracks", "copy"), ("spectrogram_below", "spectrum"), ("fit", "fit"), ("palette", "search"))


class RollBar(QWidget):
    def __init__(
        self,
        document: Document,
        session: ComposeSession,
        actions: dict[str, QAction],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setFixedHeight(32)
        self._document = document
        self.track = label("", "small")
        self.audition = QToolButton()
        self.audition.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.audition.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.audition.setIconSize(QSize(10, 10))
        self.audition.setProperty("role", "chip")
        self.audition.setToolTip("A result plays in place of the song. Click to go back to the song")
        self.audition.clicked.connect(lambda: session.choose(None))
        self.audition.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 2)
        layout.setSpacing(2)
        for name, icon in TOOLS:
            layout.addWidget(_button(actions[name], icon))
        layout.addSpacing(8)
        layout.addWidget(self.track)
        layout.addStretch(1)
        layout.addWidget(self.audition)
        layout.addSpacing(4)
        for name, icon in VIEWS:
            layout.addWidget(_button(actions[name], icon))
        document.changed.connect(lambda _: self._show_track())
        document.current_track_changed.connect(lambda _: self._show_track())
        session.chosen_changed.connect(self._show_audition)
        self._show_track()

    def _show_track(self) -> None:
        tracks = self._document.song.tracks
        index = self._document.current_track
        if index < len(tracks):
            colour = theme.track_colour(tracks[index].colour).name()
            name = tracks[index].name or f"Track {index + 1}"
            self.track.setText(f"<span style='color:{colour}'>■</span>&nbsp; {_plain(name)}")
        else:
            self.track.setText("No track to draw to")

    def _show_audition(self, chosen: Variant | None) -> None:
        self.audition.setVisible(chosen is not None)
        if chosen is not None:
            self.audition.setText(f"Listening to result {chosen.number}")
            icons.put(self.audition, "close", "text_dim")


def _button(action: QAction, icon: str) -> QToolButton:
    button = QToolButton(checkable=action.isCheckable())
    icons.put(button, icon, "text_dim")
    button.setProperty("role", "icon")
    button.setAccessibleName(action.text())
    trigger: Callable[[], object] = action.trigger
    button.clicked.connect(lambda: trigger())
    follow(button, action)
    if action.isCheckable():
        action.toggled.connect(button.setChecked)
        # A click has already turned the button; what counts is what the action says afterwards.
        button.clicked.connect(lambda: button.setChecked(action.isChecked()))
        button.setChecked(action.isChecked())
    return button


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
