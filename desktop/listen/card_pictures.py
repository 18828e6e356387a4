"""A model's learning curve and confusion matrix, drawn from its card in the colours of the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop import theme

NAMES = 58
"""Pixels for the labels at the left of the matrix."""
HEAD = 52
CURVE_HEIGHT = 132
MOST_LABELS = 24
COLOURS = ("accent", "warn", "good")
PLACES = (
    ("shipped_test",),
    ("shipped",),
    ("filtered", "track"),
    ("filtered",),
    ("test", "by_file"),
    ("test",),
    (),
)
"""Where in a card's figures its headline may stand; the first that has one counts."""


@dataclass(frozen=True)
class Matrix:
    """``counts[truth][verdict]``, in the order of ``labels``."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Line:
    """A figure over the epochs of a training."""

    name: str
    points: tuple[tuple[float, float], ...]


def headline_of(card: dict[str, Any]) -> dict[str, Any]:
    """The figures that a card gives first, with an accuracy or a confusion matrix; empty where there are none."""
    for place in PLACES:
        found = card.get("figures")
        for name in place:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict) and ("accuracy" in found or "confusion" in found):
            return found
    return {}


def matrix_of(card: dict[str, Any]) -> Matrix | None:
    """The confusion matrix in a card's figures; None where there is none, or one that does not fit its labels."""
    labels, counts = card.get("labels"), headline_of(card).get("confusion")
    if not isinstance(labels, list) or not isinstance(counts, list) or not 2 <= len(labels) <= MOST_LABELS:
        return None
    if len(counts) != len(labels) or any(
        not isinstance(row, list) or len(row) != len(labels) for row in counts
    ):
        return None
    return Matrix(tuple(map(str, labels)), tuple(tuple(int(count) for count in row) for row in counts))


def lines_of(card: dict[str, Any]) -> list[Line]:
    """What a card's log tells of the training: each number that was written down, over the epochs."""
    figures = card.get("figures")
    log = figures.get("log", card.get("log")) if isinstance(figures, dict) else card.get("log")
    if not isinstance(log, list) or len(log) < 2 or not all(isinstance(entry, dict) for entry in log):
        return []
    names = [name for name, value in log[0].items() if name != "epoch" and isinstance(value, int | float)]
    lines = []
    for name in names[: len(COLOURS)]:
        points = tuple(
            (float(entry.get("epoch", number)), float(entry[name]))
            for number, entry in enumerate(log, 1)
            if isinstance(entry.get(name), int | float)
        )
        if len(points) > 1:
            lines.append(Line(str(name).replace("_", " "), points))
    return lines


def figures_of(card: dict[str, Any]) -> str:
    """How well a card says that its model does, in a line."""
    shipped = headline_of(card)
    parts = []
    accuracy = shipped.get("accuracy")
    if isinstance(accuracy, int | float):
        between = shipped.get("accuracy_95")
        sure = ""
        if isinstance(between, list) and len(between) == 2:
            sure = f" ({100 * between[0]:.0f}–{100 * between[1]:.0f} %)"
        tracks = shipped.get("tracks")
        parts.append(f"right {100 * accuracy:.0f} %{sure}" + (f" of {tracks} tracks" if tracks else ""))
        error = shipped.get("calibration_error")
        if isinstance(error, int | float):
            parts.append(f"chances off by {100 * error:.1f} %")
    if isinstance(card.get("parameters"), int):
        parts.append(f"{card['parameters']:,} parameters")
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


class ConfusionPicture(QWidget):
    """Rows are what it was, columns what the model said; the fuller, the more of the row."""

    def __init__(self, matrix: Matrix, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._matrix = matrix
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName("Confusion matrix")
        right = ", ".join(
            f"{name} {row[at]} of {sum(row)} right"
            for at, (name, row) in enumerate(zip(matrix.labels, matrix.counts, strict=True))
        )
        self.setAccessibleDescription(right)

    def sizeHint(self) -> QSize:
        return QSize(260, HEAD + round(self._cell() * len(self._matrix.labels)))

    def minimumSizeHint(self) -> QSize:
        return QSize(NAMES + 10 * len(self._matrix.labels), self.sizeHint().height())

    def resizeEvent(self, event: object) -> None:
        self.setFixedHeight(self.sizeHint().height())

    def _cell(self) -> float:
        return min(26.0, max(8.0, (self.width() - NAMES) / len(self._matrix.labels)))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(9))
        metrics, align, cell = painter.fontMetrics(), Qt.AlignmentFlag, self._cell()
        for at, name in enumerate(self._matrix.labels):
            painter.setPen(theme.colour("text_dim"))
            text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, NAMES - 6)
            place = QRectF(0, HEAD + at * cell, NAMES - 5, cell)
            painter.drawText(place, int(align.AlignVCenter | align.AlignRight), text)
            painter.save()
            painter.translate(NAMES + (at + 0.5) * cell, HEAD - 4)
            painter.rotate(-60)
            painter.drawText(QRectF(0, -6, NAMES, 12), int(align.AlignVCenter | align.AlignLeft), text)
            painter.restore()
        for truth, row in enumerate(self._matrix.counts):
            whole = max(1, sum(row))
            for said, count in enumerate(row):
                box = QRectF(NAMES + said * cell, HEAD + truth * cell, cell, cell).adjusted(
                    0.5, 0.5, -0.5, -0.5
                )
                share = count / whole
                painter.fillRect(box, theme.colour("sunken"))
                painter.fillRect(box, theme.colour("accent" if truth == said else "warn", share))
                if count and cell >= 15:
                    strong = share > 0.55
                    painter.setPen(theme.colour("on_accent" if strong else "text"))
                    painter.drawText(box, int(align.AlignCenter), str(count))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        cell = self._cell()
        said, truth = int((event.position().x() - NAMES) // cell), int((event.position().y() - HEAD) // cell)
        labels = self._matrix.labels
        if 0 <= said < len(labels) and 0 <= truth < len(labels):
            row = self._matrix.counts[truth]
            self.setToolTip(f"{row[said]} of {sum(row)} that were {labels[truth]} were called {labels[said]}")
        else:
            self.setToolTip("")


class CurvePicture(QWidget):
    """Each figure from its least to its greatest, over the epochs; the legend tells where it ended."""

    def __init__(self, lines: Sequence[Line], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = list(lines)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(CURVE_HEIGHT)
        self.setAccessibleName("Learning curve")
        self.setAccessibleDescription(
            ", ".join(
                f"{line.name} from {line.points[0][1]:.3g} to {line.points[-1][1]:.3g}" for line in lines
            )
        )

    def sizeHint(self) -> QSize:
        return QSize(260, CURVE_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(9))
        area = QRectF(0.5, 0.5, self.width() - 1, CURVE_HEIGHT - 31)
        painter.setPen(theme.colour("line"))
        painter.setBrush(theme.colour("sunken"))
        painter.drawRoundedRect(area, 4, 4)
        inner = area.adjusted(6, 6, -6, -6)
        align = Qt.AlignmentFlag
        first = min(line.points[0][0] for line in self._lines)
        last = max(line.points[-1][0] for line in self._lines)
        x = 0.0
        for line, token in zip(self._lines, COLOURS, strict=False):
            values = [value for _, value in line.points]
            low, high = min(values), max(values)
            painter.setPen(QPen(theme.colour(token), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(
                QPolygonF([
                    QPointF(
                        inner.left() + (epoch - first) / max(1e-9, last - first) * inner.width(),
                        inner.bottom() - (value - low) / max(1e-9, high - low) * inner.height(),
                    )
                    for epoch, value in line.points
                ])
            )  # fmt: skip
            text = f"{line.name} {values[0]:.3g} → {values[-1]:.3g}"
            width = painter.fontMetrics().horizontalAdvance(text) + 14
            painter.fillRect(QRectF(x, area.bottom() + 9, 8, 2), theme.colour(token))
            painter.setPen(theme.colour("text_dim"))
            place = QRectF(x + 11, area.bottom() + 2, width, 14)
            painter.drawText(place, int(align.AlignVCenter | align.AlignLeft), text)
            x += width + 8
        painter.setPen(theme.colour("text_faint"))
        place = QRectF(0, self.height() - 14, self.width(), 14)
        painter.drawText(
            place, int(align.AlignVCenter | align.AlignLeft), f"{first:.0f} to {last:.0f} epochs"
        )
