"""Songs in files, whatever the kind: the name's ending decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.errors import TunesmithError
from core.song.midi_file import read_midi, write_midi
from core.song.notes import Song
from core.store.project_file import load_project, save_project


def _read_project(path: Path) -> Song:
    return load_project(path)[0]


def _write_project(song: Song, path: Path) -> None:
    save_project(path, song)


READERS: dict[str, Callable[[Path], Song]] = {
    ".mid": read_midi,
    ".midi": read_midi,
    ".kar": read_midi,
    ".rmi": read_midi,
    ".tunesmith": _read_project,
}

WRITERS: dict[str, Callable[[Song, Path], None]] = {
    ".mid": write_midi,
    ".midi": write_midi,
    ".tunesmith": _write_project,
}


def read_song(path: str | Path) -> Song:
    """The song in a MIDI or project file; a file with another ending is tried as MIDI.

    Raises
    ------
    TunesmithError
        where it cannot be read
    """
    path = Path(path)
    return READERS.get(path.suffix.lower(), read_midi)(path)


def write_song(song: Song, path: str | Path) -> None:
    """Write ``song`` in one step, as the kind of file that ``path`` names.

    Raises
    ------
    TunesmithError
        where the kind is unknown or the place cannot be written
    """
    path = Path(path)
    check_song_name(path)
    WRITERS[path.suffix.lower()](song, path)


def check_song_name(path: str | Path) -> None:
    """Raise `TunesmithError` unless `write_song` knows the kind of file that ``path`` names."""
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        raise TunesmithError(f'cannot write "{path.name}": the name must end in {", ".join(WRITERS)}')
