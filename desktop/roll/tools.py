"""One class a tool: which gesture a press starts, and what the hint line says where the mouse is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt

from core.song import edits
from desktop.roll import gestures
from desktop.roll.geometry import Viewport, notes_at
from desktop.roll.gestures import Gesture, Index, Pointer
from desktop.roll.names import describe_note
from desktop.roll.state import RollState

Cursor = Qt.CursorShape
EDGE_PIXELS = 6.0


@dataclass(frozen=True, slots=True)
class Hit:
    """The note under the pointer and the part of it: "left", "right" or "body"."""

    index: int
    part: str


class Tool:
    """What all tools can do. ``view`` gives the viewport of the moment."""

    name = ""
    cursor = Cursor.ArrowCursor
    empty_hint = ""
    note_hint = ""
    edge_hint = "Drag: change the length · Alt: no snap"

    def __init__(self, state: RollState, view: Callable[[], Viewport]) -> None:
        self.state = state
        self.view = view

    def press(self, at: Pointer) -> Gesture | None:
        """The left button went down."""
        raise NotImplementedError

    def press_right(self, at: Pointer) -> Gesture | None:
        """The right button went down; None asks for the context menu."""
        return None

    def double_click(self, at: Pointer) -> None:
        """The left button was pressed twice."""

    def hit(self, at: Pointer) -> Hit | None:
        """The note that a press would take hold of."""
        candidates = np.flatnonzero(self.state.editable())
        view = self.view()
        found = candidates[notes_at(view, self.state.notes[candidates], at.x, at.y)]
        if not len(found):
            return None
        selected = found[np.isin(found, self.state.selection)]
        index = int(selected[-1] if len(selected) else found[-1])
        start, end = (int(value[0]) / view.dpr for value in view.spans(self.state.notes[index : index + 1]))
        zone = min(EDGE_PIXELS, (end - start) / 4)
        if end - start < 8 or start + zone <= at.x <= end - zone:
            return Hit(index, "body")
        return Hit(index, "left" if at.x < start + zone else "right")

    def hover(self, at: Pointer) -> tuple[Qt.CursorShape, str]:
        """Cursor and hint for the place under the mouse."""
        hit = self.hit(at)
        if hit is None:
            return self.cursor, self.empty_hint
        return self.cursor, f"{describe_note(self.state.song, hit.index)} — {self.note_hint}"

    def select_for_grab(self, index: int) -> None:
        """A note that is grabbed is selected; if it was already, the whole selection is grabbed."""
        if index not in self.state.selection:
            self.state.document.select([index])
        note = self.state.notes[index]
        self.state.velocity = int(note["velocity"])
        self.state.length = int(note["duration"])

    def grab(self, at: Pointer, hit: Hit) -> Gesture:
        """Take hold of a note: move, copy, resize, or change its velocity."""
        self.select_for_grab(hit.index)
        note = self.state.notes[hit.index]
        self.state.note_previewed.emit(int(note["pitch"]), int(note["velocity"]), int(note["track"]))
        if at.ctrl and at.shift:
            return gestures.Velocity(self.state, self.view, at, hit.index)
        if hit.part != "body" and not at.ctrl:
            return gestures.Resize(self.state, self.view, at, hit.index, hit.part)
        return gestures.Move(self.state, self.view, at, hit.index, copy=at.ctrl)


class SelectTool(Tool):
    name = "select"
    empty_hint = (
        "Drag: select · Ctrl+drag: add · Ctrl+Alt+drag: lasso · Double-click: draw a note · "
        "Right-click: menu · Wheel: scroll, Ctrl: zoom"
    )
    note_hint = (
        "Drag: move (out of the window: MIDI file) · Ctrl+drag: copy · Shift: one direction · "
        "Ctrl+Shift+drag: velocity · "
        "Right-click: menu · Alt: no snap"
    )

    def press(self, at: Pointer) -> Gesture | None:
        hit = self.hit(at)
        if hit is None:
            if at.ctrl and at.alt:
                return gestures.Lasso(self.state, self.view, at)
            return gestures.Marquee(self.state, self.view, at)
        if at.ctrl and not at.shift and hit.index not in self.state.selection:
            self.state.document.select(np.append(self.state.selection, hit.index))
        return self.grab(at, hit)

    def press_right(self, at: Pointer) -> Gesture | None:
        hit = self.hit(at)
        if hit is not None:
            self.select_for_grab(hit.index)
        return None

    def double_click(self, at: Pointer) -> None:
        other = self.other_track_at(at)
        if self.hit(at) is not None:
            return
        if other is None:
            gestures.Draw(self.state, self.view, at).finish()
        else:
            self.state.document.set_current_track(int(self.state.notes["track"][other]))
            self.state.document.select([other])

    def other_track_at(self, at: Pointer) -> int | None:
        """The note of another track that shows under the pointer."""
        if not self.state.show_ghost_tracks:
            return None
        found = notes_at(self.view(), self.state.notes, at.x, at.y)
        return int(found[-1]) if len(found) else None

    def hover(self, at: Pointer) -> tuple[Qt.CursorShape, str]:
        hit = self.hit(at)
        other = None if hit is not None else self.other_track_at(at)
        if other is not None and self.name == "select":
            tracks = self.state.song.tracks
            track = int(self.state.notes["track"][other])
            name = (tracks[track].name if track < len(tracks) else "") or f"Track {track + 1}"
            return (
                self.cursor,
                f"{name}: {describe_note(self.state.song, other)} — Double-click: edit this track",
            )
        if hit is None or (at.ctrl and at.shift):
            return super().hover(at) if hit is None else (Cursor.SizeVerCursor, "Drag up or down: velocity")
        if hit.part != "body":
            return Cursor.SizeHorCursor, self.edge_hint
        cursor = Cursor.DragCopyCursor if at.ctrl else Cursor.SizeAllCursor
        return cursor, f"{describe_note(self.state.song, hit.index)} — {self.note_hint}"


class DrawTool(SelectTool):
    name = "draw"
    cursor = Cursor.CrossCursor
    empty_hint = "Click: draw a note · Drag: set its length · Right-drag: erase · Alt: no snap"
    note_hint = "Drag: move · Edges: length · Right-click: erase · Ctrl+drag: copy · Alt: no snap"

    def press(self, at: Pointer) -> Gesture | None:
        hit = self.hit(at)
        return gestures.Draw(self.state, self.view, at) if hit is None else self.grab(at, hit)

    def press_right(self, at: Pointer) -> Gesture | None:
        return gestures.Erase(self.state, self.view, at)

    def double_click(self, at: Pointer) -> None:
        """Two clicks are one note and one grab of it: nothing more to do."""


class EraseTool(Tool):
    name = "erase"
    cursor = Cursor.ForbiddenCursor
    empty_hint = "Drag over notes: erase them"
    note_hint = "Click or drag: erase"

    def press(self, at: Pointer) -> Gesture | None:
        return gestures.Erase(self.state, self.view, at)

    def press_right(self, at: Pointer) -> Gesture | None:
        return gestures.Erase(self.state, self.view, at)


class CutTool(Tool):
    """A click that edits the note under it, or the selection if that note is part of it."""

    def press(self, at: Pointer) -> Gesture | None:
        hit = self.hit(at)
        if hit is not None:
            self.click(self.state.selection if hit.index in self.state.selection else [hit.index], at)
        return None

    def click(self, index: Index | list[int], at: Pointer) -> None:
        raise NotImplementedError


class SplitTool(CutTool):
    name = "split"
    cursor = Cursor.SplitHCursor
    empty_hint = "Click a note: split it there · Alt: no snap"
    note_hint = "Click: split here · Alt: no snap"

    def click(self, index: Index | list[int], at: Pointer) -> None:
        index = np.asarray(index, np.intp)
        tick = self.state.snap(at.tick, at.alt)
        notes = self.state.notes[index]
        crossed = index[(notes["onset"] < tick) & (tick < notes["onset"] + notes["duration"])]
        if len(crossed):
            self.state.document.apply("Split notes", edits.split(self.state.song, crossed, tick))


class GlueTool(CutTool):
    name = "glue"
    cursor = Cursor.PointingHandCursor
    empty_hint = "Click a note: join it with the next of the same pitch"
    note_hint = "Click: join with the next of the same pitch, or all selected ones"

    def click(self, index: Index | list[int], at: Pointer) -> None:
        index = np.asarray(index, np.intp)
        if len(index) == 1:
            note = self.state.notes[index[0]]
            same = np.flatnonzero(
                (self.state.notes["pitch"] == note["pitch"])
                & (self.state.notes["track"] == note["track"])
                & (self.state.notes["onset"] > note["onset"])
            )
            index = np.append(index, same[:1])
        if len(index) > 1:
            self.state.document.apply("Glue notes", edits.glue(self.state.song, index))


TOOLS: dict[str, type[Tool]] = {
    tool.name: tool for tool in (SelectTool, DrawTool, EraseTool, SplitTool, GlueTool)
}
