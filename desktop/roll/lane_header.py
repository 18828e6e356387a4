"""The scale at the left of a lane: its name and what its height means."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from desktop import theme
from desktop.roll.lanes import PAD
from desktop.roll.state import RollState


class LaneHeader(QWidget):
    """The word "Velocity", with numbers at the lane's lines where there is room for them."""

    def __init__(self, state: RollState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("panel"))
        painter.setFont(theme.font(theme.SMALL_SIZE))
        painter.setPen(theme.colour("text_dim"))
        left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        painter.drawText(QRectF(8, 6, self.width() - 8, 16), left, "Velocity")
        painter.setPen(theme.colour("text_faint"))
        painter.setFont(theme.font(9))
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        height = self.height() - 2 * PAD
        for level in (32, 64, 96, 127):
            y = PAD + height * (1 - level / 127)
            if height >= 60 and y > 22:
                painter.drawText(QRectF(0, y - 6, self.width() - 6, 12), right, str(level))
        painter.fillRect(QRectF(self.width() - 1, 0, 1, self.height()), theme.colour("window"))
