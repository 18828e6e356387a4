"""The library keeps what it is given, finds it again, and survives what happens to files."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.compose.recipe import request_of
from core.compose.request import Request
from core.errors import TunesmithError
from core.song.notes import Song, Tempo, Track, make_notes
from core.store import library as library_module
from core.store.library import KIND, Library, Search, keep, library_path, recipe_of, remember
from core.store.settings import load_settings, save_settings

ROOT = Path(__file__).parents[3]


def scale(tonic: int = 0, bpm: float = 120, title: str = "") -> Song:
    pitches = 60 + tonic + np.array([0, 4, 7, 12, 11, 9, 7, 5, 4, 2, 0, 4, 7, 4, 0, 0])
    notes = make_notes(np.arange(16) * 480, 480, pitches)
    return Song(notes=notes, tracks=(Track("Lead"),), tempos=(Tempo.from_bpm(0, bpm),), title=title)


@pytest.fixture
def library():
    with Library() as opened:
        yield opened


def titles(library, **search):
    return [piece.title for piece in library.find(Search(**search))]


def test_a_piece_comes_back_as_it_went_in(library, song):
    number = library.add(song, title="All of it")
    assert library.song(number) == song
    piece = library.piece(number)
    assert (piece.title, piece.kind, piece.generator, piece.rating) == ("All of it", "imported", "", 0)
    assert (piece.notes, piece.recipe, piece.seed) == (200, {}, None)
    assert piece.seconds == pytest.approx(song.seconds)
    assert piece.tempo == 120


def test_what_was_composed_is_remembered_with_its_recipe():
    request = Request(style="waltz", key="G major", meter=(3, 4), seed=42, song=scale(2))
    number = remember(scale(7), request)
    with Library() as library:
        piece = library.piece(number)
    assert (piece.kind, piece.generator, piece.seed) == ("composed", "flagship", 42)
    assert piece.title == "Waltz in G major"
    assert piece.recipe["meter"] == [3, 4]
    assert piece.recipe["continues"].startswith("TS-")
    assert "song" not in piece.recipe
    assert request_of(piece.recipe, request.song) == request


def test_the_same_piece_is_kept_once_and_comes_back_from_the_trash(library):
    first = library.add(scale(), tags=["keep"])
    library.delete(first)
    assert library.add(scale()) == first
    assert not library.piece(first).deleted
    assert library.add(scale(), recipe={"seed": 1}) != first
    assert library.add(scale(1)) != first


def test_searching(library):
    one = library.add(scale(0, 100, "Étude in blue"), rating=5, tags=["Night", "slow walk"])
    two = library.add(scale(2, 140, "100 % sure_"), recipe={"generator": "mixtape", "style": "jazz"})
    library.add(scale(9, 180, "Blues"), recipe={"generator": "flagship", "instruments": ["flute"]}, rating=3)
    assert titles(library) == ["Blues", "100 % sure_", "Étude in blue"]
    assert titles(library, text="etude") == titles(library, text="ÉTU blue") == ["Étude in blue"]
    assert titles(library, text="blu") == ["Blues", "Étude in blue"]
    assert titles(library, text="lue") == []
    assert titles(library, text="flute") == ["Blues"]
    assert titles(library, text="jazz mixtape lead") == ["100 % sure_"]
    assert titles(library, text="nig") == ["Étude in blue"]
    assert titles(library, text="%") == ["100 % sure_"]
    assert titles(library, text="sure!") == []
    assert titles(library, tags=("NIGHT", "slow  walk")) == ["Étude in blue"]
    assert titles(library, tags=("night", "other")) == []
    assert titles(library, rating=4) == ["Étude in blue"]
    assert titles(library, generator="mixtape") == ["100 % sure_"]
    assert titles(library, kind="imported") == ["Étude in blue"]
    assert titles(library, key=library.piece(two).key.lower()) == ["100 % sure_"]
    assert titles(library, slowest=100, fastest=140) == ["100 % sure_", "Étude in blue"]
    assert titles(library, fastest=99.9) == []
    assert titles(library, order="tempo", limit=1, offset=1) == ["100 % sure_"]
    assert titles(library, order="rating") == ["Étude in blue", "Blues", "100 % sure_"]
    assert titles(library, content_id=library.piece(one).content_id)[-1] == "Étude in blue"
    assert titles(library, text="'; DROP TABLE pieces; --") == []
    with pytest.raises(TunesmithError, match="is not a key"):
        library.find(Search(key="H#"))
    with pytest.raises(TunesmithError, match="there is no order 'id; DROP'"):
        library.find(Search(order="id; DROP"))


def test_rating_tagging_and_renaming(library):
    number = library.add(scale())
    library.rate(number, 4)
    library.tag(number, add=["Été", "été", "b"], remove=["none"])
    library.tag(number, remove=["B"])
    library.rename(number, "Summer")
    piece = library.piece(number)
    assert (piece.rating, piece.tags, piece.title) == (4, ("été",), "Summer")
    assert titles(library, text="summer ete") == ["Summer"]
    library.rate(number, 0)
    assert library.piece(number).rating == 0
    for wrong in (
        lambda: library.rate(number, 6),
        lambda: library.tag(number, add=["a,b"]),
        lambda: library.tag(number, add=[" "]),
        lambda: library.rename(number, " "),
        lambda: library.add(Song()),
    ):
        with pytest.raises(TunesmithError):
            wrong()


def test_the_trash(library):
    number = library.add(scale(title="Old"), tags=["x"])
    library.delete(number)
    assert titles(library) == []
    assert titles(library, deleted=True) == ["Old"]
    library.restore(number)
    assert titles(library) == ["Old"]
    library.delete(number, for_good=True)
    for gone in (
        library.piece,
        library.song,
        library.restore,
        library.delete,
        lambda n: library.rate(n, 1),
        lambda n: library.tag(n, ["a"]),
    ):
        with pytest.raises(TunesmithError, match=f"there is no piece {number} in the library"):
            gone(number)
    assert titles(library, deleted=True) == titles(library, tags=("x",)) == []


def test_several_read_while_one_writes(library):
    faults, counts, done = [], [], threading.Event()

    def read() -> None:
        try:
            with Library() as reader:
                seen = 0
                while not done.is_set() or not seen:
                    found = len(reader.find())
                    assert found >= seen
                    seen = found
                counts.append(len(reader.find()))
        except Exception as error:
            faults.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for bpm in range(60, 100):
        library.add(scale(bpm=bpm))
    done.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert counts == [40, 40, 40]


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from core.song.notes import Song, Track, make_notes
from core.store.library import Library
import numpy as np
with Library() as library:
    number = 0
    while True:
        number += 1
        notes = make_notes(np.arange(4000) * 120, 120, 40 + (np.arange(4000) * number) % 50)
        print(library.add(Song(notes=notes, tracks=(Track(),), title=str(number))), flush=True)
"""


@pytest.mark.parametrize("heard", [1, 4, 9])
def test_killed_in_the_midst_of_writing_it_keeps_every_piece_it_had_answered_for(heard):
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(ROOT)], stdout=subprocess.PIPE, text=True, env=os.environ.copy()
    )
    for _ in range(heard):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    told = heard + len(child.stdout.read().split())
    child.wait()
    child.stdout.close()
    with Library() as library:
        pieces = library.find(Search(order="oldest"))
        assert told <= len(pieces) <= told + 1
        assert [piece.title for piece in pieces] == [str(n + 1) for n in range(len(pieces))]
        assert all(len(library.song(piece.id).notes) == 4000 for piece in pieces)
        library.add(scale())


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"This is no library, but text that somebody saved here. " * 40),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(len(path.read_bytes()) - 4096)),
    ],
    ids=["text", "cut off", "zeros"],
)
def test_a_damaged_library_is_put_aside_and_a_new_one_begun(damage):
    with Library() as library:
        for bpm in range(60, 90):
            library.add(scale(bpm=bpm))
    damage(library_path())
    data = library_path().read_bytes()
    with pytest.raises(TunesmithError, match="the library was damaged and is kept as .*bad-1.sqlite") as told:
        Library()
    assert "\n" not in str(told.value)
    assert library_path().with_name("library.bad-1.sqlite").read_bytes() == data
    with Library() as library:
        assert library.find() == []
        library.add(scale())


def test_a_library_of_a_newer_version_or_another_program_is_left_alone():
    with Library() as library:
        library.add(scale())
    for pragma, told in (("user_version = 99", "newer Tunesmith"), ("application_id = 7", "another kind")):
        with sqlite3.connect(library_path()) as connection:
            connection.execute(f"PRAGMA {pragma}")
        connection.close()
        before = library_path().read_bytes()
        with pytest.raises(TunesmithError, match=told):
            Library()
        assert library_path().read_bytes() == before
        with sqlite3.connect(library_path()) as connection:
            connection.execute("PRAGMA user_version = 1")
        connection.close()


def test_a_library_of_the_first_version_gets_bars_and_votes(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(library_module, "MIGRATIONS", library_module.MIGRATIONS[:1])
        Library().close()
    with sqlite3.connect(library_path()) as connection:
        connection.execute(
            "INSERT INTO pieces (title, created, kind, generator, recipe, notes, seconds, key, tempo, content_id,"
            " words) VALUES ('Old', '2026-01-01T00:00:00Z', 'imported', '', '{}', 1, 16, '', 120, 'TS-X', 'old')"
        )
    connection.close()
    with Library() as library:
        assert [(piece.title, piece.bars, piece.style) for piece in library.find()] == [("Old", 8, "")]


def test_pieces_are_sorted_both_ways_and_those_without_come_last(library):
    for title, style, tags in (("B", "waltz", ["x"]), ("a", "jazz", ["b", "a"]), ("c", "", [])):
        library.add(scale(title=title), recipe={"style": style, "n": title}, tags=tags)
    assert titles(library, order="title") == ["a", "B", "c"]
    assert titles(library, order="title", backwards=True) == ["c", "B", "a"]
    assert titles(library, order="style") == ["a", "B", "c"]
    assert titles(library, order="style", backwards=True) == ["B", "a", "c"]
    assert titles(library, order="tags", backwards=True) == ["B", "a", "c"]
    assert library.find(Search(limit=1))[0].bars == 4
    assert library.count() == 3


def test_composing_is_kept_unless_the_person_turned_it_off():
    number = keep(scale(), Request(seed=3))
    assert number is not None
    save_settings(replace(load_settings(), keep_pieces=False))
    assert keep(scale(1), Request(seed=4)) is None
    with Library() as library:
        assert [piece.id for piece in library.find()] == [number]


def test_a_library_that_cannot_be_used_does_not_stop_composing():
    library_path().mkdir(parents=True)
    assert keep(scale(), Request()) is None


def test_an_older_library_is_taken_up_step_by_step(monkeypatch):
    with Library() as library:
        number = library.add(scale(title="Old one"))
    steps = (
        *library_module.MIGRATIONS,
        "ALTER TABLE pieces ADD COLUMN plays INTEGER NOT NULL DEFAULT 0; CREATE INDEX by_plays ON pieces (plays)",
        "UPDATE pieces SET plays = 7",
    )
    monkeypatch.setattr(library_module, "MIGRATIONS", steps)
    with Library() as library:
        assert library.piece(number).title == "Old one"
        assert library.song(number) == scale(title="Old one")
    with sqlite3.connect(library_path()) as connection:
        assert connection.execute("SELECT plays FROM pieces").fetchall() == [(7,)]
        assert connection.execute("PRAGMA user_version").fetchone() == (len(steps),)
        assert connection.execute("PRAGMA application_id").fetchone() == (KIND,)
    connection.close()


def test_a_step_that_fails_changes_nothing(monkeypatch):
    with Library() as library:
        library.add(scale(title="Here"))
    with monkeypatch.context() as patch:
        patch.setattr(
            library_module, "MIGRATIONS", (*library_module.MIGRATIONS, "DELETE FROM pieces; SELECT none")
        )
        with pytest.raises(sqlite3.OperationalError):
            Library()
    with Library() as library:
        assert titles(library) == ["Here"]


def test_a_place_that_cannot_be_used_is_told_in_one_line(tmp_path):
    with pytest.raises(TunesmithError, match="the library .* cannot be used: it cannot be opened there"):
        Library(tmp_path / "no such folder" / "library.sqlite")


def test_a_recipe_may_be_any_mapping():
    assert recipe_of({"seed": 1, "song": None, "meter": (3, 4)}) == {"seed": 1, "meter": [3, 4]}
