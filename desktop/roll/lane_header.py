"""The scale at the left of a lane: its name, which opens a choice of lanes, and what heights mean."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QMenu, QWidget

from desktop import theme
from desktop.roll.controller_lane import CONTROLLERS
from desktop.roll.lane import Scale
from desktop.roll.state import RollState
from desktop.roll.velocity_lane import VELOCITY

LANES = (VELOCITY.name, *(controller.name for controller in CONTROLLERS))


class LaneHeader(QWidget):
    """Click it, or press Space on it, to choose what the lane shows."""

    lane_chosen = Signal(str)
    """One of `LANES`."""

    def __init__(self, state: RollState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.scale = VELOCITY
        self._hovered = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Lane")
        self.show_scale(VELOCITY)

    def show_scale(self, scale: Scale) -> None:
        self.scale = scale
        self.setAccessibleDescription(f"{scale.name}. Press Space to choose another lane")
        self.update()

    def menu(self) -> QMenu:
        """All lanes, the present one checked."""
        menu = QMenu(self)
        for name in LANES:
            action = menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(name == self.scale.name)
            action.triggered.connect(lambda _=False, name=name: self.lane_chosen.emit(name))
        return menu

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("panel"))
        lit = self._hovered or self.hasFocus()
        if lit:
            painter.fillRect(0, 2, self.width(), 20, theme.colour("hover"))
        font = theme.font(theme.SMALL_SIZE)
        painter.setFont(font)
        painter.setPen(theme.colour("text" if lit else "text_dim"))
        name = QFontMetricsF(font).elidedText(self.scale.name, Qt.TextElideMode.ElideRight, self.width() - 18)
        painter.drawText(QRectF(6, 2, self.width() - 18, 20), int(Qt.AlignmentFlag.AlignVCenter), name)
        right = self.width() - 8
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("text_dim"))
        painter.drawPolygon(QPolygonF([QPointF(right - 6, 10), QPointF(right, 10), QPointF(right - 3, 14)]))
        painter.setPen(theme.colour("text_faint"))
        painter.setFont(theme.font(9))
        align = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for level in self.scale.levels:
            y = float(self.scale.y(level, self.height()))
            if self.height() >= 70 and y > 28:
                painter.drawText(QRectF(0, y - 6, self.width() - 6, 12), align, str(level))
        painter.fillRect(QRectF(self.width() - 1, 0, 1, self.height()), theme.colour("window"))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return):
            self._open()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEvent) -> None:  # type: ignore[override]
        self._hovered = True
        self.state.hint("Click: choose what this lane shows: velocity, modulation, pedal, pitch bend, …")
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = False
        self.state.hint("")
        self.update()

    def _open(self) -> None:
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.mapToGlobal(self.rect().topRight()))
