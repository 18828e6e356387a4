"""Chances as bars: one line a label, the likeliest on top."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.listen.report import Verdict
from desktop import theme

WORDS = {"hiphop": "hip-hop", "rnb_soul": "R&B, soul"}
"""Labels that people write otherwise."""
ROW = 20
NAME_WIDTH = 84
NUMBER_WIDTH = 40
SHOWN = 5


def in_words(label: str) -> str:
    """A model's label as people write it."""
    return WORDS.get(label, label.replace("_", " "))


class ChanceBars(QWidget):
    """The likeliest labels of a verdict; the verdict's own is in colour."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._chances: tuple[tuple[str, float], ...] = ()
        self._label = ""
        self._all = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def show_verdict(self, verdict: Verdict | None) -> None:
        self._chances = verdict.chances if verdict is not None else ()
        self._label = verdict.label if verdict is not None else ""
        spoken = ", ".join(f"{in_words(label)} {100 * chance:.0f} per cent" for label, chance in self.shown)
        self.setAccessibleDescription(spoken)
        self.setToolTip(
            "\n".join(f"{in_words(label)}: {100 * chance:.1f} %" for label, chance in self._chances)
        )
        self.updateGeometry()
        self.update()

    def show_all(self, on: bool) -> None:
        """All labels, or the likeliest few."""
        self._all = on
        self.updateGeometry()
        self.update()

    @property
    def shown(self) -> tuple[tuple[str, float], ...]:
        return self._chances if self._all else self._chances[:SHOWN]

    def sizeHint(self) -> QSize:
        return QSize(200, max(1, ROW * len(self.shown)))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.SMALL_SIZE))
        metrics = painter.fontMetrics()
        align = Qt.AlignmentFlag
        widest = max((metrics.horizontalAdvance(in_words(label)) for label, _ in self.shown), default=0)
        name_width = min(max(NAME_WIDTH, widest + 8), self.width() * 0.5)
        for row, (label, chance) in enumerate(self.shown):
            top = row * ROW
            chosen = label == self._label
            painter.setPen(theme.colour("text" if chosen else "text_dim"))
            name = metrics.elidedText(in_words(label), Qt.TextElideMode.ElideRight, int(name_width - 6))
            painter.drawText(QRectF(0, top, name_width, ROW), int(align.AlignVCenter | align.AlignLeft), name)
            track = QRectF(name_width, top + 6, self.width() - name_width - NUMBER_WIDTH, ROW - 12)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("sunken"))
            painter.drawRoundedRect(track, 4, 4)
            if chance > 0.004:
                bar = QRectF(track)
                bar.setWidth(max(track.height(), track.width() * min(1.0, chance)))
                painter.setBrush(theme.colour("accent" if chosen else "text_faint"))
                painter.drawRoundedRect(bar, 4, 4)
            painter.setPen(theme.colour("text" if chosen else "text_dim"))
            number = QRectF(self.width() - NUMBER_WIDTH, top, NUMBER_WIDTH, ROW)
            painter.drawText(number, int(align.AlignVCenter | align.AlignRight), f"{100 * chance:.0f} %")
