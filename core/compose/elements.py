"""MixTape's words: each note its pitch name, each chord its normal order joined by "+".

After R. Kumar, A. Mishra and Y. Chhabra, "Application of Recurrent Neural Networks paired with LSTM - Music
Generation" (section VI.A, "Pre-processing all Files"), where music21 names both.

Conventions
-----------
* An *element* is what one track begins at one time: a note such as "C4" or "B-3" (B flat), or a chord of
  pitch classes such as "9+0+4". A chord of octaves alone is one pitch class, such as "0".
* Elements follow each other by onset, at one onset by track, as in music21's ``flat.notes``.
* Onsets are the same where they are the same 24th of a beat.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from core.song.notes import Song

NAMES = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")
"""Pitch classes as music21 spells them."""

ONSETS_PER_BEAT = 24

MIDDLE_OCTAVE = 60
"""Chords have no octave; music21 puts their notes into that of middle C."""


def pitch_name(pitch: int) -> str:
    """Name and octave of a MIDI pitch: 60 is "C4"."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


# "E-1" is both E flat in octave 1 and E in octave -1; the later, higher pitch is the one that is played.
_PITCHES = {pitch_name(pitch): pitch for pitch in range(128)}


def normal_order(pitches: Iterable[int]) -> tuple[int, ...]:
    """The pitch classes of a chord from where they lie closest together.

    Of the rotations the one of least span; then, by A. Forte, "The Structure of Atonal Music" (1973,
    section 1.2), the one packed most closely to its beginning; of those that are alike the one from
    the lowest pitch class. The same as music21's ``Chord.normalOrder`` for every set of pitch classes.

    Returns
    -------
    tuple of pitch classes 0-11, none twice

    Examples
    --------
    >>> normal_order([69, 72, 76])
    (9, 0, 4)
    """
    classes = sorted({pitch % 12 for pitch in pitches})
    rotations = [tuple(classes[i:] + classes[:i]) for i in range(len(classes))]

    def spread(rotation: tuple[int, ...]) -> tuple[int, ...]:
        steps = [(pitch - rotation[0]) % 12 for pitch in rotation]
        return steps[-1], *steps

    return min(rotations, key=spread)


def element(pitches: Sequence[int]) -> str:
    """The element of notes that begin together.

    Examples
    --------
    >>> element([60]), element([57, 60, 64])
    ('C4', '9+0+4')
    """
    different = set(pitches)
    if len(different) == 1:
        return pitch_name(different.pop())
    return "+".join(map(str, normal_order(different)))


def pitches_of(name: str) -> tuple[int, ...]:
    """The MIDI pitches that an element is played as.

    Raises
    ------
    ValueError
        Where it names neither a note nor a chord.
    """
    if name in _PITCHES:
        return (_PITCHES[name],)
    return tuple(MIDDLE_OCTAVE + int(pitch) % 12 for pitch in name.split("+"))


def elements_of(song: Song) -> list[str]:
    """The elements of a song, drums left out."""
    drums = [index for index, track in enumerate(song.tracks) if track.is_drum]
    notes = song.notes[~np.isin(song.notes["track"], drums)]
    onset = np.rint(notes["onset"] * (ONSETS_PER_BEAT / song.ticks_per_beat)).astype(np.int64)
    order = np.lexsort((notes["pitch"], notes["track"], onset))
    rows = zip(
        onset[order].tolist(), notes["track"][order].tolist(), notes["pitch"][order].tolist(), strict=True
    )
    return [element([pitch for *_, pitch in group]) for _, group in groupby(rows, lambda row: row[:2])]
