"""Two bars that show how loud the output is, with the last peaks held."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop import theme

FLOOR_DB = -54.0
FALL_PER_STEP = 0.02
"""How far a bar falls from one reading to the next, as a share of the meter."""
HOLD_STEPS = 60


class LevelMeter(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars = [0.0, 0.0]
        self._holds = [[0.0, 0], [0.0, 0]]
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Output level")
        self.setToolTip("Output level, -54 to 0 dB, left and right")

    def set_levels(self, left: float, right: float) -> None:
        """Show peaks as amplitudes, 0-1 and over."""
        before = (list(self._bars), [hold[0] for hold in self._holds])
        for side, level in enumerate((left, right)):
            height = meter_share(level)
            self._bars[side] = max(height, self._bars[side] - FALL_PER_STEP)
            hold = self._holds[side]
            if height >= hold[0]:
                self._holds[side] = [height, HOLD_STEPS]
            elif hold[1]:
                hold[1] -= 1
            else:
                hold[0] = max(0.0, hold[0] - FALL_PER_STEP)
        if before != (self._bars, [hold[0] for hold in self._holds]):
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(92, 14)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        width, height = self.width(), self.height()
        fill = QLinearGradient(0, 0, width, 0)
        fill.setColorAt(0.0, theme.colour("good"))
        fill.setColorAt(meter_share(10 ** (-9 / 20)), theme.colour("good"))
        fill.setColorAt(meter_share(10 ** (-3 / 20)), theme.colour("warn"))
        fill.setColorAt(1.0, theme.colour("bad"))
        bar_height = (height - 2) / 2
        for side, share in enumerate(self._bars):
            top = side * (bar_height + 2)
            painter.fillRect(QRectF(0, top, width, bar_height), theme.colour("sunken"))
            painter.fillRect(QRectF(0, top, width * share, bar_height), fill)
            hold = self._holds[side][0]
            if hold > 0:
                painter.fillRect(
                    QRectF(min(width - 2, width * hold), top, 2, bar_height), theme.colour("text")
                )


def meter_share(amplitude: float) -> float:
    """Where an amplitude lies on the meter, 0-1."""
    if amplitude <= 0:
        return 0.0
    return min(1.0, max(0.0, 1.0 - 20 * math.log10(amplitude) / FLOOR_DB))
