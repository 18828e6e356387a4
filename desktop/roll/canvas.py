"""The note area: shows the layers, paints what moves over them, and hands the mouse to the tools."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from desktop.document import Change
from desktop.roll import overlays
from desktop.roll.geometry import Viewport
from desktop.roll.gestures import Gesture, Move, Pointer, Preview
from desktop.roll.layers import ScoreLayers
from desktop.roll.scrolling import wheel
from desktop.roll.state import RollState
from desktop.roll.tools import TOOLS, Tool

DRAG_PIXELS = 3.0
"""A press that moves less than this is a click."""
OUTSIDE_PIXELS = 24


class NoteCanvas(QWidget):
    """The grid with its notes. All settings are in the `RollState`, all drawing of notes in the layers."""

    menu_wanted = Signal(object)
    """A global QPoint: the context menu is asked for there."""
    dragged_out = Signal()
    """The hand took the selected notes out of the window."""

    def __init__(self, state: RollState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.layers = ScoreLayers(state)
        self.gesture: Gesture | None = None
        self._standing: Preview | None = None
        self._moved = False
        self._pressed: QPointF | None = None
        self._pan_from: QPointF | None = None
        self._pointer_at = QPointF()
        self._playhead_x = -1
        self._replaced = 0
        self._hovered: Pointer | None = None
        self._tools: dict[str, Tool] = {name: tool(state, self.viewport) for name, tool in TOOLS.items()}
        self._autoscroll = QTimer(self)
        self._autoscroll.setInterval(30)
        self._autoscroll.timeout.connect(self._scroll_at_edge)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)
        self.setMinimumSize(120, 80)
        document = state.document
        document.changed.connect(self._song_changed)
        document.selection_changed.connect(self._notes_changed)
        document.current_track_changed.connect(self._everything_changed)
        document.mix_changed.connect(self._notes_changed)
        document.playhead_changed.connect(self._playhead_moved)
        document.loop_changed.connect(self.update)
        document.ghosts_changed.connect(self._ghosts_changed)
        document.locks_changed.connect(self._notes_changed)
        state.heat_changed.connect(self._notes_changed)
        state.changed.connect(self._setting_changed)
        state.time_axis.changed.connect(self.update)
        state.pitch_axis.changed.connect(self.update)

    @property
    def tool(self) -> Tool:
        return self._tools[self.state.tool]

    @property
    def preview(self) -> Preview:
        """What is shown over the song: of the gesture under way, or what `show_preview` was given."""
        return self.gesture.preview if self.gesture else self._standing or Preview()

    def show_preview(self, preview: Preview | None) -> None:
        """Show what an edit would do until it is done or dropped (None)."""
        self._standing = preview
        self._show_preview()

    def viewport(self) -> Viewport:
        """What is on the screen now."""
        return self.state.viewport(self.width(), self.height(), self.devicePixelRatioF())

    # What changed elsewhere

    def _song_changed(self, change: Change) -> None:
        if change.touches("notes", "tracks") and not change.touches("meter", "keys", "tempo"):
            self.cancel_gesture()
            self._notes_changed()
        else:
            self._everything_changed()

    def _notes_changed(self) -> None:
        self.layers.invalidate_notes()
        self.update()

    def _ghosts_changed(self) -> None:
        replaced = len(self.state.document.replaced)
        if replaced or self._replaced:
            self.layers.invalidate_notes()
        self._replaced = replaced
        self.update()

    def _everything_changed(self) -> None:
        self.cancel_gesture()
        self.layers.invalidate()
        self.update()

    def _setting_changed(self, name: str) -> None:
        if name == "tool":
            self._hover(self._hovered)
        elif name in {"grid", "highlight_scale"}:
            self.layers.invalidate()
        elif name in {"show_ghost_tracks", "note_names"}:
            self.layers.invalidate_notes()
        self.update()

    def _playhead_moved(self, tick: int) -> None:
        """Repaint only the two strips where the line was and is."""
        for x in (self._playhead_x, round(self.state.time_axis.x(tick))):
            self.update(x - 2, 0, 5, self.height())

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        view = self.viewport()
        picture = self.layers.score(view)
        picture.setDevicePixelRatio(view.dpr)
        painter = QPainter(self)
        painter.setClipRegion(event.region())
        painter.drawPixmap(0, 0, picture)
        picture.setDevicePixelRatio(1.0)
        state = self.state
        overlays.paint_loop(painter, view, state.document.loop, QRectF(self.rect()))
        preview = self.preview
        overlays.paint_ghosts(painter, view, event.rect(), state, self.layers.colours)
        overlays.paint_preview(painter, view, state, preview, self.layers.colours)
        if not len(state.notes) and not len(state.document.ghosts) and not len(preview.notes):
            overlays.paint_empty(painter, self.rect())
        self._playhead_x = round(state.time_axis.x(state.document.playhead))
        overlays.paint_playhead(painter, state.time_axis.x(state.document.playhead), self.height(), view.dpr)
        if len(state.heat):
            overlays.paint_heat_scale(painter, self.rect())
        if preview.label:
            overlays.paint_label(painter, self._pointer_at, preview.label, self.rect())
        if self.hasFocus():
            overlays.paint_focus(painter, self.rect())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.state.pitch_axis.set_height(self.height())

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.layers.invalidate()
            self.update()
        super().changeEvent(event)

    # The mouse

    def pointer(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> Pointer:
        """A place on the widget in the terms that tools think in."""
        held = Qt.KeyboardModifier
        return Pointer(
            x=position.x(),
            y=position.y(),
            tick=max(0.0, self.viewport().tick(position.x())),
            pitch=self.state.pitch_axis.pitch(position.y()),
            ctrl=bool(modifiers & held.ControlModifier),
            shift=bool(modifiers & held.ShiftModifier),
            alt=bool(modifiers & held.AltModifier),
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self.gesture or self._pan_from is not None:
            return
        at = self.pointer(event.position(), event.modifiers())
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pan_from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._begin(event, self.tool.press(at))
        elif event.button() == Qt.MouseButton.RightButton:
            self._begin(event, self.tool.press_right(at))

    def _begin(self, event: QMouseEvent, gesture: Gesture | None) -> None:
        self.gesture = gesture
        self._pressed, self._pointer_at, self._moved = event.position(), event.position(), False
        self._show_preview()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pan_from is not None:
            moved = event.position() - self._pan_from
            self._pan_from = event.position()
            self.state.time_axis.scroll(-moved.x())
            self.state.pitch_axis.scroll(-moved.y())
            return
        at = self.pointer(event.position(), event.modifiers())
        self._pointer_at = event.position()
        if self.gesture is None:
            self._hover(at)
            return
        if not self._moved and self._pressed is not None:
            moved = event.position() - self._pressed
            self._moved = max(abs(moved.x()), abs(moved.y())) >= DRAG_PIXELS
        if isinstance(self.gesture, Move) and self._is_outside_window(event.globalPosition().toPoint()):
            self.cancel_gesture()
            self.dragged_out.emit()
            return
        if self._moved:
            self.gesture.update(at)
            self._show_preview()
            outside = not self.rect().contains(event.position().toPoint())
            self._autoscroll.start() if outside else self._autoscroll.stop()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pan_from is not None and event.button() == Qt.MouseButton.MiddleButton:
            self._pan_from = None
            self._hover(self.pointer(event.position(), event.modifiers()))
            return
        gesture = self._end_gesture()
        if gesture is not None:
            gesture.finish()
        self._hover(self.pointer(event.position(), event.modifiers()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = self.pointer(event.position(), event.modifiers())
        if event.button() == Qt.MouseButton.LeftButton and self.state.tool == "select":
            self.tool.double_click(at)
        else:
            self.mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        if self.gesture is None and not (by_mouse and self.state.tool in {"draw", "erase"}):
            self.menu_wanted.emit(event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(event, self.state.time_axis, self.state.pitch_axis)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        if self.gesture is None:
            self.state.hint("")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.gesture is not None:
            self.cancel_gesture()
            return
        super().keyPressEvent(event)

    def cancel_gesture(self) -> None:
        """Drop what the hand is doing without a trace."""
        gesture = self._end_gesture()
        if gesture is not None:
            gesture.cancel()

    def _end_gesture(self) -> Gesture | None:
        gesture, self.gesture = self.gesture, None
        self._autoscroll.stop()
        self._show_preview()
        return gesture

    def _show_preview(self) -> None:
        hidden = self.preview.hidden
        if not np.array_equal(hidden, self.layers.hidden):
            self.layers.hidden = hidden
            self.layers.invalidate_notes()
        self.update()

    def _is_outside_window(self, at: QPoint) -> bool:
        """Whether a global position is clearly outside: a hand may slip over the edge without meaning it."""
        margin = OUTSIDE_PIXELS
        return not self.window().frameGeometry().adjusted(-margin, -margin, margin, margin).contains(at)

    def _hover(self, at: Pointer | None) -> None:
        self._hovered = at
        if at is not None:
            cursor, hint = self.tool.hover(at)
            self.setCursor(cursor)
            self.state.hint(hint)

    def _scroll_at_edge(self) -> None:
        """Keep scrolling while a gesture is held beyond an edge."""
        if self.gesture is None:
            return
        x, y = self._pointer_at.x(), self._pointer_at.y()
        self.state.time_axis.scroll(_beyond(x, self.width()) / 3)
        self.state.pitch_axis.scroll(_beyond(y, self.height()) / 3)
        self.gesture.update(self.pointer(self._pointer_at, Qt.KeyboardModifier.NoModifier))
        self._show_preview()


def _beyond(value: float, limit: float) -> float:
    """How far ``value`` lies outside 0 to ``limit``, with its sign, at most 90."""
    return max(-90.0, min(90.0, value if value < 0 else max(0.0, value - limit)))
