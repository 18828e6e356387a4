"""Hearing a stretch of a spectrogram's sound: pieces go to the sound process a little ahead of what is heard."""

from __future__ import annotations

import time

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.playback import Playback
from desktop.spectrogram.sound import SAMPLE_RATE, Sound

PIECE_SECONDS = 1.0
AHEAD_SECONDS = 3.0
FEED_MS = 40


class Audition(QObject):
    """One stretch at a time, once, in mono and at the sample rate that everything here listens at."""

    heard_at = Signal(object)
    """Seconds in the sound, while it is heard; None when it ends."""
    playing_changed = Signal(bool)

    def __init__(self, playback: Playback, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._playback = playback
        self._sound: Sound | None = None
        self._start = self._end = self._sent = 0
        self._began = 0.0
        self._feed = QTimer(self, interval=FEED_MS)
        self._feed.timeout.connect(self._go_on)
        playback.playing_changed.connect(lambda playing: self.stop() if playing else None)

    @property
    def is_playing(self) -> bool:
        return self._feed.isActive()

    @property
    def seconds(self) -> float:
        """Where in its sound it is."""
        return self._start / SAMPLE_RATE + time.monotonic() - self._began

    def play(self, sound: Sound, start: float, end: float) -> None:
        """Hear ``sound`` from ``start`` to ``end`` seconds; the song pauses."""
        if self._playback.is_playing:
            self._playback.toggle()
        self._playback.hear_no_more()
        self._sound = sound
        self._start = self._sent = max(0, round(start * SAMPLE_RATE))
        self._end = min(sound.length, round(end * SAMPLE_RATE))
        if self._end <= self._start:
            return
        self._began = time.monotonic()
        self._send()
        if not self._feed.isActive():
            self._feed.start()
            self.playing_changed.emit(True)

    def stop(self) -> None:
        """Fall silent."""
        if self._feed.isActive():
            self._playback.sound_no_more()
            self._finish()

    def _go_on(self) -> None:
        place = self._start + (time.monotonic() - self._began) * SAMPLE_RATE
        if place >= self._end:
            self._finish()
            return
        self._send()
        self.heard_at.emit(place / SAMPLE_RATE)

    def _send(self) -> None:
        """Hand over what will be heard soon."""
        assert self._sound is not None
        place = self._start + (time.monotonic() - self._began) * SAMPLE_RATE
        while self._sent < min(self._end, place + AHEAD_SECONDS * SAMPLE_RATE):
            stop = min(self._end, self._sent + round(PIECE_SECONDS * SAMPLE_RATE))
            samples = np.round(32767 * self._sound.read(self._sent, stop)).astype(np.int16)
            self._playback.sound(
                samples, SAMPLE_RATE, fresh=self._sent == self._start, last=stop == self._end
            )
            self._sent = stop

    def _finish(self) -> None:
        self._feed.stop()
        self._sound = None
        self.heard_at.emit(None)
        self.playing_changed.emit(False)
