"""What the flagship thinks of the notes of a song: how much each surprised it, and what else it would have played.

The song is read event by event, as a song that is to be continued is. Before each event the network says how
likely every position, part, pitch and duration is, each knowing the ones before; what cannot come (an earlier
position, a lower part) is left out, as in training. The *surprise* of a note is the sum of the four in nats.

Reading costs some milliseconds a note. A `Reading` keeps what was read, so whoever asks several things of one song
keeps it; the functions beside it are for a single question.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.compose import flagship
from core.compose.encoding import (
    BAR,
    DRUMS,
    MOST_PARTS,
    PITCHES,
    STEPS_PER_BEAT,
    Piece,
    event_keys,
    kept_tracks,
    note_key,
    piece_from_song,
    shift_to_common_key,
)
from core.compose.sampling import NEVER, Logits
from core.compose.state import State
from core.compose.styles import COMPOSERS, STYLES
from core.errors import Cancelled, TunesmithError
from core.song.harmony import Key, estimate_key, pitched_notes
from core.song.notes import Song

if TYPE_CHECKING:
    from torch import Tensor

NO_EVENT = -1

DRUM_ROW = 128
"""What the encoding adds to a drum's pitch."""

Progress = Callable[[float], None]
Cancel = Callable[[], bool]


def surprise(
    song: Song,
    key: Key | None = None,
    *,
    progress: Progress = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> NDArray[np.float64]:
    """How much each note of ``song`` surprises the flagship; see `Reading.surprise`."""
    return Reading(song, key).surprise(progress=progress, cancelled=cancelled)


def alternatives(
    song: Song, note: int, count: int = 8, key: Key | None = None, *, cancelled: Cancel = lambda: False
) -> list[tuple[int, float]]:
    """The likeliest pitches for the place of a note; see `Reading.alternatives`."""
    return Reading(song, key).alternatives(note, count, cancelled=cancelled)


def log_likelihood(
    song: Song,
    key: Key | None = None,
    *,
    progress: Progress = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> float:
    """Nats per note of the whole song; see `Reading.log_likelihood`."""
    return Reading(song, key).log_likelihood(progress=progress, cancelled=cancelled)


def events_of_notes(song: Song, piece: Piece, key: Key) -> NDArray[np.int64]:
    """The event of ``piece`` that each note of ``song`` became [shape=(notes,)], or `NO_EVENT`.

    Notes of one part with the same pitch and position became one event; it has the duration and velocity of
    the first of them.

    Parameters
    ----------
    piece : what `core.compose.encoding.piece_from_song` made of the song in this ``key``
    """
    notes, bars = song.notes, len(piece.bar_steps)
    bar_ticks = np.array([song.bars.start(bar) for bar in range(bars + 1)], np.int64)
    order, more_drums = kept_tracks(song)
    part_of_track = np.full(len(song.tracks), NO_EVENT)
    part_of_track[order] = np.arange(len(order))
    part_of_track[more_drums] = len(order) - 1
    part = part_of_track[notes["track"]]
    inside = (notes["onset"] < bar_ticks[-1]) & (part != NO_EVENT)
    bar = np.clip(np.searchsorted(bar_ticks, notes["onset"], "right") - 1, 0, bars - 1)
    per_step = song.ticks_per_beat / STEPS_PER_BEAT
    step = np.rint((notes["onset"] - bar_ticks[bar]) / per_step).astype(np.int64)
    # An onset that is nearer to the next bar line than to the last step of its bar belongs to the next bar.
    over = step >= piece.bar_steps[bar]
    bar, step = np.where(over, bar + 1, bar), np.where(over, 0, step)
    is_drum = piece.parts[np.maximum(part, 0), 0] == DRUMS
    pitch = notes["pitch"].astype(np.int64) + np.where(is_drum, DRUM_ROW, shift_to_common_key(key))
    inside &= (bar < bars) & (is_drum | ((pitch >= 0) & (pitch < 128)))
    rows = zip(*(column[inside].tolist() for column in (bar, step, part, pitch)), strict=True)
    wanted = np.array([note_key(*row) for row in rows], np.int64)
    keys = event_keys(piece.events)
    at = np.searchsorted(keys, wanted)
    if not np.array_equal(keys[np.minimum(at, len(keys) - 1)], wanted):
        raise ValueError("the song's notes and the piece's events do not agree")
    found = np.full(len(notes), NO_EVENT)
    found[inside] = at
    return found


class Reading:
    """One song on its way through the flagship. Any thread may ask; each event is read once.

    Parameters
    ----------
    song : Song
    key : its key; estimated unless told

    Raises
    ------
    TunesmithError
        For a song that the network cannot read, or without the flagship's weights.
    """

    def __init__(self, song: Song, key: Key | None = None) -> None:
        from core.compose.stepper import Stepper

        key = key or estimate_key(pitched_notes(song) if len(pitched_notes(song)) else song.notes)[0]
        piece = piece_from_song(song, key) if len(song.notes) else None
        if piece is None:
            raise TunesmithError(
                "the network cannot read this song: it has fewer than eight notes, or bars of more than eight beats"
            )
        self.song, self.key = song, key
        self._piece, self._events = piece, events_of_notes(song, piece, key)
        self._nats = np.zeros(len(piece.events))
        self._pitches = np.full((len(piece.events), PITCHES), NEVER, np.float32)
        self._at = 0
        self._lock = Lock()
        self._state = State(len(piece.bar_steps), int(piece.bar_steps[0]))
        wish = [len(STYLES), len(COMPOSERS), piece.mode, piece.tempo, int(piece.dynamic)]
        self._stepper = Stepper(flagship.load().network, wish, piece.parts.tolist())

    def surprise(
        self, *, progress: Progress = lambda _: None, cancelled: Cancel = lambda: False
    ) -> NDArray[np.float64]:
        """How much each note surprises the network.

        Returns
        -------
        ndarray [shape=(len(song.notes),)]
            Nats, over position, part, pitch and duration. NaN for a note that the network does not see: one of
            a seventeenth track, one on top of another, one that leaves MIDI's range in the common key.

        Raises
        ------
        Cancelled
            Soon after ``cancelled`` first answers True; what was read is kept.
        """
        self._read(len(self._piece.events), progress, cancelled)
        event, first = np.unique(self._events, return_index=True)
        seen = first[event != NO_EVENT]
        found = np.full(len(self.song.notes), np.nan)
        found[seen] = self._nats[self._events[seen]]
        return found

    def alternatives(
        self, note: int, count: int = 8, *, cancelled: Cancel = lambda: False
    ) -> list[tuple[int, float]]:
        """The likeliest pitches for the place of a note, given all that comes before it.

        Parameters
        ----------
        note : its place in ``song.notes``
        count : how many are told

        Returns
        -------
        list of (pitch, probability)
            The likeliest first. The notes of a chord are chosen from below: for an upper one only pitches above
            the one beneath it are told.

        Raises
        ------
        TunesmithError
            For a note that there is not, or that the network does not see.
        Cancelled
            Soon after ``cancelled`` first answers True; what was read is kept.
        """
        if not 0 <= note < len(self._events):
            raise TunesmithError(f"the song has no note {note}; its notes are 0 to {len(self._events) - 1}")
        event = int(self._events[note])
        if event == NO_EVENT:
            raise TunesmithError(
                f"the network does not see note {note}: it reads the {MOST_PARTS} tracks with the most notes"
            )
        self._read(event + 1, lambda _: None, cancelled)
        shares = np.exp(self._pitches[event].astype(np.float64))
        drum = self._piece.parts[self._piece.events["part"][event], 0] == DRUMS
        moved = DRUM_ROW if drum else shift_to_common_key(self.key)
        ranked = [int(pitch) for pitch in np.argsort(-shares, kind="stable") if shares[pitch] > 0]
        told = [(pitch - moved, float(shares[pitch])) for pitch in ranked]
        return [(pitch, share) for pitch, share in told if 0 <= pitch < 128][:count]

    def log_likelihood(
        self, *, progress: Progress = lambda _: None, cancelled: Cancel = lambda: False
    ) -> float:
        """Nats per note (below 0) of the whole song: its notes, where its bars end, their form and their chords.

        Raises
        ------
        Cancelled
            Soon after ``cancelled`` first answers True; what was read is kept.
        """
        self._read(len(self._piece.events), progress, cancelled)
        return -float(self._nats.sum()) / int((self._piece.events["time"] != BAR).sum())

    def _read(self, until: int, progress: Progress, cancelled: Cancel) -> None:
        """Read the events before ``until`` that are not read yet."""
        with self._lock:
            while self._at < until:
                if cancelled():
                    raise Cancelled
                self._stepper.step(self._state)
                self._nats[self._at] = self._bar() if self._next("time") == BAR else self._note()
                self._at += 1
                progress(self._at / until)

    def _next(self, name: str) -> int:
        return int(self._piece.events[name][self._at])

    def _time(self, time: int) -> float:
        """Nats of the next event's position, or of the end of the bar."""
        state = self._state
        if not state.bar_steps:
            return 0.0  # only a bar can come first
        classes = np.arange(BAR + 1)
        here = state.here.time if state.here.time != BAR else 0
        possible = (classes == BAR) | ((classes >= here) & (classes < state.bar_steps[-1]))
        return -float(_log_shares(self._stepper.time_logits(), possible)[time])

    def _bar(self) -> float:
        """Foretell the next bar and open it; its nats."""
        bar = self._next("bar")
        copy, chords = int(self._piece.copies[bar]), [int(chord) for chord in self._piece.chords[bar]]
        nats = self._time(BAR) - _log_shares(self._stepper.copy_logits())[copy]
        nats -= _log_shares(self._stepper.chord_logits(copy))[chords[0]]
        nats -= _log_shares(self._stepper.second_chord_logits(copy, chords[0]))[chords[1]]
        self._state.begin_bar(int(self._piece.bar_steps[bar]), copy, (chords[0], chords[1]))
        return float(nats)

    def _note(self) -> float:
        """Foretell the next note and write it; its nats."""
        fields = ("time", "part", "pitch", "duration", "velocity")
        time, part, pitch, duration, velocity = (self._next(name) for name in fields)
        stepper, state, rows = self._stepper, self._state, self._piece.parts
        nats = self._time(time)
        logits = stepper.part_logits(time, state.silence(time, len(rows)))
        nats -= _log_shares(logits, np.arange(len(rows)) >= state.lowest_part(time))[part]
        echo = state.echo(time, part)
        classes = np.arange(PITCHES)
        possible = ((classes >= DRUM_ROW) == (rows[part, 0] == DRUMS)) & (classes >= echo.lowest_pitch)
        shares = _log_shares(stepper.pitch_logits(time, part, echo), possible)
        self._pitches[self._at] = shares
        nats -= shares[pitch] + _log_shares(stepper.duration_logits(time, part, pitch, echo))[duration]
        state.add_note(time, part, pitch, duration, velocity)
        return float(nats)


def _log_shares(logits: Tensor, possible: NDArray[np.bool_] | None = None) -> Logits:
    """Logarithms of the probabilities of the classes that are possible."""
    values = logits.double().cpu().numpy()
    if possible is not None:
        values = np.where(possible, values, NEVER)
    top = values.max()
    return np.asarray(values - top - np.log(np.exp(values - top).sum()))
