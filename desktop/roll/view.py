"""The piano roll as one widget: keyboard, ruler, notes, velocity lane, and the keys that edit."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollBar, QSplitter, QStackedWidget, QWidget

from core.song.harmony import CHORDS
from desktop.document import Change, Document
from desktop.roll.accessibility import RollReader
from desktop.roll.canvas import NoteCanvas
from desktop.roll.chord_lane import ChordLane
from desktop.roll.controller_lane import CONTROLLERS, ControllerLane
from desktop.roll.drag_out import drag_file, midi_file_of
from desktop.roll.edit_actions import EditActions
from desktop.roll.keyboard import WIDTH as KEYBOARD_WIDTH
from desktop.roll.keyboard import Keyboard
from desktop.roll.lane_header import LANES, LaneHeader
from desktop.roll.menu import roll_menu
from desktop.roll.navigation import Navigation
from desktop.roll.quantise_panel import QuantisePanel
from desktop.roll.ruler import Ruler
from desktop.roll.state import TOOLS, RollState
from desktop.roll.velocity_lane import VelocityLane
from desktop.roll.zoom import Zoom
from desktop.time_axis import TimeAxis

SCROLLBAR_WIDTH = 12


class RollView(EditActions, Navigation, Zoom, QWidget):
    """The piano roll of a document, on a time axis that other views may share.

    What it can do beyond showing and drawing stands in `EditActions` (edits), `Navigation` (moving the
    selection by key) and `Zoom`.
    """

    note_previewed = Signal(int, int, int)
    """Pitch, velocity and track of a note to sound briefly."""
    seek_requested = Signal(int)
    """Tick at which the play-head should go on."""
    hint_changed = Signal(str)
    tool_changed = Signal(str)

    def __init__(self, document: Document, time_axis: TimeAxis, parent: QWidget | None = None) -> None:
        QWidget.__init__(self, parent)
        self.document = document
        self.time_axis = time_axis
        self.menu_actions: list[QAction] = []
        """Actions of the window that stand in the context menu too."""
        self.state = RollState(document, time_axis, self)
        Zoom.__init__(self)
        self.canvas = NoteCanvas(self.state)
        self.keyboard = Keyboard(self.state)
        self.ruler = Ruler(self.state)
        self.chord_lane = ChordLane(self.state)
        self.lane = VelocityLane(self.state)
        self.controller_lane = ControllerLane(self.state, CONTROLLERS[0])
        self.lane_header = LaneHeader(self.state)
        self.quantise_panel = QuantisePanel(self.state, self.canvas)
        self.reader = RollReader(self.state, self.canvas)
        self._across = QScrollBar(Qt.Orientation.Horizontal)
        self._down = QScrollBar(Qt.Orientation.Vertical)
        self.lanes = QStackedWidget()
        self.lanes.addWidget(self.lane)
        self.lanes.addWidget(self.controller_lane)
        self._lay_out()
        self.setFocusProxy(self.canvas)
        self.state.note_previewed.connect(self.note_previewed)
        self.state.seek_requested.connect(self.seek_requested)
        self.state.hint_changed.connect(self.hint_changed)
        self.state.changed.connect(self._setting_changed)
        self.canvas.menu_wanted.connect(self.show_menu)
        self.lane_header.lane_chosen.connect(lambda name: setattr(self, "lane_name", name))
        self.canvas.dragged_out.connect(self.drag_out)
        self.quantise_panel.previewed.connect(self.canvas.show_preview)
        document.changed.connect(self._song_changed)
        document.playhead_changed.connect(self._follow_playhead)
        time_axis.changed.connect(self._sync_scroll_bars)
        self.state.pitch_axis.changed.connect(self._sync_scroll_bars)
        self._across.valueChanged.connect(self._scrolled_across)
        self._down.valueChanged.connect(self._scrolled_down)

    def _lay_out(self) -> None:
        for bar in (self._across, self._down):
            bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._down.setFixedWidth(SCROLLBAR_WIDTH)
        self._across.setFixedHeight(SCROLLBAR_WIDTH)
        self.lane_header.setFixedWidth(KEYBOARD_WIDTH)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setHandleWidth(4)
        self.splitter.setChildrenCollapsible(True)
        self.splitter.addWidget(_row(self.keyboard, self.canvas, self._down))
        self.splitter.addWidget(_row(self.lane_header, self.lanes, _spacer()))
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.splitter.setCollapsible(0, False)
        self.splitter.setSizes([500, 96])
        corner = QWidget()
        corner.setFixedWidth(KEYBOARD_WIDTH)
        below = QWidget()
        below.setFixedWidth(KEYBOARD_WIDTH)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        grid.addWidget(corner, 0, 0)
        grid.addWidget(self.ruler, 0, 1)
        grid.addWidget(_spacer(), 0, 2)
        grid.addWidget(self.chord_lane, 1, 1)
        grid.addWidget(self.splitter, 2, 0, 1, 3)
        grid.addWidget(below, 3, 0)
        grid.addWidget(self._across, 3, 1)
        grid.setRowStretch(2, 1)
        grid.setColumnStretch(1, 1)

    # Settings, as the action table and the tool bar know them

    @property
    def tool(self) -> str:
        """One of "select", "draw", "erase", "split" and "glue"."""
        return self.state.tool

    @tool.setter
    def tool(self, name: str) -> None:
        if name not in TOOLS:
            raise ValueError(f"no tool is called {name!r}; there are {', '.join(TOOLS)}")
        self.canvas.cancel_gesture()
        self.state.set("tool", name)

    def toggle_draw(self) -> None:
        """Between drawing and selecting."""
        self.tool = "select" if self.tool == "draw" else "draw"

    @property
    def grid(self) -> int:
        """Ticks between snap lines; 0 for no snapping."""
        return self.state.grid

    @grid.setter
    def grid(self, ticks: int) -> None:
        self.state.set("grid", max(0, int(ticks)))

    @property
    def follow(self) -> bool:
        """Whether the view keeps the play-head in sight."""
        return self.state.follow

    @follow.setter
    def follow(self, on: bool) -> None:
        self.state.set("follow", bool(on))

    @property
    def show_ghost_tracks(self) -> bool:
        """Whether the notes of other tracks are shown, dimly."""
        return self.state.show_ghost_tracks

    @show_ghost_tracks.setter
    def show_ghost_tracks(self, on: bool) -> None:
        self.state.set("show_ghost_tracks", bool(on))

    @property
    def highlight_scale(self) -> bool:
        """Whether the rows of the song's key are tinted."""
        return self.state.highlight_scale

    @highlight_scale.setter
    def highlight_scale(self, on: bool) -> None:
        self.state.set("highlight_scale", bool(on))

    @property
    def snap_to_scale(self) -> bool:
        """Whether drawn notes go to the nearest pitch of the song's key."""
        return self.state.snap_to_scale

    @snap_to_scale.setter
    def snap_to_scale(self, on: bool) -> None:
        self.state.set("snap_to_scale", bool(on))

    @property
    def lane_name(self) -> str:
        """What the lane under the notes shows: one of `desktop.roll.lane_header.LANES`."""
        return self.lane_header.scale.name

    @lane_name.setter
    def lane_name(self, name: str) -> None:
        if name not in LANES:
            raise ValueError(f"no lane is called {name!r}; there are {', '.join(LANES)}")
        chosen = next((each for each in CONTROLLERS if each.name == name), None)
        if chosen is not None:
            self.controller_lane.show_controller(chosen)
        self.lanes.setCurrentWidget(self.lane if chosen is None else self.controller_lane)
        self.lane_header.show_scale(self.lane.scale if chosen is None else chosen.scale)

    @property
    def show_chords(self) -> bool:
        """Whether the chords that sound are named under the ruler."""
        return not self.chord_lane.isHidden()

    @show_chords.setter
    def show_chords(self, on: bool) -> None:
        self.chord_lane.setVisible(on)

    @property
    def chord_stamp(self) -> str | None:
        """The chord that a click with the draw tool writes ("", "m", "7", ...); None for single notes."""
        return self.state.chord_stamp

    @chord_stamp.setter
    def chord_stamp(self, kind: str | None) -> None:
        if kind is not None and kind not in CHORDS:
            raise ValueError(f"no chord is called {kind!r}")
        self.state.set("chord_stamp", kind)

    @property
    def fold(self) -> bool:
        """Whether only the rows of the scale (or of a drum track's notes) are shown."""
        return len(self.state.pitch_axis.pitches) < 128

    @fold.setter
    def fold(self, on: bool) -> None:
        state = self.state
        used = set(state.notes["pitch"][state.notes["track"] == state.track].tolist())
        scale = state.scale_at(state.document.playhead)
        if scale is not None:
            used |= {pitch for pitch in range(128) if pitch % 12 in scale}
        state.pitch_axis.fold(used if on else None)

    def show_menu(self, at: QPoint) -> None:
        """The context menu of the selection, at a global position."""
        menu = roll_menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def drag_out(self) -> None:
        """Let the hand carry the selected notes out of the window, as a MIDI file."""
        if len(self.state.selection):
            drag_file(self.canvas, midi_file_of(self.state.song, self.state.selection))

    def show_quantise(self) -> None:
        """Quantise and humanise with sliders, the outcome shown before it is applied."""
        self.quantise_panel.open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.navigate(event):
            super().keyPressEvent(event)

    # Following

    def _song_changed(self, change: Change) -> None:
        if change.song.ticks_per_beat != change.previous.ticks_per_beat:
            ratio = change.song.ticks_per_beat / change.previous.ticks_per_beat
            self.grid = round(self.grid * ratio)
            self.state.length = max(1, round(self.state.length * ratio))
        if "all" in change.what:
            self.forget_views()
            self.state.pitch_axis.fold(None)
            self.fit()
        self._sync_scroll_bars()

    def _setting_changed(self, name: str) -> None:
        if name == "tool":
            self.tool_changed.emit(self.state.tool)

    def _follow_playhead(self, tick: int) -> None:
        """Turn the page when the play-head leaves it."""
        if not self.state.follow or self.canvas.gesture is not None:
            return
        x, width = self.time_axis.x(tick), self.canvas.width()
        if not 0 <= x <= width * 0.95:
            self.time_axis.set_view(tick - 0.08 * width / self.time_axis.pixels_per_tick)

    # Scroll bars

    def _sync_scroll_bars(self) -> None:
        axis, pitches = self.time_axis, self.state.pitch_axis
        width, height = max(1, self.canvas.width()), max(1, self.canvas.height())
        left = axis.left_tick * axis.pixels_per_tick
        content = self.document.song.end_tick * axis.pixels_per_tick + width * 0.5
        # Qt counts pages in 32 bits; no song is that long at a zoom that a screen can show.
        _set_bar(self._across, left, max(content - width, left, 0.0), width)
        _set_bar(self._down, pitches.top, max(0.0, pitches.content_height - height), height)

    def _scrolled_across(self, value: int) -> None:
        self.time_axis.set_view(value / self.time_axis.pixels_per_tick)

    def _scrolled_down(self, value: int) -> None:
        self.state.pitch_axis.set_view(value)


def _set_bar(bar: QScrollBar, value: float, maximum: float, page: int) -> None:
    bar.blockSignals(True)
    bar.setRange(0, min(2**30, round(maximum)))
    bar.setPageStep(page)
    bar.setSingleStep(max(1, page // 20))
    bar.setValue(min(2**30, round(value)))
    bar.blockSignals(False)


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget in widgets:
        layout.addWidget(widget, 1 if isinstance(widget, NoteCanvas | QStackedWidget) else 0)
    return row


def _spacer() -> QWidget:
    spacer = QWidget()
    spacer.setFixedWidth(SCROLLBAR_WIDTH)
    return spacer
