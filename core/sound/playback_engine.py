"""The player's heart: turns commands and a song's events into blocks of sound, to the frame.

The engine knows no process and no device. Whoever owns it calls `process` for every block of sound
(from a device's callback, or from a silent clock), and the commands below from any other thread: what
takes long (sorting out what must be sent where) is done in the calling thread, and the rest is queued
and done at the start of the next block.

Time
----
* A *frame* counts frames made since the engine began; FluidSynth lets events take effect at multiples
  of 64 of them. Song time at a frame is ``anchor_seconds + (frame - anchor_frame) * speed / rate``.
* Every event takes effect at the first multiple of 64 not before its time, as when rendering. The
  anchors are exact, so nothing adds up: neither over a long song nor over a loop's thousandth round.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, exp, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.song.notes import TimeMap
from core.sound import events as ev
from core.sound.clip import Clip
from core.sound.fluid import BLOCK, Synth
from core.sound.playback_state import StateBlock
from core.sound.render import send

SHORTEST_LOOP = 0.02
"""Seconds; a shorter loop is a slip of the mouse and is not looped."""
SPEEDS = (0.1, 8.0)
PEAK_FALL_SECONDS = 0.3
CEILING = 0.97
RELEASE_SECONDS = 0.25
CONTROLLER_DEFAULTS = {ev.VOLUME: 100, 8: 64, ev.PAN: 64, 11: 127} | dict.fromkeys(range(70, 80), 64)
NULL_PARAMETER = {98: 127, 99: 127, 100: 127, 101: 127}
SUSTAIN = 64
_HAIR = 1e-9

Row = tuple[float, int, int, int, int]  # seconds, kind, channel, number, value
Setting = tuple[int, int, int]  # kind, channel, number


@dataclass(frozen=True)
class Score:
    """A song as the engine needs it. ``events`` hold the metronome's clicks, too."""

    number: int = 0

    events: ev.Events = field(default_factory=lambda: np.zeros(0, ev.EVENT))
    time: TimeMap | None = None
    end: float = 0.0

    def seconds(self, tick: float) -> float:
        return float(self.time.to_seconds(tick)) if self.time else 0.0

    def ticks(self, seconds: float) -> float:
        return float(self.time.to_ticks(seconds)) if self.time else 0.0


class _Loaded:
    """A score, laid out for quick look-up in the middle of a block."""

    def __init__(self, score: Score) -> None:
        self.score = score
        events = score.events
        self.seconds = np.ascontiguousarray(events["seconds"])
        self.events = events[["seconds", "kind", "channel", "number", "value"]]
        is_note = (events["kind"] == ev.NOTE_ON) | (events["kind"] == ev.NOTE_OFF)
        notes = np.flatnonzero(is_note & (events["channel"] < ev.TRACK_CHANNELS))
        key = events["channel"][notes].astype(np.int64) * 128 + events["number"][notes]
        order = np.argsort(key, kind="stable")
        self.key = key[order]
        self.key_seconds = self.seconds[notes[order]]
        self.key_is_end = events["kind"][notes[order]] == ev.NOTE_OFF

    def rows(self, first: int, last: int) -> list[Row]:
        rows: list[Row] = self.events[first:last].tolist()
        return rows

    def place(self, seconds: float) -> int:
        """The first event at or after ``seconds``."""
        return int(np.searchsorted(self.seconds, seconds - _HAIR))

    def sounds(self, key: int, seconds: float) -> bool:
        """Whether a note of ``key`` (channel * 128 + pitch) sounds at ``seconds``."""
        first, last = np.searchsorted(self.key, [key, key + 1])
        following = first + np.searchsorted(self.key_seconds[first:last], seconds, "right")
        return bool(following < last and self.key_is_end[following])

    def settings(self, seconds: float) -> list[Row]:
        """What to send to be where the song is at ``seconds``."""
        state = ev.state_at(self.score.events, seconds)
        rows: list[Row] = state[["seconds", "kind", "channel", "number", "value"]].tolist()
        return rows


class Engine:
    """Plays a score through a synthesiser.

    Parameters
    ----------
    sample_rate : int
    state : StateBlock
        Where position and meters are published after every block.
    synth : Synth, optional
        Without one everything goes on, but in silence.
    """

    def __init__(self, sample_rate: int, state: StateBlock, synth: Synth | None = None) -> None:
        self.rate = sample_rate
        self.state = state
        self.synth = synth
        self.latency = 0.0
        self.load = 0.0
        self.dropouts = 0
        self.playing = False
        self._commands: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._next_synth: Synth | None = None
        self._discarded: list[Synth] = []
        self._loaded = _Loaded(Score())
        self._newest = self._loaded  # given last, and soon in use
        self._newest_loop: tuple[float, float] | None = None
        self._cursor = 0
        self._frame = 0
        self._anchor_frame = 0.0
        self._anchor_seconds = 0.0
        self._speed = 1.0
        self._jump_seconds = 0.0  # song time at which this stretch of playing began
        self._jumped_from = nan
        self._loop: tuple[float, float] | None = None
        self._loop_settings: list[Row] = []
        self._sounding: set[int] = set()
        self._sent: dict[Setting, int] = {}
        self._previews: list[tuple[int, int, int]] = []  # last frame, channel, pitch
        self._muted: set[int] = set()
        self._solo: set[int] = set()
        self._silent: set[int] = set()
        self._metronome = False
        self._master = 1.0
        self._clip = Clip(sample_rate)
        self._gain = 1.0  # the limiter's
        self._peaks = [0.0, 0.0]
        self.blocks = 0
        self._address = 0
        self._filled = 0
        self._magnitude = np.zeros((8192, 2), np.float32)

    # Commands, from any thread.

    def load_score(self, score: Score) -> None:
        """Play ``score`` from now on, from the same tick; what sounds in both goes on sounding."""
        loaded = _Loaded(score)
        tick = self._loaded.score.ticks(self.position)
        at = score.seconds(tick)
        self._newest = loaded
        loop = self._prepared_loop()
        self._submit(self._swap, loaded, at, loaded.settings(at), loop)

    def play(self) -> None:
        """Go on from where it stands; from the start if that is the end."""
        self._submit(self._play)

    def pause(self) -> None:
        """Stand still."""
        self._submit(self._halt)

    def stop(self) -> None:
        """Stand still at the song's start."""
        self._submit(self._halt)
        self.seek(0)

    def seek(self, tick: float) -> None:
        """Go to ``tick``."""
        seconds = self._newest.score.seconds(max(0.0, tick))
        self._submit(self._seek, seconds, self._newest.settings(seconds))

    def set_loop(self, loop: tuple[float, float] | None) -> None:
        """Repeat from the first tick to the second, or no more."""
        self._newest_loop = loop
        self._submit(self._set_loop, self._prepared_loop())

    def set_speed(self, ratio: float) -> None:
        """Play ``ratio`` times as fast as written."""
        self._submit(self._set_speed, min(max(ratio, SPEEDS[0]), SPEEDS[1]))

    def set_metronome(self, on: bool) -> None:
        self._submit(self._set_metronome, on)

    def set_master(self, volume: float) -> None:
        """Loudness of everything, 1 = as rendered."""
        self._submit(self._set_master, max(0.0, volume))

    def set_mix(
        self, track: int, mute: bool | None, solo: bool | None, volume: int | None, pan: int | None
    ) -> None:
        """Change what is not None of a track's mix, at once; volume and pan hold until the next load."""
        self._submit(self._set_mix, ev.channel_of(track), mute, solo, volume, pan)

    def preview(self, program: int | None, pitch: int, velocity: int, seconds: float) -> None:
        """Sound one note of an instrument (None: the drums), whatever else goes on."""
        self._submit(self._preview, program, pitch, velocity, seconds)

    def hear(self, samples: NDArray[np.int16], sample_rate: int, fresh: bool, last: bool) -> None:
        """Sound samples [shape=(n,)] beside the song, after those handed over before or (``fresh``) in their place."""
        clip = self._clip
        block = clip.prepare(samples, sample_rate, fresh=fresh, last=last)
        self._submit(lambda: clip.add(block, fresh=fresh))

    def hear_no_more(self) -> None:
        """End the sound that `hear` was given."""
        self._submit(lambda: self._clip.stop())

    def panic(self) -> None:
        """End every sound at once."""
        self._submit(self._panic)

    def set_rate(self, sample_rate: int, synth: Synth | None) -> None:
        """Make sound at another rate, with a synthesiser made for it."""
        self._submit(self._set_rate, sample_rate, synth)

    def use_synth(self, synth: Synth | None) -> None:
        """Change the synthesiser: at once where nothing plays, else when playing pauses."""
        self._submit(self._use_synth, synth)

    def discarded(self) -> list[Synth]:
        """Synthesisers no longer used, for the caller to close."""
        discarded, self._discarded = self._discarded, []
        return discarded

    @property
    def position(self) -> float:
        """Song time of the next frame."""
        return self._seconds_at(self._frame) if self.playing else self._anchor_seconds

    # Sound, from one thread.

    def process(self, out: NDArray[np.float32]) -> None:
        """Fill ``out`` [shape=(n, 2), C order] with the next sound."""
        clock = time.monotonic()
        self._run_commands()
        self._end_previews()
        # A jump takes effect at the next multiple of 64 frames: up to there it stands at its goal.
        started = max(self.position, self._jump_seconds)
        since_jump, jumped_from = started - self._jump_seconds, self._jumped_from
        self._address, self._filled = out.ctypes.data, 0
        end = self._frame + len(out)
        if self.playing:
            self._advance((end - 1) // BLOCK * BLOCK)
        self._fill(end)
        if self.synth is None:
            out.fill(0.0)
        if self._clip.mix_into(out) or self.synth is not None:
            self._finish(out)
        self._frame = end
        self._filled = 0
        if self.playing and self._ended():
            self._halt()
            self._anchor_seconds = self._loaded.score.end
        self.blocks += 1
        if not self.playing:
            started, since_jump, jumped_from = self._anchor_seconds, 0.0, nan
        loop_start, loop_end = self._loop or (nan, nan)
        self.state.write(
            (
                self.playing, started, clock, len(out) / self.rate, self.latency, self._speed, since_jump, jumped_from,
                loop_start, loop_end, *self._peaks, self.load, self.dropouts,
                self.synth.voices if self.synth else 0, self._loaded.score.number, self.blocks,
            )
        )  # fmt: skip

    def _advance(self, boundary: int) -> None:
        """Send what is due up to frame ``boundary``, filling in the sound between."""
        while True:
            turn = self._turn()
            turns = turn <= boundary
            if turns:
                last = self._loaded.place(self._loop[1]) if self._loop else 0
            else:
                last = int(np.searchsorted(self._loaded.seconds, self._seconds_at(boundary) + _HAIR, "right"))
            if last > self._cursor:
                for seconds, *event in self._loaded.rows(self._cursor, last):
                    self._fill(self._effective(self._frame_at(seconds)))
                    self._send(*event)
                self._cursor = last
            if not turns:
                return
            self._fill(self._effective(turn))
            self._turn_round(turn)

    def _turn(self) -> float:
        """The frame (with fractions) at which the loop turns round; infinite if it does not."""
        if self._loop is None or self._anchor_seconds >= self._loop[1] - _HAIR:
            return float("inf")
        return self._frame_at(self._loop[1])

    def _turn_round(self, frame: float) -> None:
        assert self._loop is not None
        start, end = self._loop
        self._release()
        self._apply(self._loop_settings)
        self._anchor_frame, self._anchor_seconds = frame, start
        self._jump_seconds, self._jumped_from = start, end
        self._cursor = self._loaded.place(start)

    def _ended(self) -> bool:
        if self._metronome or (self._loop and self._anchor_seconds < self._loop[1]):
            return False
        return self.position >= self._loaded.score.end - _HAIR

    def _seconds_at(self, frame: float) -> float:
        return self._anchor_seconds + (frame - self._anchor_frame) * self._speed / self.rate

    def _frame_at(self, seconds: float) -> float:
        return self._anchor_frame + (seconds - self._anchor_seconds) * self.rate / self._speed

    @staticmethod
    def _effective(frame: float) -> int:
        return ceil(frame / BLOCK - 1e-6) * BLOCK

    def _fill(self, until: int) -> None:
        """Make sound up to frame ``until`` (not including it)."""
        count = until - self._frame - self._filled
        if count > 0:
            if self.synth is not None:
                self.synth.write_at(self._address + 8 * self._filled, count)
            self._filled += count

    def _finish(self, out: NDArray[np.float32]) -> None:
        """Master volume, limiter and meters.

        The limiter turns a block down as far as its highest sample asks, gliding there within 64
        frames, and comes back over a quarter of a second. What overshoots in the glide is clipped.
        """
        count = len(out)
        if count > len(self._magnitude):
            self._magnitude = np.zeros((count, 2), np.float32)
        if self._master != 1.0:
            np.multiply(out, np.float32(self._master), out=out)
        magnitude = self._magnitude[:count]
        np.abs(out, out=magnitude)
        left, right = float(magnitude[:, 0].max()), float(magnitude[:, 1].max())
        peak, seconds = max(left, right), count / self.rate
        before = self._gain
        self._gain = 1.0 - (1.0 - before) * exp(-seconds / RELEASE_SECONDS)
        if peak * self._gain > CEILING:
            self._gain = CEILING / peak
        if min(before, self._gain) < 0.9999:
            glide = min(count, BLOCK) if self._gain < before else count
            out[:glide] *= np.linspace(before, self._gain, glide, dtype=np.float32)[:, np.newaxis]
            out[glide:] *= np.float32(self._gain)
            np.clip(out, -1.0, 1.0, out=out)
        fall = exp(-seconds / PEAK_FALL_SECONDS)
        self._peaks[0] = min(1.0, max(left, self._peaks[0] * fall))
        self._peaks[1] = min(1.0, max(right, self._peaks[1] * fall))

    def _send(self, kind: int, channel: int, number: int, value: int) -> None:
        """Pass one event to the synthesiser and remember what it changes."""
        if channel == ev.METRONOME_CHANNEL and not self._metronome:
            return
        if kind == ev.NOTE_ON:
            if channel < ev.TRACK_CHANNELS:
                self._sounding.add(channel * 128 + number)
        elif kind == ev.NOTE_OFF:
            self._sounding.discard(channel * 128 + number)
        elif kind == ev.PROGRAM:
            self._sent[kind, channel, 0] = number
        else:
            by_number = kind in (ev.CONTROLLER, ev.KEY_PRESSURE)
            self._sent[kind, channel, number if by_number else 0] = value
        if self.synth is not None:
            send(self.synth, kind, channel, number, value)

    def _apply(self, rows: list[Row]) -> None:
        """Make the synthesiser's settings those of ``rows``, sending only what differs."""
        wanted: dict[Setting, int] = {}
        for _, kind, channel, number, value in rows:
            by_number = kind in (ev.CONTROLLER, ev.KEY_PRESSURE)
            setting = (kind, channel, number if by_number else 0)
            wanted[setting] = number if kind == ev.PROGRAM else value
        for setting, value in list(self._sent.items()):
            if setting not in wanted and setting[1] < ev.TRACK_CHANNELS:
                default = _default(*setting)
                if value != default:
                    self._send_setting(setting, default)
        changed_banks = set()
        for setting, value in wanted.items():
            kind, channel, number = setting
            again = kind == ev.PROGRAM and channel in changed_banks
            if self._sent.get(setting) != value or again:
                if kind == ev.CHANNEL_TYPE or (
                    kind == ev.CONTROLLER and number in (ev.BANK_MSB, ev.BANK_LSB)
                ):
                    changed_banks.add(channel)
                self._send_setting(setting, value)

    def _send_setting(self, setting: Setting, value: int) -> None:
        kind, channel, number = setting
        if kind == ev.PROGRAM:
            self._send(kind, channel, value, 0)
        else:
            self._send(kind, channel, number, value)

    def _release(self) -> None:
        """End every note of the song that sounds, and let pedals go."""
        for key in self._sounding.copy():
            self._send(ev.NOTE_OFF, key >> 7, key & 127, 0)
        pedals = [key for key, value in self._sent.items() if key[2] == SUSTAIN and value]
        for kind, channel, number in pedals:
            if kind == ev.CONTROLLER:
                self._send(kind, channel, number, 0)

    def _end_previews(self) -> None:
        if self._previews and self._previews[0][0] <= self._frame:
            due = [entry for entry in self._previews if entry[0] <= self._frame]
            self._previews = self._previews[len(due) :]
            for _, channel, pitch in due:
                self._send(ev.NOTE_OFF, channel, pitch, 0)

    # What the commands do, at the start of a block.

    def _submit(self, action: Callable[..., None], *arguments: Any) -> None:
        self._commands.append((action, arguments))

    def _run_commands(self) -> None:
        while self._commands:
            action, arguments = self._commands.popleft()
            action(*arguments)

    def _prepared_loop(self) -> tuple[tuple[float, float] | None, list[Row]]:
        """The loop in seconds of the newest score, and what to send at its start."""
        if self._newest_loop is None:
            return None, []
        score = self._newest.score
        start, end = (score.seconds(max(0.0, tick)) for tick in sorted(self._newest_loop))
        if end - start < SHORTEST_LOOP:
            return None, []
        return (start, end), self._newest.settings(start)

    def _swap(
        self,
        loaded: _Loaded,
        prepared_at: float,
        settings: list[Row],
        loop: tuple[tuple[float, float] | None, list[Row]],
    ) -> None:
        seconds = loaded.score.seconds(self._loaded.score.ticks(self.position))
        self._loaded = loaded
        self._loop, self._loop_settings = loop
        self._reanchor(seconds)
        self._cursor = loaded.place(seconds)
        for key in self._sounding.copy():
            if not (self.playing and loaded.sounds(key, seconds)):
                self._send(ev.NOTE_OFF, key >> 7, key & 127, 0)
        if seconds < prepared_at:  # the loop turned round meanwhile
            settings = loaded.settings(seconds)
        self._apply(settings)
        for _, kind, *event in loaded.rows(loaded.place(prepared_at), self._cursor):
            if kind not in (ev.NOTE_ON, ev.NOTE_OFF):
                self._send(kind, *event)

    def _reanchor(self, seconds: float, jump: bool = False) -> None:
        """Song time is ``seconds`` where the next event can take effect."""
        before = self.position
        self._anchor_frame = float(-(-self._frame // BLOCK) * BLOCK) if jump else float(self._frame)
        self._anchor_seconds = seconds
        if jump:
            self._jump_seconds, self._jumped_from = seconds, nan
        else:
            self._jump_seconds += seconds - before

    def _play(self) -> None:
        if self.playing:
            return
        self._use_next_synth()
        seconds = self._anchor_seconds
        if seconds >= self._loaded.score.end - _HAIR and not self._metronome and not self._loop:
            seconds = 0.0
        if self._loop and seconds >= self._loop[1] - _HAIR:
            seconds = self._loop[0]
        self._cursor = self._loaded.place(seconds)
        self._apply(self._loaded.settings(seconds))
        self._reanchor(seconds, jump=True)
        self.playing = True

    def _halt(self) -> None:
        seconds = self.position
        self._release()
        self._reanchor(seconds, jump=True)
        self.playing = False
        self._use_next_synth()

    def _seek(self, seconds: float, settings: list[Row]) -> None:
        self._release()
        self._cursor = self._loaded.place(seconds)
        self._apply(settings)
        self._reanchor(seconds, jump=True)

    def _set_loop(self, loop: tuple[tuple[float, float] | None, list[Row]]) -> None:
        self._loop, self._loop_settings = loop
        # The loop is taken where playing comes from before its end: the anchor says where that is.
        self._reanchor(self.position)

    def _set_speed(self, ratio: float) -> None:
        self._reanchor(self.position)
        self._speed = ratio

    def _set_metronome(self, on: bool) -> None:
        if on and self.synth is not None:
            self.synth.set_drums(ev.METRONOME_CHANNEL, True)
            self.synth.program(ev.METRONOME_CHANNEL, 0)
        self._metronome = on

    def _set_master(self, volume: float) -> None:
        self._master = volume

    def _set_mix(
        self, channel: int, mute: bool | None, solo: bool | None, volume: int | None, pan: int | None
    ) -> None:
        for switch, channels in ((mute, self._muted), (solo, self._solo)):
            if switch is not None:
                (channels.add if switch else channels.discard)(channel)
        self._silence()
        for number, value in ((ev.VOLUME, volume), (ev.PAN, pan)):
            if value is not None and self._sent.get((ev.CONTROLLER, channel, number)) != value:
                self._send(ev.CONTROLLER, channel, number, min(max(value, 0), 127))
            if value is not None:
                self._patch(channel, number, min(max(value, 0), 127))

    def _patch(self, channel: int, number: int, value: int) -> None:
        """Keep a mix setting through jumps and loops, where the song itself does not change it."""
        events = self._loaded.score.events
        start = events[: np.searchsorted(events["tick"], 0, "right")]
        rows = (start["kind"] == ev.CONTROLLER) & (start["channel"] == channel) & (start["number"] == number)
        before = start["value"][rows]
        if len(before) and before[-1] != value:
            start["value"][rows] = value
            self._loop_settings = [
                (*row[:4], value) if row[0] == 0.0 and row[1:4] == (ev.CONTROLLER, channel, number) else row
                for row in self._loop_settings
            ]

    def _silence(self) -> None:
        """Let only those channels be heard that mute and solo leave."""
        if self._solo:
            silent = (set(range(ev.TRACK_CHANNELS)) - self._solo) | self._muted
        else:
            silent = set(self._muted)
        if self.synth is not None:
            for channel in silent ^ self._silent:
                self.synth.set_silent(channel, channel in silent)
        self._silent = silent

    def _preview(self, program: int | None, pitch: int, velocity: int, seconds: float) -> None:
        channel = ev.PREVIEW_DRUM_CHANNEL if program is None else ev.PREVIEW_CHANNEL
        self._send(ev.NOTE_OFF, channel, pitch, 0)
        if self.synth is not None:
            self.synth.set_drums(channel, program is None)
            self.synth.program(channel, program or 0)
        self._send(ev.NOTE_ON, channel, pitch, velocity)
        last = self._frame + max(1, round(seconds * self.rate))
        kept = [entry for entry in self._previews if entry[1:] != (channel, pitch)]
        self._previews = sorted([*kept, (last, channel, pitch)])

    def _panic(self) -> None:
        self._clip.stop()
        self._release()
        self._previews = []
        if self.synth is not None:
            self.synth.all_sounds_off()

    def _set_rate(self, sample_rate: int, synth: Synth | None) -> None:
        self._reanchor(self.position)
        self.rate = sample_rate
        self._clip = Clip(sample_rate)
        self._next_synth, unused = synth, self._next_synth
        if unused is not None:
            self._discarded.append(unused)
        self._use_next_synth(always=True)

    def _use_synth(self, synth: Synth | None) -> None:
        if self._next_synth is not None:
            self._discarded.append(self._next_synth)
        self._next_synth = synth
        if not self.playing or synth is None or self.synth is None:
            self._use_next_synth(always=True)

    def _use_next_synth(self, always: bool = False) -> None:
        """Go over to the synthesiser that waits, and set it up as the old one was."""
        if self._next_synth is None and not always:
            return
        if self.synth is not None:
            self._discarded.append(self.synth)
        self.synth, self._next_synth = self._next_synth, None
        sent, self._sent = self._sent, {}
        silent, self._silent = self._silent, set()
        self._sounding.clear()
        self._previews = []
        for setting, value in sorted(sent.items(), key=lambda entry: _set_up_order(entry[0])):
            self._send_setting(setting, value)
        self._set_metronome(self._metronome)
        if self.synth is not None:
            for channel in silent:
                self.synth.set_silent(channel, True)
        self._silent = silent


def _default(kind: int, channel: int, number: int) -> int:
    """What a setting is before anything sets it."""
    if kind == ev.CONTROLLER:
        return (CONTROLLER_DEFAULTS | NULL_PARAMETER).get(number, 0)
    return 0


def _set_up_order(setting: Setting) -> int:
    kind, _, number = setting
    if kind == ev.CHANNEL_TYPE:
        return 0
    if kind == ev.CONTROLLER and number in (ev.BANK_MSB, ev.BANK_LSB):
        return 1
    return 2 if kind == ev.PROGRAM else 3
