"""The sound process ends when it should, whatever it or its parent is doing; no sound server is needed."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from core.song.notes import Song, Track, make_notes
from core.sound.player import Player

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and named pipes as POSIX has them")


def ended(pid):
    """Whether the process is no more; one that nobody has collected yet has ended, too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False


def wait_for(condition, seconds=60.0):
    """Poll for a fact. The deadline is that of a hang, not of a slow machine."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def quiet(no_sound_server):
    """What is under test here is the process, not the sound."""


@pytest.fixture
def endless_font(tmp_path):
    """A font that is never read to its end: who opens it waits."""
    path = tmp_path / "endless.sf2"
    os.mkfifo(path)
    return path


@pytest.fixture
def long_song():
    """So many notes that laying them out takes a while, and that they overfill the pipe."""
    places = np.arange(60_000)
    return Song(make_notes(places * 10, 30, 40 + places % 40), (Track(),))


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1, 0.3, 0.6, 1.0, 2.0])
def test_closing_at_any_moment_of_the_start_leaves_nothing(font, long_song, seconds):
    """The waits are no conditions: they spread over importing, loading the font and looking for a device."""
    threads = threading.active_count()
    player = Player(soundfont=font)
    player.start()
    pid = player._process.pid
    player.load(long_song)
    player.play()
    time.sleep(seconds)
    player.close()
    player.close()
    assert ended(pid)
    assert player.state().status == "The player is not started"
    wait_for(lambda: threading.active_count() <= threads)


@posix
def test_no_process_is_started_for_one_that_ends_while_closing(font):
    for _ in range(8):
        player = Player(soundfont=font)
        player.start()
        os.kill(player._process.pid, signal.SIGKILL)
        player.close()
        assert multiprocessing.active_children() == []


def test_a_closed_player_can_be_started_again(font):
    player = Player(soundfont=font)
    for _ in range(2):
        player.start()
        player.load(Song(make_notes(0, 96000, 60), (Track(),)))
        player.play()
        wait_for(lambda: player.state().tick > 100)
        player.close()
        assert player.state().tick == 0


@posix
def test_a_process_that_hangs_while_starting_is_ended(endless_font):
    player = Player(soundfont=endless_font)
    player.start()
    pid = player._process.pid
    time.sleep(0.5)
    player.close()
    assert ended(pid)


@posix
def test_a_process_that_does_not_answer_any_more_is_ended(font):
    """A stopped one takes no notice of anything but the hardest way."""
    with Player(soundfont=font) as player:
        pid = player._process.pid
        wait_for(lambda: player._answered)
        os.kill(pid, signal.SIGSTOP)
    assert ended(pid)


PARENT = """
import sys, time
from pathlib import Path
from core.sound.player import Player

player = Player(soundfont=Path(sys.argv[1]))
player.start()
while sys.argv[2] == "ready" and not player._answered:
    time.sleep(0.01)
print(player._process.pid, flush=True)
if sys.argv[3] == "stay":
    time.sleep(600)
# What it lacks is told after it answers; a machine with a device has nothing to tell.
deadline = time.monotonic() + 5
while sys.argv[2] == "ready" and not player.state().status and time.monotonic() < deadline:
    time.sleep(0.01)
print(player.state().status)
"""


def parent(*arguments):
    """A program with a player, and the number of its sound process."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    return process, int(process.stdout.readline())


def kill(process):
    process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        stream.close()


@pytest.mark.parametrize("moment", ["starting", "ready"])
@posix
def test_it_ends_when_its_parent_is_killed(font, moment):
    process, pid = parent(font, moment, "stay")
    kill(process)
    wait_for(lambda: ended(pid))


@posix
def test_even_one_that_hangs_ends_when_its_parent_is_killed(endless_font):
    process, pid = parent(endless_font, "starting", "stay")
    # Until it hangs: in the call that opens the font.
    wait_for(lambda: (process.poll(), _waits_for_pipe(pid))[1])
    kill(process)
    wait_for(lambda: ended(pid))


def _waits_for_pipe(pid):
    """Whether the process has started its guard, so that it is past its imports."""
    tasks = Path(f"/proc/{pid}/task")
    return not tasks.exists() or len(list(tasks.iterdir())) > 1


@pytest.mark.parametrize("moment", ["starting", "ready"])
def test_a_program_that_ends_without_closing_leaves_no_process_and_no_complaint(font, moment):
    process, pid = parent(font, moment, "end")
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0
    assert complaints == ""
    assert ended(pid)


def test_a_machine_without_devices_is_told_so_in_one_line_and_not_on_standard_error(no_device, font):
    """ALSA and PortAudio would write dozens of lines there about what they tried."""
    process, _ = parent(font, "ready", "end")
    # Not by communicate(): it would miss what came together with the first line.
    with process:
        status, complaints = process.stdout.read(), process.stderr.read()
    assert complaints == ""
    assert len(status.splitlines()) == 1
    assert "playing silently" in status


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA is Linux's")
def test_an_audio_library_that_crashes_leaves_a_silent_clock(font, tmp_path, monkeypatch):
    """Without ALSA's definitions PortAudio 19.6 aborts the process that asks it for devices."""
    (tmp_path / "alsa.conf").touch()
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "alsa.conf"))
    with Player(soundfont=font) as player:
        player.load(Song(make_notes(0, 96000, 60), (Track(),)))
        player.play()
        wait_for(lambda: player.state().tick > 100)
        assert "no sound; playing silently" in player.state().status
        assert player.devices() == []
