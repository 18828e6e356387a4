"""Collection, library and files come into an index once, whatever happens half way, and out of it again."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.compose.recipe import request_of
from core.compose.styles import STYLES
from core.errors import Cancelled, TunesmithError
from core.explore import atlas, collection, library
from core.explore.region import conditions
from core.learn.collection import FREE, learn_collection_vectors, request_for, write_collection
from core.song.midi_file import midi_bytes, write_midi
from core.store.folders import assets_folder
from core.store.library import Library
from tests.core.explore.pretend import NAME, PretendSpace, install, tune


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PretendSpace:
    made = install(monkeypatch, tmp_path / "home")
    pieces = [
        (
            collection.Piece(
                f"composed/{n}.mid", f"Piece {n}", "composed", "jazz", "C major", 100, 16, "CC0 1.0", "us"
            ),
            midi_bytes(tune(n, title=f"Piece {n}")),
        )
        for n in range(4)
    ]
    path = tmp_path / "collection.zip"
    write_collection(path, pieces)
    monkeypatch.setattr(collection, "collection_path", lambda: path)
    collection.collection.cache_clear()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "songs"
    (place / "below").mkdir(parents=True)
    for n in range(40):
        write_midi(tune(n % 12, seed=n), place / ("below" if n % 2 else ".") / f"{n:02}.mid")
    (place / "broken.mid").write_bytes(b"MThd\0\0")
    return place


def test_everything_comes_in_once_and_is_its_own_neighbour(space: PretendSpace, folder: Path) -> None:
    with Library() as kept:
        number = kept.add(tune(7, seed=99), title="Mine")
    index = library.index_of(NAME)
    things = [*library.standing(), *library.file_things([folder])]
    filled = library.fill(index, things, NAME)
    assert (filled.added, filled.known) == (45, 0)
    assert [title for title, _ in filled.failed] == ["broken"]
    before = len(space.encoded)
    again = library.fill(library.index_of(NAME), things[:-1], NAME)
    assert (again.added, again.known, len(space.encoded)) == (0, 45, before)
    row = next(row for row, item in enumerate(index.items) if item.about["title"] == "Mine")
    assert index.nearest(space.encode(tune(7, seed=99)), 1)[0].row == row
    assert index.items[row].about["number"] == number
    assert index.items[row].about["notes_per_beat"] == 2.0


def test_what_is_nearest_is_looked_for_in_the_collection_before_there_is_a_map(space: PretendSpace) -> None:
    found = library.nearest_to(tune(2, seed=5), 3)
    assert len(found) == 3
    assert found[0][0].about["source"] == "collection"
    likeness = [like for _, like in found]
    assert likeness == sorted(likeness, reverse=True)
    assert len(library.index_of(NAME)) == 4


def test_a_copy_of_a_file_is_the_same_piece(space: PretendSpace, tmp_path: Path) -> None:
    write_midi(tune(3), tmp_path / "a.mid")
    (tmp_path / "b.mid").write_bytes((tmp_path / "a.mid").read_bytes())
    index = library.index_of(NAME)
    filled = library.fill(index, library.file_things([tmp_path / "a.mid", tmp_path / "b.mid"]), NAME)
    assert (filled.added, filled.known, len(index)) == (1, 1, 1)


def test_what_was_done_before_a_cancel_stays_and_the_rest_follows(space: PretendSpace, folder: Path) -> None:
    things = library.file_things([folder])
    index, looks = library.index_of(NAME), iter(range(10**6))
    with pytest.raises(Cancelled):
        library.fill(index, things, NAME, cancelled=lambda: len(space.encoded) >= 20 and next(looks) > 2)
    done = len(library.index_of(NAME))
    assert 16 <= done <= 21
    told: list[float] = []
    filled = library.fill(library.index_of(NAME), things, NAME, progress=told.append)
    assert filled.added == 40 - done
    assert (np.diff(told) > -1e-9).all()
    assert told[-1] == 1.0


def test_what_sounds_is_found_again_or_said_to_be_gone(space: PretendSpace, tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    write_midi(tune(3), path)
    with Library() as kept:
        kept.add(tune(5), title="Mine")
    index = library.index_of(NAME)
    library.fill(index, [*library.standing(), *library.file_things([path])], NAME)
    for item in index.items:
        vector = space.encode(library.opened(item.about))
        row = index.row_of(item.key)
        assert np.allclose(vector / np.linalg.norm(vector), index.vectors[row], atol=1e-6)
    path.unlink()
    with pytest.raises(TunesmithError, match="no longer there"):
        library.opened(next(item.about for item in index.items if item.about["source"] == "files"))


def test_a_piece_in_the_trash_leaves_the_map(space: PretendSpace) -> None:
    with Library() as kept:
        number = kept.add(tune(5), title="Mine")
        kept.add(tune(6), title="Kept")
    index = library.index_of(NAME)
    library.fill(index, library.standing(), NAME)
    assert len(list(library.present(index, library.standing()))) == 6
    with Library() as kept:
        kept.delete(number)
    shown = [index.items[row].about["title"] for row in library.present(index, library.standing())]
    assert sorted(shown) == ["Kept", "Piece 0", "Piece 1", "Piece 2", "Piece 3"]


def test_other_weights_begin_another_index(
    space: PretendSpace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = library.folder_of(NAME)
    models = library.find_models()
    cards = [type(each)(each.name, each.path, {**each.card, "sha256": "f" * 64}) for each in models]
    monkeypatch.setattr(library, "find_models", lambda: cards)
    assert library.folder_of(NAME) != first
    monkeypatch.setattr(library, "find_models", list)
    with pytest.raises(TunesmithError, match="missing"):
        library.folder_of(NAME)


def test_a_map_stays_where_it_was_and_takes_in_what_comes(
    space: PretendSpace, folder: Path, tmp_path: Path
) -> None:
    index = library.index_of(NAME)
    things = library.file_things([folder])
    library.fill(index, things[:36], NAME)
    first = atlas.chart(index, tmp_path / "maps", "pca")
    assert np.array_equal(atlas.chart(index, tmp_path / "maps", "pca").places, first.places)
    library.fill(index, things, NAME)
    assert not atlas.is_ready(index, tmp_path / "maps", "pca")
    grown = atlas.chart(index, tmp_path / "maps", "pca")
    assert np.array_equal(grown.places[:36], first.places)
    assert (len(grown.places), grown.made) == (40, 36)
    assert ((grown.trust >= 0) & (grown.trust <= 1)).all()
    anew = atlas.chart(index, tmp_path / "maps", "pca", anew=True)
    assert anew.made == 40
    assert np.abs(anew.places - grown.places).mean() < 0.1  # it lies as the old one did


def test_a_damaged_map_is_made_again(space: PretendSpace, folder: Path, tmp_path: Path) -> None:
    index = library.index_of(NAME)
    library.fill(index, library.file_things([folder]), NAME)
    first = atlas.chart(index, tmp_path, "pca")
    path = tmp_path / "map-pca.npz"
    path.write_bytes(path.read_bytes()[:300])
    assert np.allclose(atlas.chart(index, tmp_path, "pca").places, first.places)


def test_groups_are_the_clusters_and_the_same_again() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 16)) * 5
    kind = np.repeat(np.arange(4), (40, 30, 20, 10))
    rows = (centres[kind] + rng.normal(size=(100, 16))).astype(np.float32)
    found = atlas.groups(rows, 4)
    assert np.array_equal(found, kind)  # the largest first
    assert np.array_equal(found, atlas.groups(rows, 4))
    assert atlas.groups(rows[:1]).tolist() == [0]


def test_a_region_asks_for_what_its_pieces_share() -> None:
    waltzes = [
        {"genre": "waltz", "key": key, "tempo_bpm": tempo, "notes_per_beat": 2.0, "composer": "Chopin"}
        for key, tempo in (("A minor", 120), ("A minor", 132), ("C major", 126), ("E minor", 180))
    ]
    others = [{"notes_per_beat": float(n)} for n in range(5)]
    asked = conditions(waltzes, [*others, *waltzes], {"waltz", "jazz"}, {"Chopin"})
    assert asked == {
        "style": "waltz", "composer": "Chopin", "key": "A minor", "tempo": 129.0, "density": pytest.approx(0.25),
    }  # fmt: skip
    mixed = [{"genre": "hymn"}, {"genre": "hymn", "key": "D major"}, {"genre": "waltz"}, {}]
    assert conditions(mixed, mixed, {"waltz", "chorale"}, ()) == {"style": "chorale"}
    assert conditions([], others, {"waltz"}, ()) == {}


def test_the_collection_says_what_it_may_be_used_for(space: PretendSpace) -> None:
    pieces = collection.collection()
    assert [piece.title for piece in pieces] == ["Piece 0", "Piece 1", "Piece 2", "Piece 3"]
    assert collection.song_of(pieces[2]).title == "Piece 2"
    assert midi_bytes(tune(2, title="Piece 2")) == collection.midi_of(pieces[2])
    assert {piece.licence for piece in pieces} == {"CC0 1.0"}


def test_where_the_collection_lies_is_known_of_the_weights_that_ship(
    space: PretendSpace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(collection, "assets_folder", lambda: tmp_path)
    found = learn_collection_vectors(out=tmp_path)
    assert (found["pieces"], found["embeddings"]) == (4, [NAME])
    before = len(space.encoded)
    assert learn_collection_vectors(out=tmp_path) == found  # what is there already stays
    index = library.index_of(NAME)
    library.fill(index, library.standing(), NAME)
    assert len(space.encoded) == before  # none was embedded anew
    for item in index.items:
        vector = space.encode(library.opened(item.about))
        row = index.row_of(item.key)
        assert np.allclose(vector / np.linalg.norm(vector), index.vectors[row], atol=2e-3)
    assert collection.vectors_of(NAME, "0" * 64) == {}
    (tmp_path / collection.VECTORS).write_bytes(b"PK")
    collection.vectors_of.cache_clear()
    assert collection.vectors_of(NAME, library.weights_of(NAME)) == {}


def test_the_collection_that_ships_is_whole_and_may_be_passed_on() -> None:
    collection.collection.cache_clear()
    pieces = collection.collection(assets_folder() / collection.FILE)
    assert len(pieces) >= 400
    assert {piece.kind for piece in pieces} == {"composed", "score"}
    assert {piece.licence for piece in pieces} <= set(FREE)
    assert len({piece.name for piece in pieces}) == len(pieces)
    assert {piece.genre for piece in pieces if piece.kind == "composed"} == set(STYLES)
    for piece in pieces[::9]:
        song = collection.song_of(piece, assets_folder() / collection.FILE)
        assert len(song.notes) >= 16
        assert song.seconds == pytest.approx(piece.seconds, abs=0.1)
        if piece.kind == "composed":
            request = request_of(piece.recipe)
            assert request_for(request.style, request.seed % 1000) == request
        else:
            assert piece.composer
            assert piece.origin


def test_a_damaged_collection_gets_one_line(tmp_path: Path) -> None:
    path = tmp_path / "c.zip"
    path.write_bytes(b"PK nothing")
    with pytest.raises(TunesmithError, match="install Tunesmith again"):
        collection.collection(path)
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("collection.json", '{"format": 1, "pieces": [{}]}')
    with pytest.raises(TunesmithError, match="damaged"):
        collection.collection(tmp_path / "d.zip")
    assert collection.collection(tmp_path / "none.zip") == ()


def test_the_same_number_asks_for_the_same_music() -> None:
    assert request_for("jazz", 3) == request_for("jazz", 3)
    assert request_for("jazz", 3) != request_for("jazz", 4)
    assert request_for("waltz", 0).meter == (3, 4)
