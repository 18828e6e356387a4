"""A rating of up to five stars: click a star, or use the arrow keys and the digits."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.store.library import BEST_RATING
from desktop import icons, theme

SIDE = 18
EDGE = 3


class Stars(QWidget):
    rated = Signal(int)
    """The new rating; only for changes by the user."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rating = 0
        self._under = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Rating")
        self.setToolTip("Rating: click a star, or 0-5")

    def show_rating(self, rating: int) -> None:
        self.rating = rating
        self.setAccessibleDescription(f"{rating} of {BEST_RATING} stars")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(BEST_RATING * SIDE + 2 * EDGE, SIDE + 2 * EDGE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(theme.colour("accent"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        for number in range(1, BEST_RATING + 1):
            full = number <= (self._under or self.rating)
            place = QRectF(EDGE + (number - 1) * SIDE + 1, EDGE + 1, SIDE - 2, SIDE - 2)
            token = ("warn" if full else "text_faint") if self.isEnabled() else "line_strong"
            icons.paint(painter, "star-full" if full else "star", place, theme.colour(token))

    def event(self, event: QEvent) -> bool:
        # The digits choose tools in the rest of the window.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if self._meant(event) is not None:
                event.accept()
                return True
        elif event.type() == QEvent.Type.Leave:
            self._under = 0
            self.update()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        meant = self._meant(event)
        if meant is None:
            super().keyPressEvent(event)
        else:
            self._rate(meant)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._under = self._at(event.position().x())
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        star = self._at(event.position().x())
        self._under = 0
        self._rate(0 if star == self.rating else star)

    def _at(self, x: float) -> int:
        return max(1, min(BEST_RATING, int((x - EDGE) // SIDE) + 1))

    def _meant(self, event: QKeyEvent) -> int | None:
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Left: -1}
        if event.key() in steps:
            return max(0, min(BEST_RATING, self.rating + steps[Qt.Key(event.key())]))
        digit = event.key() - Qt.Key.Key_0.value
        return digit if 0 <= digit <= BEST_RATING and not event.modifiers() else None

    def _rate(self, rating: int) -> None:
        if rating != self.rating:
            self.show_rating(rating)
            self.rated.emit(rating)
