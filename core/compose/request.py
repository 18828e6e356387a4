"""What a person asks a generator for, and what comes back while it works."""

from __future__ import annotations

from dataclasses import dataclass

from core.song.notes import Notes, Song


@dataclass(frozen=True, slots=True)
class Request:
    """One wish for music. The same request gives the same notes.

    Where a condition is None, "" or (), it is left to the generator.

    Attributes
    ----------
    generator : name in `core.compose.registry`
    task : "new" composes a song; "continue" goes on after ``song``; "fill" writes bars ``first_bar`` to
        ``first_bar + bars`` of ``song`` anew, in ``tracks``; "vary" writes a share ``amount`` of its notes
        anew; "accompany" adds ``instruments`` to it
    style : one of the generator's styles
    composer : one of the generator's composers
    key : "D minor", "F# major", "E dorian"
    tempo : beats per minute, 20-300
    meter : (numerator, denominator)
    bars : length asked for, 1-256
    elements : length in notes and chords, for a generator that counts them (MixTape)
    seconds : length in seconds, for a generator that counts them (Short Tunes)
    instruments : General MIDI instrument names ("piano", "drums", ...), one a part
    density : 0-1, few to many notes
    polyphony : 1-5, notes that a part begins together
    register : 0-1, low to high; 0.5 is where the instruments usually lie
    note_length : 0-1, short to long
    chords : one entry a bar, from the first over again: "Am", or two chords "Am,D7"
    strictness : 0-100, how firmly notes are held to the key, and to ``chords`` where there are any;
        100 allows no other
    repetition : 0-1, never repeat a bar to repeat whenever one may
    temperature : 0.1-2, how daring the choice of every pitch is
    rhythm_temperature : 0.1-2, the same of every onset, part and length
    top_p : 0-1, the share of likelihood that is sampled from
    candidates : 1-16, drafts of which the best is kept
    longest_copy : notes in a row that may be the same as in the music learnt from, commonplaces aside; None
        for no limit
    personal : name of a personal style, see `core.compose.personal`
    seed : 0 to 2**32 - 1
    song : the song to continue, fill, vary or accompany
    first_bar : the first bar to fill, from 0
    tracks : tracks to fill or vary, counted from 0; () for all
    locked : notes of ``song`` (places in its table) that stay as they are in what is filled or varied
    amount : 0-1, the share of notes that "vary" writes anew
    """

    generator: str = "flagship"
    task: str = "new"
    style: str = "pop"
    composer: str = ""
    key: str = "C major"
    tempo: float = 110.0
    meter: tuple[int, int] = (4, 4)
    bars: int = 8
    elements: int | None = None
    seconds: float | None = None
    instruments: tuple[str, ...] = ("piano", "acoustic bass", "string ensemble 1", "drums")
    density: float | None = None
    polyphony: int | None = None
    register: float | None = None
    note_length: float | None = None
    chords: tuple[str, ...] = ()
    strictness: float = 10.0
    repetition: float | None = None
    temperature: float = 1.0
    rhythm_temperature: float = 1.0
    top_p: float = 0.95
    candidates: int = 1
    longest_copy: int | None = 24
    personal: str = ""
    seed: int = 0
    song: Song | None = None
    first_bar: int = 0
    tracks: tuple[int, ...] = ()
    locked: tuple[int, ...] = ()
    amount: float = 0.5


@dataclass(frozen=True, slots=True)
class Update:
    """News from a generator at work.

    The first update has the frame of the song (tracks, tempo, meter, key, and the notes that stay) in
    ``song`` and no notes; later ones bring the ``notes`` made since; the last has ``song`` whole and
    ``done``. Another frame on the way means that the generator begins anew: notes told before are void.
    """

    progress: float
    notes: Notes
    song: Song | None = None
    done: bool = False
