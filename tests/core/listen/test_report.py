"""One call tells all of a file: what is joined, what is left out, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import Cancelled, TunesmithError
from core.listen import decode, registry
from core.listen.report import MelodyNote, Report, Span, Verdict, listen
from core.song.midi_file import write_midi
from core.song.notes import Song, Tempo, make_notes

RATE = 22050


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    yield
    decode.close()


@pytest.fixture
def chord(tmp_path) -> Path:
    """A minor, struck twice a second for eight seconds."""
    at = np.arange(8 * RATE) / RATE
    sound = sum(np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * at) for pitch in (45, 57, 60, 64, 69))
    path = tmp_path / "chord.flac"
    soundfile.write(path, 0.15 * sound * np.exp(-6 * (at % 0.5)), RATE)
    return path


@pytest.fixture
def scale(tmp_path) -> Path:
    """Eight bars of D major over its chords, at 100 beats a minute."""
    melody = [62, 64, 66, 67, 69, 71, 73, 74] * 4
    notes = make_notes(np.arange(32) * 480, 480, melody)
    bass = make_notes(np.arange(8) * 1920, 1920, 38)
    path = tmp_path / "scale.mid"
    write_midi(Song(np.concatenate([notes, bass]), tempos=(Tempo.from_bpm(0, 100),)), path)
    return path


def fake(name: str, tells: str, verdict: Verdict, hears: str = "recording") -> registry.Classifier:
    return registry.Classifier(
        name, name, tells, "ours", "", name, lambda heard, model: replace(verdict, model=model), hears
    )


@pytest.fixture
def classifiers(monkeypatch):
    """Put other classifiers in the place of those that are installed."""

    def put(*entries: registry.Classifier) -> None:
        monkeypatch.setattr(registry, "CLASSIFIERS", {entry.name: entry for entry in entries})
        monkeypatch.setattr(registry, "installed", lambda: entries)
        monkeypatch.setattr(
            registry, "timeline", lambda heard, name="": (Span(0.0, heard.duration_s, f"by {name}"),)
        )

    put()
    return put


CLASSICAL = Verdict("classical", (("classical", 0.8), ("jazz", 0.2)))
ROCK = Verdict("rock", (("rock", 0.9), ("classical", 0.1)))
HAYDN = Verdict("Haydn", (("Haydn", 0.7), ("Brahms", 0.3)))


def test_sound_is_analysed(chord, classifiers) -> None:
    report = listen(chord)
    assert (report.file, report.kind) == (str(chord), "audio")
    assert report.duration_s == 8.0
    assert report.key == "A minor"
    assert report.tempo_bpm == pytest.approx(120, rel=0.04)
    assert len(report.beats_s) >= 12
    assert {span.label for span in report.chords} & {"Am", "A:min"}
    assert report.seconds > 0
    assert report.warnings == ()


def test_without_weights_nothing_is_made_up(chord, classifiers) -> None:
    report = listen(chord)
    assert (report.genre, report.composer, report.timeline) == (None, None, ())
    told = report.as_json()
    assert (told["genre"], told["genre_verdict"]) == ([], None)


def test_the_genre_has_a_timeline_and_the_composer_is_told_of_classical_music_alone(
    chord, classifiers
) -> None:
    composer = fake("who", "composer", HAYDN)
    classifiers(fake("judge", "genre", CLASSICAL), composer)
    report = listen(chord)
    assert report.genre == replace(CLASSICAL, model="judge")
    assert report.timeline[0].label == "by judge"
    assert report.composer == replace(HAYDN, model="who")
    classifiers(fake("judge", "genre", ROCK), composer)
    assert listen(chord).composer is None


def test_a_classifier_that_is_asked_for_takes_the_place_of_the_first(chord, classifiers) -> None:
    classifiers(
        fake("judge", "genre", ROCK), fake("other", "genre", CLASSICAL), fake("who", "composer", HAYDN)
    )
    assert listen(chord).genre == replace(ROCK, model="judge")
    assert listen(chord, model="other").genre == replace(CLASSICAL, model="other")
    told = listen(chord, model="who")
    assert (told.genre.label, told.composer.label) == ("rock", "Haydn")
    with pytest.raises(TunesmithError, match="no classifier 'nobody'"):
        listen(chord, model="nobody")


def test_a_classifier_of_notes_is_not_asked_of_sound_nor_the_other_way(chord, scale, classifiers) -> None:
    classifiers(fake("notes", "composer", HAYDN, "score"), fake("sound", "composer", HAYDN))
    with pytest.raises(TunesmithError, match="give a MIDI file"):
        listen(chord, model="notes")
    with pytest.raises(TunesmithError, match="give an audio file"):
        listen(scale, model="sound")


def test_a_score_is_read_exactly(scale, classifiers) -> None:
    classifiers(fake("notes", "composer", HAYDN, "score"), fake("sound", "composer", ROCK))
    report = listen(scale)
    assert report.kind == "midi"
    assert report.duration_s == pytest.approx(32 * 0.6)
    assert report.tempo_bpm == pytest.approx(100, abs=0.01)
    assert report.key == "D major"
    assert report.beats_s[:3] == pytest.approx((0.0, 0.6, 1.2))
    assert report.downbeats_s[:2] == pytest.approx((0.0, 2.4))
    assert report.composer == replace(HAYDN, model="notes")
    assert report.genre.model == "style"
    assert sum(chance for _, chance in report.genre.chances) == pytest.approx(1.0)


def test_a_score_is_known_by_its_content(scale, tmp_path, classifiers) -> None:
    other = tmp_path / "song.wav"
    other.write_bytes(scale.read_bytes())
    assert listen(other).kind == "midi"


def test_a_score_with_hardly_a_note_says_what_is_missing(tmp_path, classifiers) -> None:
    write_midi(Song(), tmp_path / "none.mid")
    assert listen(tmp_path / "none.mid").warnings == ("there is not a note in it",)
    write_midi(Song(make_notes([0, 480], 480, [60, 64])), tmp_path / "two.mid")
    report = listen(tmp_path / "two.mid")
    assert report.genre is None
    assert "no genre: " in report.warnings[0]


@pytest.mark.parametrize(
    ("samples", "told"),
    [(np.zeros(2 * RATE), "it is silent"), (0.5 * np.sin(np.arange(RATE // 2) * 0.1), "too short")],
)
def test_of_silence_and_of_an_instant_nothing_is_told(tmp_path, classifiers, samples, told) -> None:
    classifiers(fake("judge", "genre", ROCK))
    soundfile.write(tmp_path / "odd.wav", samples, RATE)
    report = listen(tmp_path / "odd.wav")
    assert report.genre is None
    assert report.tempo_bpm is None
    assert told in report.warnings[-1]


def test_progress_rises_and_cancelling_ends_it(chord, classifiers) -> None:
    classifiers(fake("judge", "genre", ROCK))
    shares: list[float] = []
    listen(chord, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    with pytest.raises(Cancelled):
        listen(chord, cancelled=lambda: len(shares) > 0)


def test_json_has_the_words_of_the_contract() -> None:
    report = Report(
        "a.mp3", "audio", 12.5, genre=ROCK, tempo_bpm=120.0, beats_s=(0.5,), key="D minor", key_confidence=0.4,
        chords=(Span(0.0, 1.0, "Dm", 0.5),), structure=(Span(0.0, 12.5, "A"),), melody=(MelodyNote(0.0, 1.0, 62.1),),
        timeline=(Span(0.0, 12.5, "rock", 0.9),), seconds=0.8,
    )  # fmt: skip
    assert report.as_json() == {
        "kind": "audio",
        "duration_s": 12.5,
        "genre": [{"label": "rock", "p": 0.9}, {"label": "classical", "p": 0.1}],
        "genre_verdict": "rock",
        "composer": [],
        "composer_verdict": None,
        "tempo_bpm": 120.0,
        "beats_s": [0.5],
        "downbeats_s": [],
        "key": "D minor",
        "key_confidence": 0.4,
        "chords": [{"start_s": 0.0, "end_s": 1.0, "label": "Dm", "confidence": 0.5}],
        "structure": [{"start_s": 0.0, "end_s": 12.5, "label": "A", "confidence": 1.0}],
        "melody": [{"start_s": 0.0, "end_s": 1.0, "pitch": 62.1}],
        "timeline": [{"start_s": 0.0, "end_s": 12.5, "label": "rock", "confidence": 0.9}],
        "seconds": 0.8,
        "warnings": [],
    }
