"""The context menu of the roll, from a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

if TYPE_CHECKING:
    from desktop.roll.view import RollView

Entry = tuple[str, str, tuple] | None

ENTRIES: tuple[Entry, ...] = (
    ("Cut", "cut", ()),
    ("Copy", "copy", ()),
    ("Paste at play-head", "paste", ()),
    ("Duplicate", "duplicate", ()),
    ("Delete", "delete", ()),
    None,
    ("Quantise", "quantise", ()),
    ("Quantise and humanise…", "show_quantise", ()),
    ("Humanise", "humanise", ()),
    ("Legato", "legato", ()),
    ("Strum", "strum", ()),
    ("Reverse", "reverse", ()),
    ("Invert", "invert", ()),
    None,
    ("Octave up", "transpose", (12,)),
    ("Octave down", "transpose", (-12,)),
    ("Glue", "glue", ()),
    ("Split at play-head", "split_at_playhead", ()),
    None,
    ("Select all", "select_all", ()),
    ("Select same pitch", "select_same_pitch", ()),
    ("Lock or unlock", "toggle_lock", ()),
    ("Loop the selection", "loop_selection", ()),
    ("Zoom to selection", "zoom_to_selection", ()),
)
"""Text, method of the roll, arguments; None is a line."""

NEEDS_SELECTION = frozenset(
    {"cut", "copy", "duplicate", "delete", "strum", "reverse", "invert", "transpose", "glue",
     "select_same_pitch", "toggle_lock"}
)  # fmt: skip

CHORDS = (("Major", ""), ("Minor", "m"), ("Seventh", "7"), ("Major seventh", "maj7"), ("Minor seventh", "m7"),
          ("Diminished", "dim"), ("Augmented", "aug"), ("Suspended fourth", "sus4"))  # fmt: skip


def roll_menu(roll: RollView) -> QMenu:
    """A menu for what is selected now; entries that need a selection are off without one."""
    menu = QMenu(roll)
    chosen = len(roll.state.selection) > 0
    for entry in ENTRIES:
        if entry is None:
            menu.addSeparator()
            continue
        text, method, arguments = entry
        action = menu.addAction(text, _call(roll, method, arguments))
        action.setEnabled(chosen or method not in NEEDS_SELECTION)
    for outside in roll.menu_actions:
        menu.addAction(outside)
    chords = menu.addMenu("Add chord")
    chords.setEnabled(chosen)
    for text, kind in CHORDS:
        chords.addAction(text, _call(roll, "chord", (kind,)))
    tracks = menu.addMenu("Move to track")
    tracks.setEnabled(chosen and len(roll.state.song.tracks) > 1)
    for index, track in enumerate(roll.state.song.tracks):
        tracks.addAction(track.name or f"Track {index + 1}", _call(roll, "move_to_track", (index,)))
    return menu


def _call(roll: RollView, method: str, arguments: tuple) -> Callable[[], None]:
    return partial(getattr(roll, method), *arguments)
