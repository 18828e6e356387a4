"""A roll on a small known song, and hands to use it with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.song.notes import KeyMark, Song, Track, make_notes
from desktop.document import Document
from desktop.roll.view import RollView
from desktop.time_axis import TimeAxis

BEAT = 480
BAR = 4 * BEAT


@dataclass
class Hands:
    """A roll at 0.1 pixels a tick (a beat is 48 pixels), rows 16 pixels high, C6 in the top row."""

    roll: RollView
    document: Document
    axis: TimeAxis

    @property
    def canvas(self) -> QWidget:
        return self.roll.canvas

    def at(self, tick: float, pitch: int) -> QPoint:
        """The pixel in the middle of a pitch's row at a tick."""
        pitches = self.roll.state.pitch_axis
        return QPoint(round(self.axis.x(tick)), round(pitches.y(pitch) + pitches.row_height / 2))

    def drag(
        self,
        *path: QPoint,
        widget: QWidget | None = None,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
        keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
        release: bool = True,
    ) -> None:
        """Press at the first point, move through the others, release at the last."""
        widget = widget or self.canvas
        QTest.mousePress(widget, button, keys, path[0])
        for point in path[1:]:
            # QTest.mouseMove knows no buttons and no modifiers.
            QApplication.sendEvent(
                widget,
                QMouseEvent(
                    QMouseEvent.Type.MouseMove,
                    QPointF(point),
                    widget.mapToGlobal(QPointF(point)),
                    Qt.MouseButton.NoButton,
                    button,
                    keys,
                ),
            )
        if release:
            QTest.mouseRelease(widget, button, keys, path[-1])

    def click(self, point: QPoint, **options: object) -> None:
        self.drag(point, **options)  # type: ignore[arg-type]

    def wheel(self, point: QPoint, notches: float, keys: Qt.KeyboardModifier) -> None:
        QApplication.sendEvent(
            self.canvas,
            QWheelEvent(
                QPointF(point), self.canvas.mapToGlobal(QPointF(point)),
                QPoint(), QPoint(0, int(120 * notches)),
                Qt.MouseButton.NoButton, keys, Qt.ScrollPhase.NoScrollPhase, False,
            ),
        )  # fmt: skip

    def facts(self, track: int | None = None) -> list[tuple[int, int, int]]:
        """(onset, duration, pitch) of the notes, in their order."""
        notes = self.document.song.notes
        if track is not None:
            notes = notes[notes["track"] == track]
        return [tuple(map(int, row)) for row in notes[["onset", "duration", "pitch"]].tolist()]

    def labels(self) -> int:
        """Number of undo steps taken."""
        return self.document.history.position


@pytest.fixture
def make_hands(qtbot: object) -> Callable[[Song], Hands]:
    def make(song: Song) -> Hands:
        document, axis = Document(song), TimeAxis()
        roll = RollView(document, axis)
        qtbot.addWidget(roll)  # type: ignore[attr-defined]
        roll.resize(1000, 700)
        roll.show()
        QApplication.processEvents()
        axis.set_view(0, 0.1)
        roll.state.pitch_axis.set_view((127 - 84) * 16, 16)
        return Hands(roll, document, axis)

    return make


@pytest.fixture
def empty(make_hands: Callable[[Song], Hands]) -> Hands:
    return make_hands(Song(tracks=(Track("Piano"), Track("Bass", 33, 1, colour=2)), keys=(KeyMark(0, 0),)))


@pytest.fixture
def hands(make_hands: Callable[[Song], Hands]) -> Hands:
    """Four quarters C5 D5 E5 F5 in bar 1 of track 0, one whole C4 in bar 1 of track 1."""
    notes = np.concatenate(
        [
            make_notes([0, BEAT, 2 * BEAT, 3 * BEAT], BEAT, [72, 74, 76, 77], [60, 70, 80, 90], 0),
            make_notes(0, BAR, 60, 100, 1),
        ]
    )
    return make_hands(
        Song(notes, (Track("Piano"), Track("Bass", 33, 1, colour=2)), keys=(KeyMark(0, 0, "major"),))
    )
