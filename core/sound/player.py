"""Playing songs: the window's side of the process that sounds.

No call waits for sound or for the other process. Commands are taken by a thread that lays the song out
as events and sends them; the state is read from shared memory. Should the sound process end, it is
started again with the song, the mix and the settings it had.

Examples
--------
>>> with Player() as player:
...     player.load(song)
...     player.play()
...     player.state().tick
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import queue
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.song.notes import Song, TimeMap
from core.sound import events as ev
from core.sound.playback_engine import Score
from core.sound.playback_process import LATENCY, Options, run
from core.sound.playback_state import FIELDS, PlayerState, StateBlock, heard_seconds

CLICK_BARS_BEYOND = 256
"""Bars after the song's end for which the metronome goes on, for recording."""
RESTARTS = 3
CLOSE_SECONDS = 2.0
"""How long the sound process may take to end by itself when told to."""
END_SECONDS = 1.0
"""How long each harder way of ending it is given before the next."""
DEVICES_SECONDS = 5.0
_KEPT_SCORES = 16

__all__ = ["Player", "PlayerState"]


class Player:
    """Plays one song at a time, live.

    Parameters
    ----------
    soundfont : path, optional
        By default the best that is found.
    device : str, optional
        One of `devices()`; by default the system's.
    latency : float
        Seconds of sound buffered: less answers faster, more forgives a busy computer.
    """

    def __init__(
        self,
        *,
        soundfont: str | os.PathLike[str] | None = None,
        device: str | None = None,
        latency: float = LATENCY,
    ) -> None:
        font = Path(soundfont) if soundfont else None
        self._options = Options(font, device or None, latency)
        self._context = multiprocessing.get_context("spawn")
        self._memory: Any = None
        self._state: StateBlock | None = None
        self._process: Any = None
        self._pipe: Any = None
        self._queue: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()  # held while a process is started, so that none is after `close`
        self._closing = False
        self._answered = False
        self._asked = (False, 0.0)  # playing, tick: what a process that ended unheard was asked for
        self._status = "The player is not started"
        self._found_devices: list[str] = []
        self._devices_came = threading.Event()
        self._times: dict[int, TimeMap] = {}
        self._number = 0
        self._kept: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def __enter__(self) -> Player:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the sound process. What it lacks (library, font, device) is said in the state."""
        if self._process is not None:
            return
        self._closing = False
        self._memory = self._context.RawArray("d", len(FIELDS))
        self._state = StateBlock(self._memory)
        self._status = ""
        self._spawn()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("player commands", self._send_all), ("player answers", self._receive_all))
        ]
        for thread in self._threads:
            thread.start()
        # Should the program end without `close`: before multiprocessing ends the process behind our
        # back, which would look as if it had failed and be answered by starting another.
        atexit.register(self.close)

    def close(self) -> None:
        """End the sound process and all that belongs to it, within a few seconds whatever it does."""
        if self._process is None:
            return
        atexit.unregister(self.close)
        with self._lock:
            self._closing = True
        self._queue.put(None)
        # A process that has not answered yet is still starting and would hear of it only afterwards.
        _end(self._process, CLOSE_SECONDS if self._answered else 0.0)
        for thread in self._threads:  # each waited for the process at most
            thread.join(END_SECONDS)
        self._pipe.close()
        with suppress(ValueError):  # the system still holds it; it is gone when that lets go
            self._process.close()
        self._process = self._pipe = self._state = None
        self._queue = queue.SimpleQueue()
        self._threads = []
        self._status = "The player is not started"

    def load(self, song: Song) -> None:
        """Play ``song`` from now on.

        While it plays this changes what is played: the position stays at its tick, notes that sound
        and are in both songs sound on, those that vanished end.
        """
        self._number += 1
        self._times[self._number] = song.time
        for number in list(self._times)[:-_KEPT_SCORES]:
            del self._times[number]
        self._do("load_score", song, self._number, keep=("load_score",))

    def play(self) -> None:
        """Go on from where it stands; from the start if that is the end."""
        self._asked = (True, self._asked[1])
        self._do("play")

    def pause(self) -> None:
        """Stand still where it is."""
        self._asked = (False, self._asked[1])
        self._do("pause")

    def stop(self) -> None:
        """Stand still, at the start of the song."""
        self._asked = (False, 0.0)
        self._do("stop")

    def seek(self, tick: float) -> None:
        """Go to ``tick``; controllers and programs are set to what they are there."""
        self._asked = (self._asked[0], float(tick))
        self._do("seek", float(tick))

    def set_loop(self, start_tick: float | None, end_tick: float | None = None) -> None:
        """Repeat from ``start_tick`` to ``end_tick`` without a seam; ``set_loop(None)`` ends that."""
        whole = start_tick is not None and end_tick is not None
        self._do("set_loop", (start_tick, end_tick) if whole else None, keep=("set_loop",))

    def set_speed(self, ratio: float) -> None:
        """Play ``ratio`` (0.1-8) times as fast as written, at the same pitch."""
        self._do("set_speed", float(ratio), keep=("set_speed",))

    def preview(
        self, program: int | str | None, pitch: int, velocity: int = 90, seconds: float = 0.35
    ) -> None:
        """Sound one note now: of a General MIDI program, or of the drums ("drum" or None)."""
        number = program if isinstance(program, int) else None
        self._do("preview", number, int(pitch), int(velocity), float(seconds))

    def hear(
        self, samples: NDArray[np.int16], sample_rate: int, *, fresh: bool = True, last: bool = True
    ) -> None:
        """Sound samples [shape=(n,)] beside the song: in place of, or else after those given before.

        A long sound is given piece by piece, a little ahead of what is heard; ``last`` marks its end.
        """
        self._do("hear", np.asarray(samples, np.int16), int(sample_rate), bool(fresh), bool(last))

    def hear_no_more(self) -> None:
        """End the sound that `hear` was given."""
        self._do("hear_no_more")

    def panic(self) -> None:
        """End every sound at once."""
        self._do("panic")

    def set_mix(
        self,
        track: int,
        *,
        mute: bool | None = None,
        solo: bool | None = None,
        volume: int | None = None,
        pan: int | None = None,
    ) -> None:
        """Change what is given of a track's mix, in the middle of its notes.

        Mute and solo stay with the track's number until changed. Volume and pan (0-127) hold until the
        next `load`, whose tracks bring their own.
        """
        for name, value in (("mute", mute), ("solo", solo), ("volume", volume), ("pan", pan)):
            if value is not None:
                given = {"mute": None, "solo": None, "volume": None, "pan": None} | {name: value}
                self._do("set_mix", int(track), *given.values(), keep=("set_mix", track, name))

    def set_metronome(self, on: bool) -> None:
        """Click on the beats of the song's meters, with an accent at each bar."""
        self._do("set_metronome", bool(on), keep=("set_metronome",))

    def set_master(self, volume: float) -> None:
        """Loudness of everything: 1 as rendered, 0 silent."""
        self._do("set_master", float(volume), keep=("set_master",))

    def set_soundfont(self, path: str | os.PathLike[str] | None) -> None:
        """Use another font; None for the best that is found."""
        self._do("set_soundfont", Path(path) if path else None, keep=("set_soundfont",))

    def set_device(self, name: str | None) -> None:
        """Play through another of `devices()`; None for the system's."""
        self._do("set_device", name or None, keep=("set_device",))

    def devices(self) -> list[str]:
        """Names of the outputs there are. This one call waits for the other process, some 0.1 s."""
        if self._process is None:
            return []
        self._devices_came.clear()
        self._do("devices")
        self._devices_came.wait(DEVICES_SECONDS)
        return self._found_devices

    def state(self) -> PlayerState:
        """Where it is, as heard now. Never waits; fit to be called 60 times a second."""
        if self._state is None:
            return PlayerState(status=self._status)
        values = self._state.read()
        seconds = max(0.0, heard_seconds(values))
        time = self._times.get(int(values["score"]))
        return PlayerState(
            playing=bool(values["playing"]),
            # Rounded, so that the song's end in seconds is its last tick and not a hair before.
            tick=round(float(time.to_ticks(seconds)), 6) if time else 0.0,
            seconds=seconds,
            peak_left=values["peak_left"],
            peak_right=values["peak_right"],
            load=values["load"],
            dropouts=int(values["dropouts"]),
            latency=values["latency"],
            voices=int(values["voices"]),
            status=self._status,
        )

    def _do(self, name: str, *arguments: Any, keep: tuple[Any, ...] | None = None) -> None:
        if keep:
            self._kept[keep] = (name, *arguments)
        self._queue.put((name, *arguments))

    def _spawn(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        process = self._context.Process(
            target=run, args=(theirs, self._memory, self._options), name="tunesmith sound", daemon=True
        )
        with _main_hidden():
            process.start()
        theirs.close()
        self._answered = False
        self._process = process

    def _send_all(self) -> None:
        """Send commands in their order; of songs that wait, only the newest."""
        commands = self._queue
        while True:
            command = commands.get()
            try:
                if command is None:
                    self._pipe.send(("close",))
                    return
                name, *arguments = command
                if name == "load_score":
                    song, number = arguments
                    if number != self._number:
                        continue
                    arguments = [_score(song, number)]
                self._pipe.send((name, *arguments))
            except OSError:  # the process ended; the other thread sees to it
                if self._closing:
                    return
            except Exception as error:  # a song that cannot be laid out must not end the player
                self._status = f"The song cannot be played ({error}); please report this"

    def _receive_all(self) -> None:
        """Take answers; start the process again should it end by itself."""
        for restarts in range(RESTARTS + 1):
            with suppress(EOFError, OSError):
                while True:
                    name, answer = self._pipe.recv()
                    self._answered = True
                    if name == "devices":
                        self._found_devices = answer
                        self._devices_came.set()
                    elif name == "status":
                        self._status = answer
            if self._closing or (restarts < RESTARTS and not self._restart()):
                return
        self._status = "The sound process ended again and again; there is no sound until the next start"

    def _restart(self) -> bool:
        """Start another process, with everything as it was, unless the player is closing."""
        before = self.state()
        with self._lock:
            if self._closing:
                return False
            _end(self._process, 0.0)
            # What ends before its first word was ended by a library while it looked for devices.
            unheard = not self._answered
            self._options = replace(self._options, silent=unheard)
            self._spawn()
        playing, tick = self._asked if unheard else (before.playing, before.tick)
        # The song first: it brings volumes of its own, which the mix may have changed since.
        for command in sorted(self._kept.values(), key=lambda command: command[0] != "load_score"):
            self._queue.put(command)
        self._do("seek", tick)
        if playing:
            self._do("play")
        return True


def _end(process: Any, patience: float) -> None:
    """Let ``process`` end by itself for ``patience`` seconds, then end it."""
    process.join(patience)
    for harder in (process.terminate, process.kill):
        if process.is_alive():
            harder()
            process.join(END_SECONDS)


def _score(song: Song, number: int) -> Score:
    bars = song.bars
    beyond = bars.start(bars.bar_at(song.end_tick) + CLICK_BARS_BEYOND)
    events = ev.merge(ev.playback_events(song), ev.metronome_events(song, beyond))
    return Score(number, events, song.time, song.seconds)


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep the sound process from importing the program's main module.

    A spawned process does so in case it needs something from there. Ours does not; with it would come
    the whole window.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
