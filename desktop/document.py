"""The song being worked on, as the widgets see it: what it is now, and signals that say what changed.

The song itself is values (`core.song.notes`) and its past is `core.song.history`; this object only adds
Qt signals and what belongs to a sitting rather than to the score: the selection, the play-head, the loop,
which tracks are muted or soloed, and the translucent notes of a composition under way.

Views listen to `Document.changed` and redraw only what `Change.what` names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QObject, Signal

from core.song.edits import find
from core.song.history import History
from core.song.notes import Notes, Song, Track, empty_notes

NOTHING_SELECTED: NDArray[np.intp] = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True)
class Change:
    """What one edit, undo, redo or opened file did to the song.

    ``what`` holds any of "notes", "tracks", "tempo", "meter", "keys"; "all" stands for another song.
    """

    song: Song
    previous: Song
    what: frozenset[str]

    def touches(self, *names: str) -> bool:
        """Whether any of ``names`` changed."""
        return "all" in self.what or not self.what.isdisjoint(names)


class Document(QObject):
    """One song with its undo history, and signals for the views."""

    changed = Signal(object)
    """Carries a `Change`."""
    current_track_changed = Signal(int)
    selection_changed = Signal()
    playhead_changed = Signal(int)
    loop_changed = Signal()
    ghosts_changed = Signal()
    locks_changed = Signal()
    mix_changed = Signal()
    """Mute or solo of some track changed."""
    state_changed = Signal()
    """The path, the title or the modified mark changed."""

    def __init__(self, song: Song | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history = History(song if song is not None else Song())
        self._saved = self._history.song
        self._path: Path | None = None
        self._current_track = 0
        self._selection = NOTHING_SELECTED
        self._playhead = 0
        self._loop: tuple[int, int] | None = None
        self._ghosts = empty_notes()
        self._ghost_song: Song | None = None
        self._replaced = NOTHING_SELECTED
        self._locks = empty_notes()
        self._locked: tuple[Song, NDArray[np.intp]] | None = None
        self._muted: frozenset[int] = frozenset()
        self._soloed: frozenset[int] = frozenset()
        self._stands_back = False

    @property
    def song(self) -> Song:
        return self._history.song

    @property
    def history(self) -> History:
        """The undo history; read it only, edits go through `apply`."""
        return self._history

    def apply(self, label: str, song: Song, coalesce: str | None = None) -> None:
        """Make ``song`` the state after an edit that the user knows as ``label``.

        Edits in a row with the same ``coalesce`` key become one undo step. The selection is dropped
        where notes changed; callers that keep one select again with `core.song.edits.find`.
        """
        previous = self.song
        self._history.apply(label, song, coalesce=coalesce)
        self._tell(previous)

    def undo(self) -> str | None:
        """Take the last step back; its label, or None where there is none."""
        previous = self.song
        label = self._history.undo()
        self._tell(previous)
        return label

    def redo(self) -> str | None:
        """Do the step undone last again; its label, or None where there is none."""
        previous = self.song
        label = self._history.redo()
        self._tell(previous)
        return label

    @property
    def can_undo(self) -> bool:
        return bool(self._history.can_undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._history.can_redo)

    def open(self, song: Song, path: Path | None = None, *, saved: bool = True) -> None:
        """Turn to another song with an empty history. ``saved=False`` marks it as modified."""
        previous = self.song
        self._history = History(song)
        self._saved = song if saved else Song(title="\0never saved")
        self._path = path
        self._muted = self._soloed = frozenset()
        self._lock(empty_notes())
        self.set_loop(None)
        self.set_ghosts(empty_notes())
        self.set_playhead(0)
        self._tell(previous, frozenset({"all"}))
        self.set_current_track(0)
        self.mix_changed.emit()

    @property
    def path(self) -> Path | None:
        """The project or MIDI file this song was opened from or saved to."""
        return self._path

    @property
    def name(self) -> str:
        """What to call the song in a title bar."""
        return self._path.stem if self._path else self.song.title or "Untitled"

    @property
    def modified(self) -> bool:
        """Whether the song differs from what was last saved or opened."""
        return self.song is not self._saved and self.song != self._saved

    def mark_saved(self, path: Path, song: Song) -> None:
        """Note that ``song`` (which may be older than the present one) is safe at ``path``."""
        self._path = path
        self._saved = song
        self.state_changed.emit()

    @property
    def current_track(self) -> int:
        """The track that drawing and pasting go to."""
        return self._current_track

    def set_current_track(self, track: int) -> None:
        track = max(0, min(track, len(self.song.tracks) - 1))
        if track != self._current_track:
            self._current_track = track
            self.current_track_changed.emit(track)

    @property
    def selection(self) -> NDArray[np.intp]:
        """Indices into ``song.notes``, ascending."""
        return self._selection

    def select(self, index: ArrayLike) -> None:
        """Select these notes (indices, any order) and no others."""
        index = np.unique(np.asarray(index, np.intp))
        index = index[(index >= 0) & (index < len(self.song.notes))]
        if not np.array_equal(index, self._selection):
            self._selection = index
            self.selection_changed.emit()

    @property
    def playhead(self) -> int:
        """The tick where playing is or starts."""
        return self._playhead

    def set_playhead(self, tick: int) -> None:
        tick = max(0, int(tick))
        if tick != self._playhead:
            self._playhead = tick
            self.playhead_changed.emit(tick)

    @property
    def loop(self) -> tuple[int, int] | None:
        """(start, end) in ticks of the region that playing repeats."""
        return self._loop

    def set_loop(self, loop: tuple[int, int] | None) -> None:
        if loop is not None:
            start, end = sorted((max(0, int(loop[0])), max(0, int(loop[1]))))
            loop = (start, end) if end > start else None
        if loop != self._loop:
            self._loop = loop
            self.loop_changed.emit()

    @property
    def ghosts(self) -> Notes:
        """Notes being composed, shown translucent; no part of the song."""
        return self._ghosts

    @property
    def ghost_song(self) -> Song:
        """The song that the ghosts are part of: the result being shown, or else the document's song."""
        return self.song if self._ghost_song is None else self._ghost_song

    @property
    def replaced(self) -> NDArray[np.intp]:
        """Indices of the notes that would go if the ghosts came into the song."""
        return self._replaced[self._replaced < len(self.song.notes)]

    def set_ghosts(self, notes: Notes, song: Song | None = None, replaced: ArrayLike = ()) -> None:
        """Show ``notes``, which are part of ``song`` or are to come into the document's.

        ``replaced`` are indices of the document's notes that would go in return.
        """
        replaced = np.unique(np.asarray(replaced, np.intp))
        if len(notes) or len(self._ghosts) or len(replaced) or len(self._replaced):
            self._ghosts, self._ghost_song, self._replaced = notes, song, replaced
            self.ghosts_changed.emit()

    @property
    def locked(self) -> NDArray[np.intp]:
        """Indices, ascending, of the notes that generators must leave as they are."""
        if self._locked is None or self._locked[0] is not self.song:
            self._locked = (self.song, find(self.song, self._locks) if len(self._locks) else NOTHING_SELECTED)
        return self._locked[1]

    def set_locked(self, index: ArrayLike, on: bool) -> None:
        """Lock the notes at ``index``, or unlock them. A lock goes with its note through edits and undo."""
        index = np.unique(np.asarray(index, np.intp))
        kept = np.union1d(self.locked, index) if on else np.setdiff1d(self.locked, index)
        if not np.array_equal(kept, self.locked):
            self._lock(self.song.notes[kept])

    def _lock(self, notes: Notes) -> None:
        if len(notes) or len(self._locks):
            self._locks, self._locked = notes, None
            self.locks_changed.emit()

    @property
    def muted(self) -> frozenset[int]:
        return self._muted

    @property
    def soloed(self) -> frozenset[int]:
        return self._soloed

    def set_muted(self, track: int, on: bool) -> None:
        self._set_mix(self._muted | {track} if on else self._muted - {track}, self._soloed)

    def set_soloed(self, track: int, on: bool) -> None:
        self._set_mix(self._muted, self._soloed | {track} if on else self._soloed - {track})

    def in_mix(self, track: int) -> bool:
        """Whether a track is in the mix: not muted, and soloed where any track is."""
        return track not in self._muted and (not self._soloed or track in self._soloed)

    def is_audible(self, track: int) -> bool:
        """Whether a track would sound now: it is in the mix, and no other song sounds in this one's place."""
        return self.in_mix(track) and not self._stands_back

    def stand_back(self, on: bool) -> None:
        """Show the song as silent while another one sounds in its place."""
        if on != self._stands_back:
            self._stands_back = on
            self.mix_changed.emit()

    def _set_mix(self, muted: frozenset[int], soloed: frozenset[int]) -> None:
        if (muted, soloed) != (self._muted, self._soloed):
            self._muted, self._soloed = muted, soloed
            self.mix_changed.emit()

    def _tell(self, previous: Song, what: frozenset[str] | None = None) -> None:
        song = self.song
        if what is None:
            what = differences(previous, song)
            if not what:
                return
        if "all" not in what and "tracks" in what:
            went = _where_tracks_went(previous.tracks, song.tracks)
            self._set_mix(
                frozenset(went[track] for track in self._muted if track in went),
                frozenset(went[track] for track in self._soloed if track in went),
            )
        else:
            went = {}
        if len(self._locks) and "all" not in what:
            self._locks = followed(self._locks, previous.notes, song.notes, went)
        if what & {"all", "notes"} and len(self._selection):
            self._selection = NOTHING_SELECTED
            self.selection_changed.emit()
        self.changed.emit(Change(song, previous, what))
        if self._current_track >= max(1, len(song.tracks)):
            self.set_current_track(self._current_track)
        self.state_changed.emit()


def differences(before: Song, after: Song) -> frozenset[str]:
    """Which parts of a song differ: names as in `Change.what`; empty where the two are equal."""
    if before is after:
        return frozenset()
    if before.ticks_per_beat != after.ticks_per_beat or before.smpte != after.smpte:
        return frozenset({"all"})
    parts = {
        "notes": not np.array_equal(before.notes, after.notes),
        "tracks": before.tracks != after.tracks or not np.array_equal(before.controls, after.controls),
        "tempo": before.tempos != after.tempos,
        "meter": before.meters != after.meters,
        "keys": before.keys != after.keys
        or before.markers != after.markers
        or before.title != after.title
        or before.raw_events != after.raw_events,
    }
    return frozenset(name for name, differs in parts.items() if differs)


def followed(marked: Notes, before: Notes, after: Notes, went: dict[int, int]) -> Notes:
    """The values of marked notes after an edit.

    Notes that an edit changed are told apart by their order: where as many went as came, the first that
    went became the first that came. Marked notes that went for good keep their values, so that undo finds
    them again.

    Parameters
    ----------
    went : old index -> new index of tracks, where their order changed
    """
    if went:
        before, marked = before.copy(), marked.copy()
        for notes in (before, marked):
            notes["track"] = [went.get(track, track) for track in notes["track"].tolist()]
    gone, came = before[missing(before, after)], after[missing(after, before)]
    if not len(gone) or len(gone) != len(came):
        return marked
    order = ("track", "onset", "pitch")
    gone, came = np.sort(gone, order=order), np.sort(came, order=order)
    where = {note.tobytes(): at for at, note in enumerate(gone)}
    return np.array(
        [came[where[note.tobytes()]] if note.tobytes() in where else note for note in marked], marked.dtype
    )


def missing(notes: Notes, other: Notes) -> NDArray[np.intp]:
    """Indices of the notes that ``other`` lacks; equal notes count as often as they occur."""
    return np.setdiff1d(np.arange(len(notes)), find(Song(notes), other))


def _where_tracks_went(before: tuple[Track, ...], after: tuple[Track, ...]) -> dict[int, int]:
    """Old index -> new index of the tracks that are still there, after an edit of the track list."""
    if len(before) == len(after) and sum(a != b for a, b in zip(before, after, strict=True)) <= 1:
        return {index: index for index in range(len(before))}
    free = list(range(len(after)))
    went: dict[int, int] = {}
    for old, track in enumerate(before):
        same = [new for new in free if after[new] == track]
        if same:
            went[old] = min(same, key=lambda new: abs(new - old))
            free.remove(went[old])
    return went
