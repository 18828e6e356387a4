"""Notes on the system clipboard, as JSON, so that they can be pasted in another window too.

The text comes from outside when it is pasted, so it is checked before anything is made of it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from PySide6.QtGui import QGuiApplication

from core.errors import TunesmithError
from core.song.notes import Notes, empty_notes

OPENING = '{"tunesmith": '
"""How the text of notes begins."""

MOST_NOTES = 1_000_000
LONGEST = 2**31 - 1
COLUMNS = ("onset", "duration", "track", "pitch", "velocity")
LIMITS = {
    "onset": (0, 2**48),
    "duration": (1, LONGEST),
    "track": (0, 65535),
    "pitch": (0, 127),
    "velocity": (1, 127),
}
_MISMATCH = "The clipboard holds no notes that can be read; copy them once more."


def to_text(notes: Notes, ticks_per_beat: int) -> str:
    """JSON of ``notes``, with onsets and tracks counted from the first of each."""
    notes = notes.copy()
    if len(notes):
        notes["onset"] -= notes["onset"].min()
        notes["track"] -= notes["track"].min()
    rows = [list(map(int, row)) for row in notes[list(COLUMNS)].tolist()]
    return json.dumps({"tunesmith": 1, "ticks_per_beat": ticks_per_beat, "columns": COLUMNS, "notes": rows})


def from_text(text: str, ticks_per_beat: int) -> Notes:
    """Notes of `to_text`, their ticks converted to ``ticks_per_beat``.

    Raises
    ------
    TunesmithError
        Where the text is anything else, or a value is out of range.
    """
    try:
        data: Any = json.loads(text)
        rows = data["notes"]
        old = int(data["ticks_per_beat"])
        if data["tunesmith"] != 1 or not 0 < old < 1 << 20 or len(rows) > MOST_NOTES:
            raise ValueError
        table = np.array(rows, np.int64).reshape(-1, len(COLUMNS))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise TunesmithError(_MISMATCH) from None
    notes = empty_notes(len(table))
    for column, name in enumerate(COLUMNS):
        low, high = LIMITS[name]
        values = table[:, column]
        if name in {"onset", "duration"} and old != ticks_per_beat:
            values = np.maximum(low, np.rint(values * (ticks_per_beat / old))).astype(np.int64)
        if len(values) and (values.min() < low or values.max() > high):
            raise TunesmithError(_MISMATCH)
        notes[name] = values
    return notes


def copy(notes: Notes, ticks_per_beat: int) -> None:
    """Put ``notes`` on the system clipboard."""
    # As text: a QMimeData made here would be freed twice when the program ends.
    QGuiApplication.clipboard().setText(to_text(notes, ticks_per_beat))


def pasted(ticks_per_beat: int) -> Notes:
    """The notes on the system clipboard; none where it holds something else.

    Raises
    ------
    TunesmithError
        Where they are damaged.
    """
    text = QGuiApplication.clipboard().text()
    return from_text(text, ticks_per_beat) if text.startswith(OPENING) else empty_notes()
