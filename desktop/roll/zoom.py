"""Which part of the song is in view: fit, to the selection, and back again."""

from __future__ import annotations

from core.song.notes import Notes
from desktop.roll.canvas import NoteCanvas
from desktop.roll.state import RollState

MARGIN = 0.03
"""Share of the width left free on both sides."""
MOST_VIEWS = 50


class Zoom:
    """Methods of the roll that change the view; every one can be taken back by `zoom_back`."""

    state: RollState
    canvas: NoteCanvas

    def __init__(self) -> None:
        self._views: list[tuple[float, float, float, float]] = []

    def fit(self) -> None:
        """Show the whole song, or four bars around middle C of an empty one."""
        self._remember()
        if len(self.state.notes):
            self._show(self.state.notes, from_start=True)
            return
        bars = self.state.song.bars
        self.state.time_axis.show(0, bars.start(4), self.canvas.width())
        self.state.pitch_axis.show(48, 84)

    def zoom_to_selection(self) -> None:
        """Show the selected notes as large as they fit; all notes where none is selected."""
        notes = self.state.notes[self.state.selection]
        if len(notes):
            self._remember()
            self._show(notes, from_start=False)
        else:
            self.fit()

    def zoom_back(self) -> None:
        """The view before the last fit or zoom to the selection."""
        if self._views:
            left, scale, top, height = self._views.pop()
            self.state.time_axis.set_view(left, scale)
            self.state.pitch_axis.set_view(top, height)

    def zoom_time(self, factor: float) -> None:
        """Zoom time about the play-head if it is in view, else about the middle."""
        axis, width = self.state.time_axis, self.canvas.width()
        x = axis.x(self.state.document.playhead)
        axis.zoom_about(x if 0 <= x <= width else width / 2, factor)

    def zoom_pitch(self, factor: float) -> None:
        self.state.pitch_axis.zoom_about(self.canvas.height() / 2, factor)

    def reveal(self, index: int) -> None:
        """Scroll just far enough to bring a note into view."""
        note = self.state.notes[index]
        axis, pitches = self.state.time_axis, self.state.pitch_axis
        left, right = axis.x(int(note["onset"])), axis.x(int(note["onset"]) + int(note["duration"]))
        width, height = self.canvas.width(), self.canvas.height()
        if left < 0 or right > width:
            axis.scroll(left - width * 0.2)
        y = pitches.y(int(note["pitch"]))
        if y < 0 or y + pitches.row_height > height:
            pitches.scroll(y - height / 2)

    def forget_views(self) -> None:
        self._views.clear()

    def _remember(self) -> None:
        axis, pitches = self.state.time_axis, self.state.pitch_axis
        view = (axis.left_tick, axis.pixels_per_tick, pitches.top, pitches.row_height)
        if not self._views or self._views[-1] != view:
            self._views = [*self._views[-MOST_VIEWS:], view]

    def _show(self, notes: Notes, *, from_start: bool) -> None:
        first = 0 if from_start else int(notes["onset"].min())
        last = int((notes["onset"] + notes["duration"]).max())
        room = (last - first) * MARGIN
        self.state.time_axis.show(first - (0 if from_start else room), last + room, self.canvas.width())
        pitches = notes["pitch"]
        low, high = max(0, int(pitches.min()) - 4), min(127, int(pitches.max()) + 4)
        self.state.pitch_axis.show(low, high)
