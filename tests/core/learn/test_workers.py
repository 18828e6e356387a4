"""The same work by local processes and by a real Dask cluster of two workers gives the same pack."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import TunesmithError
from core.learn.data import encode_corpus, encode_rows, read_folder, save_pack
from core.learn.workers import CHUNK, mapped, parse_workers
from core.song.harmony import parse_key
from core.song.midi_file import write_midi
from core.song.notes import Song, Track, make_notes

CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""
"""Prints its address and lives until its input ends, so that nothing of it outlives the test."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[str]:
    pytest.importorskip("distributed")
    pytest.importorskip("joblib")
    script = tmp_path_factory.mktemp("cluster") / "cluster.py"
    script.write_text(CLUSTER)
    cluster = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert cluster.stdout is not None
    assert cluster.stdin is not None
    yield cluster.stdout.readline().strip()
    cluster.stdin.close()
    cluster.wait(60)
    cluster.stdout.close()


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("midi")
    rng = np.random.default_rng(0)
    for number in range(2 * CHUNK + 3):
        notes = make_notes(np.arange(64) * 240, 220, rng.integers(48, 84, 64), rng.integers(40, 100, 64))
        write_midi(Song(notes, (Track("tune", 0),)), folder / f"song{number:02d}.mid")
    (folder / "broken.mid").write_bytes(b"MThd, and nothing of use")
    return folder


def packed(songs: Path, out: Path, workers: int | str | None) -> tuple[str, list[float]]:
    told: list[float] = []
    return save_pack(out, encode_corpus(songs, workers=workers, progress=told.append)), told


def test_a_cluster_packs_the_same_bytes_as_local_processes(songs: Path, tmp_path: Path, address: str) -> None:
    one, two, far = tmp_path / "one.npz", tmp_path / "two.npz", tmp_path / "far.npz"
    sums = [packed(songs, one, 1), packed(songs, two, 2), packed(songs, far, address)]
    assert len({checksum for checksum, _ in sums}) == 1
    assert one.read_bytes() == two.read_bytes() == far.read_bytes()
    for _, told in sums:
        assert told == sorted(told)
        assert told[-1] == 0.5 or told[-1] == 1.0


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc who is working")
def test_both_workers_work(address: str) -> None:
    jobs = ["/proc/self"] * 40 * CHUNK
    there, here = set(mapped(os.path.realpath, jobs, address)), set(mapped(os.path.realpath, jobs, 2))
    assert len(there) == 2
    assert not there & here
    assert os.path.realpath("/proc/self") not in there | here


@pytest.mark.parametrize("place", ["here", "there"])
def test_results_come_in_order_and_errors_come_through(place: str, address: str) -> None:
    workers = address if place == "there" else 2
    assert list(mapped(abs, range(-50, 0), workers)) == list(range(50, 0, -1))
    assert list(mapped(abs, [], workers)) == []
    with pytest.raises(TunesmithError, match="H#"):
        list(mapped(parse_key, ["C major", "D minor", "H#"], workers))


def only_here(number: int) -> int:
    """No other process can load this: tests are no package."""
    return number


def test_a_cluster_that_lacks_the_function_says_so_and_does_not_hang(address: str) -> None:
    with pytest.raises(TunesmithError, match="install this Tunesmith there"):
        list(mapped(only_here, [1], address))


def test_a_worker_that_does_not_see_the_data_says_so(songs: Path, address: str, tmp_path: Path) -> None:
    rows = read_folder(songs)
    with pytest.raises(TunesmithError, match="every worker must see the data"):
        encode_rows(tmp_path / "elsewhere", rows, workers=address)


def test_no_cluster_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("core.learn.workers.PATIENCE_SECONDS", 0.5)
    with pytest.raises(TunesmithError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        list(mapped(abs, [1], "tcp://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("text", "workers"),
    [("", None), ("3", 3), ("tcp://host:8786", "tcp://host:8786"), ("host:8786", "host:8786")],
)
def test_workers_are_a_number_or_an_address(text: str, workers: int | str | None) -> None:
    assert parse_workers(text) == workers


@pytest.mark.parametrize("text", ["many", "0", "-1", "host", "host:"])
def test_other_workers_are_refused(text: str) -> None:
    with pytest.raises(TunesmithError, match="--workers"):
        parse_workers(text)
