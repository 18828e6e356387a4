"""Paths: their ends are exact, their steps even, and what stands beside the notes changes as gradually."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import Cancelled, TunesmithError
from core.explore import paths, score
from core.explore.index import Index, Item, unit
from core.explore.score import KIND, ScoreSpace
from core.explore.score_network import ScoreNetwork
from core.song.harmony import Key, in_key_share, pitched_notes
from core.song.midi_file import read_midi, write_midi
from tests.core.explore.kit import SMALL, tune

# -- vectors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_ends_are_the_vectors_themselves_bit_for_bit(kind: paths.Kind) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 5, 7)).astype(np.float32)
    way = paths.between(a, b, 6, kind=kind)
    assert way.shape == (6, 5, 7)
    assert way.dtype == np.float32
    assert np.array_equal(way[0], a)
    assert np.array_equal(way[-1], b)


def test_a_straight_path_has_equal_steps_and_its_middle_is_the_mean() -> None:
    a, b = np.array([0, 0], np.float32), np.array([3, 4], np.float32)
    way = paths.between(a, b, 9)
    assert np.linalg.norm(np.diff(way, axis=0), axis=1) == pytest.approx(np.full(8, 5 / 8), rel=1e-5)
    assert way[4] == pytest.approx([1.5, 2])


def test_a_spherical_path_turns_evenly_and_its_length_changes_evenly() -> None:
    way = paths.between([2, 0], [0, 4], 5, kind="spherical")
    assert np.degrees(np.arctan2(way[:, 1], way[:, 0])) == pytest.approx([0, 22.5, 45, 67.5, 90], abs=1e-3)
    assert np.linalg.norm(way, axis=1) == pytest.approx([2, 2.5, 3, 3.5, 4], rel=1e-5)


def test_a_spherical_path_between_vectors_of_one_direction_goes_straight() -> None:
    assert paths.between([1, 0], [3, 0], 3, kind="spherical")[1] == pytest.approx([2, 0])
    assert np.isfinite(paths.between([1, 0], [-1, 0], 5, kind="spherical")).all()


def test_a_path_through_the_data_goes_round_where_the_data_lie(tmp_path: Path) -> None:
    # Pieces on a bow from x to y by way of z; straight across there is nothing.
    angle = np.linspace(0, np.pi, 41)
    bow = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], 1)
    index = Index(tmp_path / "index", 3)
    index.add([Item(str(n)) for n in range(39)], bow[1:-1])
    a, b = np.float32([1, 0.02, 0]), np.float32([-1, 0.02, 0])
    way = paths.between(a, b, 9, kind="through-data", index=index)
    assert np.array_equal(way[0], a)
    assert np.array_equal(way[-1], b)
    assert way[4, 2] > 0.99
    assert np.linalg.norm(np.diff(way, axis=0), axis=1) == pytest.approx(np.full(8, np.pi / 8), rel=0.05)
    rows = paths.waypoints(a, b, index)
    assert rows == sorted(rows)
    assert len(rows) > 20


def test_what_makes_no_path_is_said() -> None:
    with pytest.raises(TunesmithError, match="2 to 64 steps"):
        paths.between([1, 0], [0, 1], 1)
    with pytest.raises(TunesmithError, match="one embedding"):
        paths.between([1, 0], [0, 1, 2], 3)
    with pytest.raises(TunesmithError, match="needs an index"):
        paths.between([1, 0], [0, 1], 3, kind="through-data")


# -- what stands beside the notes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "middle"),
    [
        (Key(0), Key(2), Key(7)),  # C, G, D
        (Key(0), Key(10), Key(5)),  # C, F, B flat
        (Key(9, "minor"), Key(7), Key(7)),  # the mode of the second from half way on
        (Key(4), Key(8), Key(6)),  # four sharps to four flats, by way of six
    ],
)
def test_keys_change_by_fifths_the_shorter_way_round(a: Key, b: Key, middle: Key) -> None:
    assert paths.key_between(a, b, 0.0) == a
    assert paths.key_between(a, b, 1.0) == b
    if a.mode == b.mode:
        assert paths.key_between(a, b, 0.5) == middle


# -- scores ----------------------------------------------------------------------------------------------


def test_the_ends_of_a_path_are_the_reconstructions(small: ScoreSpace) -> None:
    a, b = tune(0, 80), tune(3, 140, bars=13, parts=3, program=40, beats=3)
    songs = paths.path_of_songs(a, b, 8)
    assert songs[0] == paths.reconstruction(a)
    assert songs[-1] == paths.reconstruction(b)


def test_key_tempo_length_and_instruments_go_from_one_to_the_other(small: ScoreSpace) -> None:
    a, b = tune(0, 80, bars=8), tune(2, 180, bars=16, parts=3, program=40)
    frames = [paths.mixed(small.read(a), small.read(b), share).frame for share in np.linspace(0, 1, 8)]
    assert [frame.key.name for frame in frames] == ["C major"] * 2 + ["G major"] * 4 + ["D major"] * 2
    tempi = np.array([frame.bpm for frame in frames])
    assert tempi[1:] / tempi[:-1] == pytest.approx(np.full(7, (180 / 80) ** (1 / 7)), rel=1e-4)
    assert [len(frame.bar_steps) for frame in frames] == [8, 9, 10, 11, 13, 14, 15, 16]
    changed = [int((frame.programs == frames[-1].programs).sum()) for frame in frames]
    assert changed == sorted(changed)
    assert max(np.diff(changed)) == 1


def test_what_is_written_is_playable_whatever_the_network_says(small: ScoreSpace) -> None:
    a, b = tune(0, beats=4), tune(5, beats=3, parts=5)
    for song in paths.path_of_songs(a, b, 5):
        assert len(song.notes)
        assert song.notes["pitch"].max() < 128
        assert (song.notes["duration"] > 0).all()
        assert ((song.notes["velocity"] > 0) & (song.notes["velocity"] < 128)).all()
        keys = song.notes[["onset", "track", "pitch"]]
        assert len(np.unique(keys)) == len(keys)


def test_between_scores_a_way_through_the_data_leads_by_pieces_of_the_index(
    small: ScoreSpace, tmp_path: Path
) -> None:
    a, b, middle = tune(0), tune(7, 120), tune(2, 80)
    with pytest.raises(TunesmithError, match="index"):
        paths.path_of_songs(a, b, 3, kind="through-data")
    write_midi(middle, tmp_path / "middle.mid")
    index = Index(tmp_path / "index", small.dimensions)
    # It lies between the two, so that the way leads by it, half way.
    vector = unit(unit(small.encode(a)) + unit(small.encode(b)))
    index.add([Item("middle", {"source": "files", "path": str(tmp_path / "middle.mid")})], vector)
    songs = paths.path_of_songs(a, b, 3, kind="through-data", index=index)
    assert songs[0] == paths.reconstruction(a)
    assert songs[-1] == paths.reconstruction(b)
    expected = paths.reconstruction(read_midi(tmp_path / "middle.mid"))
    assert np.array_equal(songs[1].notes, expected.notes)
    assert songs[1].keys == expected.keys


def test_files_of_a_path_hold_what_the_songs_are(small: ScoreSpace, tmp_path: Path) -> None:
    a, b = tmp_path / "a.mid", tmp_path / "b.mid"
    write_midi(tune(0), a)
    write_midi(tune(7, 120), b)
    walk = paths.path_of_files(a, b, 8, tmp_path / "way")
    assert walk.embedding == "score"
    assert [path.name for path in walk.files] == [f"step-{n:02}.mid" for n in range(1, 9)]
    songs = paths.path_of_songs(read_midi(a), read_midi(b), 8)
    for path, song in zip(walk.files, songs, strict=True):
        assert np.array_equal(read_midi(path).notes, song.notes)
    assert [walk.steps[0]["key"], walk.steps[-1]["key"]] == ["C major", "G major"]
    assert walk.steps[-1]["tempo_bpm"] == pytest.approx(120)
    again = paths.path_of_files(a, b, 8, tmp_path / "again")
    assert [path.read_bytes() for path in walk.files] == [path.read_bytes() for path in again.files]


def test_a_cancelled_path_writes_nothing(small: ScoreSpace, tmp_path: Path) -> None:
    a, b = tmp_path / "a.mid", tmp_path / "b.mid"
    write_midi(tune(0), a)
    write_midi(tune(7), b)
    calls = iter([False] * 6)
    with pytest.raises(Cancelled):
        paths.path_of_files(a, b, 8, tmp_path / "way", cancelled=lambda: next(calls, True))
    assert not (tmp_path / "way").exists()


def test_a_spectrogram_is_a_picture_with_low_below() -> None:
    picture = np.full((64, 10), -80, np.float32)
    picture[0] = 0
    image = paths.spectrogram(picture)
    assert image.shape == (64 * paths.PIXELS, 10 * paths.PIXELS, 3)
    assert image[-1].mean() > 200
    assert image[0].mean() < 20


# -- the space -------------------------------------------------------------------------------------------


def test_a_vector_has_length_one_and_does_not_know_key_or_tempo(small: ScoreSpace) -> None:
    vector = small.encode(tune(0, 80))
    assert vector.shape == (64,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(vector, small.encode(tune(5, 150)))


def test_a_place_is_decoded_as_two_bars(small: ScoreSpace) -> None:
    song = small.decode(small.encode(tune()))
    assert song.bars.bar_at(max(0, int(song.notes["onset"].max(initial=0)))) < 2
    assert in_key_share(pitched_notes(song), Key(0)) >= 0


def test_units_do_not_know_of_each_other(small: ScoreSpace) -> None:
    """A piece's latent vectors are those of its units, whatever stands around them."""
    whole, half = small.read(tune(bars=8)), small.read(tune(bars=4))
    assert whole.latents[:2] == pytest.approx(half.latents, abs=1e-5)


def test_weights_of_another_network_are_refused() -> None:
    network = ScoreNetwork(SMALL)
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    card = {"kind": KIND, "name": "odd", "shape": vars(SMALL) | {"writer": 40}}
    with pytest.raises(TunesmithError, match="another network"):
        score.space_of(tensors, card)
    with pytest.raises(TunesmithError, match="no embedding of scores"):
        score.space_of(tensors, {"name": "odd", "kind": "generator"})
