import os
import stat
import sys
import time

import pytest

from core.errors import TunesmithError
from core.store.atomic import STALE_SECONDS, UNFINISHED, atomic_write, write_bytes_atomic


def test_a_finished_block_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "song.mid"
    path.write_bytes(b"old")
    with atomic_write(path) as unfinished:
        assert unfinished.parent == tmp_path
        assert unfinished.suffix == ".mid"
        unfinished.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failed_block_leaves_the_old_file_and_nothing_else(tmp_path, stop):
    path = tmp_path / "song.mid"
    path.write_bytes(b"old")

    def fail() -> None:
        with atomic_write(path) as unfinished:
            unfinished.write_bytes(b"half")
            raise stop

    with pytest.raises(stop):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_is_told_in_one_line_and_the_old_file_stays(tmp_path):
    path = tmp_path / "song.mid"
    path.write_bytes(b"old")
    with pytest.raises(TunesmithError, match="the disk is full; free some space"), atomic_write(path):
        raise OSError(28, "No space left on device")
    assert path.read_bytes() == b"old"


def test_a_missing_folder_and_a_folder_in_place_of_a_file_are_told(tmp_path):
    with pytest.raises(TunesmithError, match="its folder does not exist; make the folder first"):
        write_bytes_atomic(tmp_path / "nowhere" / "song.mid", b"")
    with pytest.raises(TunesmithError, match="it is a folder; give a file name"):
        write_bytes_atomic(tmp_path, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and links")
def test_permissions_and_links_survive(tmp_path):
    path, link = tmp_path / "song.mid", tmp_path / "link.mid"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_bytes_atomic(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    umask = os.umask(0o022)
    write_bytes_atomic(tmp_path / "fresh.mid", b"")
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "fresh.mid").stat().st_mode) == 0o644


def test_what_a_killed_process_left_is_swept_but_a_live_write_is_not(tmp_path):
    dead = tmp_path / f".song{UNFINISHED}dead.mid"
    live = tmp_path / f".song{UNFINISHED}live.mid"
    other = tmp_path / ".song.mid"
    for path in (dead, live, other):
        path.write_bytes(b"half")
    long_ago = time.time() - STALE_SECONDS - 1
    for path in (dead, other):
        os.utime(path, (long_ago, long_ago))
    write_bytes_atomic(tmp_path / "song.mid", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {live.name, other.name, "song.mid"}
