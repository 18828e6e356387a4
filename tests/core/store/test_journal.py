import os
import threading

import numpy as np
import pytest

from core.errors import TunesmithError
from core.song.notes import Song, Track, make_notes
from core.store import journal as journal_module
from core.store.atomic import UNFINISHED
from core.store.journal import Journal, journal_folder, read_journal, unfinished_journals


@pytest.fixture
def path(tmp_path):
    return tmp_path / "open.journal"


def edited(song: Song, number: int) -> Song:
    """A song that differs in one note, sometimes in a track's name too."""
    notes = song.notes.copy()
    notes["pitch"][number % len(notes)] = number % 128
    if number % 5 == 0:
        return Song(notes=notes, tracks=(Track(f"take {number}"), *song.tracks[1:]))
    return song.with_notes(notes)


def write_states(path, song, count):
    """The songs written, one record each."""
    states = []
    with_flush = Journal(path)
    for number in range(count):
        song = edited(song, number)
        states.append(song)
        with_flush.append(f"edit {number}", song, {"project": "a.tunesmith"})
        assert with_flush.flush()
    with_flush.close(keep=True)
    return states


def test_the_last_state_is_recovered_with_its_label_and_count(path, song):
    states = write_states(path, song, 12)
    found = read_journal(path)
    assert found.song == states[-1]
    assert (found.label, found.edits) == ("edit 11", 12)
    assert found.extra == {"project": "a.tunesmith"}


def test_additions_and_removals_anywhere_are_recovered(path, make_song):
    random = np.random.default_rng(3)
    song = make_song(50)
    journal = Journal(path)
    for number in range(60):
        keep = random.random(len(song.notes)) > random.choice([0.0, 0.1, 0.9])
        count = int(random.integers(0, 12))
        fresh = make_notes(
            random.integers(0, 9999, count),
            10,
            random.integers(0, 128, count),
            80,
            random.integers(0, 2, count),
        )
        song = song.with_notes(np.concatenate([song.notes[keep], fresh]))
        journal.append(str(number), song)
        assert journal.flush()
        assert journal.recover().song == song
    journal.close()


def test_a_file_cut_anywhere_gives_the_last_whole_record(path, make_song):
    states = write_states(path, make_song(30), 15)
    data = path.read_bytes()
    seen = set()
    for length in range(0, len(data) + 1, 11):
        path.write_bytes(data[:length])
        found = read_journal(path)
        if found is None:
            assert not seen
        else:
            assert found.song == states[found.edits - 1]
            seen.add(found.edits)
    assert seen >= set(range(1, 15))


def test_a_flipped_bit_never_gives_a_state_that_was_not(path, make_song):
    states = write_states(path, make_song(30), 15)
    data = path.read_bytes()
    random = np.random.default_rng(5)
    for at in random.integers(0, len(data), 300):
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << int(random.integers(8)))]) + data[at + 1 :])
        found = read_journal(path)
        assert found is None or found.song == states[found.edits - 1]


def test_after_a_damaged_record_the_next_snapshot_is_found(path, make_song):
    states = write_states(path, make_song(300), 200)
    data = path.read_bytes()
    first = len(data) // 20
    path.write_bytes(data[:first] + bytes(8) + data[first + 8 :])
    assert read_journal(path).song == states[-1]


def test_a_journal_that_grows_too_long_is_begun_anew(path, song, monkeypatch):
    monkeypatch.setattr(journal_module, "LARGEST_JOURNAL", 20_000)
    states = write_states(path, song, 150)
    assert path.stat().st_size < 20_000 + 10_000
    assert read_journal(path).song == states[-1]


def test_edits_faster_than_the_disk_end_in_the_last(path, make_song):
    song = make_song(2000)
    journal = Journal(path)
    for number in range(500):
        song = edited(song, number)
        journal.append(f"drag {number}", song)
    assert journal.flush()
    found = journal.recover()
    assert found.song == song
    assert found.edits == 500
    journal.close()


def test_closing_removes_the_file_its_lock_and_its_thread(path, song, tmp_path):
    before = threading.active_count()
    journal = Journal(path)
    journal.append("one", song)
    journal.close()
    assert threading.active_count() == before
    assert list(tmp_path.glob("open*")) == []
    assert read_journal(path) is None


def test_what_was_appended_just_before_closing_is_written(path, song):
    journal = Journal(path)
    journal.append("last words", song)
    journal.close(keep=True)
    assert read_journal(path).song == song


def test_an_old_journal_stays_until_the_first_edit_of_the_new(path, song):
    states = write_states(path, song, 3)
    journal = Journal(path)
    assert journal.recover().song == states[-1]
    journal.append("new", Song(title="new"))
    assert journal.flush()
    assert journal.recover().song.title == "new"
    journal.close()


def test_two_programs_do_not_write_one_journal(path):
    journal = Journal(path)
    with pytest.raises(TunesmithError, match="another Tunesmith is writing"):
        Journal(path)
    journal.close()
    Journal(path).close()


def test_only_journals_nobody_writes_are_unfinished(song):
    left = Journal()
    left.append("left", song)
    left.close(keep=True)
    open_one = Journal()
    open_one.append("open", song)
    assert open_one.flush()
    assert unfinished_journals() == [left.path]
    open_one.close()


def test_a_lock_without_a_journal_is_swept_once_it_is_old_and_nobodys():
    folder = journal_folder()
    starting = Journal()
    young, old = folder / "young.journal.lock", folder / "old.journal.lock"
    young.touch()
    old.touch()
    for path in (old, starting.path.with_name(starting.path.name + ".lock")):
        os.utime(path, (0, 0))
    assert unfinished_journals() == []
    assert set(folder.iterdir()) == {young, starting.path.with_name(starting.path.name + ".lock")}
    starting.close()


def test_what_a_kill_left_half_written_is_no_journal():
    (journal_folder() / f".a{UNFINISHED}x.journal").write_bytes(b"half")
    assert unfinished_journals() == []


def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room_again(path, song, monkeypatch):
    monkeypatch.setattr(journal_module, "FLUSH_SECONDS", 0.05)
    journal = Journal(path)
    journal.append("before", song)
    assert journal.flush()

    def full(file, data):
        raise OSError(28, "No space left on device")

    room = journal_module._write_whole
    monkeypatch.setattr(journal_module, "_write_whole", full)
    journal.append("during", edited(song, 1))
    assert not journal.flush()
    assert "No space left" in journal.error
    assert journal.recover().label in ("before", "during")
    monkeypatch.setattr(journal_module, "_write_whole", room)
    assert journal.flush()
    assert journal.recover().song == edited(song, 1)
    assert journal.error == ""
    journal.close()


@pytest.mark.parametrize("data", [b"", b"rubbish" * 100, journal_module.MARK * 50, os.urandom(5000)])
def test_rubbish_gives_nothing(path, data):
    path.write_bytes(data)
    assert read_journal(path) is None


def test_a_missing_journal_gives_nothing(path):
    assert read_journal(path) is None
