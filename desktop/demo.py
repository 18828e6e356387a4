"""The phrase the studio opens with: eight bars of our own, written out note by note.

"Window Seat": F major, 86 beats a minute, a light swing on the off-sixteenths. The harmony falls through
the circle of fifths from Fmaj9 and comes back to it, so the eight bars loop; the strings carry the line
E-D-C#-C-Bb-A that holds the chords together, and the melody repeats one rhythm (long, short, long, two
short) from bar to bar.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.song.notes import DRUM_CHANNEL, TICKS_PER_BEAT, KeyMark, Meter, Song, Tempo, Track, make_notes

TITLE = "Window Seat"
TEMPO = 86
SWING = 0.035
"""How late an off-sixteenth comes, in beats."""

TRACKS = (
    Track("Piano", program=0, channel=0, volume=104, pan=60, colour=0),
    Track("Bass", program=33, channel=1, volume=102, pan=64, colour=1),
    Track("Strings", program=48, channel=2, volume=78, pan=76, colour=4),
    Track("Drums", program=0, channel=DRUM_CHANNEL, is_drum=True, volume=96, pan=64, colour=2),
)

# One row a bar; one entry a note or chord: beat, length in beats, pitches, velocity.
MELODY = (
    "1 1.4 A4 82 | 2.5 .45 C5 74 | 3 .95 E5 90 | 4 .45 D5 78 | 4.5 .45 C5 70",
    "1 1.4 D5 84 | 2.5 .45 Bb4 70 | 3 .45 C#5 80 | 3.5 .45 E5 82 | 4 .7 G5 92 | 4.75 .25 F5 72",
    "1 1.4 E5 86 | 2.5 .45 F5 76 | 3 .95 A5 94 | 4 .45 G5 80 | 4.5 .45 E5 74",
    "1 .45 Eb5 80 | 1.5 .9 D5 82 | 2.5 .45 Bb4 70 | 3 .7 D5 82 | 3.75 .25 C5 66 | 4 .9 A4 76",
    "1 1.4 C5 84 | 2.5 .45 D5 76 | 3 .95 F5 90 | 4 .45 A5 92 | 4.5 .45 F5 78",
    "1 1.4 G5 94 | 2.5 .45 F5 80 | 3 .95 Db5 86 | 4 .45 C5 76 | 4.5 .45 Bb4 70",
    "1 .9 C5 80 | 2 .45 E5 78 | 2.5 .45 G5 86 | 3 .45 F#5 90 | 3.5 .45 Eb5 82 | 4 .45 D5 80 | 4.5 .45 C5 74",
    "1 .9 Bb4 78 | 2 .45 D5 76 | 2.5 .45 F5 82 | 3 .95 E5 86 | 4 .45 D5 74 | 4.5 .4 C5 66",
)
CHORDS = (
    "1 1.9 A3+C4+E4+G4 58 | 3.5 .4 A3+C4+E4 48 | 4.5 .4 G3+C4+E4 44",
    "1 1.4 G3+Bb3+D4 56 | 2.75 .2 G3+Bb3+D4 42 | 3 1.7 G3+Bb3+C#4 58",
    "1 1.9 F3+A3+C4+E4 58 | 3.5 .4 F3+A3+C4 48 | 4.5 .4 F3+A3+D4 44",
    "1 1.4 Eb3+G3+Bb3+D4 58 | 2.75 .2 Eb3+G3+Bb3 42 | 3 1.7 Eb3+G3+A3+D4 58",
    "1 1.9 D3+F3+A3+C4 60 | 3.5 .4 D3+F3+A3 50 | 4.5 .4 F3+A3+D4 46",
    "1 1.9 Db3+F3+G3+C4 60 | 3.5 .4 Db3+F3+G3 50 | 4.5 .4 Db3+F3+Bb3 48",
    "1 1.4 G3+C4+E4 58 | 2.75 .2 G3+C4+E4 44 | 3 1.7 F#3+C4+Eb4 62",
    "1 1.4 F3+A3+Bb3+D4 58 | 2.75 .2 F3+Bb3+D4 44 | 3 1.3 E3+Bb3+D4 60 | 4.5 .4 E3+Bb3+C4 50",
)
BASS = (
    "1 1.3 F2 96 | 2.5 .4 F2 80 | 3 .9 C3 90 | 4 .4 A2 82 | 4.5 .4 F2 84",
    "1 1.3 E2 94 | 2.5 .4 E2 80 | 3 .9 A2 92 | 4 .4 G2 82 | 4.5 .4 E2 82",
    "1 1.3 D2 96 | 2.5 .4 D2 80 | 3 .9 A2 90 | 4 .4 F2 82 | 4.5 .4 B1 86",
    "1 1.3 C2 94 | 2.5 .4 C2 80 | 3 .9 F2 92 | 4 .4 C2 80 | 4.5 .4 A1 86",
    "1 1.3 Bb1 98 | 2.5 .4 Bb1 82 | 3 .9 F2 92 | 4 .4 D2 84 | 4.5 .4 C2 84",
    "1 1.3 Bb1 98 | 2.5 .4 Bb1 82 | 3 .9 Db2 92 | 4 .4 F2 86 | 4.5 .4 Bb1 84",
    "1 1.3 A1 96 | 2.5 .4 A1 82 | 3 .9 D2 94 | 4 .4 C2 84 | 4.5 .4 A1 84",
    "1 1.3 G1 96 | 2.5 .4 G1 82 | 3 .9 C2 94 | 4 .4 C2 82 | 4.5 .4 E2 90",
)
STRINGS = (
    "1 4 E4 52 | 1 4 G4 48",
    "1 2 D4 54 | 3 2 C#4 58 | 1 4 Bb4 50",
    "1 4 C4 56 | 1 4 A4 52",
    "1 2 Bb3 56 | 3 2 A3 58 | 1 4 G4 52",
    "1 4 A3 60 | 1 4 F4 56 | 1 4 C5 44",
    "1 4 G3 62 | 1 4 F4 58 | 1 2 Db5 50 | 3 2 Bb4 48",
    "1 2 G3 62 | 3 2 F#3 64 | 1 2 E4 58 | 3 2 Eb4 60 | 1 2 C5 46 | 3 2 A4 48",
    "1 2 F3 62 | 3 2 E3 60 | 1 2 D4 56 | 3 .5 Bb3 54 | 3.5 .5 C4 56 | 4 .5 D4 60 | 4.5 .5 E4 64",
)

# A groove a row: per drum the velocities of sixteen steps, one digit a step (x 13), "." for silence.
GROOVES = {
    "verse": {"kick": "8.....6...7..4..", "rim": "....7.......7...", "hat": "6253625362536254"},
    "lift": {"kick": "9.....6...8..5..", "snare": "....8..2.2..8..2", "hat": "726372637263725.",
             "open": "...............5"},
    "turn": {"kick": "9.....6...8.....", "snare": "....8..2.2.3.467", "hat": "72637263726.....",
             "tom": "............6.5."},
}  # fmt: skip
DRUM_BARS = ("verse", "verse", "verse", "verse", "lift", "lift", "lift", "turn")
DRUM_PITCHES = {"kick": 36, "rim": 37, "snare": 38, "hat": 42, "open": 46, "tom": 47}
CRASH = (49, 62)

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"#": 1, "b": -1}

Row = tuple[float, float, int, int, int]
"""Onset and duration in beats, pitch, velocity, track."""


def demo_song() -> Song:
    """The demo phrase."""
    rows = [
        *_part(MELODY, track=0),
        *_part(CHORDS, track=0),
        *_part(BASS, track=1),
        *_part(STRINGS, track=2),
        *_drums(track=3),
    ]
    onset, duration, pitch, velocity, track = (np.array(column) for column in zip(*rows, strict=True))
    sixteenth = np.round(onset * 4).astype(int)
    onset = onset + SWING * (sixteenth % 2)
    notes = make_notes(
        np.round(onset * TICKS_PER_BEAT).astype(int),
        np.round(duration * TICKS_PER_BEAT).astype(int),
        pitch,
        velocity,
        track,
    )
    return Song(
        notes=notes,
        tracks=TRACKS,
        tempos=(Tempo.from_bpm(0, TEMPO),),
        meters=(Meter(0, 4, 4),),
        keys=(KeyMark(0, 5, "major"),),
        title=TITLE,
    )


def _part(bars: tuple[str, ...], track: int) -> Iterator[Row]:
    for bar, text in enumerate(bars):
        for entry in text.split("|"):
            beat, length, pitches, velocity = entry.split()
            for pitch in pitches.split("+"):
                yield 4 * bar + float(beat) - 1, float(length), _pitch(pitch), int(velocity), track


def _drums(track: int) -> Iterator[Row]:
    yield 0.0, 1.0, *CRASH, track
    yield 16.0, 1.0, *CRASH, track
    for bar, groove in enumerate(DRUM_BARS):
        for drum, steps in GROOVES[groove].items():
            for step, digit in enumerate(steps):
                if digit != ".":
                    yield 4 * bar + step / 4, 0.2, DRUM_PITCHES[drum], int(digit) * 13, track


def _pitch(name: str) -> int:
    """The pitch of a name: Bb3 is 58."""
    return STEPS[name[0]] + sum(ACCIDENTALS[sign] for sign in name[1:-1]) + 12 * (int(name[-1]) + 1)
