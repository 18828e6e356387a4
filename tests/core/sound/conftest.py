"""A soundfont that loads at once, and a private sound server that records what is really played."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.sound.soundfont import BUILT_IN_NAME, check_soundfont, own_folder

RATE = 44100
FRAME_BYTES = 8


@pytest.fixture(scope="session")
def font() -> Path:
    """The project's own, which is the same on every machine."""
    return check_soundfont(own_folder() / BUILT_IN_NAME)


@pytest.fixture
def no_sound_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any sound server."""
    for name in ("XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/none")


@pytest.fixture
def no_device(no_sound_server: None) -> None:
    """A machine without any sound server or sound card."""
    cards = Path("/proc/asound/cards")
    if sys.platform != "linux" or (cards.exists() and "[" in cards.read_text()):
        pytest.skip("this machine has a sound card of its own")


class Recorder:
    """What the null sink of a private PulseAudio server was given, from `start` to `stop`."""

    def __init__(self, environment: dict[str, str], file: Path) -> None:
        self.environment, self.file = environment, file
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.file.unlink(missing_ok=True)
        form = ["--format=float32le", f"--rate={RATE}", "--channels=2", "--latency-msec=20"]
        self.process = subprocess.Popen(
            ["parec", "-d", "tunesmith.monitor", *form, str(self.file)], env=self.environment
        )
        deadline = time.monotonic() + 60
        while not self.file.exists() or not self.file.stat().st_size:
            assert time.monotonic() < deadline, "parec records nothing"
            time.sleep(0.02)

    def wait(self, seconds: float) -> None:
        """Until ``seconds`` more are recorded: the one clock that a busy machine does not put wrong."""
        goal = self.file.stat().st_size + int(seconds * RATE) * FRAME_BYTES
        deadline = time.monotonic() + 30 + 5 * seconds
        while self.file.stat().st_size < goal:
            assert time.monotonic() < deadline, "the recording stands still"
            time.sleep(0.01)

    def stop(self) -> np.ndarray:
        """The recording [shape=(frames, 2)], with all that was played up to now."""
        assert self.process is not None
        self.wait(0.5)
        self.process.terminate()
        self.process.wait(10)
        data = self.file.read_bytes()
        return np.frombuffer(data[: len(data) // FRAME_BYTES * FRAME_BYTES], "<f4").reshape(-1, 2)


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """A PulseAudio server whose only device is a null sink, and the environment of its clients."""
    if not shutil.which("pulseaudio") or not shutil.which("parec"):
        pytest.skip("pulseaudio is not installed: apt-get install pulseaudio pulseaudio-utils")
    environment = dict(os.environ)
    for name in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
        environment.pop(name, None)
    socket = folder / "socket"
    environment |= {"XDG_RUNTIME_DIR": str(folder), "HOME": str(folder), "PULSE_SERVER": f"unix:{socket}"}
    server = subprocess.Popen(
        [
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
            "--disable-shm=yes", "--log-level=error",
            "-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1",
            # Without rewinding the sink asks for sound every 50 ms, as a sound card does; else every 2 s.
            "-L", f"module-null-sink sink_name=tunesmith format=float32le rate={RATE} channels=2 norewinds=1",
        ],
        env=environment,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    try:
        while subprocess.run(["pactl", "info"], env=environment, capture_output=True).returncode:
            assert server.poll() is None, "pulseaudio ended"
            assert time.monotonic() < deadline, "pulseaudio does not answer"
            time.sleep(0.05)
        _skip_unless_reached(environment)
    except BaseException:
        end(server)
        raise
    return server, environment


def _skip_unless_reached(environment: dict[str, str]) -> None:
    """Skip where PortAudio cannot get at the sound server, as where ALSA's plugin for it is missing."""
    names = subprocess.run(
        [sys.executable, "-c", "import sounddevice; print([d['name'] for d in sounddevice.query_devices()])"],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if "'pulse'" not in names.stdout:
        pytest.skip("PortAudio does not reach PulseAudio: apt-get install libportaudio2 libasound2-plugins")


def end(process: subprocess.Popen[bytes]) -> None:
    """End ``process`` whatever it does."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def sound_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment for clients of a private sound server."""
    server, environment = start_server(tmp_path_factory.mktemp("pulse"))
    yield environment
    end(server)


@pytest.fixture
def own_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A sound server for one test, which may end it."""
    server, environment = start_server(tmp_path)
    for name in ("XDG_RUNTIME_DIR", "HOME", "PULSE_SERVER"):
        monkeypatch.setenv(name, environment[name])
    yield server
    end(server)


@pytest.fixture
def returning_server(own_server: subprocess.Popen[bytes], tmp_path: Path) -> Iterator[Callable[[], Recorder]]:
    """Called after the test's sound server has ended: starts another in its place, to be recorded."""
    started: list[subprocess.Popen[bytes]] = []

    def come_back() -> Recorder:
        server, environment = start_server(tmp_path)
        started.append(server)
        return Recorder(environment, tmp_path / "again.raw")

    yield come_back
    for server in started:
        end(server)


@pytest.fixture
def recorder(
    sound_server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Recorder]:
    """Records what a player started in the test plays."""
    for name in ("XDG_RUNTIME_DIR", "HOME", "PULSE_SERVER"):
        monkeypatch.setenv(name, sound_server[name])
    recorder = Recorder(sound_server, tmp_path / "played.raw")
    yield recorder
    if recorder.process and recorder.process.poll() is None:
        end(recorder.process)
