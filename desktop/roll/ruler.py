"""The ruler above the notes: bar numbers, loop region, markers, and changes of tempo, meter and key."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

from core.song.harmony import Key
from core.song.notes import Song
from desktop import theme
from desktop.roll import grid
from desktop.roll.scrolling import wheel
from desktop.roll.state import RollState

NUMBERS_HEIGHT = 22
MARKS_HEIGHT = 18
EDGE_PIXELS = 6.0
HINT = "Click: move the play-head · Drag: set the loop, or its ends · Right-click: no loop · Alt: no snap"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something the song says about a place; ``kind`` is "tempo", "meter", "key" or "marker"."""

    tick: int
    text: str
    kind: str


def marks(song: Song) -> list[Mark]:
    """All marks of a song in order; those at the same tick stand in the order marker, tempo, meter, key."""
    found = [Mark(m.tick, m.text, "marker") for m in song.markers]
    found += [Mark(t.tick, f"♩ {t.bpm:.4g}", "tempo") for t in song.tempos]
    found += [Mark(m.tick, f"{m.numerator}/{m.denominator}", "meter") for m in song.meters]
    found += [Mark(k.tick, Key(k.tonic, k.mode).name, "key") for k in song.keys]
    return sorted(found, key=lambda mark: mark.tick)


class Ruler(QWidget):
    """Two lines: bar numbers with the loop, and the song's marks."""

    def __init__(self, state: RollState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self._marks: list[Mark] = []
        self._marks_of: Song | None = None
        self._pressed: QPointF | None = None
        self._fixed_end: int | None = None
        self.setMouseTracking(True)
        self.setFixedHeight(NUMBERS_HEIGHT + MARKS_HEIGHT)
        self.setAccessibleName("Bars")
        self.setAccessibleDescription(HINT)
        for signal in (
            state.time_axis.changed,
            state.document.changed,
            state.document.loop_changed,
            state.changed,
        ):
            signal.connect(self.update)
        state.document.playhead_changed.connect(self._playhead_moved)
        self._playhead_x = 0

    def sizeHint(self) -> QSize:
        return QSize(400, NUMBERS_HEIGHT + MARKS_HEIGHT)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("panel"))
        painter.fillRect(0, NUMBERS_HEIGHT, self.width(), MARKS_HEIGHT, theme.colour("sunken"))
        self._paint_loop(painter)
        self._paint_bars(painter, event.rect())
        self._paint_marks(painter)
        painter.fillRect(0, NUMBERS_HEIGHT, self.width(), 1, theme.colour("line"))
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme.colour("line_strong"))
        self._paint_playhead(painter)

    def _column(self, tick: int) -> float:
        """Logical x of a tick, on the same device pixel as the grid's line."""
        dpr = self.devicePixelRatioF()
        return float(self.state.viewport(self.width(), 1, dpr).x(tick)) / dpr

    def _paint_bars(self, painter: QPainter, area: QRect) -> None:
        song, axis = self.state.song, self.state.time_axis
        # Bars that are off to the left may still have a number that reaches into view.
        first, last = max(0.0, axis.tick(area.left() - 60)), axis.tick(area.right() + 1)
        lines = grid.lines(song, first, last, 0, axis.pixels_per_tick, closest=7.0)
        numbered = grid.lines(song, first, last, 0, axis.pixels_per_tick, closest=34.0)
        labelled = {bar for _, bar in numbered.bars}
        painter.setFont(theme.font(theme.SMALL_SIZE))
        for tick in lines.beats:
            painter.fillRect(QRectF(self._column(tick), NUMBERS_HEIGHT - 4, 1, 4), theme.colour("grid_bar"))
        for tick, bar in lines.bars:
            x, tall = self._column(tick), bar in labelled
            top = 4 if tall else NUMBERS_HEIGHT - 7
            painter.fillRect(QRectF(x, top, 1, NUMBERS_HEIGHT - top), theme.colour("line_strong"))
            if tall:
                painter.setPen(theme.colour("text_dim" if bar % 4 else "text"))
                painter.drawText(QPointF(x + 8, NUMBERS_HEIGHT - 7), str(bar + 1))

    def _paint_loop(self, painter: QPainter) -> None:
        loop = self.state.document.loop
        if loop is None:
            return
        left, right = self._column(loop[0]), self._column(loop[1])
        painter.fillRect(QRectF(left, 0, right - left, NUMBERS_HEIGHT), theme.colour("loop", 0.22))
        painter.fillRect(QRectF(left, 0, right - left, 3), theme.colour("loop"))
        for x, inward in ((left, 6.0), (right, -6.0)):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("loop"))
            painter.drawPolygon(QPolygonF([QPointF(x, 0), QPointF(x + inward, 3), QPointF(x, 9)]))

    def _paint_marks(self, painter: QPainter) -> None:
        font = theme.font(theme.SMALL_SIZE)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        colours = {"tempo": "text_dim", "meter": "text_dim", "key": "accent_hover", "marker": "warn"}
        free = -1e9
        if self._marks_of is not self.state.song:
            self._marks_of, self._marks = self.state.song, marks(self.state.song)
        # A mark before the view may reach into it, or push the next one aside.
        reach = self.state.time_axis.tick(-300)
        for mark in self._marks[bisect_left(self._marks, reach, key=lambda mark: mark.tick) :]:
            at = self._column(mark.tick)
            width = metrics.horizontalAdvance(mark.text) + 12
            x = max(at, free)
            if x > self.width():
                break
            # Marks at one place stand side by side; of marks too close to read, the first is kept.
            if x > at + 160 or x + width < -200:
                continue
            if mark.kind == "marker":
                flag = QRectF(x, NUMBERS_HEIGHT + 2, width - 2, MARKS_HEIGHT - 4)
                painter.fillRect(flag, theme.colour("warn", 0.18))
                painter.fillRect(QRectF(x, NUMBERS_HEIGHT + 1, 2, MARKS_HEIGHT - 2), theme.colour("warn"))
            elif at == x:
                painter.fillRect(
                    QRectF(at, NUMBERS_HEIGHT + 1, 1, MARKS_HEIGHT - 2), theme.colour("line_strong")
                )
            painter.setPen(theme.colour(colours[mark.kind]))
            painter.drawText(
                QRectF(x + 5, NUMBERS_HEIGHT, width, MARKS_HEIGHT),
                int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft),
                mark.text,
            )
            free = x + width

    def _paint_playhead(self, painter: QPainter) -> None:
        x = self.state.time_axis.x(self.state.document.playhead)
        self._playhead_x = round(x)
        head = [QPointF(x - 5, NUMBERS_HEIGHT - 12), QPointF(x + 6, NUMBERS_HEIGHT - 12)]
        head += [QPointF(x + 6, NUMBERS_HEIGHT - 6), QPointF(x + 0.5, NUMBERS_HEIGHT)]
        head += [QPointF(x - 5, NUMBERS_HEIGHT - 6)]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("playhead"))
        painter.drawPolygon(QPolygonF(head))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.fillRect(QRectF(x, NUMBERS_HEIGHT, 1.5, MARKS_HEIGHT), theme.colour("playhead"))

    def _playhead_moved(self, tick: int) -> None:
        for x in (self._playhead_x, round(self.state.time_axis.x(tick))):
            self.update(x - 8, 0, 17, self.height())

    # The mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.RightButton:
            self.state.document.set_loop(None)
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._pressed = event.position()
        self._fixed_end = self._other_end(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            over_end = self._other_end(event.position().x()) is not None
            self.setCursor(Qt.CursorShape.SizeHorCursor if over_end else Qt.CursorShape.ArrowCursor)
            self.state.hint(HINT)
            return
        if self._fixed_end is None:
            if abs(event.position().x() - self._pressed.x()) < 4:
                return
            self._fixed_end = self._tick(self._pressed.x(), event)
        self.state.document.set_loop((self._fixed_end, self._tick(event.position().x(), event)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and self._fixed_end is None:
            self.state.seek_requested.emit(self._tick(event.position().x(), event))
        self._pressed = self._fixed_end = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.state.seek_requested.emit(self._tick(event.position().x(), event))

    def leaveEvent(self, event: QEvent) -> None:
        self.state.hint("")

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(event, self.state.time_axis, None)

    def _tick(self, x: float, event: QMouseEvent) -> int:
        free = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        return self.state.snap(max(0.0, self.state.time_axis.tick(x)), free)

    def _other_end(self, x: float) -> int | None:
        """The loop's end that stays where it is while the one under ``x`` is dragged."""
        loop = self.state.document.loop
        if loop is None:
            return None
        for end, other in ((1, 0), (0, 1)):
            if abs(self.state.time_axis.x(loop[end]) - x) <= EDGE_PIXELS:
                return loop[other]
        return None
