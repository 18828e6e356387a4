"""Keys, scales and chords: their names, and finding them in notes.

Conventions
-----------
* A pitch class is 0-11 with 0 = C; intervals are semitones above the tonic or root.
* "minor" is the natural minor; harmonic and melodic minor and the modes have names of their own.
* Tables are lists of ``NOTE``; drums have no pitch, so take them out first (`pitched_notes`).

Sources
-------
Key profiles: Albrecht and Shanahan, "The use of large corpora to train a new type of key-finding
algorithm", Music Perception 31 (2013).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import TunesmithError
from core.song.notes import Notes, Song

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
    "octatonic": (0, 2, 3, 5, 6, 8, 9, 11),
    "chromatic": tuple(range(12)),
}
"""Scale -> its pitches above the tonic."""

_FIFTHS = {
    mode: {"dorian": -2, "phrygian": -4, "lydian": 1, "mixolydian": -1, "locrian": -5}.get(
        mode, -3 if 3 in steps and 4 not in steps else 0
    )
    for mode, steps in SCALES.items()
}
"""Sharps a mode has more than the major scale on the same tonic."""

_MODE_ALIASES = {
    "": "major", "maj": "major", "ionian": "major", "dur": "major",
    "m": "minor", "min": "minor", "aeolian": "minor", "moll": "minor", "natural minor": "minor",
    "pentatonic": "major pentatonic", "diminished": "octatonic",
}  # fmt: skip

CHORDS: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "mmaj7": (0, 3, 7, 11),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7sus4": (0, 5, 7, 10),
    "aug7": (0, 4, 8, 10),
    "add9": (0, 2, 4, 7),
    "madd9": (0, 2, 3, 7),
    "9": (0, 2, 4, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
    "m9": (0, 2, 3, 7, 10),
    "5": (0, 7),
}
"""Chord suffix -> its pitch classes above the root; the commoner chord first."""

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")

_PROFILES = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
"""How much each pitch class above the tonic sounds in pieces of that mode (Albrecht-Shanahan)."""


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic (pitch class 0-11) and a mode (a name in `SCALES`)."""

    tonic: int
    mode: str = "major"

    @property
    def name(self) -> str:
        """As a person writes it: "D minor", "Eb major".

        >>> Key(2, "minor").name
        'D minor'
        """
        names = _MINOR_NAMES if self.is_minor else _MAJOR_NAMES
        return f"{names[self.tonic]} {self.mode}"

    @property
    def is_minor(self) -> bool:
        """Whether the third above the tonic is minor."""
        return 3 in SCALES[self.mode] and 4 not in SCALES[self.mode]

    @property
    def signature(self) -> int:
        """Sharps (positive) or flats (negative) in the key signature, -5 to 6.

        >>> Key(2, "minor").signature
        -1
        """
        return (7 * self.tonic + _FIFTHS[self.mode] + 5) % 12 - 5


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord that sounds from ``onset`` for ``duration`` ticks.

    ``suffix`` is a name in `CHORDS`; ``root`` and ``bass`` are pitch classes.
    """

    onset: int
    duration: int
    root: int
    suffix: str
    bass: int

    @property
    def name(self) -> str:
        """As on a lead sheet: "Cmaj7/E"."""
        return _chord_name(self.root, self.suffix, self.bass)


def parse_key(text: str) -> Key:
    """The key a person wrote: "D minor", "F# major", "Bb", "c minor", "Am", "Eb dorian".

    Raises
    ------
    TunesmithError
        If there is no such tonic or mode.

    >>> parse_key("c minor")
    Key(tonic=0, mode='minor')
    """
    match = re.fullmatch(r"\s*([A-Ga-g])(?:[\s-]*(sharp|flat)|([#♯b♭]))?[\s_-]*(.*?)\s*", text)
    if not match:
        raise TunesmithError(f'"{text}" is not a key: write a tonic A-G, # or b, and a mode, like "D minor"')
    letter, word, sign, rest = match.groups()
    mode = "major" if rest == "M" else " ".join(re.split(r"[\s_-]+", rest.lower()))
    mode = _MODE_ALIASES.get(mode, mode)
    if mode not in SCALES:
        raise TunesmithError(f'"{text}" is not a key: the mode must be one of {", ".join(SCALES)}')
    return Key((_LETTERS[letter.upper()] + _ACCIDENTALS[word or sign or ""]) % 12, mode)


_CHORD_ALIASES = {
    "maj": "", "M": "", "min": "m", "-": "m", "mi": "m", "+": "aug", "o": "dim", "°": "dim", "sus": "sus4",
    "M7": "maj7", "Δ": "maj7", "Δ7": "maj7", "ma7": "maj7", "min7": "m7", "-7": "m7", "mi7": "m7", "ø": "m7b5",
    "ø7": "m7b5", "o7": "dim7", "°7": "dim7", "+7": "aug7", "m(maj7)": "mmaj7", "M9": "maj9", "min9": "m9",
}  # fmt: skip


def parse_chord(text: str) -> tuple[int, str]:
    """The chord a person wrote: "Am", "F#7", "Bbmaj7", "G/B" (the bass after the stroke is not kept).

    Returns
    -------
    root : pitch class
    suffix : a name in `CHORDS`

    Raises
    ------
    TunesmithError
        If there is no such chord.
    """
    match = re.fullmatch(r"\s*([A-G])(#|♯|b|♭)?([^/\s]*)(?:/[A-G](?:#|♯|b|♭)?)?\s*", text)
    suffix = _CHORD_ALIASES.get(match[3], match[3]) if match else ""
    if not match or suffix not in CHORDS:
        raise TunesmithError(f"there is no chord {text!r}; write chords like C, Am, F#7, Bbmaj7 or Dm7b5")
    return (_LETTERS[match[1]] + _ACCIDENTALS[match[2] or ""]) % 12, suffix


def scale_pitch_classes(key: Key) -> tuple[int, ...]:
    """The pitch classes of the key's scale, from the tonic up.

    >>> scale_pitch_classes(Key(7, "major"))
    (7, 9, 11, 0, 2, 4, 6)
    """
    return tuple((key.tonic + step) % 12 for step in SCALES[key.mode])


def pitched_notes(song: Song) -> Notes:
    """The song's notes without those of drum tracks."""
    drums = [index for index, track in enumerate(song.tracks) if track.is_drum]
    return song.notes[~np.isin(song.notes["track"], drums)] if drums else song.notes


def in_key_share(notes: Notes, key: Key) -> float:
    """Share (0-1) of the notes that belong to the key's scale; 1 where there are no notes."""
    if not len(notes):
        return 1.0
    return float(np.isin(notes["pitch"] % 12, scale_pitch_classes(key)).mean())


def pitch_class_weights(notes: Notes) -> NDArray[np.float64]:
    """How long each pitch class sounds, in ticks [shape=(12,)]."""
    return np.bincount(notes["pitch"] % 12, notes["duration"], 12).astype(np.float64)


def estimate_key(notes: Notes) -> tuple[Key, float]:
    """The major or minor key that the notes most likely are in.

    The durations of the twelve pitch classes are correlated with the profile of each of the 24 keys;
    the first and last bass notes speak a little for the keys that they are the tonics of.

    Returns
    -------
    key
    confidence : 0-1, the lead of the best key over the second; 0 without notes
    """
    weights = pitch_class_weights(notes)
    if not weights.any():
        return Key(0, "major"), 0.0
    keys, profiles = _key_profiles()
    centred = weights - weights.mean()
    scores = profiles @ (centred / max(float(np.linalg.norm(centred)), 1e-9))
    first, last = notes["onset"].min(), notes["onset"].max()
    at_first = notes["onset"] == first
    at_last = (notes["onset"] <= last) & (last < notes["onset"] + notes["duration"])
    for chosen, bonus in ((at_first, _FIRST_BASS_BONUS), (at_last, _LAST_BASS_BONUS)):
        bass = int(notes["pitch"][chosen].min()) % 12
        scores += [bonus * (key.tonic == bass) for key in keys]
    second, best = np.argsort(scores, kind="stable")[-2:]
    return keys[best], float(np.clip(scores[best] - scores[second], 0.0, 1.0))


_FIRST_BASS_BONUS, _LAST_BASS_BONUS = 0.025, 0.05


def name_chord(pitches: ArrayLike) -> str:
    """The chord that the pitches form, with its bass where that is not the root; "" if they form none.

    A chord of four or more notes may leave out its fifth.

    >>> name_chord([52, 60, 67, 71])
    'Cmaj7/E'
    """
    pitches = np.asarray(pitches, int).ravel()
    if not len(pitches):
        return ""
    bass = int(pitches.min()) % 12
    shape = frozenset((pitches % 12).tolist())
    # The chord on the bass first, then the commonest: C E G A is C6, not Am7/C.
    for root in (bass, *sorted(shape - {bass})):
        suffix = _chord_shapes().get(frozenset((pitch - root) % 12 for pitch in shape))
        if suffix is not None:
            return _chord_name(root, suffix, bass)
    return ""


def chords_of(song: Song, ticks_per_window: int | None = None) -> list[Chord]:
    """The chords of a song, one a window, equal neighbours joined; none where fewer than two different
    pitch classes sound.

    Each window's sounding pitch classes, weighted by how long they sound, are compared with every
    chord's template; the bass note counts for its root.

    Parameters
    ----------
    ticks_per_window : default one beat
    """
    window = int(ticks_per_window or song.ticks_per_beat)
    notes = pitched_notes(song)
    if not len(notes):
        return []
    windows, chroma, bass = _windowed_chroma(notes, window)
    is_chord = (chroma > 0).sum(1) > 1
    windows, chroma, bass = windows[is_chord], chroma[is_chord], bass[is_chord]
    roots, suffixes, templates = _chord_templates()
    scores = chroma @ templates.T + _BASS_BONUS * (roots == bass[:, None])
    chords: list[Chord] = []
    for number, best, low in zip(windows.tolist(), scores.argmax(1).tolist(), bass.tolist(), strict=True):
        root, suffix = int(roots[best]), suffixes[best]
        if (low - root) % 12 not in CHORDS[suffix]:
            low = root
        chord = Chord(number * window, window, root, suffix, low)
        if chords and _continues(chords[-1], chord):
            chord = replace(chord, onset=chords[-1].onset, duration=chords.pop().duration + window)
        chords.append(chord)
    return chords


def _continues(before: Chord, chord: Chord) -> bool:
    same = (before.root, before.suffix, before.bass) == (chord.root, chord.suffix, chord.bass)
    return same and before.onset + before.duration == chord.onset


_LONGEST_SPAN = 1000
"""A note sounds in so many windows at most, lest one endless note in a damaged file fill the memory."""

_BASS_BONUS = 0.15
_RARE_CHORD = 0.98  # beside a plain triad, lest a passing note make a seventh
_LISTENED = ("", "m", "dim", "aug", "sus4", "7", "maj7", "m7", "m7b5", "dim7")


@cache
def _chord_shapes() -> dict[frozenset[int], str]:
    shapes: dict[frozenset[int], str] = {}
    for suffix, steps in CHORDS.items():
        shapes.setdefault(frozenset(steps), suffix)
    for suffix, steps in CHORDS.items():
        if len(steps) >= 4 and 7 in steps:
            shapes.setdefault(frozenset(steps) - {7}, suffix)
    return shapes


def _chord_name(root: int, suffix: str, bass: int) -> str:
    names = _MINOR_NAMES if 3 in CHORDS[suffix] else _MAJOR_NAMES
    return names[root] + suffix + (f"/{names[bass]}" if bass != root else "")


@cache
def _key_profiles() -> tuple[list[Key], NDArray[np.float64]]:
    keys = [Key(tonic, mode) for mode in _PROFILES for tonic in range(12)]
    rows = np.array([np.roll(_PROFILES[key.mode], key.tonic) for key in keys])
    rows -= rows.mean(1, keepdims=True)
    return keys, rows / np.linalg.norm(rows, axis=1, keepdims=True)


@cache
def _chord_templates() -> tuple[NDArray[np.int64], list[str], NDArray[np.float64]]:
    roots = np.array([root for _ in _LISTENED for root in range(12)])
    suffixes = [suffix for suffix in _LISTENED for _ in range(12)]
    rows = np.zeros((len(roots), 12))
    for row, root, suffix in zip(rows, roots, suffixes, strict=True):
        row[[(root + step) % 12 for step in CHORDS[suffix]]] = len(CHORDS[suffix]) ** -0.5
        row *= 1 if suffix in ("", "m") else _RARE_CHORD
    return roots, suffixes, rows


def _windowed_chroma(
    notes: Notes, window: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """The windows in which something sounds, by number, and for each its chroma of unit length
    [shape=(windows, 12)] and the pitch class of its lowest note.
    """
    start, end = notes["onset"], notes["onset"] + notes["duration"]
    first = start // window
    spans = np.minimum((end - 1) // window - first + 1, _LONGEST_SPAN)
    which = np.repeat(np.arange(len(notes)), spans)
    within = np.arange(len(which)) - np.repeat(np.cumsum(spans) - spans, spans)
    number = first[which] + within
    overlap = np.minimum(end[which], (number + 1) * window) - np.maximum(start[which], number * window)
    windows, at = np.unique(number, return_inverse=True)
    pitch = notes["pitch"][which].astype(np.int64)
    chroma = np.bincount(at * 12 + pitch % 12, overlap, 12 * len(windows)).reshape(-1, 12)
    lowest = np.full(len(windows), 127)
    np.minimum.at(lowest, at, pitch)
    return windows, chroma / np.linalg.norm(chroma, axis=1, keepdims=True), lowest % 12
