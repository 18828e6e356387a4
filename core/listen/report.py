"""What is told of a file that was listened to, in the words that the command line and the studio share.

Conventions
-----------
* Times are seconds from the start of the file.
* A list of chances falls, and its labels are those of one model; what it adds up to is at most one.
* What is not known is None or an empty tuple, and `Report.warnings` says why where a person would wonder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from core.errors import Cancelled, TunesmithError

if TYPE_CHECKING:
    from core.listen.analysis import Analysis
    from core.listen.heard import Heard
    from core.listen.registry import Classifier

NOT_SURE = "not sure"
"""The label of a verdict that no likely enough class was found for."""

SHORTEST_S = 1.0
"""Of less sound nothing is told."""

LONG_S = 1200.0
"""A longer recording is not analysed while it is classified: both together need too much memory."""

SURE_BY_NOTES = 0.5
"""The least chance of a verdict by `core.listen.style`, whose card names none."""

CLASSICAL, CLASSICAL_FROM = "classical", 0.3
"""Composers are told of sound that is of this genre with at least this chance."""

HEARING_SHARE = 0.7
"""Of the time that a report takes, by experience."""


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


def listen(
    path: str | os.PathLike[str],
    *,
    model: str = "",
    remember: bool = True,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Report:
    """Listen to an audio file, or read a MIDI file, and tell what it is.

    Parameters
    ----------
    model : a name in `core.listen.registry.CLASSIFIERS`, in place of the one that is best at the same
    remember : whether what was heard is taken from the cache and put there

    Raises
    ------
    TunesmithError
        In one line, for a file that cannot be read and a model that there is not or that cannot read it.
    Cancelled
        Within 100 ms of ``cancelled`` saying so.
    """
    from core.listen import registry
    from core.listen.decode import check_file
    from core.listen.formats import is_midi

    began = time.perf_counter()
    chosen = registry.find(model) if model else None
    place = Path(path)
    check_file(place)
    with place.open("rb") as file:
        reads_notes = is_midi(file)
    _check_choice(chosen, reads_notes)
    job = _Job(chosen, remember, progress or _nobody, cancelled or _never)
    report = _of_midi(place, job) if reads_notes else _of_audio(place, job)
    job.progress(1.0)
    return replace(report, file=os.fspath(path), seconds=time.perf_counter() - began)


@dataclass(frozen=True)
class _Job:
    chosen: Classifier | None
    remember: bool
    progress: Callable[[float], None]
    cancelled: Callable[[], bool]

    def look(self) -> None:
        """Raise `Cancelled` when it is wanted."""
        if self.cancelled():
            raise Cancelled


def _of_audio(path: Path, job: _Job) -> Report:
    from core.listen.analysis import analyse
    from core.listen.heard import hear
    from core.listen.spectra import one_thread

    heard = hear(
        path,
        remember=job.remember,
        progress=lambda share: job.progress(HEARING_SHARE * share),
        cancelled=job.cancelled,
    )
    report = Report("", "audio", heard.duration_s, warnings=heard.warnings)
    if heard.silent:
        return _warned(report, "there is nothing to hear in it: it is silent")
    if heard.duration_s < SHORTEST_S:
        return _warned(report, f"it is too short to tell anything of: {heard.duration_s:.2f} s")
    if heard.duration_s > LONG_S:
        return _of_long(report, heard, job)
    with one_thread(), _beside(lambda: analyse(heard.frames, cancelled=job.cancelled)) as analysis:
        report = _with_verdicts(report, heard, job)
        return _with_analysis(report, analysis())


def _of_long(report: Report, heard: Heard, job: _Job) -> Report:
    """The same one after the other, forgetting what is not needed any more: memory counts, not the second."""
    from core.listen.analysis import analyse
    from core.listen.analysis_frames import FrameMaker
    from core.listen.memory import give_back, let_go
    from core.listen.spectra import one_thread

    with one_thread():
        report = _with_verdicts(report, replace(heard, frames=FrameMaker().finish()), job)
        let_go(heard.mel_db)
        give_back()
        return _with_analysis(report, analyse(heard.frames, cancelled=job.cancelled))


def _of_midi(path: Path, job: _Job) -> Report:
    from core.listen.from_notes import analyse_song
    from core.listen.style import GENRES, name_style
    from core.song.midi_file import read_midi

    song = read_midi(path)
    job.look()
    report = Report("", "midi", song.seconds)
    if not len(song.notes):
        return _warned(report, "there is not a note in it")
    report = _with_analysis(report, analyse_song(song))
    job.look()
    job.progress(HEARING_SHARE)
    try:
        chances = tuple(name_style(song, GENRES))
        label = chances[0][0] if chances[0][1] >= SURE_BY_NOTES else NOT_SURE
        report = replace(report, genre=Verdict(label, chances, "style"))
    except TunesmithError as error:
        report = _warned(report, f"no genre: {error}")
    job.look()
    classifier = _classifier("composer", "score", job.chosen)
    if classifier is not None:
        try:
            report = replace(report, composer=classifier.verdict(song, classifier.model))
        except TunesmithError as error:
            report = _warned(report, f"no composer: {error}")
    return report


def _with_verdicts(report: Report, heard: Heard, job: _Job) -> Report:
    """The report with genre, timeline and composer, where there are weights to tell them."""
    from core.listen import registry

    genre = _classifier("genre", "recording", job.chosen)
    if genre is not None:
        report = replace(report, genre=genre.verdict(heard, genre.model))
        job.look()
        job.progress(0.85)
        report = replace(report, timeline=registry.timeline(heard, genre.name))
        job.look()
    classical = report.genre and dict(report.genre.chances).get(CLASSICAL, 0.0) >= CLASSICAL_FROM
    asked_for = job.chosen is not None and job.chosen.tells == "composer"
    composer = _classifier("composer", "recording", job.chosen) if classical or asked_for else None
    if composer is not None:
        report = replace(report, composer=composer.verdict(heard, composer.model))
        job.look()
    return report


def _classifier(
    tells: Literal["genre", "composer"], hears: Literal["recording", "score"], chosen: Classifier | None
) -> Classifier | None:
    """The one that was asked for where it tells that, else the first of those whose weights are here."""
    from core.listen import registry

    if chosen is not None and (chosen.tells, chosen.hears) == (tells, hears):
        return chosen
    fitting = (entry for entry in registry.installed() if (entry.tells, entry.hears) == (tells, hears))
    return next(fitting, None)


def _check_choice(chosen: Classifier | None, reads_notes: bool) -> None:
    if chosen is not None and (chosen.hears == "score") != reads_notes:
        wanted = "notes: give a MIDI file" if chosen.hears == "score" else "sound: give an audio file"
        raise TunesmithError(f"the classifier {chosen.name} is for {wanted}")


def _with_analysis(report: Report, found: Analysis) -> Report:
    return replace(
        report,
        tempo_bpm=found.tempo_bpm or None,
        beats_s=found.beats_s,
        downbeats_s=found.downbeats_s,
        key=found.key.name if found.key else "",
        key_confidence=found.key_confidence,
        chords=found.chords,
        structure=found.structure,
        melody=found.melody,
    )


def _warned(report: Report, line: str) -> Report:
    return replace(report, warnings=(*report.warnings, line))


@contextmanager
def _beside(function: Callable[[], Analysis]) -> Iterator[Callable[[], Analysis]]:
    """Do something in another thread meanwhile; torch and numpy leave room for it on a second core."""
    with ThreadPoolExecutor(1, "analysis") as pool:
        yield pool.submit(function).result


def _nobody(share: float) -> None:
    pass


def _never() -> bool:
    return False
