"""The bar at the top: playing, where we are, tempo, meter, key, snap, metronome, volume and how the sound does."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from core.song import edits
from core.song.harmony import SCALES, Key
from core.song.notes import Song
from desktop import icons
from desktop.controls.basics import label
from desktop.controls.choice import Choice
from desktop.controls.level_meter import LevelMeter
from desktop.controls.search_list import Entry
from desktop.controls.value_slider import ValueSlider
from desktop.document import Change, Document
from desktop.playback import Playback
from desktop.tracks.panel import follow

METERS = (
    (2, 4),
    (3, 4),
    (4, 4),
    (5, 4),
    (6, 4),
    (7, 4),
    (3, 8),
    (5, 8),
    (6, 8),
    (7, 8),
    (9, 8),
    (12, 8),
    (2, 2),
)

SNAPS = (
    ("Off", 0.0), ("1 bar", -1.0), ("1/2", 2.0), ("1/4", 1.0), ("1/8", 0.5), ("1/8 triplet", 1 / 3),
    ("1/16", 0.25), ("1/16 triplet", 1 / 6), ("1/32", 0.125), ("1/64", 0.0625),
)  # fmt: skip
"""Name, length in beats; -1 stands for a bar."""

BUTTONS = (
    ("start", "start"), ("play", "play"), ("stop", "stop"), ("loop", "loop"), ("metronome", "metronome"),
    ("follow", "follow"),
)  # fmt: skip
"""Action, icon."""


TITLES_FROM = 1130
"""Pixels of width."""


class Transport(QWidget):
    def __init__(
        self,
        document: Document,
        playback: Playback,
        actions: dict[str, QAction],
        set_snap: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._document, self._playback = document, playback
        self._buttons: dict[str, QToolButton] = {}
        self._titles: list[QLabel] = []
        self._layout = layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.setSpacing(4)
        for name, icon in BUTTONS:
            layout.addWidget(self._button(actions[name], icon))

        layout.addSpacing(8)
        self.position = label("1:1", "position")
        self.seconds = label("0:00.0", "small")
        self.position.setAccessibleName("Position in bars and beats")
        self._well = well = QWidget()
        well.setObjectName("well")
        well.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        well.setFixedHeight(34)
        well.setToolTip("Position: bar and beat, minutes and seconds")
        inside = QHBoxLayout(well)
        inside.setContentsMargins(10, 0, 10, 0)
        inside.addWidget(self.position)
        inside.addStretch(1)
        inside.addWidget(self.seconds)
        layout.addWidget(well)
        layout.addSpacing(8)

        self.tempo = QDoubleSpinBox(
            minimum=20, maximum=400, decimals=1, keyboardTracking=False, accessibleName="Tempo",
            toolTip="Tempo at the song's start, in beats a minute: type, or turn the wheel",
        )  # fmt: skip
        self.tempo.setFixedWidth(56)
        self.tempo.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tempo.valueChanged.connect(self._set_tempo)
        self.meter = Choice(
            [Entry(meter, f"{meter[0]}/{meter[1]}") for meter in METERS],
            (4, 4),
            name="Meter",
            popup_width=120,
        )
        self.meter.changed.connect(self._set_meter)
        self.key = Choice(key_entries(with_none=True), None, name="Key", popup_width=200)
        self.key.changed.connect(self._set_key)
        self.snap = Choice([Entry(name, name) for name, _ in SNAPS], "1/16", name="Snap", popup_width=140)
        self.snap.changed.connect(set_snap)
        for name, widget, width in (
            ("Tempo", self.tempo, 56), ("Meter", self.meter, 64), ("Key", self.key, 108), ("Snap", self.snap, 84),
        ):  # fmt: skip
            widget.setFixedWidth(width)
            self._titles.append(_title(name, widget))
            layout.addLayout(_pair(self._titles[-1], widget))

        layout.addStretch(1)
        self.volume = ValueSlider(
            "Master volume", 0, 100, 80, label="", show="{:.0f} %".format,
        )  # fmt: skip
        self.volume.setFixedWidth(72)
        self.volume.edited.connect(lambda value: playback.set_volume(value / 100))
        self.meter_bars = LevelMeter()
        self.engine = label("", "small")
        self.engine.setMinimumWidth(92)
        levels = QVBoxLayout()
        levels.setContentsMargins(0, 0, 0, 0)
        levels.setSpacing(3)
        levels.addStretch(1)
        levels.addWidget(self.meter_bars)
        levels.addWidget(self.engine)
        levels.addStretch(1)
        self._titles.append(_title("Volume", self.volume))
        layout.addLayout(_pair(self._titles[-1], self.volume))
        layout.addSpacing(4)
        layout.addLayout(levels)

        document.changed.connect(self._changed)
        document.playhead_changed.connect(self._show_position)
        playback.playing_changed.connect(self._show_playing)
        playback.polled.connect(self._show_levels)
        playback.audition_changed.connect(lambda: self._show_position(document.playhead))
        self._show_song(document.song)
        self._show_engine()

    def minimumSizeHint(self) -> QSize:
        return QSize(900, 46)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the fields go without their titles; tool tips have them too."""
        wide = event.size().width() >= TITLES_FROM
        for title in self._titles:
            title.setVisible(wide)
        self._well.setFixedWidth(148 if wide else 124)
        self._layout.activate()
        super().resizeEvent(event)

    def show_no_sound(self) -> None:
        """Say why nothing sounds, or take it back."""
        self._show_engine()

    def _button(self, action: QAction, icon: str) -> QToolButton:
        button = QToolButton(checkable=action.isCheckable())
        icons.put(button, icon)
        button.setProperty("role", "transport")
        button.setAccessibleName(action.text())
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: action.trigger())
        follow(button, action)
        if action.isCheckable():
            action.toggled.connect(button.setChecked)
            button.setChecked(action.isChecked())
        self._buttons[icon] = button
        return button

    def _changed(self, change: Change) -> None:
        if change.touches("tempo", "meter", "keys"):
            self._show_song(change.song)

    def _show_song(self, song: Song) -> None:
        self.tempo.blockSignals(True)
        self.tempo.setValue(song.tempos[0].bpm)
        self.tempo.blockSignals(False)
        self.meter.set_value((song.meters[0].numerator, song.meters[0].denominator))
        self.key.set_value((song.keys[0].tonic, song.keys[0].mode) if song.keys else None)
        self._show_position(self._document.playhead)

    def _show_position(self, tick: int) -> None:
        song = self._playback.audition or self._document.song
        bar, inside = song.bars.position(tick)
        beat_ticks = max(1, 4 * song.ticks_per_beat // song.bars.meter_at(tick).denominator)
        text = f"{bar + 1}:{inside // beat_ticks + 1}"
        if text != self.position.text():
            self.position.setText(text)
        seconds = float(song.time.to_seconds(tick))
        self.seconds.setText(f"{int(seconds // 60)}:{seconds % 60:04.1f}")

    def _show_playing(self, playing: bool) -> None:
        button = self._buttons["play"]
        icons.put(button, "pause" if playing else "play", "accent" if playing else "text")

    def _show_levels(self, state: object) -> None:
        self.meter_bars.set_levels(state.peak_left, state.peak_right)  # type: ignore[attr-defined]
        self._show_engine()

    def _show_engine(self) -> None:
        playback = self._playback
        state = playback.state
        trouble = playback.why_silent or state.status
        if playback.why_silent:
            text, tip = "no sound", trouble
        else:
            drops = f"{state.dropouts} drops" if state.dropouts != 1 else "1 drop"
            text = f"{100 * state.load:.0f} %  {drops}"
            tip = f"Load of the sound engine and drop-outs so far. {trouble}".strip()
        if text != self.engine.text():
            self.engine.setText(text)
        self.engine.setToolTip(tip)

    def _set_tempo(self, bpm: float) -> None:
        self._document.apply(f"Tempo {bpm:g}", edits.set_tempo(self._document.song, bpm), coalesce="tempo")

    def _set_meter(self, meter: tuple[int, int]) -> None:
        song = edits.set_meter(self._document.song, *meter)
        self._document.apply(f"Meter {meter[0]}/{meter[1]}", song)

    def _set_key(self, value: tuple[int, str] | None) -> None:
        key = Key(*value) if value else None
        song = edits.set_key(self._document.song, key)
        self._document.apply(f"Key {key.name if key else 'none'}", song)


def key_entries(*, with_none: bool = False) -> list[Entry]:
    """Every key of every scale as (tonic, mode); major and minor first."""
    entries = [Entry(None, "No key")] if with_none else []
    for mode in SCALES:
        entries += [
            Entry((tonic, mode), Key(tonic, mode).name, group=mode.capitalize()) for tonic in range(12)
        ]
    return entries


def snap_ticks(name: str, song: Song, tick: int = 0) -> int:
    """The grid's width in ticks: 0 where snap is off."""
    beats = dict(SNAPS).get(name, 0.25)
    if beats < 0:
        return song.bars.length_at(tick)
    return max(1, round(beats * song.ticks_per_beat)) if beats else 0


def _title(text: str, widget: QWidget) -> QLabel:
    title: QLabel = label(text, "small")
    title.setBuddy(widget)
    return title


def _pair(title: QLabel, widget: QWidget) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 4, 0)
    layout.setSpacing(5)
    layout.addWidget(title)
    layout.addWidget(widget)
    return layout
