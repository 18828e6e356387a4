"""MixTape: its words, its network, its two ways of reading, and what it composes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import pytest
import torch

from core.compose import mixtape
from core.compose.elements import element, elements_of, normal_order, pitch_name, pitches_of
from core.compose.mixtape import Loaded, foretell, length, likeliest, song_of
from core.compose.mixtape_network import Carried, MixTapeNetwork, Windows
from core.compose.request import Request, Update
from core.errors import Cancelled, TunesmithError
from core.song.notes import Song, Track, make_notes

WAYS = (mixtape.LEAST_TEMPERATURE, 1.0)
"""As published, and drawn."""

WORDS = ("C4", "D4", "E4", "G4", "9+0+4", "0+4+7", "7+11+2", "0")


@pytest.fixture
def network() -> MixTapeNetwork:
    torch.set_num_threads(1)
    torch.manual_seed(5)
    found = MixTapeNetwork(len(WORDS), hidden=24, dense=12)
    for name, weight in found.weights().items():
        if "weight_hh" not in name:
            weight *= 40 if name.endswith("l0") else 5  # so that what is foretold depends on what was read
    return found.eval()


@pytest.fixture
def loaded(network: MixTapeNetwork, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    seeds = np.random.default_rng(2).integers(0, len(WORDS), (6, 150)).astype(np.uint16)
    made = Loaded(network, WORDS, seeds)
    monkeypatch.setattr(mixtape, "load", lambda trained_on: made)
    return made


def finished(updates: Iterator[Update]) -> Song:
    *_, last = updates
    assert last.done
    assert last.song is not None
    return last.song


def test_the_published_size() -> None:
    sizes = {name: weight.numel() for name, weight in MixTapeNetwork(201).weights().items()}
    layers = [sum(n for name, n in sizes.items() if f"l{i}" in name) for i in range(3)]
    assert layers == [1_052_672, 2_099_200, 2_099_200]
    assert sizes["dense.weight"] + sizes["dense.bias"] == 131_328
    assert sizes["out.weight"] + sizes["out.bias"] == 51_657
    assert sum(sizes.values()) == 5_434_057


def test_chords_are_named_as_music21_names_them() -> None:
    chord = pytest.importorskip("music21.chord")
    for count in range(1, 13):
        for classes in list(combinations(range(12), count))[::7]:
            assert list(normal_order(classes)) == chord.Chord(list(classes)).normalOrder, classes


def test_notes_are_named_as_music21_names_them() -> None:
    pitch = pytest.importorskip("music21.pitch")
    assert [pitch_name(number) for number in range(128)] == [str(pitch.Pitch(midi=n)) for n in range(128)]


@pytest.mark.parametrize("number", range(21, 109))
def test_a_name_gives_its_pitch_back(number: int) -> None:
    assert pitches_of(pitch_name(number)) == (number,)


def test_elements_are_what_each_track_begins_at_one_time() -> None:
    notes = make_notes(
        [0, 0, 5, 480, 480, 960, 960],
        [480] * 7,
        [60, 48, 64, 70, 58, 50, 36],
        track=[0, 1, 0, 0, 0, 0, 2],
    )
    song = Song(notes, (Track(), Track(), Track(is_drum=True)))
    # C and E a hair apart are one chord; the other hand's C stands alone; two octaves of B flat are a chord of one.
    assert elements_of(song) == ["0+4", "C3", "10", "D3"]
    assert pitches_of("9+0+4") == (69, 60, 64)
    assert element([58, 70]) == "10"


@pytest.mark.parametrize("count", [1, 7, 30])
def test_windows_that_step_together_read_as_each_alone(network: MixTapeNetwork, count: int) -> None:
    window = np.random.default_rng(1).integers(0, len(WORDS), 10).tolist()
    reader, naive = Windows(network, 10, count), list(window)
    for index in window:
        reader.push(index)
    draws = np.random.default_rng(3).integers(0, len(WORDS), count).tolist()
    for place, index in enumerate(draws):
        with torch.inference_mode():
            expected = network(torch.tensor([naive]))[0, -1]
        torch.testing.assert_close(reader.logits(), expected, atol=1e-4, rtol=1e-4)
        if place < count - 1:
            reader.push(index)
            naive = [*naive[1:], index]


def test_a_carried_state_reads_as_one_long_sequence(network: MixTapeNetwork) -> None:
    sequence = np.random.default_rng(1).integers(0, len(WORDS), 40).tolist()
    reader = Carried(network)
    for index in sequence:
        reader.push(index)
    with torch.inference_mode():
        expected = network(torch.tensor([sequence]))[0, -1]
    torch.testing.assert_close(reader.logits(), expected, atol=1e-4, rtol=1e-4)


def test_the_likeliest_is_taken_and_read_back(network: MixTapeNetwork) -> None:
    start = [1, 5, 2, 7, 0]
    found = list(islice(foretell(Windows(network, 5, 12), start), 12))
    window, expected = list(start), []
    for _ in range(12):
        with torch.inference_mode():
            expected.append(likeliest(network(torch.tensor([window]))[0, -1]))
        window = [*window[1:], expected[-1]]
    assert found == expected


PUBLISHED = [(100, 0.5, 26), (200, 0.5, 51), (300, 0.5, 76), (400, 0.5, 101), (500, 0.5, 126)]
PUBLISHED += [(200, 0.6, 61), (200, 0.7, 71), (200, 0.8, 81), (200, 0.9, 91)]


@pytest.mark.parametrize(("count", "offset", "seconds"), PUBLISHED)
def test_durations_are_the_published_ones(count: int, offset: float, seconds: int) -> None:
    words = [WORDS[index % 3] for index in range(count)]
    song = song_of(Request(tempo=120.0), words, offset)
    assert np.ceil(song.seconds) == seconds


def test_elements_are_half_a_beat_apart_and_last_a_beat() -> None:
    song = song_of(Request(), ["C4", "9+0+4", "E4", "E4"])
    assert song.notes["onset"].tolist() == [0, 240, 240, 240, 480, 720]
    assert song.notes["pitch"].tolist() == [60, 60, 64, 69, 64, 64]
    # A pitch that is struck again ends there.
    assert song.notes["duration"].tolist() == [240, 480, 240, 480, 240, 480]


@pytest.mark.parametrize("temperature", WAYS)
def test_it_composes_as_long_as_asked(temperature: float, loaded: Loaded) -> None:
    song = finished(mixtape.compose(Request(temperature=temperature, elements=37, seed=3)))
    assert len(np.unique(song.notes["onset"])) == 37
    assert length(Request(elements=37)) == (37, None)
    for meter, end in (((4, 4), 3 * 1920), ((6, 8), 3 * 1440), ((3, 4), 3 * 1440)):
        song = finished(mixtape.compose(Request(temperature=temperature, bars=3, meter=meter)))
        assert song.end_tick == end
        assert np.unique(song.notes["onset"]).tolist() == list(range(0, end, 240))


def test_the_seed_decides(loaded: Loaded) -> None:
    songs = [finished(mixtape.compose(Request(elements=40, seed=seed))) for seed in (4, 4, 5)]
    assert songs[0] == songs[1]
    assert songs[0] != songs[2]
    # As published, chance is in the window alone.
    windows = [mixtape.window(loaded, np.random.default_rng(seed)) for seed in range(20)]
    assert len({tuple(each) for each in windows}) > 15
    assert {len(each) for each in windows} == {mixtape.WINDOW}


@pytest.mark.parametrize("temperature", WAYS)
def test_updates_together_are_the_song(temperature: float, loaded: Loaded) -> None:
    first, *others = mixtape.compose(Request(elements=21, temperature=temperature))
    assert first.song is not None
    assert not len(first.notes)
    notes = np.concatenate([update.notes for update in others])
    assert np.array_equal(first.song.with_notes(notes).notes, others[-1].song.notes)
    progress = [update.progress for update in others]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def test_a_stream_goes_on_from_what_a_song_is(loaded: Loaded) -> None:
    song = finished(mixtape.compose(Request(elements=30, seed=8)))
    frame, *updates = islice(mixtape.stream(Request(seed=8)), 201)
    assert frame.song == song.with_notes(song.notes[:0])
    assert not any(update.done for update in updates)
    notes = np.concatenate([update.notes for update in updates])
    early = notes[notes["onset"] < 29 * 240]
    assert np.array_equal(song.with_notes(early).notes, song.notes[song.notes["onset"] < 29 * 240])
    assert len(np.unique(notes["onset"])) == 200


def test_the_least_temperature_is_the_papers_way(loaded: Loaded) -> None:
    found = finished(mixtape.compose(Request(elements=30, seed=6, temperature=0.1)))
    start = mixtape.window(loaded, np.random.default_rng(6))
    windows = Windows(loaded.network, mixtape.WINDOW, 30)
    assert found == song_of(Request(), [WORDS[i] for i in islice(foretell(windows, start), 30)])


def test_a_low_temperature_nears_the_likeliest(loaded: Loaded) -> None:
    cold = finished(mixtape.compose(Request(elements=60, seed=2, temperature=0.2, top_p=0.01)))
    start = mixtape.window(loaded, np.random.default_rng(2))
    expected = [WORDS[i] for i in islice(foretell(Carried(loaded.network), start), 60)]
    assert cold == song_of(Request(), expected)


def test_plucked_instruments_get_the_guitars_network(monkeypatch: pytest.MonkeyPatch, loaded: Loaded) -> None:
    asked: list[str] = []
    monkeypatch.setattr(mixtape, "load", lambda trained_on: asked.append(trained_on) or loaded)
    for names in (("guitar",), ("banjo",), ("drums", "violin"), ("piano",), ()):
        finished(mixtape.compose(Request(elements=2, instruments=names)))
    assert asked == ["guitar", "guitar", "piano", "piano", "piano"]
    song = finished(mixtape.compose(Request(elements=2, instruments=("violin",), tempo=90.0)))
    assert [track.program for track in song.tracks] == [40]
    assert song.tempos[0].bpm == pytest.approx(90, abs=0.01)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"elements": 0}, "1 to 20,000"),
        ({"elements": 30_000}, "1 to 20,000"),
        ({"instruments": ("drums",)}, "pitched instrument"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(wish: dict[str, object], words: str, loaded: Loaded) -> None:
    with pytest.raises(TunesmithError, match=words):
        finished(mixtape.compose(replace(Request(), **wish)))


@pytest.mark.parametrize("after", [0, 1, 50, 130])
def test_it_stops_when_told(after: int, loaded: Loaded) -> None:
    asked = iter(range(1000))
    wish = Request(elements=200, temperature=mixtape.LEAST_TEMPERATURE)
    with pytest.raises(Cancelled):
        finished(mixtape.compose(wish, cancelled=lambda: next(asked) >= after))
    assert next(asked) == after + 1


def test_without_weights_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mixtape.load.cache_clear()
    monkeypatch.setattr(mixtape, "find_models", lambda room: [])
    with pytest.raises(TunesmithError, match="learn mixtape"):
        mixtape.load("guitar")
