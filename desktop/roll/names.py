"""What notes, lengths and places in a song are called, on the screen and read aloud; without Qt."""

from __future__ import annotations

from core.song.notes import Notes, Song

_SHARP = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_FLAT = ("C", "D♭", "D", "E♭", "E", "F", "G♭", "G", "A♭", "A", "B♭", "B")
_FLAT_MAJORS = frozenset({0, 1, 3, 5, 8, 10})
"""Tonics of the major keys that are written with flats, and C, whose foreign notes mostly are."""

LENGTH_NAMES: tuple[tuple[float, str], ...] = tuple(
    (beats * factor, prefix + name)
    for beats, name in (
        (4.0, "whole"), (2.0, "half"), (1.0, "quarter"), (0.5, "eighth"), (0.25, "sixteenth"),
        (0.125, "thirty-second"), (0.0625, "sixty-fourth"),
    )
    for factor, prefix in ((1.0, ""), (1.5, "dotted "), (2 / 3, "triplet "))
)  # fmt: skip
"""Length in beats and name of the note values."""


def pitch_name(pitch: int, flats: bool = False) -> str:
    """Like "C4" for 60; accidentals as sharps, or as flats."""
    return f"{(_FLAT if flats else _SHARP)[pitch % 12]}{pitch // 12 - 1}"


def uses_flats(song: Song, tick: int = 0) -> bool:
    """Whether the key in force at ``tick`` is one whose accidentals are flats."""
    in_force = [key for key in song.keys if key.tick <= tick]
    if not in_force:
        return False
    key = in_force[-1]
    relative = key.tonic + 3 if "minor" in key.mode else key.tonic
    return relative % 12 in _FLAT_MAJORS - {0}


def length_name(ticks: int, ticks_per_beat: int) -> str:
    """Like "dotted quarter" where ``ticks`` is within 3 % of a note value, else the number of beats."""
    beats = ticks / ticks_per_beat
    for value, name in LENGTH_NAMES:
        if abs(beats - value) <= 0.03 * value:
            return name
    return f"{beats:.3g} beats"


def place_name(song: Song, tick: int) -> str:
    """Like "bar 3 beat 2", both counted from 1; a place within a beat has a decimal."""
    bar, rest = song.bars.position(tick)
    beat_ticks = max(1, 4 * song.ticks_per_beat // song.bars.meter_at(tick).denominator)
    return f"bar {bar + 1} beat {round(1 + rest / beat_ticks, 2):g}"


def describe_note(song: Song, index: int) -> str:
    """Like "C4, bar 3 beat 2, quarter, velocity 90"."""
    note = song.notes[index]
    onset = int(note["onset"])
    return ", ".join(
        (
            pitch_name(int(note["pitch"]), uses_flats(song, onset)),
            place_name(song, onset),
            length_name(int(note["duration"]), song.ticks_per_beat),
            f"velocity {note['velocity']}",
        )
    )


def describe_notes(song: Song, notes: Notes) -> str:
    """One line about several notes: how many, from where to where, how low and high."""
    if not len(notes):
        return "No notes selected"
    low, high = int(notes["pitch"].min()), int(notes["pitch"].max())
    first, last = int(notes["onset"].min()), int((notes["onset"] + notes["duration"]).max())
    return (
        f"{len(notes)} notes, {pitch_name(low)} to {pitch_name(high)}, "
        f"{place_name(song, first)} to {place_name(song, last)}"
    )


def counted(notes: int) -> str:
    """A number of notes in words: "1 note", "2 notes"."""
    return f"{notes} note{'' if notes == 1 else 's'}"
