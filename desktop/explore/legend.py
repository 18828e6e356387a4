"""What the colours of the map mean; a click chooses all of one colour."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from desktop import theme
from desktop.controls.flow import FlowLayout
from desktop.explore.colours import Legend

DOT = 8
MOST = 26


class Swatch(QToolButton):
    """A colour and its name."""

    def __init__(self, line: Legend, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = line
        self.setProperty("role", "link")
        self.setFont(theme.font(theme.SMALL_SIZE))
        count = f"{line.count:,} {'piece' if line.count == 1 else 'pieces'}" if line.count else ""
        self.setAccessibleName(" ".join(filter(None, (line.text, count))))
        self.setToolTip(f"{line.text}: {count}; click to choose them" if count else line.text)
        self.setEnabled(bool(line.count))

    @property
    def text_(self) -> str:
        return f"{self._line.text}  {self._line.count:,}" if self._line.count else self._line.text

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text_) + DOT + 14, 20)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._line.colour)
        painter.drawEllipse(QRectF(2, (self.height() - DOT) / 2, DOT, DOT))
        lit = self.underMouse() or self.hasFocus()
        painter.setPen(theme.colour("text" if lit and self.isEnabled() else "text_dim"))
        painter.setFont(self.font())
        area = self.rect().adjusted(DOT + 8, 0, 0, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text_)


class LegendView(QWidget):
    """The lines of a legend, as many as have room side by side."""

    chosen = Signal(str)
    """The text of a line that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: list[Legend] = []
        self.setAccessibleName("What the colours mean")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self._inner: QWidget | None = None
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def show_lines(self, lines: Sequence[Legend]) -> None:
        """Show another legend; of a long one its beginning."""
        self._lines = list(lines[:MOST])
        if self._inner is not None:
            self._inner.hide()
            self._inner.deleteLater()
        self._inner = QWidget()
        flow = FlowLayout(self._inner, gap=2)
        for line in self._lines:
            swatch = Swatch(line)
            swatch.clicked.connect(lambda _=False, text=line.text: self.chosen.emit(text))
            flow.addWidget(swatch)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self._inner)
        self._inner.show()
