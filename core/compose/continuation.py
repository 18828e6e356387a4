"""The song that is to be continued, as the network reads it, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.compose.encoding import STEPS_PER_BEAT, Piece, kept_tracks, piece_from_song
from core.errors import TunesmithError
from core.song.harmony import Key, estimate_key, parse_key, pitched_notes
from core.song.notes import Notes, Song

MEMORY_BARS = 48
"""Bars of the song that the network reads."""


@dataclass(frozen=True)
class Lead:
    """The bars before the new ones.

    Attributes
    ----------
    piece : the last `MEMORY_BARS` of the song
    tracks : the track of each part
    key : asked, or estimated from the song
    """

    song: Song
    piece: Piece
    tracks: list[int]
    key: Key

    @property
    def bars(self) -> int:
        return len(self.piece.bar_steps)

    @property
    def rows(self) -> list[tuple[int, ...]]:
        return [tuple(int(value) for value in row) for row in self.piece.parts]

    def placed(self, notes: Notes, ticks_per_beat: int) -> Notes:
        """New notes, counted from the lead's first bar in ``ticks_per_beat``, in the song's own ticks."""
        lead_beats = self.piece.bar_steps.astype(np.int64).sum() / STEPS_PER_BEAT
        scale = self.song.ticks_per_beat / ticks_per_beat
        end = self.song.bars.start(self.song.bars.bar_at(max(self.song.end_tick - 1, 0)) + 1)
        placed = notes.copy()
        placed["onset"] = (
            np.rint((notes["onset"] - lead_beats * ticks_per_beat) * scale).astype(np.int64) + end
        )
        placed["duration"] = np.maximum(np.rint(notes["duration"] * scale), 1)
        return placed


def lead_of(song: Song | None, key_name: str) -> Lead:
    """Read a song that is to be continued.

    Raises
    ------
    TunesmithError
        Where there is nothing to go on from.
    """
    if song is None or not len(pitched_notes(song)):
        raise TunesmithError(
            "there are no pitched notes to continue from; open a song with a melody or chords"
        )
    key = parse_key(key_name) if key_name else estimate_key(pitched_notes(song))[0]
    last_bar = song.bars.bar_at(max(song.end_tick - 1, 0))
    piece = piece_from_song(song, key, most_bars=last_bar + 1, whole=True)
    if piece is None:
        raise TunesmithError(
            "this song cannot be continued: it has fewer than eight notes, or bars of more than eight beats"
        )
    first = max(0, len(piece.bar_steps) - MEMORY_BARS)
    events = piece.events[piece.events["bar"] >= first].copy()
    events["bar"] -= first
    copies = piece.copies[first:].copy()
    copies[:8] = np.where(first > 0, 0, copies[:8])
    piece = replace(
        piece,
        events=events,
        bar_steps=piece.bar_steps[first:],
        chords=piece.chords[first:],
        copies=copies,
    )
    return Lead(song, piece, [int(track) for track in kept_tracks(song)[0]], key)
