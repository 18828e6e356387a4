"""What is drawn over the points of a map: rings, lines to the nearest, a path, a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPolygonF

from desktop import theme

if TYPE_CHECKING:
    from desktop.explore.map_view import MapView

MOST_RINGS = 2000
STOP_RADIUS = 8


def paint_marks(painter: QPainter, view: MapView) -> None:
    """Draw all that lies over the points, the farthest back first."""
    for paint in (_near, _marked, _path, _rings, _lasso, _name, _focus):
        paint(painter, view)


def _near(painter: QPainter, view: MapView) -> None:
    if view.current < 0 or view.is_moving or view.stops:
        return
    painter.setPen(QPen(theme.colour("text_dim", 0.55), 1))
    here = view.place_of(view.current)
    for point in view.near:
        if point < len(view.shown):
            painter.drawLine(here, view.place_of(point))


def _marked(painter: QPainter, view: MapView) -> None:
    if len(view.mark) > MOST_RINGS:
        return
    size = view.radius() + 1.5
    painter.setPen(QPen(theme.colour("selection", 0.85), 1.2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    rings = QPainterPath()
    for point in view.mark.tolist():
        rings.addEllipse(view.place_of(point), size, size)
    painter.drawPath(rings)


def _path(painter: QPainter, view: MapView) -> None:
    if view.path_from >= 0:
        painter.setPen(QPen(theme.colour("playhead"), 1.5, Qt.PenStyle.DashLine))
        begin = view.place_of(view.path_from)
        end = view.place_of(view.hover) if view.hover >= 0 else begin
        painter.drawLine(begin, end)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(begin, view.radius() + 4, view.radius() + 4)
    if len(view.stops) < 2:
        return
    places = [view.camera.pixel(each) for each in view.stops]
    painter.setPen(QPen(theme.colour("playhead"), 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(places))
    painter.setFont(theme.font(10, bold=True))
    for number, place in enumerate(places):
        here = number == view.stop
        painter.setPen(QPen(theme.colour("playhead"), 1.5))
        painter.setBrush(theme.colour("playhead") if here else theme.colour("raised"))
        painter.drawEllipse(place, STOP_RADIUS, STOP_RADIUS)
        painter.setPen(theme.colour("window" if here else "text"))
        area = QRectF(place.x() - STOP_RADIUS, place.y() - STOP_RADIUS, 2 * STOP_RADIUS, 2 * STOP_RADIUS)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, str(number + 1))


def _rings(painter: QPainter, view: MapView) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    current = view.current if not view.stops else -1
    for point, token, gap, width in (
        (current, "selection", 3.5, 2.0), (view.hover, "text", 2.5, 1.5), (view.heard, "playhead", 5.5, 2.0),
    ):  # fmt: skip
        if 0 <= point < len(view.shown):
            size = view.radius() + gap
            painter.setPen(QPen(theme.colour(token), width))
            painter.drawEllipse(view.place_of(point), size, size)


def _name(painter: QPainter, view: MapView) -> None:
    """The name of the point under the pointer, or of the current one."""
    chosen = view.current if not view.stops else -1
    point = view.hover if view.hover >= 0 else chosen
    if not 0 <= point < len(view.names) or view.is_moving:
        return
    place, gap = view.place_of(point), view.radius() + 8
    if not QRectF(view.rect()).adjusted(-20, -20, 20, 20).contains(place):
        return
    painter.setFont(theme.font(theme.SMALL_SIZE))
    metrics = painter.fontMetrics()
    text = metrics.elidedText(view.names[point], Qt.TextElideMode.ElideRight, max(60, view.width() - 40))
    width, height = metrics.horizontalAdvance(text) + 14, metrics.height() + 8
    x = place.x() + gap if place.x() + gap + width < view.width() - 4 else place.x() - gap - width
    x = min(max(4.0, x), view.width() - width - 4.0)
    y = min(max(4.0, place.y() - height / 2), view.height() - height - 4.0)
    if x < place.x() < x + width:
        y = place.y() - gap - height if place.y() - gap - height > 4 else place.y() + gap
    area = QRectF(x, y, width, height)
    painter.setPen(theme.colour("line_strong"))
    painter.setBrush(theme.colour("raised", 0.94))
    painter.drawRoundedRect(area, 5, 5)
    painter.setPen(theme.colour("text"))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)


def _lasso(painter: QPainter, view: MapView) -> None:
    if view.lasso is not None:
        painter.setPen(QPen(theme.colour("accent"), 1.5))
        painter.setBrush(theme.colour("accent", 0.12))
        painter.drawPolygon(QPolygonF(view.lasso))


def _focus(painter: QPainter, view: MapView) -> None:
    if view.hasFocus():
        painter.setPen(theme.colour("accent"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(view.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
