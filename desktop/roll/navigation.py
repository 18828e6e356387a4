"""Moving through the notes by key, for hands and ears without a mouse.

The arrow keys alone edit (they belong to the action table); with Ctrl they move from note to note.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from core.song.notes import make_notes
from desktop.roll.gestures import NONE, apply_keeping
from desktop.roll.state import RollState

MIDDLE_C = 60


class Navigation:
    """Methods of the roll that select by key; ``reveal`` is `desktop.roll.zoom.Zoom.reveal`."""

    state: RollState
    reveal: Callable[[int], None]

    def navigate(self, event: QKeyEvent) -> bool:
        """Handle a key press; False where it means nothing here."""
        wanted = KEYS.get((Qt.Key(event.key()), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier))
        if wanted is None:
            return False
        getattr(self, wanted[0])(*wanted[1:])
        return True

    def select_neighbour(self, step: int, extend: bool = False) -> None:
        """The next (1) or previous (-1) note in time; from nothing, the first after the play-head."""
        state = self.state
        mine = np.flatnonzero(state.notes["track"] == state.track)
        if not len(mine):
            state.hint("This track has no notes yet: press Insert to write one at the play-head")
            return
        selected = state.selection
        if len(selected):
            from_note = selected[-1] if step > 0 else selected[0]
            at = int(np.searchsorted(mine, from_note, "right" if step > 0 else "left")) - (step < 0)
        else:
            at = int(np.searchsorted(state.notes["onset"][mine], state.document.playhead))
            at -= step < 0
        self._go(int(mine[min(len(mine) - 1, max(0, at))]), extend)

    def select_in_pitch(self, step: int) -> None:
        """The next note up (1) or down (-1) among those that sound with the selected one."""
        state = self.state
        if not len(state.selection):
            self.select_neighbour(1)
            return
        here = state.notes[state.selection[-1]]
        mine = np.flatnonzero(state.notes["track"] == here["track"])
        notes = state.notes[mine]
        begin, end = here["onset"], here["onset"] + here["duration"]
        together = (notes["onset"] < end) & (notes["onset"] + notes["duration"] > begin)
        gap = (notes["pitch"].astype(int) - int(here["pitch"])) * step
        candidates = mine[together & (gap > 0)]
        if len(candidates):
            self._go(int(candidates[np.argmin(gap[together & (gap > 0)])]), False)

    def insert_note(self) -> None:
        """Write a note at the play-head, with the pitch selected last, and move the play-head behind it."""
        state = self.state
        pitch = int(state.notes["pitch"][state.selection[-1]]) if len(state.selection) else MIDDLE_C
        onset = state.document.playhead
        note = make_notes(onset, state.length, pitch, state.velocity, state.track)
        apply_keeping(state, "Insert note", NONE, note)
        state.preview(pitch)
        state.seek_requested.emit(onset + state.length)

    def _go(self, index: int, extend: bool) -> None:
        state = self.state
        state.document.select(np.append(state.selection, index) if extend else [index])
        note = state.notes[index]
        state.note_previewed.emit(int(note["pitch"]), int(note["velocity"]), int(note["track"]))
        self.reveal(index)


_PLAIN = Qt.KeyboardModifier.NoModifier
_CTRL = Qt.KeyboardModifier.ControlModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier

KEYS: dict[tuple[Qt.Key, Qt.KeyboardModifier], tuple] = {
    (Qt.Key.Key_Right, _CTRL): ("select_neighbour", 1),
    (Qt.Key.Key_Left, _CTRL): ("select_neighbour", -1),
    (Qt.Key.Key_Right, _CTRL | _SHIFT): ("select_neighbour", 1, True),
    (Qt.Key.Key_Left, _CTRL | _SHIFT): ("select_neighbour", -1, True),
    (Qt.Key.Key_Up, _CTRL): ("select_in_pitch", 1),
    (Qt.Key.Key_Down, _CTRL): ("select_in_pitch", -1),
    (Qt.Key.Key_Insert, _PLAIN): ("insert_note",),
}
"""Keys of the roll itself: (key, modifiers) -> (method, arguments). All others are in the action table."""
