"""What is told of a file that was listened to, in the words that the command line and the studio share.

Conventions
-----------
* Times are seconds from the start of the file.
* A list of chances falls, and its labels are those of one model; what it adds up to is at most one.
* What is not known is None or an empty tuple, and `Report.warnings` says why where a person would wonder.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

NOT_SURE = "not sure"
"""The label of a verdict that no likely enough class was found for."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a classifier says of a file.

    Attributes
    ----------
    label : the likeliest class, or `NOT_SURE`
    chances : (label, probability), the likeliest first
    model : the name of the classifier
    """

    label: str
    chances: tuple[tuple[str, float], ...]
    model: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with a name: a chord, a part of the form, the genre of a segment.

    Attributes
    ----------
    start_s, end_s : seconds
    label : str
    confidence : 0-1
    """

    start_s: float
    end_s: float
    label: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class MelodyNote:
    """A note of the melody; ``pitch`` is a MIDI number, with fractions where a voice slides or is out of tune."""

    start_s: float
    end_s: float
    pitch: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that is told of one file.

    Attributes
    ----------
    file : its path as it was given
    kind : "audio" or "midi", by what it holds and not by its name
    duration_s : float
    genre, composer : None where no classifier could tell
    tempo_bpm : None where there is no beat
    beats_s, downbeats_s : times of beats, and of those that begin a bar
    key : such as "D minor"; "" where none was found
    key_confidence : 0-1
    chords, structure, timeline : chords; parts of the form; genres of segments
    melody : the notes of the leading voice
    seconds : how long it took to find all this
    warnings : one line each
    """

    file: str
    kind: Literal["audio", "midi"]
    duration_s: float
    genre: Verdict | None = None
    composer: Verdict | None = None
    tempo_bpm: float | None = None
    beats_s: tuple[float, ...] = ()
    downbeats_s: tuple[float, ...] = ()
    key: str = ""
    key_confidence: float = 0.0
    chords: tuple[Span, ...] = ()
    structure: tuple[Span, ...] = ()
    melody: tuple[MelodyNote, ...] = ()
    timeline: tuple[Span, ...] = ()
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The report as ``tunesmith listen --json`` prints it, without the file's name."""
        return {
            "kind": self.kind,
            "duration_s": self.duration_s,
            "genre": _chances(self.genre),
            "genre_verdict": self.genre.label if self.genre else None,
            "composer": _chances(self.composer),
            "composer_verdict": self.composer.label if self.composer else None,
            "tempo_bpm": self.tempo_bpm,
            "beats_s": list(self.beats_s),
            "downbeats_s": list(self.downbeats_s),
            "key": self.key or None,
            "key_confidence": self.key_confidence,
            "chords": [asdict(span) for span in self.chords],
            "structure": [asdict(span) for span in self.structure],
            "melody": [asdict(note) for note in self.melody],
            "timeline": [asdict(span) for span in self.timeline],
            "seconds": self.seconds,
            "warnings": list(self.warnings),
        }


def _chances(verdict: Verdict | None) -> list[dict[str, Any]]:
    return [{"label": label, "p": chance} for label, chance in verdict.chances] if verdict else []
