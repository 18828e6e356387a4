"""The picture itself: shows the tiles in view, what lies over them, and answers mouse and keys.

Nothing is computed here but the looking up of pixels; `Tiles` makes what is missing on its own thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from desktop import theme
from desktop.document import Change, Document
from desktop.roll import overlays
from desktop.roll.scrolling import wheel
from desktop.roll.state import RollState
from desktop.spectrogram import picture
from desktop.spectrogram.clock import clock
from desktop.spectrogram.frequency_axis import (
    AXES,
    SCALES,
    Axis,
    ChromaAxis,
    KeyAxis,
    ScaleAxis,
    hertz_text,
    note_and_cents,
)
from desktop.spectrogram.sound import SAMPLE_RATE
from desktop.spectrogram.tiles import STEP_DB, Tiles, decibels_of, level_for, spacing
from desktop.spectrogram.transforms import TRANSFORMS

DRAG_PIXELS = 3.0
HINT = "Drag: mark a stretch · Double-click: play-head there · Ctrl+wheel: zoom time · Ctrl+Alt+wheel: zoom frequency"
MOST_PIXELS = 2_400_000
KEY_STEP = 4.0
"""Pixels that an arrow key moves the cursor; with Ctrl ten times as many."""
Saliency = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Overlay:
    """What spoke for a verdict: 0-1 for every mel band and frame [shape=(128, frames)] from ``start`` to ``end`` s."""

    start: float
    end: float
    values: Saliency


class SpectrogramCanvas(QWidget):
    """Time from left to right on the shared axis, frequency upwards."""

    read_out_changed = Signal(str)
    """Time, frequency, note and level under the cursor; "" where there is none."""
    selection_changed = Signal()
    seek_requested = Signal(int)
    axis_changed = Signal()
    menu_wanted = Signal(object)

    def __init__(self, state: RollState, tiles: Tiles, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state, self.tiles = state, tiles
        self.document: Document = state.document
        self.transform = "cqt"
        self.colours = "ember"
        self.floor, self.ceiling = -80.0, -6.0
        self.selection: tuple[float, float] | None = None
        self.overlay: Overlay | None = None
        self.empty_text = ""
        self.heard_at: float | None = None
        """Seconds at which an audition is, or None."""
        self._cursor: QPointF | None = None
        self._pressed: QPointF | None = None
        self._pan_from: QPointF | None = None
        self._moved = False
        self._picture: QImage | None = None
        self._pixels: NDArray[np.uint32] | None = None
        self._veil: tuple[QImage, NDArray[np.uint32]] | None = None
        self._playhead_x = -1
        highest = SAMPLE_RATE / 2
        self._axes: dict[str, Axis] = {
            **{name: ScaleAxis(scale, highest, self) for name, scale in SCALES.items()},
            "keys": KeyAxis(state.pitch_axis, self),
            "chroma": ChromaAxis(self),
        }
        self._axis_of = {name: transform.axes[0] for name, transform in TRANSFORMS.items()}
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(120, 60)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Spectrogram")
        self.setAccessibleDescription(
            "Arrow keys move a cursor and read what is there; Shift+Left or Right marks"
        )
        for axis in self._axes.values():
            axis.changed.connect(self.redraw)
        for signal in (state.time_axis.changed, tiles.made):
            signal.connect(self.redraw)
        self.document.changed.connect(self._song_changed)
        self.document.playhead_changed.connect(self._playhead_moved)
        self.document.loop_changed.connect(self.update)

    # -- what is shown -------------------------------------------------------------------------------

    @property
    def axis_name(self) -> str:
        """The frequency axis of the transform in use."""
        return self._axis_of[self.transform]

    @property
    def axis(self) -> Axis:
        return self._axes[self.axis_name]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """All there are."""
        return tuple(self._axes.values())

    def set_transform(self, name: str) -> None:
        self.transform = name
        self.axis.set_height(self.height())
        self.axis_changed.emit()
        self.redraw()

    def set_axis(self, name: str) -> None:
        """Show the transform in use on another axis, if it can be seen on that."""
        if name in AXES and name in TRANSFORMS[self.transform].axes:
            self._axis_of[self.transform] = name
            self.axis.set_height(self.height())
            self.axis_changed.emit()
            self.redraw()

    def set_colours(self, name: str) -> None:
        self.colours = name
        self.redraw()

    def set_range(self, floor: float, ceiling: float) -> None:
        """Decibels of the first and the last colour."""
        self.floor, self.ceiling = min(floor, ceiling - 1), ceiling
        self.redraw()

    def set_overlay(self, overlay: Overlay | None) -> None:
        self.overlay = overlay
        self.redraw()

    def set_heard_at(self, seconds: float | None) -> None:
        """Show where an audition is."""
        if seconds != self.heard_at:
            self.heard_at = seconds
            self.update()

    def select(self, seconds: tuple[float, float] | None) -> None:
        """Mark a stretch of time."""
        if seconds is not None:
            start, end = sorted(seconds)
            seconds = (max(0.0, start), end) if end > start else None
        if seconds != self.selection:
            self.selection = seconds
            self.selection_changed.emit()
            self.update()

    def zoom_to_selection(self) -> None:
        if self.selection is not None:
            start, end = self.document.song.time.to_ticks(self.selection).tolist()
            self.state.time_axis.show(start, end, self.width())

    def redraw(self) -> None:
        """Look the picture up anew."""
        self._picture = None
        self.update()

    # -- places --------------------------------------------------------------------------------------

    def seconds(self, x: float) -> float:
        """The time at logical pixel ``x``."""
        return float(self.document.song.time.to_seconds(max(0.0, self.state.time_axis.tick(x))))

    def place(self, seconds: float) -> float:
        """The logical pixel of a time."""
        return self.state.time_axis.x(float(self.document.song.time.to_ticks(seconds)))

    def level_at(self, x: float, y: float) -> float | None:
        """Decibels at a place; None where nothing is known."""
        sound = self.tiles.sound
        if sound is None:
            return None
        seconds, row = self.seconds(x), float(TRANSFORMS[self.transform].row(self.axis.hertz(y)))
        row = round(row)
        if not 0 <= row < TRANSFORMS[self.transform].rows or seconds > sound.seconds:
            return None
        level = self._level()
        column = int(seconds * SAMPLE_RATE) // spacing(level)
        found = self.tiles.columns(self.transform, level, column, column + 1, ask=False)[row]
        return float(decibels_of(found)[0]) if found[0] else None

    def read_out(self, x: float, y: float) -> str:
        """Like "0:01.25 · bar 2 beat 1 · 440 Hz · A4 +0 ct · -12 dB"."""
        seconds = self.seconds(x)
        parts = [clock(seconds)]
        hertz = float(self.axis.hertz(y))
        if self.axis_name == "chroma":
            parts.append(f"{note_and_cents(hertz).split()[0].rstrip('-0123456789')} in all octaves")
        else:
            parts += [hertz_text(hertz), note_and_cents(hertz)]
        level = self.level_at(x, y)
        if level is not None:
            parts.append(f"{level:.0f} dB")
        return " · ".join(part for part in parts if part)

    def _level(self) -> int:
        seconds = self.seconds(self.width()) - self.seconds(0)
        return level_for(seconds / max(1.0, self.width() * self._density()))

    def _density(self) -> float:
        """Pixels of the picture a logical pixel: the screen's, unless that would be too many to look up in time."""
        dpr = self.devicePixelRatioF()
        return min(dpr, max(1.0, (MOST_PIXELS / max(1, self.width() * self.height())) ** 0.5))

    # -- painting ------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.tiles.sound is None or not self.tiles.sound.length:
            painter.fillRect(self.rect(), theme.colour("roll"))
            self._paint_text(painter, self.empty_text)
            return
        if self._picture is None:
            self._picture = self._look_up()
        painter.drawImage(self.rect(), self._picture)
        if self._veil is not None:
            painter.drawImage(self.rect(), self._veil[0])
        self._paint_end(painter)
        dpr = self.devicePixelRatioF()
        view = self.state.viewport(self.width(), self.height(), dpr)
        overlays.paint_loop(painter, view, self.document.loop, QRectF(self.rect()))
        self._paint_selection(painter)
        self._playhead_x = round(self.state.time_axis.x(self.document.playhead))
        overlays.paint_playhead(painter, self.state.time_axis.x(self.document.playhead), self.height(), dpr)
        if self.heard_at is not None:
            painter.fillRect(QRectF(self.place(self.heard_at), 0, 2, self.height()), theme.colour("good"))
        self._paint_cursor(painter)
        if self.hasFocus():
            overlays.paint_focus(painter, self.rect())

    def _look_up(self) -> QImage:
        dpr = self._density()
        width, height = max(1, round(self.width() * dpr)), max(1, round(self.height() * dpr))
        ticks = self.state.time_axis.tick((np.arange(width) + 0.5) / dpr)  # type: ignore[arg-type]
        seconds = self.document.song.time.to_seconds(np.maximum(ticks, 0))
        transform, step = TRANSFORMS[self.transform], spacing(self._level())
        column = (seconds * SAMPLE_RATE / step).astype(np.int64)
        first, last = int(column[0]), int(column[-1]) + 1
        columns = self.tiles.columns(self.transform, self._level(), first, last)
        columns = np.take(columns, column - first, axis=1)
        hertz = self.axis.hertz(np.arange(height + 1) / dpr)
        levels = picture.rows_to_pixels(columns, transform.row(hertz))
        table = picture.look_up(self.colours, self.floor, self.ceiling, STEP_DB)
        self._pixels = np.take(table, levels)
        self._veil = self._veiled(seconds, hertz)
        return _image(self._pixels, QImage.Format.Format_RGB32)

    def _veiled(
        self, seconds: NDArray[np.float64], hertz: NDArray[np.float64]
    ) -> tuple[QImage, NDArray[np.uint32]] | None:
        """A veil over what did not speak for the verdict."""
        overlay = self.overlay
        if overlay is None or not overlay.values.size or overlay.end <= overlay.start:
            return None
        frames = overlay.values.shape[1]
        column = (seconds - overlay.start) / (overlay.end - overlay.start) * frames
        values = np.round(255 * np.clip(overlay.values, 0, 1)).astype(np.uint8)
        shown = picture.rows_to_pixels(
            values[:, np.clip(column, 0, frames - 1).astype(int)], TRANSFORMS["mel"].row(hertz)
        )
        shown[:, (column < 0) | (column >= frames)] = 255
        pixels = np.take(veil_table(theme.tokens().name), shown)
        return _image(pixels, QImage.Format.Format_ARGB32_Premultiplied), pixels

    def _paint_end(self, painter: QPainter) -> None:
        sound = self.tiles.sound
        if sound is not None:
            x = self.place(sound.seconds)
            if x < self.width():
                left = max(0.0, x)
                painter.fillRect(QRectF(left, 0, self.width() - left, self.height()), theme.colour("roll"))
                painter.fillRect(QRectF(left, 0, 1, self.height()), theme.colour("line_strong"))

    def _paint_selection(self, painter: QPainter) -> None:
        if self.selection is None:
            return
        left, right = (self.place(second) for second in self.selection)
        painter.fillRect(QRectF(left, 0, right - left, self.height()), theme.colour("accent", 0.24))
        for x in (left, right):
            painter.fillRect(QRectF(x - 0.5, 0, 1.5, self.height()), theme.colour("accent"))

    def _paint_cursor(self, painter: QPainter) -> None:
        at = self._cursor
        if at is None:
            return
        for rect in (QRectF(at.x(), 0, 1, self.height()), QRectF(0, at.y(), self.width(), 1)):
            painter.fillRect(rect, theme.colour("selection", 0.35))

    def _paint_text(self, painter: QPainter, text: str) -> None:
        painter.setPen(theme.colour("text_dim"))
        painter.setFont(theme.font())
        area = self.rect().adjusted(24, 8, -24, -8)
        painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), text)

    # -- what changed elsewhere ----------------------------------------------------------------------

    def _song_changed(self, change: Change) -> None:
        if change.touches("tempo", "all"):
            self.redraw()

    def _playhead_moved(self, tick: int) -> None:
        for x in (self._playhead_x, round(self.state.time_axis.x(tick))):
            self.update(QRect(x - 2, 0, 6, self.height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.axis.set_height(self.height())
        self.redraw()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.redraw()
        super().changeEvent(event)

    # -- the mouse -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pan_from = event.position()
        elif event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._moved = event.position(), False
            near = self._near_end(event.position().x())
            if near is not None:
                self._pressed, self._moved = QPointF(self.place(near), event.position().y()), True
        elif event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit(event.globalPosition().toPoint())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._pan_from is not None:
            moved = at - self._pan_from
            self._pan_from = at
            self.state.time_axis.scroll(-moved.x())
            self.axis.scroll(-moved.y())
            return
        if self._pressed is not None:
            self._moved = self._moved or abs(at.x() - self._pressed.x()) >= DRAG_PIXELS
            if self._moved:
                self.select((self.seconds(self._pressed.x()), self.seconds(at.x())))
        elif self._near_end(at.x()) is not None:
            self.setCursor(Qt.CursorShape.SizeHorCursor)
        else:
            self.setCursor(Qt.CursorShape.CrossCursor)
        self._put_cursor(at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pan_from = None
        elif event.button() == Qt.MouseButton.LeftButton:
            if self._pressed is not None and not self._moved:
                self.select(None)
            self._pressed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.seek_requested.emit(max(0, round(self.state.time_axis.tick(event.position().x()))))

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(event, self.state.time_axis, self.axis)

    def leaveEvent(self, event: QEvent) -> None:
        self._put_cursor(None)

    def _near_end(self, x: float) -> float | None:
        """The other end of the selection, where ``x`` is on one of its ends."""
        if self.selection is None:
            return None
        for end, other in (self.selection, self.selection[::-1]):
            if abs(self.place(end) - x) <= 4:
                return other
        return None

    def _put_cursor(self, at: QPointF | None) -> None:
        self._cursor = at
        self.update()
        self.read_out_changed.emit("" if at is None else self.read_out(at.x(), at.y()))

    # -- keys ----------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        # These keys mean something else in the rest of the window.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _step_of(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _step_of(event)
        if step is None:
            super().keyPressEvent(event)
            return
        keys = Qt.Key
        if event.key() == keys.Key_Escape:
            self.select(None)
        elif event.key() == keys.Key_Z:
            self.zoom_to_selection()
        elif event.key() == keys.Key_Return:
            if self._cursor is not None:
                self.seek_requested.emit(max(0, round(self.state.time_axis.tick(self._cursor.x()))))
        else:
            self._step(step, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))

    def _step(self, step: tuple[float, float], marks: bool) -> None:
        at = self._cursor or QPointF(self.width() / 2, self.height() / 2)
        to = QPointF(
            min(self.width() - 1.0, max(0.0, at.x() + step[0])),
            min(self.height() - 1.0, max(0.0, at.y() + step[1])),
        )
        if marks:
            here, there = self.seconds(at.x()), self.seconds(to.x())
            start, end = self.selection or (here, here)
            fixed = start if abs(here - end) <= abs(here - start) else end
            self.select((fixed, there))
        self._put_cursor(to)
        self.setAccessibleDescription(self.read_out(to.x(), to.y()))


_STEPS = {
    Qt.Key.Key_Left: (-KEY_STEP, 0.0), Qt.Key.Key_Right: (KEY_STEP, 0.0), Qt.Key.Key_Up: (0.0, -KEY_STEP),
    Qt.Key.Key_Down: (0.0, KEY_STEP),
}  # fmt: skip


def _step_of(event: QKeyEvent) -> tuple[float, float] | None:
    """What a key of the canvas moves the cursor by; (0, 0) for its other keys, None for keys of others."""
    held, keys = event.modifiers(), Qt.KeyboardModifier
    if held & (keys.AltModifier | keys.MetaModifier):
        return None
    step = _STEPS.get(Qt.Key(event.key()))
    if step is not None:
        factor = 10 if held & keys.ControlModifier else 1
        return step[0] * factor, step[1] * factor
    own = (Qt.Key.Key_Escape, Qt.Key.Key_Z, Qt.Key.Key_Return)
    return (0.0, 0.0) if event.key() in own and held == keys.NoModifier else None


@cache
def veil_table(palette: str) -> NDArray[np.uint32]:
    """Premultiplied 0xAARRGGBB of the veil for every saliency 0-255, in the colours of a palette."""
    colour = theme.PALETTES[palette].window
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    alpha = np.round(200 * (1 - np.arange(256) / 255)).astype(np.uint32)
    parts = [alpha, *(alpha * part // 255 for part in (red, green, blue))]
    return np.asarray((parts[0] << 24) | (parts[1] << 16) | (parts[2] << 8) | parts[3], np.uint32)


def _image(pixels: NDArray[np.uint32], form: QImage.Format) -> QImage:
    """A picture that lies in ``pixels``, which must be kept as long as it is used."""
    height, width = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, form)
