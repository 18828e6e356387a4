"""What the parts of the roll share: document, axes, tool, grid, and what they have to tell the outside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from core.song.harmony import CHORDS, Key, scale_pitch_classes
from core.song.notes import Notes, Song, Track
from desktop.document import Document
from desktop.roll import grid as grid_lines
from desktop.roll.geometry import Viewport
from desktop.roll.pitch_axis import PitchAxis
from desktop.time_axis import TimeAxis

TOOLS = ("select", "draw", "erase", "split", "glue")
DEFAULT_VELOCITY = 90


class RollState(QObject):
    """The roll's settings and its links to the document; the widgets hold none of their own.

    Attributes
    ----------
    grid : ticks between snap lines, 0 for none
    length : ticks, of the next note drawn
    velocity : of the next note drawn
    chord_stamp : the chord that drawing writes, a name in `core.song.harmony.CHORDS`; None for one note
    """

    heat_changed = Signal()

    changed = Signal(str)
    """Name of the setting that changed."""
    note_previewed = Signal(int, int, int)
    seek_requested = Signal(int)
    hint_changed = Signal(str)

    def __init__(self, document: Document, time_axis: TimeAxis, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.time_axis = time_axis
        self.pitch_axis = PitchAxis(parent=self)
        self.tool = "select"
        self.grid = document.song.ticks_per_beat // 4
        self.follow = True
        self.show_ghost_tracks = True
        self.highlight_scale = True
        self.snap_to_scale = False
        self.length = document.song.ticks_per_beat
        self.velocity = DEFAULT_VELOCITY
        self.note_names = True
        self.chord_stamp: str | None = None
        self._hint = ""
        self._heat: tuple[Notes, NDArray[np.uint8]] | None = None

    def set(self, name: str, value: object) -> None:
        """Change a setting and tell the widgets."""
        if getattr(self, name) != value:
            setattr(self, name, value)
            self.changed.emit(name)

    @property
    def song(self) -> Song:
        return self.document.song

    @property
    def notes(self) -> Notes:
        return self.document.song.notes

    @property
    def track(self) -> int:
        return self.document.current_track

    @property
    def track_info(self) -> Track:
        """The current track; a plain one in a song without tracks."""
        tracks = self.song.tracks
        return tracks[self.track] if self.track < len(tracks) else Track()

    @property
    def is_drum(self) -> bool:
        return self.track_info.is_drum

    @property
    def selection(self) -> NDArray[np.intp]:
        """Indices of the selected notes, none beyond the notes there are."""
        index = self.document.selection
        return index[index < len(self.notes)]

    @property
    def heat(self) -> NDArray[np.uint8]:
        """A level of heat for every note of the song, below `desktop.roll.colours.HEAT_LEVELS`; a note with a
        higher one has none. Empty while notes are coloured as usual.
        """
        if self._heat is None or self._heat[0] is not self.notes:
            return np.empty(0, np.uint8)
        return self._heat[1]

    def set_heat(self, notes: Notes, levels: NDArray[np.uint8] | None) -> None:
        """Colour ``notes``, the song's, by levels; None for their usual colours."""
        self._heat = None if levels is None else (notes, levels)
        self.heat_changed.emit()

    def editable(self) -> NDArray[np.bool_]:
        """Which notes the tools touch: those of the current track, and selected ones of others."""
        mask = self.notes["track"] == self.track
        mask[self.selection] = True
        return mask

    def snap(self, tick: float, free: bool = False) -> int:
        """The nearest grid line, or with ``free`` the nearest tick."""
        return grid_lines.snap(self.song.bars, tick, 0 if free else self.grid)

    def snap_down(self, tick: float, free: bool = False) -> int:
        return grid_lines.snap_down(self.song.bars, tick, 0 if free else self.grid)

    def step(self) -> int:
        """Ticks that one nudge moves: the grid, or without one a sixteenth."""
        return self.grid or max(1, self.song.ticks_per_beat // 4)

    def scale_at(self, tick: int) -> tuple[int, ...] | None:
        """Pitch classes of the key in force at ``tick``; None without one, and for drums."""
        in_force = [mark for mark in self.song.keys if mark.tick <= tick]
        if not in_force or self.is_drum:
            return None
        return scale_pitch_classes(Key(in_force[-1].tonic, in_force[-1].mode))

    def pitch_in_scale(self, pitch: int, tick: int) -> int:
        """``pitch``, moved to the nearest pitch of the scale where the roll snaps to it."""
        scale = self.scale_at(tick) if self.snap_to_scale else None
        if scale is None:
            return pitch
        near = sorted(range(max(0, pitch - 6), min(127, pitch + 6) + 1), key=lambda p: abs(p - pitch))
        return next((p for p in near if p % 12 in scale), pitch)

    def stamp(self, pitch: int) -> list[int]:
        """The pitches that drawing at ``pitch`` writes; those above the highest are left out."""
        steps = (0,) if self.chord_stamp is None else CHORDS[self.chord_stamp]
        return [pitch + step for step in steps if pitch + step <= 127]

    def viewport(self, width: float, height: float, dpr: float) -> Viewport:
        """What a widget of this size in logical pixels shows."""
        scale = self.time_axis.pixels_per_tick * dpr
        return Viewport(
            scale=scale,
            left=round(self.time_axis.left_tick * scale),
            row_height=self.pitch_axis.row_height * dpr,
            top=round(self.pitch_axis.top * dpr),
            rows=self.pitch_axis.rows,
            width=round(width * dpr),
            height=round(height * dpr),
            dpr=dpr,
        )

    def preview(self, pitch: int, velocity: int | None = None) -> None:
        """Let a pitch sound in the current track."""
        self.note_previewed.emit(pitch, velocity or self.velocity, self.track)

    def hint(self, text: str) -> None:
        """Show ``text`` in the hint line."""
        if text != self._hint:
            self._hint = text
            self.hint_changed.emit(text)
