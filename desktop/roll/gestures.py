"""What a hand does between press and release: one class a gesture.

A gesture shows what it is about to do in its `preview`, changes nothing of the song while it lasts,
and applies one edit when it is finished. Cancelling leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from core.song import edits
from core.song.notes import Notes, Track, empty_notes, make_notes
from desktop.roll.geometry import Viewport, notes_at, notes_in_box, notes_in_polygon
from desktop.roll.names import length_name, pitch_name, uses_flats
from desktop.roll.state import RollState

Index = NDArray[np.intp]
NONE: Index = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the mouse is, in logical pixels and in music, and which modifiers are held."""

    x: float
    y: float
    tick: float
    pitch: int
    ctrl: bool = False
    shift: bool = False
    alt: bool = False


@dataclass(frozen=True, eq=False)
class Preview:
    """What to show of a gesture under way.

    ``hidden`` are indices of notes that the song's picture leaves out, ``notes`` are shown in their
    place; ``box`` and ``path`` are in logical pixels; ``label`` is shown beside the pointer.
    """

    hidden: Index = field(default_factory=lambda: NONE)
    notes: Notes = field(default_factory=empty_notes)
    box: tuple[float, float, float, float] | None = None
    path: tuple[tuple[float, float], ...] = ()
    label: str = ""


class Gesture:
    """The part of a gesture that all have; ``start`` is the pointer at the press."""

    def __init__(self, state: RollState, view: Callable[[], Viewport], start: Pointer) -> None:
        self.state = state
        self.view = view
        self.start = start
        self.preview = Preview()

    def update(self, at: Pointer) -> None:
        """The pointer moved."""

    def finish(self) -> None:
        """The button was released: do it."""

    def cancel(self) -> None:
        """Escape was pressed: undo what the gesture did outside the song."""


def apply_keeping(
    state: RollState, label: str, index: Index, notes: Notes, coalesce: str | None = None
) -> None:
    """One undo step in which the notes at ``index`` become ``notes``, which are then selected."""
    song = state.song.with_notes(np.concatenate([np.delete(state.notes, index), notes]))
    if not song.tracks:
        song = replace(song, tracks=(Track(name="Piano"),))
    state.document.apply(label, song, coalesce)
    state.document.select(edits.find(state.song, notes))


class Marquee(Gesture):
    """A box that selects what it touches; with Ctrl it adds to the selection."""

    def __init__(self, state: RollState, view: Callable[[], Viewport], start: Pointer) -> None:
        super().__init__(state, view, start)
        self.before = state.selection
        self.top = state.pitch_axis.top
        self.candidates = np.flatnonzero(state.notes["track"] == state.track)

    def update(self, at: Pointer) -> None:
        first, last = sorted((self.start.tick, at.tick))
        found = notes_in_box(self.state.notes[self.candidates], (first, last), (self.start.pitch, at.pitch))
        # The view may have scrolled since the press.
        axis = self.state.pitch_axis
        corner = (self.state.time_axis.x(self.start.tick), self.start.y + self.top - axis.top)
        self.preview = Preview(box=(*corner, at.x, at.y))
        self._select(self.candidates[found])

    def _select(self, found: Index) -> None:
        kept = self.before if self.start.ctrl else NONE
        self.state.document.select(np.union1d(kept, found))

    def finish(self) -> None:
        if self.preview.box is None and not self.start.ctrl:
            self.state.document.select(NONE)

    def cancel(self) -> None:
        self.state.document.select(self.before)


class Lasso(Marquee):
    """A free outline that selects the notes whose middle it surrounds."""

    def update(self, at: Pointer) -> None:
        path = self.preview.path or ((self.start.x, self.start.y),)
        self.preview = Preview(path=(*path, (at.x, at.y)))
        found = notes_in_polygon(self.view(), self.state.notes[self.candidates], list(self.preview.path))
        self._select(self.candidates[found])

    def finish(self) -> None:
        """Lassoing nothing keeps what Ctrl asked to keep."""


class Move(Gesture):
    """Move notes in time and pitch; with ``copy`` the originals stay.

    The grabbed note snaps to the grid, the others keep their distance to it. Shift holds the
    direction that the hand started in. No note leaves the song's start or the range of pitches: the
    whole movement ends there.
    """

    def __init__(
        self,
        state: RollState,
        view: Callable[[], Viewport],
        start: Pointer,
        grabbed: int,
        *,
        copy: bool = False,
    ) -> None:
        super().__init__(state, view, start)
        self.index = state.selection
        self.copy = copy
        self.notes = state.notes[self.index].copy()
        self.anchor = int(state.notes["onset"][grabbed])
        self.anchor_pitch = int(state.notes["pitch"][grabbed])
        self.ticks = self.semitones = 0

    def update(self, at: Pointer) -> None:
        raw = at.tick - self.start.tick
        semitones = at.pitch - self.start.pitch
        if at.shift:
            along = abs(at.x - self.start.x) >= abs(at.y - self.start.y)
            raw, semitones = (raw, 0) if along else (0.0, semitones)
        near = not at.alt and abs(raw) < self.state.grid / 2
        ticks = 0 if near else self.state.snap(self.anchor + raw, at.alt) - self.anchor
        ticks = max(ticks, -int(self.notes["onset"].min()))
        low, high = int(self.notes["pitch"].min()), int(self.notes["pitch"].max())
        semitones = min(max(semitones, -low), 127 - high)
        if semitones != self.semitones:
            self.state.preview(self.anchor_pitch + semitones)
        self.ticks, self.semitones = ticks, semitones
        notes = self.notes.copy()
        notes["onset"] += ticks
        notes["pitch"] = notes["pitch"].astype(int) + semitones
        name = pitch_name(self.anchor_pitch + semitones, uses_flats(self.state.song))
        self.preview = Preview(NONE if self.copy else self.index, notes, label=self._label(name))

    def _label(self, name: str) -> str:
        beats = self.ticks / self.state.song.ticks_per_beat
        parts = [f"{self.semitones:+d} st → {name}"] if self.semitones else []
        parts += [f"{beats:+.3g} beats"] if self.ticks else []
        return "  ".join(parts)

    def finish(self) -> None:
        if not (self.ticks or self.semitones):
            return
        apply_keeping(
            self.state, "Copy notes" if self.copy else "Move notes", self.preview.hidden, self.preview.notes
        )


class Resize(Gesture):
    """Drag the left or right edge of a note; selected notes follow by the same amount.

    None gets shorter than the grid (or than it was, if that is less): the whole movement ends there.
    """

    def __init__(
        self, state: RollState, view: Callable[[], Viewport], start: Pointer, grabbed: int, edge: str
    ) -> None:
        super().__init__(state, view, start)
        self.index = state.selection
        self.notes = state.notes[self.index].copy()
        self.edge = edge
        note = state.notes[grabbed]
        self.anchor = int(note["onset"]) + (int(note["duration"]) if edge == "right" else 0)
        self.pitch = int(note["pitch"])
        self.ticks = 0

    def update(self, at: Pointer) -> None:
        ticks = self.state.snap(self.anchor + at.tick - self.start.tick, at.alt) - self.anchor
        shortest = int(self.notes["duration"].min())
        room = shortest - min(shortest, 1 if at.alt else max(1, self.state.grid))
        notes = self.notes.copy()
        if self.edge == "right":
            ticks = max(ticks, -room)
            notes["duration"] += ticks
        else:
            ticks = max(min(ticks, room), -int(self.notes["onset"].min()))
            notes["onset"] += ticks
            notes["duration"] -= ticks
        self.ticks = ticks
        length = int(notes["duration"][0])
        label = length_name(length, self.state.song.ticks_per_beat) if len(notes) == 1 else ""
        self.preview = Preview(self.index, notes, label=label)

    def finish(self) -> None:
        if self.ticks:
            if len(self.notes) == 1:
                self.state.length = int(self.preview.notes["duration"][0])
            apply_keeping(self.state, "Resize notes", self.index, self.preview.notes)


class Draw(Gesture):
    """Draw a note at the press; dragging sets its length, up and down its pitch with Shift."""

    def __init__(self, state: RollState, view: Callable[[], Viewport], start: Pointer) -> None:
        super().__init__(state, view, start)
        self.onset = state.snap_down(start.tick, start.alt)
        self.pitch = state.pitch_in_scale(start.pitch, self.onset)
        self._show(state.length)
        for pitch in state.stamp(self.pitch):
            state.preview(pitch)

    def _show(self, length: int) -> None:
        pitches = self.state.stamp(self.pitch)
        note = make_notes(self.onset, max(1, length), pitches, self.state.velocity, self.state.track)
        name = pitch_name(self.pitch, uses_flats(self.state.song, self.onset))
        self.preview = Preview(
            notes=note, label=f"{name}  {length_name(length, self.state.song.ticks_per_beat)}"
        )

    def update(self, at: Pointer) -> None:
        if at.shift:
            pitch = self.state.pitch_in_scale(at.pitch, self.onset)
            if pitch != self.pitch:
                self.pitch = pitch
                self.state.preview(pitch)
            self._show(int(self.preview.notes["duration"][0]))
        elif abs(at.x - self.start.x) >= 4:
            free = 1 if at.alt else self.state.step()
            self._show(max(free, self.state.snap(at.tick, at.alt) - self.onset))

    def finish(self) -> None:
        self.state.length = int(self.preview.notes["duration"][0])
        apply_keeping(self.state, "Draw note", NONE, self.preview.notes)


class Erase(Gesture):
    """Wipe over notes; they go at the release, in one step."""

    def __init__(self, state: RollState, view: Callable[[], Viewport], start: Pointer) -> None:
        super().__init__(state, view, start)
        self.candidates = np.flatnonzero(state.editable())
        self.last = start
        self.update(start)

    def update(self, at: Pointer) -> None:
        view, notes = self.view(), self.state.notes[self.candidates]
        # A fast hand leaves gaps between two reports; look along the way, three pixels at a time.
        steps = max(1, int(max(abs(at.x - self.last.x), abs(at.y - self.last.y)) / 3))
        found = [self.preview.hidden]
        for share in np.linspace(0, 1, steps + 1):
            x = self.last.x + (at.x - self.last.x) * share
            y = self.last.y + (at.y - self.last.y) * share
            found.append(self.candidates[notes_at(view, notes, x, y)])
        self.last = at
        self.preview = Preview(hidden=np.unique(np.concatenate(found)))

    def finish(self) -> None:
        if len(self.preview.hidden):
            self.state.document.apply("Erase notes", edits.delete(self.state.song, self.preview.hidden))


class Velocity(Gesture):
    """Drag up or down to make the selected notes louder or softer, two pixels a step."""

    def __init__(self, state: RollState, view: Callable[[], Viewport], start: Pointer, grabbed: int) -> None:
        super().__init__(state, view, start)
        self.index = state.selection
        self.notes = state.notes[self.index].copy()
        self.grabbed = int(np.searchsorted(self.index, grabbed))

    def update(self, at: Pointer) -> None:
        change = round((self.start.y - at.y) / 2)
        notes = self.notes.copy()
        notes["velocity"] = np.clip(self.notes["velocity"].astype(int) + change, 1, 127)
        loudness = int(notes["velocity"][self.grabbed])
        self.preview = Preview(self.index, notes, label=f"velocity {loudness}")

    def finish(self) -> None:
        notes = self.preview.notes
        if len(notes) and not np.array_equal(notes, self.notes):
            self.state.velocity = int(notes["velocity"][self.grabbed])
            apply_keeping(self.state, "Set velocity", self.index, notes)
