"""Dragging notes out of the window as a finished MIDI file, into a folder or another program.

The file is named by what is in it and never written twice, so that a program that reads it late still
gets what was dragged.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QWidget

from core.song.midi_file import midi_bytes
from core.song.notes import Song
from core.store.atomic import write_bytes_atomic
from desktop.roll.gestures import Index


def excerpt(song: Song, index: Index) -> Song:
    """A song of the notes at ``index`` alone, from the start of their first bar on.

    It has the tempo, meter and key in force there and the tracks that the notes are in.
    """
    notes = song.notes[index].copy()
    first = int(notes["onset"].min())
    start = song.bars.start(song.bars.bar_at(first))
    end = int((notes["onset"] + notes["duration"]).max())
    used, numbers = np.unique(notes["track"], return_inverse=True)
    notes["onset"] -= start
    notes["track"] = numbers

    def since(marks: tuple) -> tuple:
        in_force = [mark for mark in marks if mark.tick <= start][-1:]
        later = [mark for mark in marks if start < mark.tick < end]
        return tuple(replace(mark, tick=max(0, mark.tick - start)) for mark in in_force + later)

    return Song(
        notes=notes,
        tracks=tuple(song.tracks[track] for track in used.tolist() if track < len(song.tracks)),
        ticks_per_beat=song.ticks_per_beat,
        tempos=since(song.tempos),
        meters=since(song.meters),
        keys=since(song.keys),
    )


def midi_file_of(song: Song, index: Index, folder: Path | None = None) -> Path:
    """A MIDI file of the notes at ``index``, in ``folder`` or one that lasts as long as the program."""
    part = excerpt(song, index)
    name = part.tracks[0].name if len(part.tracks) == 1 else song.title
    return whole_file_of(part, name, folder)


def whole_file_of(song: Song, name: str, folder: Path | None = None) -> Path:
    """A MIDI file of a whole song with its controllers, called ``name``, in ``folder`` or as `midi_file_of`."""
    data = midi_bytes(song)
    readable = re.sub(r"[^\w -]", "", name).strip() or "Notes"
    path = (folder or _folder()) / f"{readable} {hashlib.sha256(data).hexdigest()[:8]}.mid"
    if not path.exists():
        write_bytes_atomic(path, data)
    return path


def drag_file(source: QWidget, path: Path) -> None:
    """Let the hand carry a file; returns when it is dropped."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    drag = QDrag(source)
    drag.setMimeData(mime)
    drag.exec(Qt.DropAction.CopyAction)


@cache
def _folder() -> Path:
    # Kept by the cache; the folder goes when the program ends.
    return Path(_temporary().name)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tunesmith-")
