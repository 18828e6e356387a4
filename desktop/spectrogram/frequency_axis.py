"""Where frequencies lie on the screen: linear, logarithmic, mel, in line with the piano keys, or as pitch classes.

An axis maps hertz to vertical logical pixels, counted from the upper edge, and back; the canvas knows no more of
it. A scale is three functions; the axis adds what part of it is in view.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QObject, Signal, SignalInstance

from desktop.roll.names import pitch_name
from desktop.roll.pitch_axis import PitchAxis

A4 = 440.0
LOWEST = 20.0
LINEAR_HERTZ_PER_MEL = 200.0 / 3
MEL_KNEE = 1000.0
MEL_LOG_STEP = np.log(6.4) / 27.0
MOST_ZOOM = 64.0
TICK_PIXELS = 26.0
Floats = NDArray[np.float64]


def hertz_to_mel(hertz: ArrayLike) -> Floats:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    hertz = np.asarray(hertz, float)
    upper = MEL_KNEE / LINEAR_HERTZ_PER_MEL + np.log(np.maximum(hertz, MEL_KNEE) / MEL_KNEE) / MEL_LOG_STEP
    return np.where(hertz < MEL_KNEE, hertz / LINEAR_HERTZ_PER_MEL, upper)


def mel_to_hertz(mel: ArrayLike) -> Floats:
    """The inverse of `hertz_to_mel`."""
    mel = np.asarray(mel, float)
    knee = MEL_KNEE / LINEAR_HERTZ_PER_MEL
    upper = MEL_KNEE * np.exp(MEL_LOG_STEP * (np.maximum(mel, knee) - knee))
    return np.where(mel < knee, mel * LINEAR_HERTZ_PER_MEL, upper)


def hertz_to_pitch(hertz: ArrayLike) -> Floats:
    """MIDI pitch, with fractions; 69 is 440 Hz."""
    return 69 + 12 * np.log2(np.maximum(np.asarray(hertz, float), 1e-6) / A4)


def pitch_to_hertz(pitch: ArrayLike) -> Floats:
    return np.asarray(A4 * 2.0 ** ((np.asarray(pitch, float) - 69) / 12))


def note_and_cents(hertz: float) -> str:
    """The nearest note and how far off it is: "A4 +12 ct"."""
    pitch = float(hertz_to_pitch(hertz))
    nearest = round(pitch)
    if not 0 <= nearest <= 127:
        return ""
    return f"{pitch_name(nearest)} {round(100 * (pitch - nearest)):+d} ct"


def hertz_text(hertz: float) -> str:
    """Like "440 Hz" and "1.2 kHz"."""
    return f"{hertz / 1000:.4g} kHz" if hertz >= 1000 else f"{hertz:.4g} Hz"


@dataclass(frozen=True, slots=True)
class Scale:
    """``marks`` are frequencies that may be named at the edge, the most important first."""

    title: str
    forward: Callable[[ArrayLike], Floats]
    inverse: Callable[[ArrayLike], Floats]
    lowest: float
    marks: tuple[float, ...]


_DECADES = (100.0, 1000.0, 10000.0, 200.0, 500.0, 2000.0, 5000.0, 50.0, 20.0, 300.0, 3000.0, 700.0, 7000.0)
_FINE = (400.0, 600.0, 800.0, 1500.0, 2500.0, 4000.0, 6000.0, 8000.0, 9000.0, 30.0, 40.0, 70.0, 150.0, 250.0)
SCALES = {
    "log": Scale("Log", lambda f: np.log2(np.maximum(f, 1e-3)), lambda u: np.exp2(u), LOWEST,
                 _DECADES + _FINE),
    "mel": Scale("Mel", hertz_to_mel, mel_to_hertz, 0.0,
                 (1000.0, 500.0, 2000.0, 4000.0, 8000.0, 250.0, 6000.0, 3000.0, 10000.0, 750.0, 1500.0)),
    "linear": Scale("Linear", lambda f: np.asarray(f, float), lambda u: np.asarray(u, float), 0.0,
                    tuple(1000.0 * k for k in (5, 10, 1, 2, 3, 4, 6, 7, 8, 9)) + (500.0, 1500.0, 2500.0)),
}  # fmt: skip
AXES = {name: scale.title for name, scale in SCALES.items()} | {"keys": "Keys", "chroma": "Classes"}


class Axis(Protocol):
    """What the canvas asks of an axis."""

    changed: SignalInstance

    def y(self, hertz: ArrayLike) -> Floats: ...
    def hertz(self, y: ArrayLike) -> Floats: ...
    def marks(self) -> list[tuple[float, str]]: ...
    def set_height(self, height: float) -> None: ...
    def scroll(self, pixels: float) -> None: ...
    def zoom_about(self, y: float, factor: float) -> None: ...


class ScaleAxis(QObject):
    """A scale from its lowest frequency to ``highest``, of which a part is in view."""

    changed = Signal()

    def __init__(self, scale: Scale, highest: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.scale = scale
        self._bottom, self._top = float(scale.forward(scale.lowest)), float(scale.forward(highest))
        self._low, self._high = self._bottom, self._top
        self._height = 300.0

    def y(self, hertz: ArrayLike) -> Floats:
        return np.asarray((self._high - self.scale.forward(hertz)) / (self._high - self._low) * self._height)

    def hertz(self, y: ArrayLike) -> Floats:
        return self.scale.inverse(self._high - np.asarray(y, float) / self._height * (self._high - self._low))

    def marks(self) -> list[tuple[float, str]]:
        """(y, text) of what is named at the edge: as many as have room."""
        found: list[tuple[float, str]] = []
        for hertz in self.scale.marks:
            y = float(self.y(hertz))
            if 6 <= y <= self._height - 6 and all(abs(y - other) >= TICK_PIXELS for other, _ in found):
                found.append((y, f"{hertz / 1000:g} kHz" if hertz >= 1000 else f"{hertz:g} Hz"))
        return sorted(found)

    def set_height(self, height: float) -> None:
        self._height = max(1.0, float(height))
        self.changed.emit()

    def scroll(self, pixels: float) -> None:
        self._show(self._high - pixels / self._height * (self._high - self._low), self._high - self._low)

    def zoom_about(self, y: float, factor: float) -> None:
        held = self._high - y / self._height * (self._high - self._low)
        span = (self._high - self._low) / factor
        span = min(self._top - self._bottom, max((self._top - self._bottom) / MOST_ZOOM, span))
        self._show(held + y / self._height * span, span)

    def _show(self, high: float, span: float) -> None:
        high = min(self._top, max(self._bottom + span, high))
        if (high, high - span) != (self._high, self._low):
            self._high, self._low = high, high - span
            self.changed.emit()


class KeyAxis(QObject):
    """The rows of a pitch axis, so that every semitone lies beside its key."""

    changed = Signal()

    def __init__(self, pitch_axis: PitchAxis, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pitch_axis = pitch_axis
        pitch_axis.changed.connect(self.changed)

    def y(self, hertz: ArrayLike) -> Floats:
        axis = self.pitch_axis
        return np.asarray((127.5 - hertz_to_pitch(hertz)) * axis.row_height - axis.top)

    def hertz(self, y: ArrayLike) -> Floats:
        axis = self.pitch_axis
        return pitch_to_hertz(127.5 - (np.asarray(y, float) + axis.top) / axis.row_height)

    def marks(self) -> list[tuple[float, str]]:
        return []  # the keyboard beside it names the rows

    def set_height(self, height: float) -> None:
        self.pitch_axis.set_height(height)

    def scroll(self, pixels: float) -> None:
        self.pitch_axis.scroll(pixels)

    def zoom_about(self, y: float, factor: float) -> None:
        self.pitch_axis.zoom_about(y, factor)


class ChromaAxis(QObject):
    """Twelve rows, C at the foot; each stands for its pitch class in all octaves."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._height = 300.0

    def y(self, hertz: ArrayLike) -> Floats:
        return np.asarray((71.5 - hertz_to_pitch(hertz)) / 12 * self._height)

    def hertz(self, y: ArrayLike) -> Floats:
        return pitch_to_hertz(71.5 - 12 * np.asarray(y, float) / self._height)

    def marks(self) -> list[tuple[float, str]]:
        row = self._height / 12
        return [((11.5 - k) * row, pitch_name(60 + k)[:-1]) for k in range(12) if row >= 12 or k % 2 == 0]

    def set_height(self, height: float) -> None:
        self._height = max(1.0, float(height))
        self.changed.emit()

    def scroll(self, pixels: float) -> None:
        """All rows are always in view."""

    def zoom_about(self, y: float, factor: float) -> None:
        """All rows are always in view."""
