"""The stops of a path side by side, as pictures: drag over them to scrub from one end to the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.song.notes import Song
from desktop import theme
from desktop.explore.way import Stop
from desktop.library.thumbnail import outline_of, picture_of
from desktop.spectrogram.colour_maps import table

HEIGHT = 62
GAP = 3
FLOOR_DB = -80.0


class Strip(QWidget):
    """Pictures of stops; the one that is chosen has a frame."""

    chosen = Signal(int)
    """A stop was pointed at."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stops: list[Stop] = []
        self._pictures: dict[int, QPixmap] = {}
        self.current = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setAccessibleName("Stops of the path")

    def sizeHint(self) -> QSize:
        return QSize(240, HEIGHT)

    def show_stops(self, stops: Sequence[Stop]) -> None:
        """Show other stops."""
        self._stops, self._pictures = list(stops), {}
        self.current = -1
        self._tell()
        self.update()

    def choose(self, stop: int, *, quiet: bool = False) -> None:
        """Choose a stop."""
        if stop == self.current or not 0 <= stop < len(self._stops):
            return
        self.current = stop
        self._tell()
        self.update()
        if not quiet:
            self.chosen.emit(stop)

    def area(self, stop: int) -> QRect:
        """Where a stop is."""
        count = max(1, len(self._stops))
        left, right = (round(side * (self.width() + GAP) / count) for side in (stop, stop + 1))
        return QRect(left, 14, right - left - GAP, self.height() - 15)

    def stop_at(self, place: QPoint) -> int:
        """The stop under a place, or the nearest to it."""
        count = len(self._stops)
        return min(count - 1, max(0, place.x() * count // max(1, self.width()))) if count else -1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(10))
        for number in range(len(self._stops)):
            area, here = self.area(number), number == self.current
            painter.setPen(theme.colour("playhead" if here else "text_faint"))
            painter.drawText(
                QRect(area.left(), 0, area.width(), 13), Qt.AlignmentFlag.AlignCenter, str(number + 1)
            )
            painter.drawPixmap(area, self._picture(number, area.size()))
            if here:
                painter.setPen(QPen(theme.colour("playhead"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(area).adjusted(1, 1, -1, -1), 4, 4)
        if self.hasFocus():
            painter.setPen(theme.colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 13.5, -0.5, -0.5), 4, 4)

    def _picture(self, number: int, size: QSize) -> QPixmap:
        if number not in self._pictures:
            stop = self._stops[number]
            ratio = self.devicePixelRatioF()
            if stop.picture is not None:
                self._pictures[number] = spectrum_picture(stop.picture)
            else:
                self._pictures[number] = picture_of(outline_of(stop.song or Song()), size, ratio)
        return self._pictures[number]

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.choose(self.stop_at(event.position().toPoint()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.choose(self.stop_at(event.position().toPoint()))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _step(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _step(event)
        if step and self._stops:
            self.choose(min(len(self._stops) - 1, max(0, self.current + step)))
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._pictures.clear()
        super().changeEvent(event)

    def resizeEvent(self, event: QEvent) -> None:
        self._pictures.clear()

    def _tell(self) -> None:
        stop = self._stops[self.current] if 0 <= self.current < len(self._stops) else None
        where = f"stop {self.current + 1} of {len(self._stops)}, {stop.facts}" if stop else "none chosen"
        self.setAccessibleDescription(f"{where}. Left and Right go along the path")


def spectrum_picture(decibels: np.ndarray) -> QPixmap:
    """A spectrogram [shape=(64, frames)] in the colours of the spectrogram view."""
    share = np.clip((decibels - decibels.max() - FLOOR_DB) / -FLOOR_DB, 0, 1)
    pixels = np.ascontiguousarray(table("ember")[np.rint(255 * share[::-1]).astype(np.uint8)])
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
    return QPixmap.fromImage(image.copy())


def _step(event: QKeyEvent) -> int:
    if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
        return 0
    return {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
