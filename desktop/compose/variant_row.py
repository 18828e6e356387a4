"""One result of composing: a small picture of its notes, its settings, and what can be done with it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QApplication, QFrame, QSizePolicy, QVBoxLayout, QWidget

from desktop import icons, theme
from desktop.compose.facts import details, headline
from desktop.compose.session import Variant
from desktop.controls.basics import icon_button, label, push_button, restyle, row
from desktop.roll.drag_out import drag_file, midi_file_of
from desktop.roll.names import counted

STATES = {
    "waiting": "waiting",
    "composing": "composing",
    "done": "",
    "stopped": "stopped early",
    "failed": "failed",
}
TASK_NAMES = {"continue": "continues", "fill": "fills", "vary": "varies", "accompany": "accompanies"}
HOVER_MS = 250
"""How long the pointer rests on a result before it is shown and heard: a hand on its way elsewhere is no wish."""

NOTHING_YET = {"waiting": "Getting ready…", "composing": "The first notes are coming…"}


class Thumbnail(QWidget):
    """The notes of a song, a few pixels each, in the colours of their tracks."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._variant: Variant | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_variant(self, variant: Variant) -> None:
        self._variant = variant
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 34)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        shape = QPainterPath()
        shape.addRoundedRect(area, 4, 4)
        painter.setClipPath(shape)
        painter.fillRect(area, theme.colour("sunken"))
        variant = self._variant
        sketch = variant.sketch if variant else None
        if variant is None:
            return
        if sketch is None or not len(sketch.notes):
            painter.setFont(theme.font(theme.SMALL_SIZE))
            painter.setPen(theme.colour("text_faint"))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, NOTHING_YET.get(variant.state, ""))
            return
        bars = sketch.bars
        length = max(sketch.end_tick, bars.start(max(1, variant.request.bars)), 1)
        if variant.progress < 1:
            painter.fillRect(
                QRectF(0, area.bottom() - 2, area.width() * variant.progress, 2), theme.colour("accent")
            )
        notes = sketch.notes
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        low, high = int(notes["pitch"].min()), int(notes["pitch"].max())
        step = (area.height() - 8) / max(12, high - low + 1)
        x = notes["onset"] / length * area.width()
        width = np.maximum(1.5, notes["duration"] / length * area.width() - 0.5)
        y = 4 + (high - notes["pitch"].astype(int)) * step
        for track in np.unique(notes["track"]):
            colour = sketch.tracks[track].colour if track < len(sketch.tracks) else int(track)
            mine = np.flatnonzero(notes["track"] == track)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.track_colour(colour))
            painter.drawRects(
                [QRectF(float(x[i]), float(y[i]), float(width[i]), max(1.5, step - 0.4)) for i in mine]
            )


class VariantRow(QFrame):
    """A variant in the list of results. What its buttons do is up to the panel."""

    chosen = Signal(object)
    hovered = Signal(object)
    """The variant under the pointer; None when it leaves."""
    used = Signal(object)
    replaced = Signal(object)
    discarded = Signal(object)
    starred = Signal(object)
    recalled = Signal(object)

    def __init__(self, variant: Variant, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("row")
        self.variant = variant
        self._pressed = QPoint()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._dwell = QTimer(self, interval=HOVER_MS, singleShot=True)
        self._dwell.timeout.connect(lambda: self.hovered.emit(variant))
        self.title = label("", "small")
        self.state = label("", "small")
        self.thumbnail = Thumbnail()
        self.use = push_button("Insert", lambda: self.used.emit(variant), role="primary")
        self.replace = push_button(
            "Replace", lambda: self.replaced.emit(variant),
            tip="Put this variant in the song's place (one undo step)",
        )  # fmt: skip
        self.star = icon_button(
            "star", "Keep: is not discarded with the others", lambda: self.starred.emit(variant)
        )
        self.recall = icon_button(
            "gear", "Take these settings and this seed over, to compose it again",
            lambda: self.recalled.emit(variant),
        )  # fmt: skip
        self.discard = icon_button("trash", "Discard this variant", lambda: self.discarded.emit(variant))
        self.facts = label("", "small")
        self.facts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.details = label("", "small", wrap=True)
        self.details.setTextFormat(Qt.TextFormat.RichText)
        self.info = icon_button("info", "What is measured of this variant", checkable=True)
        self.info.toggled.connect(lambda _: self.refresh())
        self.buttons = QWidget()
        self.buttons.setLayout(
            row(self.use, self.replace, None, self.info, self.star, self.recall, self.discard, gap=2)
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 5, 6, 6)
        layout.setSpacing(3)
        layout.addLayout(row(self.title, None, self.state))
        layout.addWidget(self.thumbnail)
        layout.addWidget(self.facts)
        layout.addWidget(self.details)
        layout.addWidget(self.buttons)
        self.show_chosen(False)
        self.refresh()

    def refresh(self) -> None:
        variant = self.variant
        request = variant.request
        task = TASK_NAMES.get(request.task)
        parts = [task] if task else [request.style or "any style", request.key or "any key"]
        parts.append(f"seed {request.seed}")
        mark = " ★" if variant.starred else ""
        self.title.setText(f"{variant.number}{mark}   " + " · ".join(parts))
        text = STATES[variant.state]
        if variant.state == "composing":
            text = f"{100 * variant.progress:.0f} %"
        elif variant.sketch is not None and variant.is_over:
            text = counted(len(variant.change()[1])) + ("" if variant.state == "done" else f", {text}")
        self.state.setText(text)
        told = details(variant.facts)
        self.facts.setText(headline(variant.facts))
        self.facts.setVisible(bool(told))
        self.details.setText(_table(told))
        self.details.setVisible(bool(told) and self.info.isChecked() and self._is_chosen)
        self.info.setEnabled(bool(told))
        self.info.setToolTip("What is measured of this variant" if told else "Nothing is measured yet")
        facts = "".join(f"\n{name}: {text}" for name, text in told)
        self.setToolTip(settings_text(variant) + facts)
        self.setAccessibleName(f"Result {variant.number}, {self.state.text()}")
        self.setAccessibleDescription(self.facts.text())
        for button in (self.use, self.replace):
            button.setEnabled(variant.is_over and variant.is_usable)
        self.discard.setEnabled(variant.is_over)
        star = ("star-full", "warn") if variant.starred else ("star", "text_dim")
        icons.put(self.star, *star)
        self.thumbnail.show_variant(variant)

    def show_untouched(self, untouched: bool) -> None:
        """Whether there is nothing of the user's in the song, so that one button is enough."""
        of_song = self.variant.is_of_song
        whole = untouched or of_song
        self.use.setText("Use" if whole else "Insert")
        self.use.setToolTip(
            "Take this over into the song; all else stays (one undo step)"
            if of_song
            else "Make this the song (one undo step; Ctrl+Z brings the old one back)"
            if whole
            else "Insert at the bar of the play-head (one undo step)"
        )
        self.replace.setVisible(not whole)

    def show_chosen(self, chosen: bool) -> None:
        self._is_chosen = chosen
        self.setProperty("selected", chosen)
        self.buttons.setVisible(chosen)
        self.details.setVisible(chosen and self.info.isChecked() and bool(self.variant.facts))
        restyle(self)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._dwell.start()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._dwell.stop()
        self.hovered.emit(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter chooses, and takes what is chosen; Delete discards."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not self._is_chosen:
                self.chosen.emit(self.variant)
            elif self.use.isEnabled():
                self.used.emit(self.variant)
        elif event.key() == Qt.Key.Key_Delete and self.discard.isEnabled():
            self.discarded.emit(self.variant)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = event.position().toPoint()
        self.chosen.emit(self.variant)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the whole result out as a MIDI file."""
        far = (
            event.position().toPoint() - self._pressed
        ).manhattanLength() >= QApplication.startDragDistance()
        sketch = self.variant.sketch
        if far and self.variant.is_over and sketch is not None and len(sketch.notes):
            drag_file(self, midi_file_of(sketch, np.arange(len(sketch.notes))))


def _table(lines: list[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><td>{name}&nbsp;&nbsp;</td><td>{text}</td></tr>" for name, text in lines)
    return f"<table cellspacing='0' cellpadding='1'>{rows}</table>"


def settings_text(variant: Variant) -> str:
    """The recipe, for the tool tip."""
    request = variant.request
    density = "auto" if request.density is None else f"{100 * request.density:.0f} %"
    chords = f"\nchords {' '.join(request.chords)}" if request.chords else ""
    return (
        f"{request.generator}, {request.style or 'any style'}, {request.key or 'any key'}, "
        f"{request.tempo:g} bpm, {request.meter[0]}/{request.meter[1]}, {request.bars} bars\n"
        f"{', '.join(request.instruments)}\n"
        f"temperature {request.temperature:g}, top-p {request.top_p:g}, "
        f"strictness {request.strictness:g} %, density {density}, seed {request.seed}{chords}\n"
        "Drag it out to have it as a MIDI file"
    )
