"""The track list: name, instrument, mute, solo, volume and pan of every track, in the tracks' own colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt
from PySide6.QtGui import QAction, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.song import edits
from core.song.instruments import instrument_name
from core.song.notes import Track
from desktop import icons, theme
from desktop.controls.basics import icon_button, label, restyle, row
from desktop.controls.choice import Choice
from desktop.controls.value_slider import ValueSlider
from desktop.document import Change, Document
from desktop.roll.drag_out import drag_file, midi_file_of
from desktop.tracks.instrument_entries import instrument_entries

WIDTH = 288


class ColourButton(QToolButton):
    """Shows the track's colour; a click takes the next one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.colour, self.is_drum = 0, False
        self.setFixedSize(22, 22)
        self.setProperty("role", "icon")
        self.setToolTip("Colour of the track: click for the next one")
        self.setAccessibleName("Track colour")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        icon = "drum" if self.is_drum else "note"
        icons.paint(painter, icon, QRectF(3, 3, 16, 16), theme.track_colour(self.colour))


class TrackRow(QFrame):
    """One track."""

    def __init__(self, document: Document, index: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("row")
        self._document = document
        self.index = index
        self._pressed = QPoint()
        self.colour = ColourButton()
        self.colour.clicked.connect(lambda: self._edit("Colour of track", colour=self._track.colour + 1))
        self.name = QLineEdit(accessibleName="Track name", placeholderText="Unnamed track")
        self.name.setProperty("role", "bare")
        self.name.editingFinished.connect(self._rename)
        self.mute = self._toggle("M", "mute", "Mute", document.set_muted)
        self.solo = self._toggle("S", "solo", "Solo", document.set_soloed)
        self.instrument = Choice(instrument_entries, name="Instrument", popup_width=260)
        self.instrument.changed.connect(self._set_instrument)
        self.volume = ValueSlider("Volume", 0, 127, 100, show="{:.0f}".format, label="")
        self.volume.edited.connect(lambda value: self._edit("Volume", "volume", volume=int(value)))
        self.pan = ValueSlider("Pan", 0, 127, 64, show=pan_text, label="", centred=True)
        self.pan.edited.connect(lambda value: self._edit("Pan", "pan", pan=int(value)))
        self.volume.setFixedSize(46, 28)
        self.pan.setFixedSize(40, 28)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 6, 6)
        layout.setSpacing(4)
        layout.addLayout(row(self.colour, self.name, self.mute, self.solo))
        layout.addLayout(row(4, self.instrument, self.volume, self.pan))
        for child in self.findChildren(QWidget):
            child.installEventFilter(self)
        self.refresh()

    @property
    def _track(self) -> Track:
        return self._document.song.tracks[self.index]

    def refresh(self) -> None:
        track = self._track
        self.colour.colour, self.colour.is_drum = track.colour, track.is_drum
        self.colour.update()
        if not self.name.hasFocus():
            self.name.setText(track.name)
            self.name.setCursorPosition(0)  # a long name shows its beginning
        self.instrument.set_value(("drum" if track.is_drum else "program", track.program))
        self.volume.set_number(track.volume)
        self.pan.set_number(track.pan)
        self.refresh_mix()
        self.update()

    def refresh_mix(self) -> None:
        self.mute.setChecked(self.index in self._document.muted)
        self.solo.setChecked(self.index in self._document.soloed)

    def show_selected(self, selected: bool) -> None:
        self.setProperty("selected", selected)
        restyle(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.FocusIn):
            self._document.set_current_track(self.index)
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = event.position().toPoint()
        self._document.set_current_track(self.index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the track out as a MIDI file."""
        far = (
            event.position().toPoint() - self._pressed
        ).manhattanLength() >= QApplication.startDragDistance()
        mine = np.flatnonzero(self._document.song.notes["track"] == self.index)
        if far and len(mine):
            drag_file(self, midi_file_of(self._document.song, mine))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        audible = self._document.is_audible(self.index)
        painter.setBrush(theme.track_colour(self._track.colour, 1.0 if audible else 0.25))
        painter.drawRoundedRect(QRectF(0, 6, 3, self.height() - 12), 1.5, 1.5)

    def _toggle(self, text: str, role: str, name: str, act: Callable[[int, bool], None]) -> QToolButton:
        button = QToolButton(text=text, checkable=True, toolTip=f"{name} this track ({text})")
        button.setProperty("role", role)
        button.setAccessibleName(name)
        button.clicked.connect(lambda on: act(self.index, on))
        return button

    def _rename(self) -> None:
        if self.name.text() != self._track.name:
            self._edit("Rename track", name=self.name.text())

    def _set_instrument(self, value: tuple[str, int]) -> None:
        kind, program = value
        fields: dict[str, Any] = {"program": program, "is_drum": kind == "drum"}
        old = self._track
        if not old.name or old.name.lower() in named_after(old):
            fields["name"] = instrument_name(program, kind == "drum").capitalize()
        self._edit("Instrument", **fields)

    def _edit(self, what: str, coalesce: str = "", **fields: Any) -> None:
        key = f"{coalesce} {self.index}" if coalesce else None
        self._document.apply(what, edits.set_track(self._document.song, self.index, **fields), coalesce=key)


class TrackPanel(QWidget):
    """All tracks, with buttons for `actions` that add, duplicate, move and remove one."""

    def __init__(
        self, document: Document, actions: dict[str, QAction], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._document = document
        self.rows: list[TrackRow] = []
        self._list = QVBoxLayout()
        self._list.setContentsMargins(4, 0, 4, 4)
        self._list.setSpacing(2)
        self._empty = label("No tracks yet.\nAdd one with +, or let Compose make some.", "dim", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setContentsMargins(16, 24, 16, 24)
        self._list.addWidget(self._empty)
        self._list.addStretch(1)
        inner = QWidget()
        inner.setLayout(self._list)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        head = QHBoxLayout()
        head.setContentsMargins(12, 6, 8, 4)
        head.setSpacing(2)
        head.addWidget(label("Tracks", "title"))
        head.addStretch(1)
        for name, icon in (
            ("track_up", "up"), ("track_down", "down"), ("track_duplicate", "copy"),
            ("track_remove", "trash"), ("track_add", "plus"),
        ):  # fmt: skip
            button = icon_button(icon, actions[name].text(), actions[name].trigger)
            follow(button, actions[name])
            head.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(scroll)
        document.changed.connect(self._changed)
        document.mix_changed.connect(self._mix_changed)
        document.current_track_changed.connect(self._select)
        self._rebuild()

    def _changed(self, change: Change) -> None:
        if not change.touches("tracks"):
            return
        if len(self.rows) != len(change.song.tracks):
            self._rebuild()
        else:
            for one in self.rows:
                one.refresh()

    def _mix_changed(self) -> None:
        for one in self.rows:
            one.refresh_mix()
            one.update()

    def _rebuild(self) -> None:
        for one in self.rows:
            self._list.removeWidget(one)
            one.hide()
            one.deleteLater()
        self.rows = [TrackRow(self._document, index) for index in range(len(self._document.song.tracks))]
        for index, one in enumerate(self.rows):
            self._list.insertWidget(index, one)
        self._empty.setVisible(not self.rows)
        self._select(self._document.current_track)

    def _select(self, track: int) -> None:
        for one in self.rows:
            one.show_selected(one.index == track)


def follow(button: QToolButton, action: QAction) -> None:
    """Keep a button as enabled, and its tool tip as true, as an action's."""

    def refresh() -> None:
        button.setEnabled(action.isEnabled())
        button.setToolTip(action.toolTip())

    action.changed.connect(refresh)
    refresh()


def pan_text(pan: float) -> str:
    """64 -> "C", 0 -> "L64", 127 -> "R63"."""
    side = round(pan) - 64
    return "C" if side == 0 else f"{'L' if side < 0 else 'R'}{abs(side)}"


def named_after(track: Track) -> set[str]:
    """Names that a track has from its instrument, so that they may change with it."""
    name = instrument_name(track.program, track.is_drum)
    return {name, name.split()[0], "piano", "drums", "track"}
