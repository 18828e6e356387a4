"""Our own flat icons, drawn from a table of paths, so that they are sharp at every scale and follow the palette.

A path is written on a grid of 16 x 16 with absolute letters: M x y (move), L x y (line), C x1 y1 x2 y2 x y
(curve), Z (close), O x y r (circle), R x y w h r (rounded rectangle). "fill:" fills it, "line:" strokes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QWidget

from desktop import theme

SIZE = 16
LINE_WIDTH = 1.5
RATIOS = (1.0, 1.25, 1.5, 2.0, 3.0)
REMEMBERED = "tunesmith_icon"

PATHS: dict[str, tuple[str, ...]] = {
    "play": ("fill:M 4.5 2.5 L 13 8 L 4.5 13.5 Z",),
    "pause": ("fill:R 4 3 3 10 0.5 R 9 3 3 10 0.5",),
    "stop": ("fill:R 3.5 3.5 9 9 1",),
    "start": ("fill:R 3 3 1.8 10 0.4 M 13 3 L 13 13 L 6 8 Z",),
    "loop": (
        "line:M 3 8.5 L 3 7 C 3 5 4 4.5 5.5 4.5 L 12 4.5",
        "line:M 10 2 L 12.5 4.5 L 10 7",
        "line:M 13 7.5 L 13 9 C 13 11 12 11.5 10.5 11.5 L 4 11.5",
        "line:M 6 9 L 3.5 11.5 L 6 14",
    ),
    "metronome": ("line:M 6 2.5 L 10 2.5 L 13 13.5 L 3 13.5 Z", "line:M 8 10 L 12.5 4", "line:M 4 10.5 L 12 10.5"),
    "follow": ("line:M 8 2 L 8 14", "fill:M 5 2 L 11 2 L 8 5.5 Z", "line:M 2 8 L 5 8 M 11 8 L 14 8"),
    "speaker": ("fill:M 2 6 L 5 6 L 8.5 3 L 8.5 13 L 5 10 L 2 10 Z", "line:M 10.5 6 C 11.5 7 11.5 9 10.5 10",
                "line:M 12 4 C 14.3 6 14.3 10 12 12"),
    "map": ("fill:O 4 11 1.8 O 8.5 4.5 1.8 O 12 10.5 1.8 O 5.5 6.5 1 O 9.5 12.5 1 O 12.5 5 1",),
    "lasso": ("line:M 8 2.5 C 12 2.5 14 4.5 14 6.8 C 14 9.2 11.5 11 8 11 C 4.5 11 2 9.2 2 6.8 C 2 4.5 4 2.5 8 2.5 Z",
              "line:M 5.5 10.6 C 4.5 11.4 4.6 12.6 6 13.5"),
    "way": ("fill:O 3 12.5 1.8 O 13 3.5 1.8", "line:M 4.5 12 C 10 12 6 4.5 11.4 4"),
    "plus": ("line:M 8 3 L 8 13 M 3 8 L 13 8",),
    "minus": ("line:M 3 8 L 13 8",),
    "close": ("line:M 4 4 L 12 12 M 12 4 L 4 12",),
    "check": ("line:M 3 8.5 L 6.5 12 L 13 4.5",),
    "copy": ("line:R 5.5 5.5 8 8 1.5", "line:M 10.5 3 L 4 3 C 3.2 3 2.7 3.4 2.7 4.2 L 2.7 10.5"),
    "trash": ("line:M 3 4.5 L 13 4.5", "line:M 6 4 L 6.5 2.5 L 9.5 2.5 L 10 4", "line:M 4.5 5 L 5.2 13.5 L 10.8 13.5 L 11.5 5"),
    "up": ("line:M 3.5 10 L 8 5.5 L 12.5 10",),
    "down": ("line:M 3.5 6 L 8 10.5 L 12.5 6",),
    "right": ("line:M 6 3.5 L 10.5 8 L 6 12.5",),
    "dice": ("line:R 2.5 2.5 11 11 2.5", "fill:O 5.5 5.5 1.1 O 10.5 5.5 1.1 O 8 8 1.1 O 5.5 10.5 1.1 O 10.5 10.5 1.1"),
    "spark": (
        "fill:M 7 1.5 L 8.4 5.6 L 12.5 7 L 8.4 8.4 L 7 12.5 L 5.6 8.4 L 1.5 7 L 5.6 5.6 Z",
        "fill:M 12.5 10 L 13.2 11.8 L 15 12.5 L 13.2 13.2 L 12.5 15 L 11.8 13.2 L 10 12.5 L 11.8 11.8 Z",
    ),
    "continue": ("fill:R 2 5 5 2.2 0.6 R 5 9 4 2.2 0.6", "line:M 9.5 8 L 14 8 M 11.5 5.5 L 14 8 L 11.5 10.5"),
    "star": ("line:M 8 2 L 9.8 6 L 14 6.4 L 10.8 9.3 L 11.8 13.6 L 8 11.3 L 4.2 13.6 L 5.2 9.3 L 2 6.4 L 6.2 6 Z",),
    "star-full": ("fill:M 8 2 L 9.8 6 L 14 6.4 L 10.8 9.3 L 11.8 13.6 L 8 11.3 L 4.2 13.6 L 5.2 9.3 L 2 6.4 L 6.2 6 Z",),
    "search": ("line:O 7 7 4.2", "line:M 10.3 10.3 L 13.8 13.8"),
    "gear": ("line:O 8 8 2.2", "line:M 8 1.8 L 8 3.8 M 8 12.2 L 8 14.2 M 1.8 8 L 3.8 8 M 12.2 8 L 14.2 8",
             "line:M 3.6 3.6 L 5 5 M 11 11 L 12.4 12.4 M 12.4 3.6 L 11 5 M 5 11 L 3.6 12.4"),
    "note": ("fill:O 5 12 2.3", "line:M 7 12 L 7 3 L 12.5 2 L 12.5 5 L 7 6"),
    "drum": ("line:M 2.5 5.5 C 2.5 3.4 13.5 3.4 13.5 5.5 C 13.5 7.6 2.5 7.6 2.5 5.5 Z",
             "line:M 2.5 5.5 L 2.5 11 C 2.5 13.2 13.5 13.2 13.5 11 L 13.5 5.5"),
    "drop": ("line:M 8 2 L 8 10 M 4.5 6.8 L 8 10.3 L 11.5 6.8", "line:M 2.5 11 L 2.5 13.5 L 13.5 13.5 L 13.5 11"),
    "info": ("line:O 8 8 6", "line:M 8 7.2 L 8 11.4", "fill:O 8 4.8 0.95"),
    "warning": ("line:M 8 2.2 L 14.5 13.4 L 1.5 13.4 Z", "line:M 8 6.4 L 8 9.6", "fill:O 8 11.5 0.85"),
    "export": ("line:M 8 10 L 8 2 M 4.5 5.2 L 8 1.8 L 11.5 5.2", "line:M 2.5 9.5 L 2.5 13.5 L 13.5 13.5 L 13.5 9.5"),
    "sort": ("line:M 5 3 L 5 13 M 2.5 10.5 L 5 13 L 7.5 10.5", "line:M 11 13 L 11 3 M 8.5 5.5 L 11 3 L 13.5 5.5"),
    "seal": ("line:O 8 6 4", "line:M 5.6 9.4 L 4.6 14.2 L 8 12.2 L 11.4 14.2 L 10.4 9.4"),
    "select": ("fill:M 3.5 2 L 12.5 8.5 L 8.4 9.2 L 10.5 13.4 L 8.6 14.3 L 6.6 10 L 3.5 12.6 Z",),
    "draw": ("line:M 3 13 L 3.8 9.9 L 10.8 2.9 L 13.1 5.2 L 6.1 12.2 Z", "line:M 9 4.7 L 11.3 7"),
    "erase": ("line:M 6.2 13 L 2.6 9.4 L 9 3 L 13.4 7.4 L 7.8 13 Z", "line:M 6 6.2 L 10.4 10.6", "line:M 6 13 L 14 13"),
    "split": ("line:M 8 2 L 8 14", "fill:R 1.5 6.2 5 3.6 0.8 R 9.5 6.2 5 3.6 0.8"),
    "glue": ("fill:R 1.5 6.2 13 3.6 1.2", "line:M 5 4.2 L 8 2 L 11 4.2 M 5 11.8 L 8 14 L 11 11.8"),
    "lock": ("fill:R 3.5 7 9 7 1.2", "line:M 5.3 7 L 5.3 5 C 5.3 1.6 10.7 1.6 10.7 5 L 10.7 7"),
    "endless": ("line:M 8 8 C 6.5 5.6 5.4 4.8 4.2 4.8 C 0.6 4.8 0.6 11.2 4.2 11.2 C 5.4 11.2 6.5 10.4 8 8 "
                "C 9.5 5.6 10.6 4.8 11.8 4.8 C 15.4 4.8 15.4 11.2 11.8 11.2 C 10.6 11.2 9.5 10.4 8 8",),
    "clock": ("line:O 8 8 5.8", "line:M 8 4.6 L 8 8 L 10.4 9.6"),
    "swap": ("line:R 2.5 2.5 11 11 1.5", "fill:R 4.5 4.5 7 7 0.5"),
    "below": ("line:R 2.5 2.5 11 11 1.5", "fill:R 4.5 8.5 7 3 0.5"),
    "ear": (
        "line:M 4.2 6.4 C 4.2 1 12.4 1 12.2 6.2 C 12.1 9 9.4 9 9.2 11.4 C 9 14.4 5.6 14.6 5 12.2",
        "line:M 6.6 6.6 C 6.8 4.4 9.8 4.4 9.7 6.6 C 9.6 7.8 8 7.6 7.8 9.2",
    ),
    "use": ("line:M 2.5 8 L 10 8 M 7 5 L 10 8 L 7 11", "line:M 13 3 L 13 13"),
    "seed": ("line:M 8 14 L 8 8", "line:M 8 9 C 4 9 3 6.5 3 4 C 6.5 4 8 6 8 9 Z", "line:M 8 7 C 8 4 10 2.2 13 2.2 C 13 5.5 11 7 8 7 Z"),
    "spectrum": ("line:M 2.5 13 L 2.5 9 M 5.3 13 L 5.3 4 M 8 13 L 8 6.5 M 10.8 13 L 10.8 2.5 M 13.5 13 L 13.5 8",),
    "table": ("line:R 2.5 3 11 10 1.5", "line:M 2.5 6.3 L 13.5 6.3 M 2.5 9.6 L 13.5 9.6 M 6.5 6.3 L 6.5 13"),
    "fit": ("line:M 2.5 5.5 L 2.5 2.5 L 5.5 2.5 M 10.5 2.5 L 13.5 2.5 L 13.5 5.5",
            "line:M 13.5 10.5 L 13.5 13.5 L 10.5 13.5 M 5.5 13.5 L 2.5 13.5 L 2.5 10.5"),
}  # fmt: skip


def icon(name: str, token: str = "text", *, on: str = "accent") -> QIcon:
    """An icon in the colour of a token; ``on`` is its colour while checked."""
    return _icon(name, theme.colour(token).name(), theme.colour(on).name(), theme.colour("text_faint").name())


def put(button: QAbstractButton, name: str, token: str = "text", *, on: str = "accent") -> None:
    """Give a button an icon that `recolour` can find again."""
    button.setProperty(REMEMBERED, [name, token, on])
    button.setIcon(icon(name, token, on=on))


def recolour(root: QWidget) -> None:
    """Draw the icons of all buttons under ``root`` in the colours of the palette in use."""
    for button in root.findChildren(QAbstractButton):
        remembered = button.property(REMEMBERED)
        if remembered:
            name, token, on = remembered
            button.setIcon(icon(name, token, on=on))


def pixmap(name: str, colour: QColor, size: int = SIZE, ratio: float = 1.0) -> QPixmap:
    """One icon of ``size`` device-independent pixels in a colour."""
    result = QPixmap(round(size * ratio), round(size * ratio))
    result.setDevicePixelRatio(ratio)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint(painter, name, QRectF(0, 0, size, size), colour)
    painter.end()
    return result


def paint(painter: QPainter, name: str, where: QRectF, colour: QColor) -> None:
    """Draw an icon into a square of any painter."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(where.topLeft())
    painter.scale(where.width() / SIZE, where.height() / SIZE)
    pen = QPen(colour, LINE_WIDTH, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    for kind, path in _paths(name):
        if kind == "fill":
            painter.fillPath(path, colour)
        else:
            painter.strokePath(path, pen)
    painter.restore()


@cache
def _icon(name: str, colour: str, on: str, disabled: str) -> QIcon:
    result = QIcon()
    for ratio in RATIOS:
        for value, mode, state in (
            (colour, QIcon.Mode.Normal, QIcon.State.Off),
            (on, QIcon.Mode.Normal, QIcon.State.On),
            (disabled, QIcon.Mode.Disabled, QIcon.State.Off),
        ):
            result.addPixmap(pixmap(name, QColor(value), SIZE, ratio), mode, state)
    return result


@cache
def _paths(name: str) -> tuple[tuple[str, QPainterPath], ...]:
    return tuple((kind, _parse(text)) for kind, text in (entry.split(":") for entry in PATHS[name]))


def _parse(text: str) -> QPainterPath:
    path = QPainterPath()
    words = iter(text.split())
    for letter in words:
        values = [float(next(words)) for _ in range(_ARGUMENTS[letter])]
        _DRAW[letter](path, *values)
    return path


_ARGUMENTS = {"M": 2, "L": 2, "C": 6, "Z": 0, "O": 3, "R": 5}
_DRAW: dict[str, Callable[..., object]] = {
    "M": QPainterPath.moveTo,
    "L": QPainterPath.lineTo,
    "C": QPainterPath.cubicTo,
    "Z": QPainterPath.closeSubpath,
    "O": lambda path, x, y, r: path.addEllipse(QPointF(x, y), r, r),
    "R": lambda path, x, y, w, h, r: path.addRoundedRect(x, y, w, h, r, r),
}
