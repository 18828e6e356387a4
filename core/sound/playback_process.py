"""The process that sounds: a device's stream, or a silent clock, around the `Engine`.

It has nothing else to do, so that its callback is never kept waiting by other Python code: its main
thread sleeps until a command comes through the pipe, and the garbage collector is off.

It never outlives the window's process: that one's end closes the pipe, and a guard sees to it that
even a process that hangs in a library ends then.

Whatever is missing (FluidSynth, a soundfont, a device) is said in the status, and all else goes on: the
clock keeps its time without sound, and a lost device is looked for until it is back.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import TunesmithError
from core.sound.fluid import MAX_CHANNELS, Synth
from core.sound.playback_engine import Engine
from core.sound.playback_state import StateBlock
from core.sound.soundfont import default_soundfont, find_soundfonts, quick_soundfont

DEFAULT_RATE = 44100
LATENCY = 0.025
"""Seconds of sound buffered at first: what is pointed at is to be heard within 50 ms."""
SURE_LATENCY = 0.04
"""A buffer as long as this copes nearly everywhere; one below is on trial, and gone after few dropouts."""
WATCH_SECONDS = 0.25
STALL_SECONDS = 3.0
RETRY_SECONDS = 2.0
CLOCK_SECONDS = 0.01
MAX_LATENCY = 0.2
TOLERATED_DROPOUTS = {False: 3, True: 15}
"""By whether it plays with a sure buffer, in one stretch of playing: after more the buffer is doubled, in the next
pause if that comes in time, since it cuts the sound for a moment."""
CRASHED = (
    "The system's audio library crashes, so there is no sound; playing silently. "
    "On Debian and Ubuntu, mend it with: apt-get install --reinstall libasound2-data libportaudio2"
)
LOAD_SMOOTHING = 0.05
ORPHAN_SECONDS = 1.0
"""How long after the window's process has ended this one may take to end in good order."""
_GUARD_SECONDS = 1.0
_NICENESS = -11
_HIGH_PRIORITY_CLASS = 0x80


@dataclass(frozen=True, slots=True)
class Options:
    """How to start: font and device (None: the best, the system's), seconds of buffered sound."""

    soundfont: Path | None = None
    device: str | None = None
    latency: float = LATENCY
    silent: bool = False
    """Touch no audio library: the process before this one did, and crashed."""


def run(connection: Connection, memory: Any, options: Options) -> None:
    """Serve the commands that come through ``connection`` until told to close or left alone."""
    # Ctrl+C in a terminal goes to the window's process, which then closes this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="guard", daemon=True).start()
    _silence_libraries()
    _go_first()
    host = Host(connection, memory, options)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        host.serve()
    finally:
        host.close()


class Host:
    """Owns the engine, the stream and the synthesiser."""

    def __init__(self, connection: Connection, memory: Any, options: Options) -> None:
        state = StateBlock(memory)
        state.clear()
        self.connection = connection
        self.soundfont = options.soundfont
        self.device = options.device
        self.latency = options.latency
        self.silent = options.silent
        self.rate = DEFAULT_RATE
        self.engine = Engine(self.rate, state)
        self.has_fonts = False
        self.stream: Any = None
        self.clock: SilentClock | None = None
        self.problems: dict[str, str] = {}
        self._said: str | None = None
        self._blocks, self._moved_at, self._tried_at = 0, time.monotonic(), 0.0
        self._loading = 0
        self._dropouts_before = 0

    def serve(self) -> None:
        """Open what there is, then do as told."""
        self.open()
        self.say()
        while True:
            try:
                if self.connection.poll(WATCH_SECONDS):
                    name, *arguments = self.connection.recv()
                    if name == "close":
                        return
                    self.obey(name, arguments)
                self.watch()
                self.say()
            except (EOFError, OSError):
                return  # the window's process is gone

    def obey(self, name: str, arguments: list[Any]) -> None:
        """Carry out one command: one of our own, or else one of the engine's."""
        own: dict[str, Callable[..., None]] = {
            "devices": self.send_devices,
            "set_device": self.set_device,
            "set_soundfont": self.set_soundfont,
        }
        try:
            (own.get(name) or getattr(self.engine, name))(*arguments)
        except TunesmithError as error:
            self.problems["command"] = str(error)

    def say(self) -> None:
        """Tell the window what is wrong, when that has changed."""
        status = "; ".join(self.problems.values())
        if status != self._said:
            self._said = status
            self.connection.send(("status", status))

    def close(self) -> None:
        self.close_stream()
        self.stop_clock()

    # Sound font

    def load_fonts(self) -> None:
        """A synthesiser with a font that loads at once; the best font follows when it is ready."""
        self._loading += 1
        self.problems.pop("synth", None)
        first: Path | None
        try:
            wanted = default_soundfont(self.soundfont)
        except TunesmithError as error:
            self.problems["synth"] = str(error)
            fonts = find_soundfonts()
        else:
            fonts = [wanted, *find_soundfonts()]
        quick = quick_soundfont(fonts) if fonts and fonts[0].suffix.lower() != ".sf2" else None
        best = next(iter(fonts), None)
        try:
            first = quick or best
            synth = self.make_synth(first) if first else None
        except TunesmithError as error:
            self.problems["synth"] = str(error)
            best = synth = None
        if self.engine.rate == self.rate:
            self.engine.use_synth(synth)
        else:
            self.engine.set_rate(self.rate, synth)
        self.has_fonts = True
        if best and best != first:
            arguments = (best, self._loading)
            threading.Thread(target=self._load_best, args=arguments, daemon=True).start()

    def _load_best(self, font: Path, turn: int) -> None:
        _go_last()
        try:
            synth = self.make_synth(font)
        except TunesmithError as error:
            self.problems["synth"] = str(error)
            return
        if turn == self._loading:
            self.engine.use_synth(synth)
        else:
            synth.close()

    def make_synth(self, font: Path) -> Synth:
        return Synth(font, sample_rate=self.rate, channels=MAX_CHANNELS)

    def set_soundfont(self, font: Path | None) -> None:
        self.soundfont = font
        self.load_fonts()

    # Device

    def open(self) -> None:
        """Load a font and open the device; where that fails, let the silent clock run."""
        self.problems.pop("device", None)
        try:
            if self.silent:
                raise TunesmithError(CRASHED)
            self.open_stream()
        except Exception as error:  # PortAudio's errors are many; each means no sound
            self.close_stream()
            self.problems["device"] = _no_device(self.device, error)
            if not self.has_fonts:
                self.load_fonts()
            self.start_clock()
        self._tried_at = time.monotonic()

    def open_stream(self) -> None:
        import sounddevice

        device = self.find_device(sounddevice)
        rate = self.pick_rate(sounddevice, device)
        if rate != self.rate or not self.has_fonts:
            self.rate = rate
            self.load_fonts()
        stream = sounddevice.OutputStream(
            samplerate=rate, channels=2, dtype="float32", device=device, latency=self.latency,
            callback=self.callback,
        )  # fmt: skip
        self.stop_clock()
        self.stream = stream
        self.engine.latency = float(stream.latency)
        self._moved_at = time.monotonic()
        stream.start()

    def find_device(self, sounddevice: Any) -> int | None:
        """The index of the chosen output; None for the system's."""
        if self.device is None:
            return None
        for index, name in _outputs(sounddevice):
            if name == self.device:
                return index
        self.problems["device"] = f'The output "{self.device}" is not there; the system\'s is used'
        return None

    def pick_rate(self, sounddevice: Any, device: int | None) -> int:
        """The rate so far if the device takes it, else the device's own."""
        try:
            sounddevice.check_output_settings(
                device=device, channels=2, dtype="float32", samplerate=self.rate
            )
        except sounddevice.PortAudioError:
            return int(sounddevice.query_devices(device, "output")["default_samplerate"])
        return self.rate

    def close_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            for end in (stream.abort, stream.close):
                try:
                    end(ignore_errors=True)
                except Exception as error:  # a device that is gone cannot be closed properly
                    _note(error)

    def watch(self) -> None:
        """Notice a lost device, look for it again, and free what is no longer used."""
        for synth in self.engine.discarded():
            synth.close()
        now = time.monotonic()
        if self.stream is None:
            if now - self._tried_at > RETRY_SECONDS:
                self.reopen()
            return
        self.widen_buffer()
        if self.engine.blocks != self._blocks:
            self._blocks, self._moved_at = self.engine.blocks, now
        if self.stream and (not self.stream.active or now - self._moved_at > STALL_SECONDS):
            self.close_stream()
            self.problems["device"] = "The audio output is gone; playing silently until it is back"
            self._tried_at = now
            self.start_clock()

    def widen_buffer(self) -> None:
        """Ask for a longer buffer where the present one was too short for this computer."""
        playing = self.engine.playing
        late = self.engine.dropouts - self._dropouts_before
        too_late = late > TOLERATED_DROPOUTS[playing and self.latency >= SURE_LATENCY]
        if too_late or not playing:
            self._dropouts_before = self.engine.dropouts
        if too_late and self.latency < MAX_LATENCY:
            self.latency = min(2 * self.latency, MAX_LATENCY)
            self.close_stream()
            self.open()

    def reopen(self) -> None:
        """Look at the system's devices afresh, and open one."""
        if self.silent:
            return
        self.close_stream()
        try:
            import sounddevice

            # PortAudio lists devices once, when it is set up: only this shows it new ones.
            sounddevice._terminate()
            sounddevice._initialize()
        except Exception as error:
            self.problems["device"] = _no_device(self.device, error)
            self._tried_at = time.monotonic()
            return
        self.open()

    def set_device(self, name: str | None) -> None:
        self.device = name
        self.reopen()

    def send_devices(self) -> None:
        """Answer with the names of the outputs; with fresh ones where no sound is cut by looking."""
        names: list[str] = []
        if not self.silent:
            try:
                import sounddevice

                if not self.engine.playing:
                    self.reopen()
                names = [name for _, name in _outputs(sounddevice)]
            except Exception as error:
                _note(error)
        self.connection.send(("devices", names))

    def callback(self, out: Any, frames: int, moments: Any, status: Any) -> None:
        """PortAudio's call for the next block."""
        began = time.perf_counter()
        engine = self.engine
        if status.output_underflow:
            engine.dropouts += 1
        ahead = moments.outputBufferDacTime - moments.currentTime
        if 0.0 < ahead < 1.0:
            engine.latency += LOAD_SMOOTHING * (ahead - engine.latency)
        try:
            engine.process(out)
        except Exception as error:
            out.fill(0.0)
            self.problems["engine"] = f"The player stumbled ({error}); please report this"
            _note(error)
        span = frames / engine.rate
        used = time.perf_counter() - began
        engine.load += LOAD_SMOOTHING * (used / span - engine.load)
        if used > max(span, engine.latency):
            engine.dropouts += 1

    # Silent clock

    def start_clock(self) -> None:
        if self.clock is None:
            self.engine.latency = 0.0
            self.clock = SilentClock(self.engine)

    def stop_clock(self) -> None:
        clock, self.clock = self.clock, None
        if clock is not None:
            clock.close()


class SilentClock:
    """Drives the engine as a device would, and throws its sound away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="silent clock", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ending.is_set():
            block = np.zeros((round(CLOCK_SECONDS * self._engine.rate), 2), np.float32)
            self._engine.process(block)
            due += CLOCK_SECONDS
            now = time.monotonic()
            if due < now - 1.0:  # the computer slept; time that is lost is not caught up with
                due = now
            self._ending.wait(max(0.0, due - now))


def _end_with_parent() -> None:
    """End this process soon after its parent's end, whatever it is doing then."""
    parent = parent_process()
    assert parent is not None, "the sound process is always started by another"
    # The sentinel is a pipe that anything the parent forked keeps open, too; its number tells as well.
    while not wait([parent.sentinel], _GUARD_SECONDS) and os.getppid() == parent.pid:
        pass
    time.sleep(ORPHAN_SECONDS)
    os._exit(1)


def _silence_libraries() -> None:
    """Send what C libraries write to standard error nowhere; what Python writes there still arrives.

    ALSA reports every device that it tries and does not find, and every underrun, in lines of its own.
    The status says in one sentence what follows from them.
    """
    if sys.stderr is None:  # a program without a console, on Windows
        return
    with suppress(OSError, ValueError):  # closed, or no file at all: then nothing can be written there either
        kept = os.dup(sys.stderr.fileno())
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())
        os.close(nowhere)
        sys.stderr = os.fdopen(kept, "w", buffering=1, errors="backslashreplace")


def _go_first() -> None:
    """Be served before other processes, where the system lets us; most grant it only to some users."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _HIGH_PRIORITY_CLASS)
    else:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


def _go_last() -> None:
    """Let this thread, which unpacks a font, never take time from the one that sounds."""
    # Only Linux counts niceness by the thread; elsewhere this would slow the whole process.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, -_NICENESS)


def _outputs(sounddevice: Any) -> list[tuple[int, str]]:
    """(index, name) of every device that can sound; the system behind it is named where names repeat."""
    systems = sounddevice.query_hostapis()
    found = [
        (index, device["name"], systems[device["hostapi"]]["name"])
        for index, device in enumerate(sounddevice.query_devices())
        if device["max_output_channels"] >= 2
    ]
    names = [name for _, name, _ in found]
    return [(index, f"{name} ({system})" if names.count(name) > 1 else name) for index, name, system in found]


def _no_device(name: str | None, error: Exception) -> str:
    if isinstance(error, TunesmithError):
        return str(error)
    if isinstance(error, (ImportError, OSError)) and "PortAudio" in str(error):
        return (
            "PortAudio's library was not found, so there is no sound; "
            "install it with: apt-get install libportaudio2"
        )
    what = f'The output "{name}" could not be opened' if name else "No audio output could be opened"
    return f"{what}; playing silently, and trying again. Is a sound server running?"


def _note(error: Exception) -> None:
    """Leave a trace on standard error, where a terminal or a log shows it."""
    traceback.print_exception(error, file=sys.stderr)
