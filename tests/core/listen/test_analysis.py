"""The analysis of sounds made here, of which everything is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from core.errors import Cancelled
from core.listen import analysis
from core.listen.analysis_frames import SAMPLE_RATE, FrameMaker, Frames
from core.listen.melody import find_melody
from core.song.harmony import CHORDS, parse_chord
from core.song.notes import Meter, Song, Tempo, Track, make_notes
from core.sound.render import render
from core.sound.soundfont import BUILT_IN_NAME, own_folder

BEAT = 480
ROUND = ("C", "Am", "F", "G") * 3


def frames_of(sound: np.ndarray) -> Frames:
    maker = FrameMaker()
    maker.push(sound.astype(np.float32))
    return maker.finish()


def played(song: Song) -> Frames:
    return frames_of(render(song, soundfont=own_folder() / BUILT_IN_NAME, sample_rate=SAMPLE_RATE).mean(1))


def clicks(bpm: float, seconds: float = 20.0, start: float = 0.5) -> np.ndarray:
    sound = np.zeros(int(seconds * SAMPLE_RATE))
    burst = np.random.default_rng(0).normal(size=400) * np.exp(-np.arange(400) / 60)
    for at in np.arange(start, seconds - 0.1, 60 / bpm):
        first = int(at * SAMPLE_RATE)
        sound[first : first + 400] += 0.3 * burst
    return sound


def song_of(chords: tuple[str, ...], bpm: float = 100.0, program: int = 0, drums: bool = False) -> Song:
    """A bar of each chord: its notes in half bars, its root below, and drums if asked."""
    onsets, lengths, pitches, tracks = [], [], [], []
    for bar, name in enumerate(chords):
        root, suffix = parse_chord(name)
        for half in (0, 2):
            for step in CHORDS[suffix]:
                onsets.append((4 * bar + half) * BEAT)
                lengths.append(2 * BEAT)
                pitches.append(60 + (root + step) % 12)
                tracks.append(0)
            onsets.append((4 * bar + half) * BEAT)
            lengths.append(2 * BEAT)
            pitches.append(36 + root)
            tracks.append(1)
        for beat in range(4 if drums else 0):
            for pitch in (36 if beat % 2 == 0 else 38, 42):
                onsets.append((4 * bar + beat) * BEAT)
                lengths.append(BEAT // 4)
                pitches.append(pitch)
                tracks.append(2)
    parts = (Track("chords", program), Track("bass", 33, 1), Track("drums", 0, 9, True))
    notes = make_notes(onsets, lengths, pitches, 90, tracks)
    return Song(notes, parts, tempos=(Tempo.from_bpm(0, bpm),), meters=(Meter(0, 4, 4),))


@cache
def analysed_round(program: int, drums: bool) -> analysis.Analysis:
    return analysis.analyse(played(song_of(ROUND, program=program, drums=drums)))


@pytest.mark.parametrize("bpm", [66, 84, 100, 128, 155])
def test_clicks_are_beats(bpm: int) -> None:
    found = analysis.analyse(frames_of(clicks(bpm)))
    ratio = found.tempo_bpm / bpm
    assert min(abs(ratio / octave - 1) for octave in (0.5, 1, 2)) < 0.01
    beats = np.array(found.beats_s)
    every = np.arange(0.5, 19.9, 30 / bpm)  # half as far apart: an octave is a matter of taste
    assert np.abs(beats[:, None] - every).min(1).max() < 0.04


def test_beats_follow_a_band() -> None:
    found = analysed_round(0, True)
    assert found.tempo_bpm == pytest.approx(100, rel=0.01)
    beats = np.array(found.beats_s)
    true = np.arange(0, 12 * 4) * 0.6
    near = np.abs(true[:, None] - beats).min(1) < 0.05
    assert near.mean() > 0.9
    assert found.tempo_confidence > 0.5


@pytest.mark.parametrize(("program", "drums"), [(0, False), (0, True), (48, False), (25, True)])
def test_chords_of_a_round_are_heard(program: int, drums: bool) -> None:
    found = analysed_round(program, drums)
    right = 0
    for bar, name in enumerate(ROUND):
        middle = (bar + 0.5) * 2.4
        heard = next(span.label for span in found.chords if span.start_s <= middle < span.end_s)
        right += parse_chord(heard)[0] == parse_chord(name)[0] and ("m" in heard) == ("m" in name)
    assert right >= 11
    starts = [span.start_s for span in found.chords]
    assert starts == sorted(starts)
    assert starts[0] == 0


@pytest.mark.parametrize(
    ("chords", "key"),
    [
        (("C", "F", "G", "C", "Am", "F", "G", "C"), "C major"),
        (("Em", "Am", "B7", "Em", "C", "Am", "B7", "Em"), "E minor"),
        (("Eb", "Ab", "Bb7", "Eb", "Cm", "Ab", "Bb7", "Eb"), "Eb major"),
    ],
)
def test_the_key_of_a_cadence(chords: tuple[str, ...], key: str) -> None:
    found = analysis.analyse(played(song_of(chords)))
    assert found.key is not None
    assert found.key.name == key
    assert 0 < found.key_confidence <= 1


def test_a_melody_over_chords() -> None:
    tune = (72, 74, 76, 77, 79, 77, 76, 74) * 2
    backing = song_of(("C", "G", "C", "G"), bpm=100)
    notes = make_notes(np.arange(16) * BEAT, BEAT, tune, 115, 3)
    song = Song(
        np.concatenate([backing.notes, notes]),
        (*backing.tracks, Track("melody", 73, 2)),
        tempos=backing.tempos,
    )
    found = analysis.analyse(played(song))
    middles = (np.arange(16) + 0.5) * 0.6
    heard = [
        next((note.pitch for note in found.melody if note.start_s <= at < note.end_s), 0.0) for at in middles
    ]
    assert np.mean(np.abs(np.array(heard) - tune) < 0.5) > 0.7


def test_the_form_of_two_parts() -> None:
    first, second = ("C", "F", "G", "C") * 2, ("Am", "Dm", "E7", "Am") * 2
    loud = song_of(first + second + first, bpm=120)
    third = loud.notes["onset"] // (32 * BEAT)
    notes = loud.notes.copy()
    notes["track"][(third == 1) & (notes["track"] == 0)] = 2
    song = Song(notes, (Track("a", 0), Track("bass", 33, 1), Track("b", 48, 2)), tempos=loud.tempos)
    found = analysis.analyse(played(song)).structure
    starts = np.array([part.start_s for part in found])
    for edge in (16.0, 32.0):
        assert np.abs(starts - edge).min() < 1.5
    at = {second: next(p.label for p in found if p.start_s <= second < p.end_s) for second in (8, 24, 40)}
    assert at[8] == at[40] != at[24]


def test_onsets_are_where_tones_begin() -> None:
    found = analysis.analyse(frames_of(clicks(120, 10.0)))
    true = np.arange(0.5, 9.9, 0.5)
    onsets = np.array(found.onsets_s)
    assert len(onsets) == len(true)
    np.testing.assert_allclose(onsets, true, atol=0.03)


def test_silence_has_nothing() -> None:
    found = analysis.analyse(frames_of(np.zeros(5 * SAMPLE_RATE)))
    assert found == analysis.Analysis()


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.5, 2.0])
def test_short_recordings_are_no_trouble(seconds: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, int(seconds * SAMPLE_RATE))
    found = analysis.analyse(frames_of(noise))
    assert all(0 <= beat <= seconds for beat in found.beats_s)
    assert all(span.end_s <= seconds + 0.01 for span in found.chords)


def test_it_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        analysis.analyse(frames_of(clicks(120, 3.0)), cancelled=lambda: True)


def test_the_search_for_a_melody_can_be_ended_on_the_way() -> None:
    frames = frames_of(0.1 * np.sin(2 * np.pi * 440 * np.arange(200 * SAMPLE_RATE) / SAMPLE_RATE))
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        find_melody(frames, look)
