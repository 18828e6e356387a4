"""FluidSynth, the synthesiser, through the two dozen functions of its C library that we use.

Why not pyfluidsynth: it looks for the library while it is imported and fails there, adds the working
directory to the search path for libraries, gives only 16-bit sound in freshly allocated arrays, and
knows nothing of channel types or generators, which give every track a channel of its own. What is
left that it could do for us is the table below.

Calls through `ctypes.CDLL` release Python's global lock, so that sound is made beside other work.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import c_char_p, c_double, c_float, c_int, c_void_p
from ctypes.util import find_library
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError

BLOCK = 64
"""Frames that FluidSynth computes at a time: an event takes effect at a multiple of it."""

GAIN = 0.4
MAX_CHANNELS = 256
MAX_POLYPHONY = 512

INSTALL = {
    "linux": "apt-get install libfluidsynth3 (or your system's fluidsynth package)",
    "darwin": "brew install fluid-synth",
    "win32": "the download at https://github.com/FluidSynth/fluidsynth/releases (add its bin folder to PATH)",
}

LIBRARY_NAMES = {
    "linux": ("libfluidsynth.so.3", "libfluidsynth.so.2", "libfluidsynth.so"),
    "darwin": ("libfluidsynth.3.dylib", "libfluidsynth.2.dylib", "libfluidsynth.dylib"),
    "win32": ("libfluidsynth-3.dll", "fluidsynth-3.dll", "libfluidsynth-2.dll", "libfluidsynth.dll"),
}

LIBRARY_FOLDERS = {
    "linux": (),
    "darwin": ("/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib"),
    "win32": ("C:/tools/fluidsynth/bin", "%PROGRAMFILES%/FluidSynth/bin"),
}

# name, result, arguments (the leading "fluid_" is left out where it is the same for all).
_PROTOTYPES: tuple[tuple[str, type | None, tuple[type, ...]], ...] = (
    ("new_fluid_settings", c_void_p, ()),
    ("delete_fluid_settings", None, (c_void_p,)),
    ("fluid_settings_setint", c_int, (c_void_p, c_char_p, c_int)),
    ("fluid_settings_setnum", c_int, (c_void_p, c_char_p, c_double)),
    ("fluid_settings_setstr", c_int, (c_void_p, c_char_p, c_char_p)),
    ("new_fluid_synth", c_void_p, (c_void_p,)),
    ("delete_fluid_synth", None, (c_void_p,)),
    ("fluid_synth_sfload", c_int, (c_void_p, c_char_p, c_int)),
    ("fluid_synth_noteon", c_int, (c_void_p, c_int, c_int, c_int)),
    ("fluid_synth_noteoff", c_int, (c_void_p, c_int, c_int)),
    ("fluid_synth_cc", c_int, (c_void_p, c_int, c_int, c_int)),
    ("fluid_synth_program_change", c_int, (c_void_p, c_int, c_int)),
    ("fluid_synth_pitch_bend", c_int, (c_void_p, c_int, c_int)),
    ("fluid_synth_channel_pressure", c_int, (c_void_p, c_int, c_int)),
    ("fluid_synth_key_pressure", c_int, (c_void_p, c_int, c_int, c_int)),
    ("fluid_synth_set_channel_type", c_int, (c_void_p, c_int, c_int)),
    ("fluid_synth_set_gen", c_int, (c_void_p, c_int, c_int, c_float)),
    ("fluid_synth_all_sounds_off", c_int, (c_void_p, c_int)),
    ("fluid_synth_system_reset", c_int, (c_void_p,)),
    ("fluid_synth_set_gain", None, (c_void_p, c_float)),
    ("fluid_synth_set_reverb_on", None, (c_void_p, c_int)),
    ("fluid_synth_set_chorus_on", None, (c_void_p, c_int)),
    ("fluid_synth_get_active_voice_count", c_int, (c_void_p,)),
    (
        "fluid_synth_write_float",
        c_int,
        (c_void_p, c_int, c_void_p, c_int, c_int, c_void_p, c_int, c_int),
    ),
    ("fluid_set_log_function", c_void_p, (c_int, c_void_p, c_void_p)),
    ("fluid_version_str", c_char_p, ()),
)

_LOG_LEVELS = 5
_GEN_ATTENUATION = 48
_SILENT_CENTIBELS = 1440.0


@cache
def library() -> ctypes.CDLL:
    """FluidSynth's C library, with its own messages silenced.

    Raises
    ------
    TunesmithError
        Where it is not installed; the message says how to install it.
    """
    platform = sys.platform if sys.platform in LIBRARY_NAMES else "linux"
    for name in _candidates(platform):
        try:
            loaded = ctypes.CDLL(name)
        except OSError:
            continue
        for function, result, arguments in _PROTOTYPES:
            prototype = getattr(loaded, function)
            prototype.restype, prototype.argtypes = result, arguments
        for level in range(_LOG_LEVELS):
            loaded.fluid_set_log_function(level, None, None)
        return loaded
    raise TunesmithError(f"FluidSynth's library was not found; install it with: {INSTALL[platform]}")


def version() -> str:
    """The library's version, such as "2.3.1"."""
    text: bytes = library().fluid_version_str()
    return text.decode()


def _candidates(platform: str) -> list[str]:
    names = LIBRARY_NAMES[platform]
    bundle = getattr(sys, "_MEIPASS", None)
    folders = [Path(bundle)] if bundle else []
    folders += [Path(os.path.expandvars(folder)) for folder in LIBRARY_FOLDERS[platform]]
    if platform == "win32":
        for folder in folders:
            if folder.is_dir():
                # Windows looks for the libraries FluidSynth needs only in folders it was told of.
                os.add_dll_directory(str(folder))  # type: ignore[attr-defined,unused-ignore]
    found = [str(folder / name) for folder in folders for name in names if (folder / name).exists()]
    searched = find_library("fluidsynth")
    return [*found, *names, *([searched] if searched else [])]


class Synth:
    """One synthesiser with one font, from which sound is drawn in float.

    Parameters
    ----------
    soundfont : Path
        An SF2 or SF3 file.
    sample_rate : int
        Frames a second.
    channels : int
        MIDI channels wanted (rounded up to a multiple of 16, at most 256).
    polyphony : int
        Voices that may sound together.
    gain : float
        Loudness, 0-10.
    effects : bool
        Reverb and chorus.
    load_on_use : bool
        Read an instrument's samples when it is first chosen: quick, but not fit for live playing.
    """

    def __init__(
        self,
        soundfont: Path,
        *,
        sample_rate: int = 44100,
        channels: int = 16,
        polyphony: int = MAX_POLYPHONY,
        gain: float = GAIN,
        effects: bool = True,
        load_on_use: bool = False,
    ) -> None:
        self._library = library()
        self.soundfont = soundfont
        self.channels = min(MAX_CHANNELS, -(-max(channels, 1) // 16) * 16)
        self._settings = self._library.new_fluid_settings()
        for name, number in (
            ("synth.midi-channels", self.channels),
            ("synth.polyphony", polyphony),
            ("synth.reverb.active", int(effects)),
            ("synth.chorus.active", int(effects)),
            ("synth.dynamic-sample-loading", int(load_on_use)),
            ("synth.lock-memory", 0),
            # One thread draws sound and sends events at a time, under our own order.
            ("synth.threadsafe-api", 1),
        ):
            self._library.fluid_settings_setint(self._settings, name.encode(), number)
        self._library.fluid_settings_setnum(self._settings, b"synth.sample-rate", float(sample_rate))
        self._library.fluid_settings_setnum(self._settings, b"synth.gain", gain)
        self._synth = self._library.new_fluid_synth(self._settings)
        if not self._synth:
            self._library.delete_fluid_settings(self._settings)
            raise TunesmithError(f"FluidSynth refuses a sample rate of {sample_rate}; choose 8000 to 96000")
        if self._library.fluid_synth_sfload(self._synth, os.fsencode(soundfont), 1) < 0:
            self.close()
            raise TunesmithError(f"FluidSynth cannot load the soundfont {soundfont}; choose another one")
        self._write = self._library.fluid_synth_write_float

    def close(self) -> None:
        """Free the synthesiser and its font; it may not be used any more."""
        if self._synth:
            self._library.delete_fluid_synth(self._synth)
            self._library.delete_fluid_settings(self._settings)
            self._synth = self._settings = None

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        self._library.fluid_synth_noteon(self._synth, channel, pitch, velocity)

    def note_off(self, channel: int, pitch: int) -> None:
        self._library.fluid_synth_noteoff(self._synth, channel, pitch)

    def control(self, channel: int, number: int, value: int) -> None:
        self._library.fluid_synth_cc(self._synth, channel, number, value)

    def program(self, channel: int, program: int) -> None:
        self._library.fluid_synth_program_change(self._synth, channel, program)

    def pitch_bend(self, channel: int, value: int) -> None:
        """Bend by ``value``, -8192 to 8191."""
        self._library.fluid_synth_pitch_bend(self._synth, channel, value + 8192)

    def channel_pressure(self, channel: int, value: int) -> None:
        self._library.fluid_synth_channel_pressure(self._synth, channel, value)

    def key_pressure(self, channel: int, pitch: int, value: int) -> None:
        self._library.fluid_synth_key_pressure(self._synth, channel, pitch, value)

    def set_drums(self, channel: int, is_drum: bool) -> None:
        """Make ``channel`` one of drums, or one of pitched instruments."""
        self._library.fluid_synth_set_channel_type(self._synth, channel, int(is_drum))

    def set_silent(self, channel: int, silent: bool) -> None:
        """Silence ``channel`` at once, or let it be heard again; its notes go on meanwhile."""
        self._library.fluid_synth_set_gen(
            self._synth, channel, _GEN_ATTENUATION, _SILENT_CENTIBELS if silent else 0.0
        )

    def all_sounds_off(self, channel: int = -1) -> None:
        """End every sound of ``channel`` (by default of all) without its release."""
        self._library.fluid_synth_all_sounds_off(self._synth, channel)

    def reset(self) -> None:
        """Everything off, all channels as new."""
        self._library.fluid_synth_system_reset(self._synth)

    def set_gain(self, gain: float) -> None:
        self._library.fluid_synth_set_gain(self._synth, gain)

    def set_effects(self, on: bool) -> None:
        """Turn reverb and chorus on or off."""
        self._library.fluid_synth_set_reverb_on(self._synth, int(on))
        self._library.fluid_synth_set_chorus_on(self._synth, int(on))

    @property
    def voices(self) -> int:
        """How many voices sound now."""
        count: int = self._library.fluid_synth_get_active_voice_count(self._synth)
        return count

    def write(self, frames: NDArray[np.float32]) -> None:
        """Fill ``frames`` [shape=(n, 2), C order] with the next sound."""
        self.write_at(frames.ctypes.data, len(frames))

    def write_at(self, address: int, count: int) -> None:
        """Write the next ``count`` stereo frames, interleaved, to memory at ``address``."""
        self._write(self._synth, count, address, 0, 2, address, 1, 2)
