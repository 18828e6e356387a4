"""A song to sound, faster than it plays.

Conventions
-----------
* The same event table drives playing (`core.sound.player`): what was heard is what is exported.
* FluidSynth computes blocks of 64 frames. An event takes effect at the first block that begins at or
  after its time, as in FluidSynth's own player: never early, at most 1.5 ms late at 44.1 kHz.
* After the last event the sound goes on until it has died away, at most `TAIL_SECONDS`.
* Sound is not limited or compressed. Where its peak passes -0.1 dBFS the whole is made quieter to
  just that; otherwise its level is left alone.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, TunesmithError
from core.song.notes import Song
from core.sound import events as ev
from core.sound.audio_file import check_format, write_audio
from core.sound.fluid import BLOCK, Synth
from core.sound.loudness import integrated_lufs, peak_dbfs
from core.sound.soundfont import check_soundfont, default_soundfont

CEILING_DBFS = -0.1
TAIL_SECONDS = 10.0
MAX_SECONDS = 2 * 3600.0
"""Longer songs are refused: their sound would not fit into a laptop's memory."""
SILENCE = 10 ** (-90 / 20)
SAMPLE_RATES = (8000, 96000)

_CHUNK = 32 * BLOCK  # frames between looks at `cancelled`: 1 ms of work at 60 voices, 10 at 500
_SCALED_AT_ONCE = 1 << 18
_TAIL_CHUNK = 32 * BLOCK
_PATIENCE = 0.02


@dataclass(frozen=True, slots=True)
class RenderReport:
    """What `render_to_file` did. ``peak_dbfs`` and ``integrated_lufs`` are -inf for silence."""

    seconds_of_music: float
    seconds_to_render: float
    peak_dbfs: float
    integrated_lufs: float

    @property
    def times_real_time(self) -> float:
        return self.seconds_of_music / self.seconds_to_render


def render(
    song: Song,
    *,
    soundfont: str | os.PathLike[str] | None = None,
    sample_rate: int = 44100,
    effects: bool = True,
    peak_safe: bool = True,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> NDArray[np.float32]:
    """The sound of ``song``.

    Parameters
    ----------
    song : Song
    soundfont : path, optional
        By default the best that is found.
    sample_rate : int
        Frames a second, 8000-96000.
    effects : bool
        FluidSynth's reverb and chorus.
    peak_safe : bool
        Make it quieter where it would pass -0.1 dBFS.
    progress : callable, optional
        Told the share done, 0-1.
    cancelled : callable, optional
        Asked at least every 100 ms whether to stop.

    Returns
    -------
    ndarray of float32 [shape=(frames, 2)]

    Raises
    ------
    TunesmithError
        Where FluidSynth or a soundfont is missing, the sample rate is impossible, or the song too long.
    Cancelled
    """
    low, high = SAMPLE_RATES
    if not low <= sample_rate <= high:
        raise TunesmithError(f"A sample rate of {sample_rate} Hz is impossible; choose {low} to {high}")
    if song.seconds > MAX_SECONDS:
        raise TunesmithError(
            f"The song lasts {song.seconds / 3600:.1f} hours; what is rendered may last {MAX_SECONDS / 3600:.0f}. "
            "Cut it into parts"
        )
    font = check_soundfont(soundfont) if soundfont else default_soundfont()
    synth, schedule = _prepare(font, song, sample_rate, effects, cancelled)
    try:
        samples = _draw(synth, schedule, sample_rate, progress, cancelled)
    finally:
        synth.close()
    over = peak_dbfs(samples, cancelled=cancelled) - CEILING_DBFS
    if peak_safe and over > 0:
        for start in range(0, len(samples), _SCALED_AT_ONCE):
            _report(None, 0.0, cancelled)
            samples[start : start + _SCALED_AT_ONCE] *= np.float32(10 ** (-over / 20))
    return samples


def render_to_file(
    song: Song,
    path: str | os.PathLike[str],
    *,
    bits: int = 24,
    soundfont: str | os.PathLike[str] | None = None,
    sample_rate: int = 44100,
    effects: bool = True,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> RenderReport:
    """Render ``song`` to a WAV, FLAC or Ogg Vorbis file and say what came of it.

    Parameters are those of `render`, and ``bits``: 16 (dithered), 24, or 32 (float; WAV only).
    """
    check_format(path, bits)
    began = time.perf_counter()
    samples = render(
        song,
        soundfont=soundfont,
        sample_rate=sample_rate,
        effects=effects,
        progress=(lambda share: progress(0.9 * share)) if progress else None,
        cancelled=cancelled,
    )
    peak = peak_dbfs(samples, cancelled=cancelled)
    loudness = integrated_lufs(samples, sample_rate, cancelled=cancelled)
    write_audio(
        path,
        samples,
        sample_rate,
        bits=bits,
        progress=(lambda share: progress(0.95 + 0.05 * share)) if progress else None,
        cancelled=cancelled,
    )
    if progress:
        progress(1.0)
    return RenderReport(len(samples) / sample_rate, time.perf_counter() - began, peak, loudness)


def send(synth: Synth, kind: int, channel: int, number: int, value: int) -> None:
    """Hand one event of `core.sound.events` to ``synth``."""
    action = _ACTIONS.get(kind)
    if action:
        action(synth, channel, number, value)


_ACTIONS: dict[int, Callable[[Synth, int, int, int], None]] = {
    ev.CHANNEL_TYPE: lambda synth, channel, number, value: synth.set_drums(channel, bool(value)),
    ev.NOTE_OFF: lambda synth, channel, number, value: synth.note_off(channel, number),
    ev.NOTE_ON: lambda synth, channel, number, value: synth.note_on(channel, number, value),
    ev.KEY_PRESSURE: lambda synth, channel, number, value: synth.key_pressure(channel, number, value),
    ev.CONTROLLER: lambda synth, channel, number, value: synth.control(channel, number, value),
    ev.PROGRAM: lambda synth, channel, number, value: synth.program(channel, number),
    ev.CHANNEL_PRESSURE: lambda synth, channel, number, value: synth.channel_pressure(channel, value),
    ev.PITCH_BEND: lambda synth, channel, number, value: synth.pitch_bend(channel, value),
}


def block_frames(seconds: NDArray[np.float64], sample_rate: int) -> NDArray[np.int64]:
    """The frame at which an event at ``seconds`` takes effect: the first block start not before it."""
    # The hair's breadth forgives what rounding adds to times that fall on a block exactly.
    return np.ceil(seconds * sample_rate / BLOCK - 1e-6).astype(np.int64) * BLOCK


@dataclass(frozen=True, slots=True)
class _Schedule:
    """What to send when: ``rows[edges[i] : edges[i + 1]]`` (of `send`'s arguments) at frame ``places[i]``."""

    end: int
    places: list[int]
    edges: list[int]
    rows: list[tuple[int, int, int, int]]


def _schedule(events: ev.Events, seconds: float, sample_rate: int) -> _Schedule:
    frames = block_frames(events["seconds"], sample_rate)
    end = int(block_frames(np.array([seconds]), sample_rate)[0])
    # Settings after the last note's end change nothing that could be heard for long.
    events, frames = events[frames <= end], frames[frames <= end]
    places, starts = np.unique(frames, return_index=True)
    columns = [events[name].tolist() for name in ("kind", "channel", "number", "value")]
    rows = list(zip(*columns, strict=True))
    return _Schedule(end, places.tolist(), [*starts.tolist(), len(rows)], rows)


def _prepare(
    font: Path, song: Song, sample_rate: int, effects: bool, cancelled: Callable[[], bool] | None
) -> tuple[Synth, _Schedule]:
    """A synthesiser with ``font``, and what to send it; waiting for large ones can be cancelled."""
    outcome: list[tuple[Synth, _Schedule] | Exception] = []

    def work() -> None:
        try:
            events = ev.playback_events(song)
            schedule = _schedule(events, song.seconds, sample_rate)
            channels = int(events["channel"].max(initial=0)) + 1
            synth = Synth(font, sample_rate=sample_rate, channels=channels, effects=effects, load_on_use=True)
        except Exception as error:  # handed to the caller below
            outcome.append(error)
            return
        outcome.append((synth, schedule))
        if given_up.is_set():
            synth.close()

    given_up = threading.Event()
    thread = threading.Thread(target=work, name="render preparation", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_PATIENCE)
        if cancelled and cancelled() and thread.is_alive():
            given_up.set()
            raise Cancelled
    result = outcome[0]
    if isinstance(result, Exception):
        raise result
    return result


def _draw(
    synth: Synth,
    schedule: _Schedule,
    sample_rate: int,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> NDArray[np.float32]:
    """Send what is scheduled, take the sound between, and let it die away."""
    end, rows, edges = schedule.end, schedule.rows, schedule.edges
    tail = round(TAIL_SECONDS * sample_rate) // BLOCK * BLOCK
    samples = np.zeros((end + tail, 2), np.float32)
    at = 0
    for index, place in enumerate([*schedule.places, end]):
        while at < place:
            until = min(place, at + _CHUNK)
            synth.write(samples[at:until])
            at = until
            _report(progress, 0.98 * at / end, cancelled)
        if index < len(schedule.places):
            for row in rows[edges[index] : edges[index + 1]]:
                send(synth, *row)
    while at < len(samples):
        until = min(len(samples), at + _TAIL_CHUNK)
        synth.write(samples[at:until])
        quiet = float(np.abs(samples[at:until]).max()) < SILENCE
        at = until
        _report(progress, 0.99, cancelled)
        if quiet and not synth.voices:
            break
    return samples[:at]


def _report(
    progress: Callable[[float], None] | None, share: float, cancelled: Callable[[], bool] | None
) -> None:
    if cancelled and cancelled():
        raise Cancelled
    if progress:
        progress(share)
