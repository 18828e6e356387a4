"""A check box drawn as a switch."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox

from desktop import theme

TRACK = QSize(30, 16)
GAP = 8


class Switch(QCheckBox):
    def sizeHint(self) -> QSize:
        return QSize(TRACK.width() + GAP + self.fontMetrics().horizontalAdvance(self.text()), 24)

    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(0.5, (self.height() - TRACK.height()) / 2, TRACK.width(), TRACK.height())
        painter.setPen(theme.colour("accent" if self.hasFocus() else "line_strong"))
        painter.setBrush(theme.colour("accent" if self.isChecked() else "sunken"))
        painter.drawRoundedRect(track, 8, 8)
        knob = track.adjusted(3, 3, -3, -3)
        knob.setWidth(knob.height())
        if self.isChecked():
            knob.moveRight(track.right() - 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("on_accent" if self.isChecked() else "text_dim"))
        painter.drawEllipse(knob)
        painter.setPen(theme.colour("text" if self.isEnabled() else "text_faint"))
        text = self.rect().adjusted(TRACK.width() + GAP, 0, 0, 0)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, self.text())
