"""The map itself: shows the points, moves and zooms, and answers mouse and keys.

Conventions
-----------
* A *point* is a number, the place of a piece in the chart's arrays.
* The view is a middle (a place on the map) and a scale, device-independent pixels a unit of the map.
* Nothing here blocks: what is heard or looked up is asked for by signals.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QStyle, QWidget

from desktop import theme
from desktop.explore.camera import Camera, Places, inside, nearest, toward
from desktop.explore.colours import Colouring
from desktop.explore.dots import Dots
from desktop.explore.marks import paint_marks

WITHIN = 14.0
"""How near the pointer must come to a point."""
DRAG_PIXELS = 4
WHEEL = 1.0015
KEY_ZOOM = 1.35
MOVE_MS, FRAME_MS = 600, 16
"""How long a change of projection takes, and one picture of it."""
MOST_MOVED = 20_000
"""With more points a change of projection is shown at once."""
REST_MS = 12
"""How long the pointer must rest on a point before it is heard."""
RADII = ((300, 5.0), (1000, 4.2), (3000, 3.2), (10_000, 2.4), (25_000, 1.9))
SMALLEST = 1.5
"""Radii by how many points there are at most, in a view of `USUAL_ROOM` pixels; in a smaller one they are smaller."""
USUAL_ROOM = 520

TOOLS = {
    "point": "Click: choose · double-click: open · drag: move · wheel: zoom · right-click: more",
    "lasso": "Draw round pieces to choose them · Shift adds · wheel: zoom",
    "path": "Click where the path begins, then where it ends · Esc: begin again",
}
"""What the mouse can do, and the hint for each."""

ARROWS = {
    Qt.Key.Key_Left: (-1.0, 0.0), Qt.Key.Key_Right: (1.0, 0.0), Qt.Key.Key_Up: (0.0, -1.0), Qt.Key.Key_Down: (0.0, 1.0),
}  # fmt: skip
KEYS = {
    Qt.Key.Key_Space: "hear", Qt.Key.Key_Return: "open", Qt.Key.Key_Enter: "open", Qt.Key.Key_Plus: "in",
    Qt.Key.Key_Equal: "in", Qt.Key.Key_Minus: "out", Qt.Key.Key_F: "fit", Qt.Key.Key_P: "path", Qt.Key.Key_I: "isolate",
    Qt.Key.Key_N: "mark", Qt.Key.Key_Escape: "leave", Qt.Key.Key_Menu: "menu",
}  # fmt: skip
"""What keys without a modifier do while the map has the focus."""


class MapView(QWidget):
    """A map of points."""

    hovered = Signal(int)
    """The point under the pointer, or -1."""
    rested = Signal(int)
    """The pointer has come to rest on a point; it should be heard."""
    chosen = Signal(int)
    """A point was chosen, or -1."""
    marked = Signal(object)
    """Points were marked; an array."""
    path_wanted = Signal(int, int)
    path_begun = Signal(int)
    """The first point of a path, or -1."""
    wanted = Signal(str, int)
    """"hear", "open", "menu" or "isolate", and the point."""
    hint_changed = Signal(str)
    tool_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places: Places = np.empty((0, 2), np.float32)
        self.shown: Places = self._places
        self._from: Places | None = None
        self._began = 0.0
        self._colouring: Colouring | None = None
        self._found: NDArray[np.bool_] | None = None
        self._alone: NDArray[np.bool_] | None = None
        self.names: Sequence[str] = ()
        self.current = -1
        self.hover = -1
        self.heard = -1
        self.near: list[int] = []
        self.mark = np.empty(0, np.int64)
        self.stops: list[QPointF] = []
        self.stop = -1
        self.path_from = -1
        self.tool = "point"
        self.animated = True
        self.camera = Camera()
        self._dots = Dots()
        self._dots_for: tuple[object, ...] = ()
        self._dots_at = 0.0, 0.0
        self._pressed: QPointF | None = None
        self._pan_from: QPointF | None = None
        self.lasso: list[QPointF] | None = None
        self._motion = QTimer(self, interval=FRAME_MS)
        self._motion.timeout.connect(self._go_on)
        self._rest = QTimer(self, interval=REST_MS, singleShot=True)
        self._rest.timeout.connect(self._rested)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 140)
        self.setAccessibleName("Map of pieces")
        self._tell()

    def sizeHint(self) -> QSize:
        return QSize(300, 320)

    # -- what is shown -------------------------------------------------------------------------------

    def show_points(self, places: Places, names: Sequence[str], *, before: Places | None = None) -> None:
        """Show other points; ``before`` is where those of the same numbers lay, if they are to move from there."""
        fits = self.camera.fitted or not len(self._places)
        self.names = names
        self._places = np.ascontiguousarray(places, np.float32)
        self._found = self._alone = None
        self.hover = self.heard = self.path_from = -1
        self.lasso = None
        count = len(places)
        self.current = self.current if self.current < count else -1
        self.mark = self.mark[self.mark < count]
        moves = before is not None and len(before) == count and self.animated and self.moves()
        if moves and 0 < count <= MOST_MOVED:
            assert before is not None
            self._from, self._began = before, time.monotonic()
            self.shown = before
            self._motion.start()
        else:
            self._motion.stop()
            self._from, self.shown = None, self._places
        self._dots_for = ()
        if fits:
            self.fit()
        self._tell()
        self.update()

    def show_colours(self, colouring: Colouring) -> None:
        """Colour the points."""
        self._colouring = colouring
        self._dots_for = ()
        self.update()

    def show_found(self, found: NDArray[np.bool_] | None) -> None:
        """Let those that are not found stand back; None lets all stand out."""
        self._found = found
        self._dots_for = ()
        self.update()

    def isolate(self, points: NDArray[np.int64] | None) -> None:
        """Show these points and no others, as large as they go; None shows all again."""
        if points is None:
            self._alone = None
        else:
            self._alone = np.zeros(len(self._places), bool)
            self._alone[points] = True
        self._dots_for = ()
        self.fit()

    @property
    def isolated(self) -> NDArray[np.int64] | None:
        """The points that are shown alone."""
        return None if self._alone is None else np.flatnonzero(self._alone)

    def choose(self, point: int, *, quiet: bool = False) -> None:
        """Make a point the current one, and bring it into sight."""
        self.current = point
        if point >= 0:
            self.bring_into_sight(point)
        self._tell()
        self.update()
        if not quiet:
            self.chosen.emit(point)

    def set_mark(self, points: NDArray[np.int64], *, quiet: bool = False) -> None:
        """Mark these points."""
        self.mark = np.asarray(points, np.int64)
        self.update()
        if not quiet:
            self.marked.emit(self.mark)

    def show_near(self, points: Sequence[int]) -> None:
        """Draw lines from the current point to these."""
        self.near = list(points)
        self.update()

    def show_heard(self, point: int) -> None:
        """Mark the point that sounds."""
        self.heard = point
        self.update()

    def show_path(self, stops: Sequence[tuple[float, float]], stop: int = -1) -> None:
        """Draw a path by its stops on the map; ``stop`` is the one that sounds."""
        self.stops = [QPointF(x, y) for x, y in stops]
        self.stop = stop
        self.path_from = -1
        self.update()

    def use_tool(self, name: str) -> None:
        """Take another tool in hand."""
        self.tool = name
        self.path_from = -1
        self.lasso = None
        shapes = {"point": Qt.CursorShape.ArrowCursor}
        self.setCursor(shapes.get(name, Qt.CursorShape.CrossCursor))
        self.hint_changed.emit(TOOLS[name])
        self.tool_changed.emit(name)
        self.update()

    def begin_path(self, point: int) -> None:
        """Let a path begin at a point; the next one clicked ends it."""
        self.use_tool("path")
        self.path_from = point
        self.path_begun.emit(point)
        self.update()

    def fit(self) -> None:
        """Show all points."""
        self.camera.fit(self._places if self._alone is None else self._places[self._alone])
        self.update()

    def zoom(self, factor: float, about: QPointF | None = None) -> None:
        """Zoom about a place of the widget, or its middle."""
        self.camera.zoom(factor, about if about is not None else self.camera.centre)
        self.update()

    def pan(self, dx: float, dy: float) -> None:
        """Move the map by pixels."""
        self.camera.pan(dx, dy)
        self.update()

    def bring_into_sight(self, point: int) -> None:
        """Move the map so far that a point is seen."""
        place = self.place_of(point)
        inner = QRectF(self.rect()).adjusted(24, 24, -24, -24)
        if not inner.contains(place):
            x = min(max(place.x(), inner.left()), inner.right())
            y = min(max(place.y(), inner.top()), inner.bottom())
            self.pan(x - place.x(), y - place.y())

    def place_of(self, point: int) -> QPointF:
        """Where a point is in the widget."""
        return self.camera.pixel(QPointF(*self.shown[point].tolist()))

    def point_at(self, place: QPointF, within: float = WITHIN) -> int:
        """The nearest point that is shown, not farther than ``within`` pixels; -1 where there is none."""
        return nearest(self.shown, self.camera.at(place), within / self.camera.scale, self._alone)

    @property
    def is_moving(self) -> bool:
        """Whether points are on their way to where they lie."""
        return self._from is not None

    def moves(self) -> bool:
        """Whether the system lets things move on the screen."""
        return self.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration, None, self) > 0

    # -- painting ------------------------------------------------------------------------------------

    def radius(self) -> float:
        """Of a point, in device-independent pixels: smaller the more there are, larger the nearer one looks."""
        count = len(self._places) if self._alone is None else int(self._alone.sum())
        base = next((radius for most, radius in RADII if count <= most), SMALLEST)
        room = min(self.width(), self.height())
        nearer = max(1.0, self.camera.scale / max(1, room)) ** 0.25
        return float(min(7.0, base * nearer * min(1.0, max(0.6, room / USUAL_ROOM))))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawImage(self.rect(), self._picture())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_marks(painter, self)

    def _picture(self) -> QImage:
        """The points, drawn anew only as far as it must be."""
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        scale, radius = self.camera.scale * ratio, self.radius() * ratio
        left, top = self.camera.middle.x() * scale - width / 2, self.camera.middle.y() * scale - height / 2
        same = (width, height, scale, radius, theme.tokens().name)
        if self._dots_for == same:
            dx, dy = round(self._dots_at[0] - left), round(self._dots_at[1] - top)
            if dx or dy:
                self._dots.move(dx, dy)
                self._dots_at = (self._dots_at[0] - dx, self._dots_at[1] - dy)
        else:
            self._give_dots()
            self._dots.draw(width, height, scale, left, top, radius)
            self._dots_for = same if self._from is None else ()
            self._dots_at = left, top
        return self._dots.image

    def _give_dots(self) -> None:
        """Tell the picture which points, in which colours and in which order."""
        ground = theme.colour("roll")
        if self._colouring is None or len(self._colouring.kinds) != len(self.shown):
            kinds, colours = np.zeros(len(self.shown), np.uint8), [theme.colour("text_faint")]
        else:
            kinds, colours = self._colouring.kinds, self._colouring.colours
        places = self.shown
        if self._found is not None:
            dim = theme.colour("line")
            kinds = np.where(self._found, kinds, len(colours)).astype(np.uint8)
            order = np.argsort(self._found, kind="stable")
            kinds, places, colours = kinds[order], places[order], [*colours, dim]
            alone = self._alone[order] if self._alone is not None else None
        else:
            alone = self._alone
        if alone is not None:
            kinds, places = kinds[alone], places[alone]
        self._dots.show(places, kinds, colours, ground)

    def _go_on(self) -> None:
        """The next picture of a change of projection."""
        if self._from is None:
            self._motion.stop()
            return
        share = (time.monotonic() - self._began) * 1000 / MOVE_MS
        if share >= 1:
            self._motion.stop()
            self._from, self.shown = None, self._places
        else:
            eased = np.float32(share * share * (3 - 2 * share))
            self.shown = (1 - eased) * self._from + eased * self._places
        self.update()

    # -- the mouse -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place, button = event.position(), event.button()
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if button == Qt.MouseButton.MiddleButton:
            self._pan_from = place
        elif button == Qt.MouseButton.LeftButton:
            self._pressed = place
            shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if self.tool == "lasso" or (self.tool == "point" and shifted):
                self.lasso = [place]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        if self._pan_from is not None:
            self.pan(place.x() - self._pan_from.x(), place.y() - self._pan_from.y())
            self._pan_from = place
        elif self.lasso is not None:
            self.lasso.append(place)
            self.update()
        elif self._pressed is not None:
            if (place - self._pressed).manhattanLength() > DRAG_PIXELS:
                self._pan_from = place
                self.pan(place.x() - self._pressed.x(), place.y() - self._pressed.y())
        else:
            self._set_hover(self.point_at(place))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        panned, self._pan_from = self._pan_from is not None, None
        pressed, self._pressed = self._pressed, None
        if self.lasso is not None:
            lasso, self.lasso = self.lasso, None
            self._take_lasso(lasso, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif pressed is not None and not panned and event.button() == Qt.MouseButton.LeftButton:
            self._click(self.point_at(event.position()), event.modifiers())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        point = self.point_at(event.position())
        if self.tool == "point" and point >= 0:
            self.wanted.emit("open", point)
        else:
            self.mousePressEvent(event)

    def _take_lasso(self, lasso: list[QPointF], adds: bool) -> None:
        if len(lasso) < 3:
            self.update()
            return
        found = inside(self.shown, [self.camera.at(corner) for corner in lasso], self._alone)
        if adds and self.tool == "lasso":
            found = np.union1d(found, self.mark)
        self.set_mark(found)

    def _click(self, point: int, held: Qt.KeyboardModifier) -> None:
        if self.tool == "path" or (held & Qt.KeyboardModifier.AltModifier and self.current >= 0):
            begin = self.path_from if self.tool == "path" else self.current
            if point < 0:
                return
            if begin < 0:
                self.path_from = point
                self.path_begun.emit(point)
                self.update()
            elif point != begin:
                self.path_from = -1
                self.use_tool("point")
                self.path_wanted.emit(begin, point)
        elif held & Qt.KeyboardModifier.ControlModifier and point >= 0:
            self.set_mark(np.setxor1d(self.mark, [point]))
        else:
            if len(self.mark):
                self.set_mark(np.empty(0, np.int64))
            self.choose(point)
            if point >= 0:
                self.wanted.emit("hear", point)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        point = self.point_at(QPointF(event.pos()))
        if point >= 0 and not len(self.mark):
            self.choose(point)
        self.wanted.emit("menu", point)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom(WHEEL ** event.angleDelta().y(), event.position())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(-1)

    def enterEvent(self, event: QEvent) -> None:
        self.hint_changed.emit(TOOLS[self.tool])

    def _set_hover(self, point: int) -> None:
        if point == self.hover:
            return
        self.hover = point
        self.hovered.emit(point)
        if point >= 0:
            self._rest.start()
        else:
            self._rest.stop()
        self.update()

    def _rested(self) -> None:
        if self.hover >= 0:
            self.rested.emit(self.hover)

    # -- keys ----------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        # These keys mean something else in the rest of the window.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and not event.modifiers()
            & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
            and (event.key() in KEYS or event.key() in ARROWS)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in ARROWS:
            point = self._toward(ARROWS[key])
            if point >= 0:
                self.choose(point)
                self.rested.emit(point)
        elif key in KEYS:
            self._deed(KEYS[key])
        else:
            super().keyPressEvent(event)

    def _toward(self, direction: tuple[float, float]) -> int:
        """The next point in a direction; where none is chosen the one nearest to the middle."""
        if self.current < 0:
            return self.point_at(self.camera.centre, np.inf)
        return toward(self.shown, self.current, direction, self._alone)

    def _deed(self, deed: str) -> None:
        if deed in ("in", "out"):
            self.zoom(KEY_ZOOM if deed == "in" else 1 / KEY_ZOOM)
        elif deed == "fit":
            self.fit()
        elif deed == "mark" and self.current >= 0:
            self.set_mark(np.setxor1d(self.mark, [self.current]))
        elif deed == "path" and self.current >= 0:
            if self.path_from >= 0 and self.path_from != self.current:
                self._click(self.current, Qt.KeyboardModifier.NoModifier)
            else:
                self.begin_path(self.current)
        elif deed == "leave":
            self._leave()
        elif self.current >= 0 or deed in ("menu", "isolate"):
            self.wanted.emit(deed, self.current)

    def _leave(self) -> None:
        """One thing at a time: a path that was begun, the tool, the mark, those shown alone, the choice."""
        if self.path_from >= 0 or self.tool != "point":
            self.use_tool("point")
            self.path_begun.emit(-1)
        elif len(self.mark):
            self.set_mark(np.empty(0, np.int64))
        elif self._alone is not None:
            self.isolate(None)
        elif self.current >= 0:
            self.choose(-1)

    def _tell(self) -> None:
        """What a screen reader says of it."""
        name = self.names[self.current] if 0 <= self.current < len(self.names) else "nothing chosen"
        self.setAccessibleDescription(
            f"{len(self._places):,} pieces; {name}. Arrow keys choose the next piece in their direction, "
            "Space hears it, Return opens it, N marks it, P begins or ends a path, plus and minus zoom, F shows all"
        )

    # -- the rest ------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.camera.size = QSizeF(self.size())
        if self.camera.fitted:
            self.fit()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._dots_for = ()
        super().changeEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    def grab_picture(self, size: QPoint) -> QImage:
        """The map as it is seen, ``size`` pixels large, for a file."""
        ratio = size.x() / max(1, self.width())
        picture = QImage(size.x(), round(self.height() * ratio), QImage.Format.Format_RGB32)
        picture.setDevicePixelRatio(ratio)
        self.render(picture)
        return picture
