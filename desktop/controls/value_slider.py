"""A flat slider that shows its name and value inside itself.

Drag or turn the wheel to change, Shift for fine steps, double-click for the usual value, arrow keys as in
any slider. It is a `QSlider`, so screen readers know it.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from desktop import theme

FINE = 0.2
HANDLE = 5
"""Height in pixels of the mark at the value."""


class ValueSlider(QSlider):
    """A number in ``low`` to ``high`` by ``step``; ``centred`` fills from the middle, as for pan."""

    edited = Signal(float)
    """Carries the new value; only for changes by the user."""

    def __init__(
        self,
        name: str,
        low: float,
        high: float,
        value: float,
        *,
        step: float = 1.0,
        show: Callable[[float], str] = "{:g}".format,
        label: str | None = None,
        centred: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._low, self._step, self._show = low, step, show
        self._label = name if label is None else label
        self._centred = centred
        self._usual = value
        self._drag_from: tuple[QPoint, float] | None = None
        self._quiet = False
        self.setRange(0, round((high - low) / step))
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.set_number(value)
        self.valueChanged.connect(self._told)

    @property
    def number(self) -> float:
        return self._low + self.value() * self._step

    def set_number(self, number: float) -> None:
        """Show another value, silently."""
        self._quiet = True
        self.setValue(round((number - self._low) / self._step))
        self._quiet = False
        self.update()

    def set_show(self, show: Callable[[float], str]) -> None:
        """Write the number in another way."""
        self._show = show
        self.update()

    def set_usual(self, number: float) -> None:
        """What a double-click goes back to."""
        self._usual = number

    def sizeHint(self) -> QSize:
        return QSize(110, 24)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, 20)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag_from = (event.position().toPoint(), float(self.value()))
            self.setSliderDown(True)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag_from is None:
            return
        start, value = self._drag_from
        slow = FINE if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
        moved = (event.position().x() - start.x()) / max(1, self.width()) * self.maximum()
        self.setValue(round(value + moved * slow))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag_from = None
        self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._drag_from = None
        self.setValue(round((self._usual - self._low) / self._step))

    def wheelEvent(self, event: QWheelEvent) -> None:
        fine = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        size = 1 if fine else max(1, self.maximum() // 40)
        self.setValue(self.value() + (size if event.angleDelta().y() > 0 else -size))
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        shape = QPainterPath()
        shape.addRoundedRect(area, 5, 5)
        painter.fillPath(shape, theme.colour("sunken"))
        painter.save()
        painter.setClipPath(shape)
        share = self.value() / max(1, self.maximum())
        x = area.left() + share * area.width()
        start = area.center().x() if self._centred else area.left()
        fill = theme.colour("accent", 0.34 if self.isEnabled() else 0.12)
        painter.fillRect(QRectF(min(start, x), area.top(), abs(x - start), area.height()), fill)
        if self.isEnabled():
            # Under the text, which a line across would make hard to read.
            painter.fillRect(QRectF(x - 1, area.bottom() - HANDLE, 2, HANDLE), theme.colour("accent"))
        painter.restore()
        edge = "accent" if self.hasFocus() else "line_strong" if self.underMouse() else "line"
        painter.setPen(theme.colour(edge))
        painter.drawPath(shape)
        text = area.adjusted(8, 0, -8, 0)
        if self._label:
            painter.setPen(theme.colour("text_dim" if self.isEnabled() else "text_faint"))
            painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._label)
        painter.setPen(theme.colour("text" if self.isEnabled() else "text_faint"))
        align = Qt.AlignmentFlag.AlignRight if self._label else Qt.AlignmentFlag.AlignHCenter
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | align, self._show(self.number))

    def _told(self) -> None:
        self.setToolTip(f"{self.accessibleName()}: {self._show(self.number)}")
        self.update()
        if not self._quiet:
            self.edited.emit(self.number)
