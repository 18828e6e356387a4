"""The map as files: a table of its points, and a picture with its legend."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from core.store.atomic import write_bytes_atomic
from desktop import theme
from desktop.explore.colours import Legend
from desktop.explore.explorer import Chart

COLUMNS = (
    *("title", "composer", "genre", "key", "tempo_bpm", "seconds", "source", "licence", "path"),
    *("x", "y", "trust", "group"),
)
LINE, PADDING, COLUMN = 22, 14, 190


def write_table(path: Path, chart: Chart, points: Sequence[int]) -> None:
    """Write what is known of some points as CSV in UTF-8.

    Raises
    ------
    TunesmithError
        where it cannot be written
    """
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for point in points:
        about = chart.pieces[point]
        x, y = chart.places[point].tolist()
        found = {
            **about, "x": f"{x:.5f}", "y": f"{y:.5f}", "trust": f"{chart.trust[point]:.3f}",
            "group": int(chart.groups[point]) + 1,
        }  # fmt: skip
        table.writerow([found.get(name, "") for name in COLUMNS])
    write_bytes_atomic(path, out.getvalue().encode())


def write_picture(path: Path, picture: QImage, legend: Sequence[Legend]) -> None:
    """Write a picture of the map as PNG, with what its colours mean below it.

    Raises
    ------
    TunesmithError
        where it cannot be written
    """
    ratio = picture.devicePixelRatio()
    width, height = picture.width() / ratio, picture.height() / ratio
    across = max(1, int((width - PADDING) // COLUMN))
    lines = -(-len(legend) // across)
    below = lines * LINE + 2 * PADDING if lines else 0
    whole = QImage(picture.width(), round((height + below) * ratio), QImage.Format.Format_RGB32)
    whole.setDevicePixelRatio(ratio)
    whole.fill(theme.colour("roll"))
    painter = QPainter(whole)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.drawImage(0, 0, picture)
    painter.setFont(theme.font())
    for number, line in enumerate(legend):
        left = PADDING + number % across * COLUMN
        top = height + PADDING + number // across * LINE
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(line.colour)
        painter.drawEllipse(QRectF(left, top + 6, 10, 10))
        painter.setPen(theme.colour("text"))
        area = QRectF(left + 18, top, COLUMN - 24, LINE)
        text = f"{line.text}  {line.count:,}" if line.count else line.text
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    whole.save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs want bytes, Qt wants a text
    write_bytes_atomic(path, bytes(buffer.data().data()))
