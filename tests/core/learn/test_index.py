"""The index of training data: what it says, and what it notices."""

import hashlib
from pathlib import Path

import pytest

from core.errors import TunesmithError
from core.learn.data import read_folder
from core.learn.index import Entry, across_splits, changed, index_of, read_index, write_index


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "midi"
    data.mkdir()
    for number in range(30):
        (data / f"song, {number}.mid").write_bytes(b"MThd" + bytes([number]))
    return data


def test_an_index_tells_data_set_checksum_split_and_group(folder: Path, tmp_path: Path) -> None:
    rows = read_folder(folder)
    entries = index_of(folder, rows)
    checksum = write_index(tmp_path / "index.csv", entries)
    assert checksum == hashlib.sha256((tmp_path / "index.csv").read_bytes()).hexdigest()
    assert read_index(tmp_path / "index.csv") == entries
    entry = next(entry for entry in entries if entry.path == "song, 7.mid")
    assert entry.sha256 == hashlib.sha256(b"MThd\x07").hexdigest()
    assert {entry.split for entry in entries} == {"train", "valid", "test"}
    assert [entry.split for entry in entries] == [row.split for row in rows]


def test_changed_and_missing_files_are_named(folder: Path) -> None:
    entries = index_of(folder, read_folder(folder))
    assert changed(folder, entries) == []
    (folder / "song, 3.mid").write_bytes(b"MThd other")
    (folder / "song, 4.mid").unlink()
    assert changed(folder, entries) == ["song, 3.mid", "song, 4.mid"]


def test_held_out_copies_of_training_files_are_found() -> None:
    entries = [
        Entry("a", "one.mid", "11", "train", "g"),
        Entry("a", "two.mid", "22", "test", "h"),
        Entry("b", "one again.mid", "11", "valid", "i"),
        Entry("b", "missing.mid", "", "train", "j"),
        Entry("b", "missing too.mid", "", "test", "k"),
    ]
    assert across_splits(entries) == ["one again.mid"]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "dataset,path,sha256,split,group\nx,y\n"])
def test_other_files_are_no_index(tmp_path: Path, text: str) -> None:
    path = tmp_path / "index.csv"
    path.write_text(text)
    with pytest.raises(TunesmithError, match="no index"):
        read_index(path)
