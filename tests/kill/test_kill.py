"""A program killed at any moment loses two seconds at most, and no save is ever half there.

``TUNESMITH_KILLS`` sets the number of moments tried (30 unless told).
"""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.store.journal import read_journal, unfinished_journals
from core.store.project_file import list_backups, load_project

KILLS = int(os.environ.get("TUNESMITH_KILLS", "30"))
MOST_LOST_SECONDS = 2.0
CHILD = Path(__file__).with_name("saving_child.py")
ROOT = Path(__file__).parents[2]


def song_of(number: int):
    import runpy

    return runpy.run_path(str(CHILD))["song_of"](number)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))


def killed_child(project: Path, journal: Path, seconds: float) -> tuple[list[str], float]:
    """What a child told that was killed ``seconds`` after its first edit, and the hour of its death."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(project), str(journal)],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    lines: list[str] = []
    begun = threading.Event()

    def listen() -> None:
        for line in child.stdout:
            lines.append(line)
            begun.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert begun.wait(60)
    time.sleep(seconds)
    died = time.time()
    child.kill()
    child.wait()
    listener.join()
    child.stdout.close()
    return [line for line in lines if line.endswith("\n")], died


def test_killed_at_any_moment_nothing_is_unreadable_and_two_seconds_are_lost_at_most(tmp_path, home):
    dice = random.Random(20)
    project, journal = tmp_path / "song.tunesmith", tmp_path / "home" / "data" / "journals" / "a.journal"
    journal.parent.mkdir(parents=True)
    for kill in range(KILLS):
        journal.unlink(missing_ok=True)
        # Most in the thick of the first saves, some late enough for the two seconds to count.
        seconds = dice.uniform(2.0, 3.0) if kill % 10 == 9 else dice.uniform(0.0, 0.4)
        lines, died = killed_child(project, journal, seconds)
        told = {int(word[1]): float(word[2]) for word in map(str.split, lines) if word[0] == "edit"}
        saved = [int(word[1]) for word in map(str.split, lines) if word[0] == "saved"]

        if saved:
            loaded, _ = load_project(project)
            assert int(loaded.title) >= saved[-1]
            assert loaded == song_of(int(loaded.title))
        elif project.exists():
            load_project(project)

        due = [number for number, at in told.items() if at <= died - MOST_LOST_SECONDS]
        found = read_journal(journal)
        if found is None:
            # The first record needs a moment; nothing older than two seconds may be missing.
            assert not due
        else:
            number = int(found.song.title)
            assert number >= max(due, default=0)
            assert found.song == song_of(number)
            assert unfinished_journals() == [journal]
    for backup in list_backups(project):
        load_project(backup)


def test_a_long_session_loses_less_than_two_seconds(tmp_path, home):
    project, journal = tmp_path / "song.tunesmith", tmp_path / "a.journal"
    lines, died = killed_child(project, journal, 3.0)
    told = {int(word[1]): float(word[2]) for word in map(str.split, lines) if word[0] == "edit"}
    found = read_journal(journal)
    assert told[int(found.song.title)] >= died - MOST_LOST_SECONDS
    assert found.song == song_of(int(found.song.title))
