"""The piano keyboard at the left of the notes: names the rows and sounds them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from core.song.instruments import DRUMS
from desktop import theme
from desktop.roll.names import pitch_name, uses_flats
from desktop.roll.painter import BLACK_KEYS
from desktop.roll.scrolling import wheel
from desktop.roll.state import RollState

WIDTH = 84
BLACK_SHARE = 0.6


SHORTER = {"acoustic ": "ac. ", "electric ": "el. ", " cymbal": " cym.", "chinese": "china", "high": "hi"}


def short_name(drum: str) -> str:
    """A drum's name with its long words cut short."""
    for word, short in SHORTER.items():
        drum = drum.replace(word, short)
    return drum


class Keyboard(QWidget):
    """Keys of the pitch axis; drum tracks get names instead."""

    def __init__(self, state: RollState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self._pressed: int | None = None
        self._hovered: int | None = None
        self.setMouseTracking(True)
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Piano keys")
        self.setAccessibleDescription("Click a key to hear it in the current track")
        state.pitch_axis.changed.connect(self.update)
        state.document.current_track_changed.connect(self.update)
        state.document.changed.connect(self.update)
        state.note_previewed.connect(self._show_sounding)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 200)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("key_white" if not self.state.is_drum else "panel"))
        axis, dpr = self.state.pitch_axis, self.devicePixelRatioF()
        view = self.state.viewport(self.width(), self.height(), dpr)
        first, last = view.shown_rows
        for row in range(first, last):
            top, bottom = (float(edge) / dpr for edge in view.row_edge([row, row + 1]))
            box = QRectF(0, top, self.width(), bottom - top)
            if self.state.is_drum:
                self._paint_drum(painter, axis.pitches[row], box)
            else:
                self._paint_key(painter, axis.pitches[row], box)
        painter.fillRect(QRectF(self.width() - 1, 0, 1, self.height()), theme.colour("window"))

    def _paint_key(self, painter: QPainter, pitch: int, box: QRectF) -> None:
        lit = pitch == self._pressed
        line = 1 / self.devicePixelRatioF()
        if pitch % 12 in BLACK_KEYS:
            # White keys meet in the middle behind a black one; a name may stand there instead.
            if not (lit or pitch == self._hovered):
                middle = round(box.center().y() / line) * line
                painter.fillRect(QRectF(0, middle, box.width(), line), theme.colour("key_text", 0.55))
            key = QRectF(0, box.top(), box.width() * BLACK_SHARE, box.height())
            painter.fillRect(key, theme.colour("accent" if lit else "key_black"))
            if not lit:
                painter.fillRect(QRectF(key.right() - 3, key.top(), 3, key.height()), theme.colour("hover"))
            if pitch == self._hovered and not lit:
                painter.fillRect(key, theme.colour("accent", 0.35))
        else:
            if lit or pitch == self._hovered:
                painter.fillRect(box, theme.colour("accent", 0.85 if lit else 0.25))
            if pitch % 12 in (0, 5):
                strength = 0.9 if pitch % 12 == 0 else 0.55
                painter.fillRect(
                    QRectF(0, box.bottom() - line, box.width(), line), theme.colour("key_text", strength)
                )
        hovered = pitch == self._hovered or lit
        if (pitch % 12 == 0 and box.height() >= 6) or (hovered and box.height() >= 6):
            flats = uses_flats(self.state.song)
            painter.setFont(theme.font(round(min(11.0, max(8.0, box.height() - 2))), bold=pitch == 60))
            painter.setPen(theme.colour("on_accent" if lit else "key_text"))
            # A label may be taller than its row; it needs no more room than the row's neighbours have.
            room = box.adjusted(0, -4, -5, 4)
            painter.drawText(
                room,
                int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                pitch_name(pitch, flats),
            )

    def _paint_drum(self, painter: QPainter, pitch: int, box: QRectF) -> None:
        lit, known = pitch == self._pressed, pitch in DRUMS
        if lit or pitch == self._hovered:
            painter.fillRect(box, theme.colour("accent", 0.85 if lit else 0.25))
        painter.fillRect(QRectF(0, box.bottom() - 1, box.width(), 1), theme.colour("line"))
        if box.height() < 8 or not known:
            return
        painter.setFont(theme.font(round(min(10.0, box.height() - 2))))
        painter.setPen(theme.colour("on_accent" if lit else "text_dim"))
        inner = box.adjusted(5, 0, -3, 0)
        name = painter.fontMetrics().elidedText(
            short_name(DRUMS[pitch]), Qt.TextElideMode.ElideRight, int(inner.width())
        )
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), name)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._press(self.state.pitch_axis.pitch(event.position().y()), event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        pitch = self.state.pitch_axis.pitch(event.position().y())
        if event.buttons() & Qt.MouseButton.LeftButton:
            if pitch != self._pressed:
                self._press(pitch, event.position())
        elif pitch != self._hovered:
            self._hovered = pitch
            self.update()
            name = DRUMS.get(pitch, pitch_name(pitch)) if self.state.is_drum else pitch_name(pitch)
            self.state.hint(f"{name} — Click: hear it, louder to the right · Ctrl+Alt+wheel: zoom pitch")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed = None
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()
        self.state.hint("")

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(event, self.state.time_axis, self.state.pitch_axis)

    def _press(self, pitch: int, at: QPointF) -> None:
        """Sound a key: the further right it is touched, the louder."""
        share = min(1.0, max(0.0, at.x() / max(1, self.width())))
        self._pressed = pitch
        self.state.preview(pitch, round(40 + 80 * share))
        self.update()

    def _show_sounding(self, pitch: int, velocity: int, track: int) -> None:
        """Light up the key of a note that is previewed elsewhere."""
        if self._hovered != pitch:
            self._hovered = pitch
            self.update()
