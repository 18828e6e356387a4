"""The score embedding that ships: what comes back, what lies between, and what lies close."""

from __future__ import annotations

import numpy as np
import pytest

from core.explore import paths, registry
from core.explore.score import ScoreSpace, load
from core.song.harmony import Key, in_key_share, pitched_notes
from core.song.notes import Meter, Song, Tempo, Track, make_notes


@pytest.fixture(scope="module")
def space() -> ScoreSpace:
    return load()


def folk(key: int = 0) -> Song:
    """A tune in quavers, eight bars."""
    bars = [
        [0, 2, 4, 5, 7, 7, 9, 7],
        [5, 5, 4, 4, 2, 2, 0, 0],
        [4, 5, 7, 4, 2, 4, 5, 2],
        [0, 4, 7, 4, 0, 0, 0, 0],
    ]
    pitches = 60 + key + np.array(bars * 2).ravel()
    return Song(make_notes(np.arange(64) * 240, 240, pitches, 80), (Track("flute", 73),))


def chorale(key: int = 0) -> Song:
    """Four voices in crotchets, eight bars."""
    chords = np.array([[48, 55, 64, 72], [53, 57, 60, 69], [43, 59, 62, 67], [48, 55, 64, 67]])
    voices = np.tile(chords, (8, 1))
    notes = [make_notes(np.arange(32) * 480, 480, voices[:, voice] + key, 80, voice) for voice in range(4)]
    tracks = tuple(Track(f"voice {voice}", 52, voice) for voice in range(4))
    return Song(np.concatenate(notes), tracks, tempos=(Tempo.from_bpm(0, 72),))


def waltz(key: int = 0) -> Song:
    """Oom-pah-pah under a tune, eight bars of three."""
    bass = make_notes(np.arange(8) * 1440, 480, np.resize([36, 43], 8) + key, 80, 0)
    beats = (np.arange(8)[:, None] * 1440 + [480, 960]).ravel()
    pah = [make_notes(beats, 400, pitch + key, 60, 0) for pitch in (52, 55, 60)]
    tune = make_notes(np.arange(8) * 1440, 1440, np.resize([76, 74, 72, 79], 8) + key, 90, 1)
    tracks = (Track("left", 0, 0), Track("right", 0, 1))
    return Song(np.concatenate([bass, *pah, tune]), tracks, meters=(Meter(0, 3, 4),))


def shared(a: Song, b: Song, *names: str) -> float:
    """F1 of what two songs have in common."""
    ours, theirs = (np.unique(song.notes[list(names)]) for song in (a, b))
    return 2 * len(np.intersect1d(ours, theirs)) / (len(ours) + len(theirs))


@pytest.mark.parametrize("make", [folk, chorale, waltz])
def test_simple_music_comes_back(make, space: ScoreSpace) -> None:
    song = make(2)
    again = paths.reconstruction(song)
    assert [track.program for track in again.tracks] == [track.program for track in song.tracks]
    assert again.meters == song.meters
    assert again.tempos == song.tempos
    assert shared(song, again, "onset") > 0.8
    assert shared(song, again, "onset", "pitch") > 0.4
    assert in_key_share(pitched_notes(again), Key(2)) > 0.9


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_what_lies_between_is_in_key(kind: paths.Kind, space: ScoreSpace) -> None:
    songs = paths.path_of_songs(folk(0), chorale(2), 8, kind=kind)
    for song in songs[1:-1]:
        key = Key(song.keys[0].tonic, song.keys[0].mode)
        assert in_key_share(pitched_notes(song), key) > 0.9
        assert len(song.notes) > 20


def test_a_path_comes_nearer_to_its_end(space: ScoreSpace) -> None:
    a, b = space.read(folk()), space.read(waltz())
    end = space.write(b)
    near = [
        shared(space.write(paths.mixed(a, b, share)), end, "onset", "pitch")
        for share in (0.0, 0.7, 0.85, 1.0)
    ]
    assert near[0] < near[1] <= near[2] <= near[3] == 1.0


def test_two_halves_of_a_piece_lie_closer_than_two_pieces(space: ScoreSpace) -> None:
    pieces = [make(key) for make, key in ((folk, 0), (chorale, 5), (waltz, 9))]
    halves = []
    for song in pieces:
        middle = song.bars.start(4)
        first = song.with_notes(song.notes[song.notes["onset"] < middle])
        second = song.notes[song.notes["onset"] >= middle].copy()
        second["onset"] -= middle
        halves.append([space.encode(first), space.encode(song.with_notes(second))])
    vectors = np.array(halves)
    own = (vectors[:, 0] * vectors[:, 1]).sum(1)
    others = [vectors[i, 0] @ vectors[j, 1] for i in range(3) for j in range(3) if i != j]
    assert own.min() > max(others)


def test_the_registry_gives_it_for_scores(space: ScoreSpace) -> None:
    assert registry.loaded("score").dimensions == space.dimensions == registry.find("score").dimensions
    assert any(row.name == "score" for row in registry.available())
    assert registry.encode(folk()) == pytest.approx(space.encode(folk(2)), abs=1e-6)


def test_its_card_tells_what_was_measured(space: ScoreSpace) -> None:
    figures = space.describe()["figures"]
    ours, dull = figures["reconstruction"]["ours"], figures["reconstruction"]["the two bars before, again"]
    assert ours["note"] > dull["note"]
    assert (
        figures["in_between"]["linear"]["in_key"]["in-between"]
        >= figures["in_between"]["linear"]["in_key"]["real"]
    )
    assert (
        figures["neighbours"]["ours"]["nearest"]["accuracy_95"][0]
        > 5 * figures["neighbours"]["ours"]["chance"]
    )
