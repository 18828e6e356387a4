"""Sound, beside FluidSynth's own program and on a real sound server.

``python tests/bench/bench_sound.py [NAME...]`` prints one JSON object. Each benchmark gives ``ours``,
``peer``, ``ratio`` (above 1: better than the peer), ``unit`` and ``runs``, and figures of its own.

* ``render-vs-fluidsynth``: three minutes of four instruments to a 16-bit WAV file, with the same font
  and effects, by us (with loudness measured and dither) and by ``fluidsynth -F``; the two take turns.
* ``playback-3min``: three minutes of 48 held voices through a null sink, recorded. The peer is the
  score itself: drift against its times, and dropouts, where there should be none.
* ``first-sound``: from asking for a player until its first note is recorded, and for a note asked of a
  running one. The peer is FluidSynth's program, from its start.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.song.midi_file import write_midi  # noqa: E402
from core.song.notes import Song, Track, make_notes  # noqa: E402
from core.sound.player import Player  # noqa: E402
from core.sound.render import render_to_file  # noqa: E402
from core.sound.soundfont import find_soundfonts, quick_soundfont  # noqa: E402

RATE = 44100
PROGRAMS = (0, 33, 48, 73)


def _support() -> Any:
    """The tests' sound server and recorder."""
    path = ROOT / "tests" / "core" / "sound" / "conftest.py"
    spec = importlib.util.spec_from_file_location("sound_support", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _font() -> Path:
    font = quick_soundfont(find_soundfonts())
    assert font is not None
    return font


def piece(seconds: float, seed: int = 1) -> Song:
    """Random notes for four instruments, about eight a second."""
    random = np.random.default_rng(seed)
    count = round(8.3 * seconds)
    onset = np.sort(random.integers(0, round(960 * seconds), count))
    notes = make_notes(
        onset, random.integers(60, 960, count), random.integers(40, 90, count),
        random.integers(40, 110, count), random.integers(0, len(PROGRAMS), count),
    )  # fmt: skip
    return Song(notes, tuple(Track(program=program, channel=at) for at, program in enumerate(PROGRAMS)))


def held_voices(seconds: float, voices: int = 48) -> Song:
    """Beats to time by, over flutes that keep about ``voices`` voices sounding."""
    bars = round(seconds / 2)
    chord = 36 + np.arange(voices)
    starts = np.repeat(np.arange(bars) * 1920, len(chord))
    held = make_notes(starts, 1860, np.tile(chord, bars), 20, 1)
    beats = make_notes(np.arange(bars * 4) * 480, 60, 96, 127, 0)
    return Song(np.concatenate([held, beats]), (Track(program=80), Track(program=73, volume=40)))


def render_beside_fluidsynth(seconds: float = 180.0, runs: int = 5) -> dict[str, Any]:
    program = shutil.which("fluidsynth")
    assert program, "needs fluidsynth's program: apt-get install fluidsynth"
    song, font = piece(seconds), _font()
    ours, peer = [], []
    with tempfile.TemporaryDirectory() as folder:
        midi = Path(folder) / "song.mid"
        write_midi(song, midi)
        command = [program, "-ni", "-r", str(RATE), "-F", f"{folder}/peer.wav", str(font), str(midi)]
        for _ in range(runs):
            report = render_to_file(song, f"{folder}/ours.wav", bits=16, soundfont=font)
            ours.append(report.seconds_to_render)
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            peer.append(time.perf_counter() - began)
    return _result(ours, peer, "s", seconds_of_music=seconds, font=font.name,
                   times_real_time=seconds / statistics.median(ours))  # fmt: skip


def play_three_minutes(seconds: float = 180.0) -> dict[str, Any]:
    support, song = _support(), held_voices(seconds)
    with _sound_server(support) as (environment, folder):
        recorder = support.Recorder(environment, folder / "played.raw")
        with Player(soundfont=_font()) as player, _busy_python():
            player.load(song)
            time.sleep(2.0)
            recorder.start()
            time.sleep(0.3)
            player.play()
            loads, voices = [], []
            until = time.monotonic() + seconds + 0.5
            while time.monotonic() < until:
                state = player.state()
                loads.append(state.load)
                voices.append(state.voices)
                time.sleep(0.25)
            dropouts = player.state().dropouts
        sound = recorder.stop()
    found = _beats(sound)
    count = len(found)
    expected = np.arange(count) * 0.5
    slope, start = np.polyfit(expected, found, 1)
    error = np.abs(found - expected - start)
    return {
        "ours": dropouts,
        "peer": 0,
        "ratio": 1.0 if dropouts == 0 else 0.0,
        "unit": "dropouts",
        "runs": 1,
        "seconds": seconds,
        "beats_found": count,
        "beats_written": int((song.notes["track"] == 0).sum()),
        "worst_onset_ms": float(error.max() * 1000),
        "drift_percent": float(abs(slope - 1) * 100),
        "load": float(np.mean(loads)),
        "voices": int(np.median(voices)),
        # Dropouts count only on a machine that has a processor to spare.
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "processors": os.cpu_count(),
    }


def first_sound(runs: int = 5) -> dict[str, Any]:
    program = shutil.which("fluidsynth")
    assert program, "needs fluidsynth's program: apt-get install fluidsynth"
    support, font = _support(), _font()
    song = Song(make_notes(0, 480, 84, 127), (Track(program=80),))
    ours, warm, peer = [], [], []
    with _sound_server(support) as (environment, folder):
        write_midi(song, folder / "song.mid")
        recorder = support.Recorder(environment, folder / "played.raw")
        recorder.start()
        for _ in range(runs):
            with _timed(recorder) as took:
                player = Player(soundfont=font)
                player.start()
                player.load(song)
                player.play()
            ours.append(took())
            time.sleep(1.0)
            with _timed(recorder) as took:
                player.preview(80, 84, 127, 0.2)
            warm.append(took())
            player.close()
            time.sleep(0.5)
            with _timed(recorder) as took:
                process = subprocess.Popen(
                    [program, "-ni", "-a", "pulseaudio", str(font), str(folder / "song.mid")],
                    env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            peer.append(took())
            process.kill()
            process.wait()
            time.sleep(0.5)
        recorder.stop()
    return _result(ours, peer, "s", warm_preview_s=statistics.median(warm))


BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "render-vs-fluidsynth": render_beside_fluidsynth,
    "playback-3min": play_three_minutes,
    "first-sound": first_sound,
}


def _result(ours: list[float], peer: list[float], unit: str, **more: Any) -> dict[str, Any]:
    middle = statistics.median(ours), statistics.median(peer)
    return {"ours": middle[0], "peer": middle[1], "ratio": middle[1] / middle[0], "unit": unit,
            "runs": len(ours), "spread": [min(ours), max(ours)], "peer_spread": [min(peer), max(peer)],
            **more}  # fmt: skip


def _beats(sound: np.ndarray) -> np.ndarray:
    """Onsets of the high beats over the held strings, in seconds.

    The beat's tone (C7, 2093 Hz) is mixed down and its strength over 3 ms taken; an onset is where it
    first passes half of the beat's own peak.
    """
    mono = sound.mean(axis=1)
    tone = np.exp(-2j * np.pi * 2093.0045 * np.arange(len(mono)) / RATE)
    width = 132
    sums = np.cumsum(np.concatenate([np.zeros(width, complex), mono * tone]))
    strength = np.abs(sums[width:] - sums[:-width]) / width
    level = np.quantile(strength, 0.98) / 2
    above = np.flatnonzero(strength > level)
    return above[np.diff(above, prepend=-RATE) > RATE // 4] / RATE


@contextmanager
def _sound_server(support: Any) -> Iterator[tuple[dict[str, str], Path]]:
    names = ("XDG_RUNTIME_DIR", "HOME", "PULSE_SERVER")
    before = {name: os.environ.get(name) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        server, environment = support.start_server(Path(folder))
        os.environ.update({name: environment[name] for name in names})
        try:
            yield environment, Path(folder)
        finally:
            server.terminate()
            server.wait(10)
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@contextmanager
def _busy_python() -> Iterator[None]:
    """A thread that works in pure Python, as a busy window would."""
    ending = threading.Event()

    def work() -> None:
        while not ending.is_set():
            sum(number * number for number in range(20_000))
            time.sleep(0.002)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


@contextmanager
def _timed(recorder: Any) -> Iterator[Callable[[], float]]:
    """Seconds from here until the recording holds a loud sample."""
    offset = recorder.file.stat().st_size // 8 * 8
    began = time.monotonic()

    def took() -> float:
        at = offset
        with recorder.file.open("rb") as file:
            while time.monotonic() < began + 20:
                file.seek(at)
                data = file.read()
                sound = np.frombuffer(data[: len(data) // 8 * 8], "<f4")
                if len(sound) and np.abs(sound).max() > 0.005:
                    return time.monotonic() - began
                at += len(sound) * 4
                time.sleep(0.001)
        raise AssertionError("nothing was heard")

    yield took


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(BENCHMARKS)
    print(json.dumps({name: BENCHMARKS[name]() for name in chosen}, indent=1))
