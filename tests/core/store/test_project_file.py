import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest

from core.errors import TunesmithError
from core.song.notes import Song, make_notes
from core.store import project_file
from core.store.atomic import UNFINISHED
from core.store.project_file import BACKUPS_KEPT, list_backups, load_project, save_project


@pytest.fixture
def path(tmp_path):
    return tmp_path / "song.tunesmith"


def rewrite(path, **members):
    """The archive at ``path`` with some members replaced (None removes one)."""
    with zipfile.ZipFile(path) as archive:
        whole = {name: archive.read(name) for name in archive.namelist()}
    whole |= members
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in whole.items():
            if data is not None:
                archive.writestr(name, data)


def test_a_song_comes_back_equal_with_its_extra_values(path, song):
    extra = {"zoom": 1.5, "mutes": [True, False], "name": "Größe"}
    save_project(path, song, extra)
    loaded, values = load_project(path)
    assert loaded == song
    assert values == extra
    assert loaded.raw_events == song.raw_events
    assert loaded.tracks == song.tracks


def test_an_empty_song_comes_back(path):
    save_project(path, Song())
    assert load_project(path) == (Song(), {})


def test_the_same_project_gives_the_same_bytes(tmp_path, song):
    save_project(tmp_path / "a.tunesmith", song)
    save_project(tmp_path / "b.tunesmith", song)
    assert (tmp_path / "a.tunesmith").read_bytes() == (tmp_path / "b.tunesmith").read_bytes()


def test_nothing_in_it_is_a_pickle(path, song):
    save_project(path, song)
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                np.load(io.BytesIO(archive.read(name)), allow_pickle=False)


def test_a_flipped_or_cut_file_is_read_right_or_refused_in_one_line(path, make_song):
    song = make_song(40)
    save_project(path, song, {"a": 1})
    data = path.read_bytes()
    random = np.random.default_rng(1)
    flips = [(int(at), 1 << int(bit)) for at, bit in zip(
        random.integers(0, len(data), 400), random.integers(0, 8, 400))]  # fmt: skip
    mutants = [data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :] for at, bit in flips]
    mutants += [data[:length] for length in range(0, len(data), 23)]
    refusals = []
    for mutant in mutants:
        path.write_bytes(mutant)
        try:
            assert load_project(path) == (song, {"a": 1})
        except TunesmithError as error:
            refusals.append(str(error))
    assert len(refusals) > len(mutants) / 2
    assert not any("\n" in line for line in refusals)


def test_a_save_that_does_not_read_back_leaves_the_old_file(path, song, monkeypatch):
    save_project(path, song)
    before = path.read_bytes()
    monkeypatch.setattr(project_file, "load_project", lambda _: (Song(), {}))
    with pytest.raises(TunesmithError, match="was not saved"):
        save_project(path, song.with_notes(make_notes(0, 1, 60)))
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.glob("*.tunesmith")] == [path.name]


def test_the_twenty_last_replaced_versions_are_kept(path, song):
    titles = []
    for number in range(BACKUPS_KEPT + 4):
        save_project(path, song.with_notes(make_notes(0, 1 + number, 60)))
        titles.append(1 + number)
    backups = list_backups(path)
    (backups[0].parent / f".9{UNFINISHED}x.tunesmith").write_bytes(b"half")
    assert list_backups(path) == backups
    durations = [int(load_project(backup)[0].notes["duration"][0]) for backup in backups]
    assert durations == titles[-2 : -2 - BACKUPS_KEPT : -1]


def test_a_backup_that_fails_does_not_keep_a_person_from_saving(path, song, home):
    save_project(path, song)
    home.mkdir(exist_ok=True)
    (home / "data").write_text("a file where the folder should be")
    save_project(path, Song(title="second"))
    assert load_project(path)[0].title == "second"


def test_a_damaged_project_says_where_earlier_versions_are(path, song):
    save_project(path, song)
    save_project(path, song)
    path.write_bytes(b"PK\x03\x04 rubbish")
    with pytest.raises(TunesmithError, match="earlier versions are in .*backups"):
        load_project(path)


def test_older_versions_are_migrated_step_by_step(path, monkeypatch):
    save_project(path, Song(title="x"), {"n": 1})
    monkeypatch.setattr(project_file, "VERSION", 3)
    steps = {
        1: lambda document: document | {"extra": {"n": document["extra"]["n"] + 10}},
        2: lambda document: document | {"extra": {"n": document["extra"]["n"] * 2}},
    }
    monkeypatch.setattr(project_file, "MIGRATIONS", steps)
    assert load_project(path)[1] == {"n": 22}


def test_every_version_up_to_now_has_its_step():
    assert sorted(project_file.MIGRATIONS) == list(range(1, project_file.VERSION))


def test_a_newer_version_asks_for_an_update(path, song):
    save_project(path, song)
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read("project.json"))
    rewrite(path, **{"project.json": json.dumps(document | {"version": 99}).encode()})
    with pytest.raises(TunesmithError, match="newer Tunesmith; update"):
        load_project(path)


def npy(header: dict, body: bytes = b"") -> bytes:
    text = repr(header).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


@pytest.mark.parametrize(
    "member",
    [
        npy({"descr": "|O", "fortran_order": False, "shape": (1,)}, b"cos\nsystem\n(S'true'\ntR."),
        npy({"descr": "<i8", "fortran_order": False, "shape": (2**60,)}),
        npy({"descr": "<i8", "fortran_order": False, "shape": (2**40, 2**40)}),
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
        b"\x93NUMPY\x07\x00",
        b"",
        None,
    ],
)
def test_hostile_arrays_are_refused_without_being_allocated(path, song, member):
    save_project(path, song)
    rewrite(path, **{"notes.npy": member})
    tracemalloc.start()
    with pytest.raises(TunesmithError, match="damaged or not a Tunesmith project"):
        load_project(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 << 20


def test_a_zip_bomb_is_read_no_further_than_the_limit(path, song, monkeypatch):
    monkeypatch.setattr(project_file, "LARGEST_JSON", 1 << 20)
    save_project(path, song)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.json", b" " * (64 << 20))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    with pytest.raises(TunesmithError, match="larger than 1 MiB"):
        load_project(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize(
    "change",
    [
        {"ticks_per_beat": 0},
        {"ticks_per_beat": True},
        {"tempos": [{"tick": 0, "microseconds_per_beat": 0}]},
        {"meters": [{"tick": 0, "numerator": 4, "denominator": 0}]},
        {"meters": [{"tick": -5, "numerator": 4, "denominator": 4}]},
        {"tracks": [{"name": 5}, {}]},
        {"tracks": [{"program": 200}, {}]},
        {"tracks": [{"invented": 1}, {}]},
        {"tracks": []},
        {"smpte": [0, 0]},
        {"smpte": []},
        {"title": None},
        {"markers": None},
    ],
)
def test_values_no_song_can_have_are_refused(path, song, change):
    save_project(path, song)
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read("project.json"))
    document["song"] |= change
    rewrite(path, **{"project.json": json.dumps(document).encode()})
    with pytest.raises(TunesmithError, match="damaged or not a Tunesmith project"):
        load_project(path)


@pytest.mark.parametrize("data", [b"", b"MThd\x00\x00\x00\x06", b"PK\x05\x06" + bytes(18), b"\x00" * 4096])
def test_other_files_are_refused(path, data):
    path.write_bytes(data)
    with pytest.raises(TunesmithError, match="damaged or not a Tunesmith project"):
        load_project(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(TunesmithError, match="there is no file"):
        load_project(tmp_path / "none.tunesmith")
    with pytest.raises(TunesmithError, match="cannot read"):
        load_project(tmp_path)
