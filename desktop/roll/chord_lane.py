"""The names of the chords that sound, under the ruler: beat by beat, or coarser where a beat is too narrow."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from dataclasses import replace

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from core.song.harmony import CHORDS, Chord, chords_of
from core.song.notes import Song
from desktop import theme
from desktop.document import Change
from desktop.roll.scrolling import wheel
from desktop.roll.state import RollState

HEIGHT = 18
MOST_NOTES = 20_000
"""Finding the chords of more notes than this would hold up the hand that edits them."""
REST_MILLISECONDS = 150
NARROWEST = 34
"""Pixels: a name such as "Em7b5" in the small font fits in."""


class ChordLane(QWidget):
    """One box a chord; a click lets it sound. Names follow the edits after a moment's rest."""

    def __init__(self, state: RollState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.chords: list[Chord] = []
        self._onsets: list[int] = []
        self._found: dict[int, list[Chord]] = {}
        """Chords by the length of the window they were looked for in."""
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self.refresh)
        self.setFixedHeight(HEIGHT)
        self.setMouseTracking(True)
        self.setAccessibleName("Chords")
        state.document.changed.connect(self._song_changed)
        state.document.ghosts_changed.connect(self._ghosts_changed)
        state.time_axis.changed.connect(self._show_level)
        self.refresh()

    def sizeHint(self) -> QSize:
        return QSize(400, HEIGHT)

    def refresh(self) -> None:
        """Find the chords of the song as it is now, or of the result that is shown."""
        self._song = self.state.document.ghost_song
        self._found = {}
        self._show_level()

    def _show_level(self) -> None:
        """Take the chords of the shortest window that is wide enough for a name."""
        song = self._song
        windows = windows_of(song)
        scale = self.state.time_axis.pixels_per_tick
        window = next((each for each in windows if each * scale >= NARROWEST), windows[-1])
        if window not in self._found:
            found = chords_of(song, window) if len(song.notes) <= MOST_NOTES else []
            self._found[window] = reaching_the_next(found, song.bars.length_at(0))
        if self.chords is not self._found[window]:
            self.chords = self._found[window]
            self._onsets = [chord.onset for chord in self.chords]
            self.setAccessibleDescription(", ".join(chord.name for chord in self.chords[:64]))
        self.update()

    def chord_at(self, x: float) -> Chord | None:
        """The chord under pixel ``x``."""
        tick = self.state.time_axis.tick(x)
        at = bisect_right(self._onsets, tick) - 1
        if at < 0 or tick >= self.chords[at].onset + self.chords[at].duration:
            return None
        return self.chords[at]

    def _song_changed(self, change: Change) -> None:
        if change.touches("notes", "tracks", "meter"):
            self._rest.start()

    def _ghosts_changed(self) -> None:
        if self.state.document.ghost_song is not self._song and not self._rest.isActive():
            self._rest.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("sunken"))
        fonts = [(font, QFontMetricsF(font)) for font in (theme.font(theme.SMALL_SIZE), theme.font(9))]
        align = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.setPen(theme.colour("text_dim"))
        dpr = self.devicePixelRatioF()
        view = self.state.viewport(self.width(), 1, dpr)
        first = max(0, bisect_right(self._onsets, view.first_tick) - 1)
        shown = self.chords[first : bisect_right(self._onsets, view.last_tick)]
        lefts = (view.x([chord.onset for chord in shown]) / dpr).tolist()
        rights = (view.x([chord.onset + chord.duration for chord in shown]) / dpr).tolist()
        for chord, left, right in zip(shown, lefts, rights):
            if right < 0 or right - left < 3:
                continue
            box = QRectF(left + 0.5, 1, right - left - 1.5, HEIGHT - 3)
            painter.fillRect(box, theme.colour("hover"))
            # A long chord that began before the view keeps its name in sight.
            room = box.adjusted(max(0.0, -box.left()) + 3, 0, 0, 0)
            # The name, smaller, without its bass, and at last as far as it goes.
            short = chord.name.split("/")[0]
            tries = itertools.product((chord.name, short), fonts)
            fitting = (each for each in tries if each[1][1].horizontalAdvance(each[0]) <= room.width())
            name, (font, metrics) = next(fitting, (short, fonts[-1]))
            name = metrics.elidedText(name, Qt.TextElideMode.ElideRight, room.width())
            painter.setFont(font)
            painter.drawText(room, align, name)
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme.colour("line_strong"))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        chord = self.chord_at(event.position().x())
        if chord is not None and event.button() == Qt.MouseButton.LeftButton:
            for step in CHORDS[chord.suffix]:
                self.state.preview(60 + (chord.root + step) % 12)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        chord = self.chord_at(event.position().x())
        self.state.hint(f"{chord.name} — Click: hear it" if chord else "Names of the chords that sound")

    def leaveEvent(self, event: QEvent) -> None:
        self.state.hint("")

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(event, self.state.time_axis, None)


def windows_of(song: Song) -> list[int]:
    """Lengths in ticks in which chords are looked for: a beat, the parts of a bar, one to eight bars.

    A song with several meters has the beat alone, since no other length stays in step with its bars.
    """
    beat = song.ticks_per_beat
    if len(song.bars.meters) > 1:
        return [beat]
    bar = song.bars.length_at(0)
    halves = [bar // 2] if bar % (2 * beat) == 0 and bar > 2 * beat else []
    return [beat, *halves, *(bar * count for count in (1, 2, 4, 8) if bar * count > beat)]


def reaching_the_next(chords: list[Chord], longest_rest: int) -> list[Chord]:
    """The chords, each held over rests of at most ``longest_rest`` ticks, equal neighbours made one."""
    held: list[Chord] = []
    for chord in chords:
        if held:
            last = held[-1]
            end = last.onset + last.duration
            if chord.onset - end <= longest_rest:
                end = chord.onset
            same = (last.root, last.suffix, last.bass) == (chord.root, chord.suffix, chord.bass)
            if same and end == chord.onset:
                held[-1] = replace(last, duration=chord.onset + chord.duration - last.onset)
                continue
            held[-1] = replace(last, duration=end - last.onset)
        held.append(chord)
    return held
