"""Sounding the document: keeps the player's song, mix and loop like the document's, and moves the play-head.

The player (`core.sound.player`) runs in its own process and never blocks; here it is only told what changed
and asked where it is, 60 times a second while it plays.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from core.song.notes import Song
from desktop.document import Change, Document

log = logging.getLogger(__name__)

PLAYING_MS = 16
IDLE_MS = 120
SEND_AFTER_MS = 25
"""Edits closer together than this are sent to the player as one."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What `Playback.state` is while there is no player."""

    playing: bool = False
    tick: int = 0
    seconds: float = 0.0
    peak_left: float = 0.0
    peak_right: float = 0.0
    load: float = 0.0
    dropouts: int = 0
    latency: float = 0.0
    status: str = ""


class Playback(QObject):
    """The transport's engine. ``player`` may be given for tests; else it is made in `start`."""

    playing_changed = Signal(bool)
    polled = Signal(object)
    """Carries the player's state."""
    audition_changed = Signal()
    hearing_changed = Signal()
    """A song beside the document begins or ends to sound; see `hear`."""
    heard_to = Signal(float)
    """How far, 0-1, that song has come."""

    def __init__(self, document: Document, player: Any = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._player = player
        self._audition: Song | None = None
        self._hearing: Song | None = None
        self._gain = 1.0
        self._playing = False
        self._following = False
        self._metronome = False
        self._volume = 0.8
        self._heard = False
        self.state: Any = Silence()
        self.why_silent = ""
        self._play_at_start = False
        self._poll = QTimer(self, interval=IDLE_MS)
        self._poll.timeout.connect(self._read)
        self._send = QTimer(self, interval=SEND_AFTER_MS, singleShot=True)
        self._send.timeout.connect(self._load)
        document.changed.connect(self._song_changed)
        document.mix_changed.connect(self._send_mix)
        document.loop_changed.connect(self._send_loop)
        document.playhead_changed.connect(self._playhead_moved)

    def start(self, device: str = "", soundfont: str = "") -> None:
        """Make the player and give it the song. Whatever fails leaves a silent, usable studio."""
        try:
            if self._player is None:
                from core.sound.player import Player

                self._player = Player(soundfont=soundfont or None, device=device or None)
            self._player.start()
        except Exception as error:
            log.warning("no playback: %s", error, exc_info=True)
            self._player = None
            self.why_silent = f"No sound: {error}"
            return
        self.why_silent = ""
        self._player.set_master(self._volume)
        self._player.set_metronome(self._metronome)
        self._load()
        self._send_loop()
        self._poll.start()
        if self._play_at_start:
            self.toggle()

    def close(self) -> None:
        self._poll.stop()
        self._send.stop()
        if self._player is not None:
            self._player.close()
            self._player = None

    @property
    def is_playing(self) -> bool:
        return self._playing

    @property
    def audition(self) -> Song | None:
        """A song that sounds in place of the document's, or None."""
        return self._audition

    @property
    def hearing(self) -> Song | None:
        """The song that `hear` was given, while it sounds."""
        return self._hearing

    def hear(self, song: Song, *, gain: float = 1.0) -> None:
        """Sound ``song`` once from its start; the document, its play-head and its loop are left alone.

        ``gain`` (an amplitude, 0-1) turns it down. It ends by itself, by `hear_no_more`, or when the user plays or
        stops the document.
        """
        if self._player is None:
            return
        self._set_playing(False)
        self._hearing, self._gain = song, gain
        self._send.stop()
        self._player.set_loop(None)
        self._player.set_metronome(False)
        self._player.set_master(self._volume * gain)
        self._load()
        self._player.seek(0)
        self._player.play()
        self._poll.setInterval(PLAYING_MS)
        self.hearing_changed.emit()

    def hear_on(self, song: Song) -> None:
        """Let another song go on where the one that `hear` was given stands, at the same share of its length."""
        if self._hearing is None or self._player is None:
            self.hear(song)
            return
        share = self._player.state().tick / max(1, self._hearing.end_tick)
        self._hearing = song
        self._load()
        self._player.seek(round(share * song.end_tick))
        self.hearing_changed.emit()

    def hear_no_more(self) -> None:
        """Let the player have the document again, standing at its play-head."""
        if self._hearing is None or self._player is None:
            return
        self._hearing, self._gain, self._heard = None, 1.0, False
        self._player.pause()
        self._load()
        self._send_loop()
        self._player.set_metronome(self._metronome)
        self._player.set_master(self._volume)
        self._player.seek(self._document.playhead)
        self._poll.setInterval(IDLE_MS)
        self.hearing_changed.emit()

    @property
    def _sounding(self) -> Song:
        if self._hearing is not None:
            return self._hearing
        return self._audition if self._audition is not None else self._document.song

    def toggle(self) -> None:
        """Play from the play-head, or pause there."""
        if self._player is None:
            self._play_at_start = True
            return
        if self._hearing is not None:
            self.hear_no_more()
            return
        if self._playing:
            self._player.pause()
        else:
            self._flush()
            at_end = self._document.playhead >= self._sounding.end_tick
            self._player.seek(0 if at_end else self._document.playhead)
            self._player.play()
        self._set_playing(not self._playing)

    def stop(self) -> None:
        """Stop and go back to where the loop or the song starts."""
        self.hear_no_more()
        if self._player is not None:
            self._player.stop()
        self._set_playing(False)
        self.seek(self._document.loop[0] if self._document.loop else 0)

    def seek(self, tick: int) -> None:
        self._document.set_playhead(tick)

    def panic(self) -> None:
        """Silence every note that hangs."""
        if self._player is not None:
            self._player.panic()

    def preview(self, pitch: int, velocity: int, track: int) -> None:
        """Sound one note as ``track`` would, for a moment."""
        tracks = self._document.song.tracks
        if self._player is None or not 0 <= track < len(tracks) or not self._document.in_mix(track):
            return
        program: int | str = "drum" if tracks[track].is_drum else tracks[track].program
        self._player.preview(program, pitch, velocity, 0.35)

    def sound(self, samples: NDArray[np.int16], sample_rate: int, *, fresh: bool, last: bool) -> None:
        """Sound samples [shape=(n,)] that are no song's, a piece at a time; see `core.sound.player.Player.hear`."""
        if self._player is not None:
            self._player.hear(samples, sample_rate, fresh=fresh, last=last)

    def sound_no_more(self) -> None:
        """End what `sound` was given."""
        if self._player is not None:
            self._player.hear_no_more()

    def listen_to(self, song: Song | None) -> None:
        """Sound ``song`` in place of the document's until called with None."""
        if song is not self._audition:
            self._audition = song
            self._send.start()
            self.audition_changed.emit()

    def set_metronome(self, on: bool) -> None:
        self._metronome = on
        if self._player is not None:
            self._player.set_metronome(on and self._hearing is None)

    @property
    def metronome(self) -> bool:
        return self._metronome

    def set_volume(self, volume: float) -> None:
        """Master volume, 0-1."""
        self._volume = volume
        if self._player is not None:
            self._player.set_master(volume * self._gain)

    @property
    def volume(self) -> float:
        return self._volume

    def devices(self) -> list[str]:
        """Names of the outputs there are now. Asks the sound process, so not for the GUI thread."""
        player = self._player
        return list(player.devices()) if player is not None else []

    def set_device(self, name: str) -> None:
        """Play through another output; "" for the system's."""
        if self._player is not None:
            self._player.set_device(name or None)

    def set_soundfont(self, path: str) -> None:
        """Use another soundfont; "" for the best there is."""
        if self._player is not None:
            self._player.set_soundfont(path or None)

    def _song_changed(self, change: Change) -> None:
        if change.touches("notes", "tracks", "tempo", "meter"):
            self._send.start()

    def _flush(self) -> None:
        if self._send.isActive():
            self._send.stop()
            self._load()

    def _load(self) -> None:
        if self._player is None:
            return
        self._player.load(self._sounding)
        self._send_mix()

    def _send_mix(self) -> None:
        if self._player is None:
            return
        if self._sounding is not self._document.song:
            for index, track in enumerate(self._sounding.tracks):
                self._player.set_mix(index, mute=False, solo=False, volume=track.volume, pan=track.pan)
            return
        for index, track in enumerate(self._document.song.tracks):
            self._player.set_mix(
                index,
                mute=index in self._document.muted,
                solo=index in self._document.soloed,
                volume=track.volume,
                pan=track.pan,
            )

    def _send_loop(self) -> None:
        if self._player is not None and self._hearing is None:
            loop = self._document.loop
            if loop is None:
                self._player.set_loop(None)
            else:
                self._player.set_loop(*loop)

    def _playhead_moved(self, tick: int) -> None:
        if self._player is not None and not self._following and self._hearing is None:
            self._player.seek(tick)

    def _set_playing(self, playing: bool) -> None:
        self._heard = False
        if playing != self._playing:
            self._playing = playing
            self._poll.setInterval(PLAYING_MS if playing else IDLE_MS)
            self.playing_changed.emit(playing)

    def _read(self) -> None:
        if self._player is None:
            return
        state = self._player.state()
        self.state = state
        if self._hearing is not None:
            self._read_hearing(state)
        elif self._playing and state.playing:
            self._heard = True
            self._following = True
            self._document.set_playhead(round(state.tick))
            self._following = False
        elif self._playing and self._heard:
            self._set_playing(False)
        self.polled.emit(state)

    def _read_hearing(self, state: Any) -> None:
        if state.playing:
            self._heard = True
            self.heard_to.emit(min(1.0, state.tick / max(1, self._sounding.end_tick)))
        elif self._heard:
            self.hear_no_more()
