"""The wheel: scroll, sideways with Shift, zoom time with Ctrl and pitch with Ctrl+Alt."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent

from desktop.time_axis import TimeAxis

PIXELS_PER_NOTCH = 60.0
ZOOM_PER_NOTCH = 1.2


class Upright(Protocol):
    """An axis of pitch or frequency."""

    def scroll(self, pixels: float) -> None: ...
    def zoom_about(self, y: float, factor: float) -> None: ...


def wheel(event: QWheelEvent, time_axis: TimeAxis, pitch_axis: Upright | None) -> None:
    """Turn a wheel event into a movement of the axes; without ``pitch_axis`` every scroll is sideways."""
    held, keys = event.modifiers(), Qt.KeyboardModifier
    pixels, angle = event.pixelDelta(), event.angleDelta()
    # A touchpad reports pixels, a wheel eighths of a degree (120 a notch).
    x = pixels.x() if not pixels.isNull() else angle.x() / 120 * PIXELS_PER_NOTCH
    y = pixels.y() if not pixels.isNull() else angle.y() / 120 * PIXELS_PER_NOTCH
    # Qt turns the wheel's direction while Alt is held.
    turned = (y or x) / PIXELS_PER_NOTCH
    if held & keys.ControlModifier:
        factor = ZOOM_PER_NOTCH**turned
        if held & keys.AltModifier and pitch_axis is not None:
            pitch_axis.zoom_about(event.position().y(), factor)
        else:
            time_axis.zoom_about(event.position().x(), factor)
    elif held & keys.ShiftModifier or pitch_axis is None:
        time_axis.scroll(-(y or x))
    else:
        if x:
            time_axis.scroll(-x)
        if y:
            pitch_axis.scroll(-y)
    event.accept()
