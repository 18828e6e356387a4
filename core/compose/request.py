"""What a person asks a generator for, and what comes back while it works."""

from __future__ import annotations

from dataclasses import dataclass

from core.song.notes import Notes, Song


@dataclass(frozen=True, slots=True)
class Request:
    """One wish for music. The same request gives the same notes.

    Attributes
    ----------
    generator : name in `core.compose.registry`
    task : "new" composes a song, "continue" goes on after ``song``
    style : one of the generator's styles, or "" to leave it open
    key : "D minor", "F# major", or "" to leave it open
    tempo : beats per minute, 20-300
    meter : (numerator, denominator)
    bars : length asked for, 1-256
    instruments : General MIDI instrument names ("piano", "drums", ...), one a part
    density : 0-1, few to many notes, or None to leave it open
    strictness : 0-100, how firmly notes are held to the key; 100 allows no other
    temperature : 0.1-2, how daring the choice of every note is
    top_p : 0-1, the share of likelihood that is sampled from
    seed : 0 to 2**32 - 1
    song : the song to continue
    """

    generator: str = "flagship"
    task: str = "new"
    style: str = "pop"
    key: str = "C major"
    tempo: float = 110.0
    meter: tuple[int, int] = (4, 4)
    bars: int = 8
    instruments: tuple[str, ...] = ("piano", "acoustic bass", "string ensemble 1", "drums")
    density: float | None = None
    strictness: float = 50.0
    temperature: float = 1.0
    top_p: float = 0.95
    seed: int = 0
    song: Song | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """News from a generator at work.

    The first update has the finished frame of the song (tracks, tempo, meter, key) in ``song`` and no
    notes; later ones bring the ``notes`` made since; the last has ``song`` whole and ``done``.
    """

    progress: float
    notes: Notes
    song: Song | None = None
    done: bool = False
