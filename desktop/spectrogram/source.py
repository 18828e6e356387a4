"""Where the sound of the spectrogram comes from: the song, rendered anew when it has changed, or a file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.song.notes import Song
from desktop.document import Change, Document
from desktop.files import audible
from desktop.jobs import Job, Jobs, Task
from desktop.spectrogram.sound import SAMPLE_RATE, Sound

log = logging.getLogger(__name__)

LANE = "sound"
RENDER_AFTER_MS = 700
"""How long the song must rest before it is rendered anew."""
MOST_SONG_SECONDS = 3600.0
"""A longer song's rendering would not fit beside everything else in memory."""
BLOCK_SECONDS = 10.0
REFRESH_MS = 250


class Source(QObject):
    """The sound that is shown. ``path`` is the file it comes from, None for the song."""

    changed = Signal()
    """Another sound is shown, or none."""
    grown = Signal()
    """More of the sound is there."""
    state_changed = Signal()
    """Busy or not, or something went wrong."""
    broken_off = Signal(str)
    """A file could be read only up to a place; why, in one line."""

    def __init__(self, document: Document, jobs: Jobs, soundfont: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._jobs, self._soundfont = document, jobs, soundfont
        self.path: Path | None = None
        self.sound: Sound | None = None
        self.error = ""
        self.progress = 0.0
        self._job: Job | None = None
        self._active = False
        self._stale = True
        self._soon = QTimer(self, interval=RENDER_AFTER_MS, singleShot=True)
        self._soon.timeout.connect(self._render)
        self._growth = QTimer(self, interval=REFRESH_MS)
        self._growth.timeout.connect(self.grown)
        document.changed.connect(self._song_changed)
        document.mix_changed.connect(self._mix_changed)

    @property
    def is_busy(self) -> bool:
        return self._job is not None or self._soon.isActive()

    @property
    def name(self) -> str:
        """What to call it."""
        return "This song" if self.path is None else self.path.name

    def set_active(self, on: bool) -> None:
        """Begin or cease to keep up with the song; nothing is rendered for a picture that nobody sees."""
        self._active = on
        if on and self._stale and self.path is None:
            self._render()
        elif not on:
            self._soon.stop()

    def show_song(self) -> None:
        """Show the document's song."""
        self.path, self._stale = None, True
        self._replace(None)
        if self._active:
            self._render()

    def show_file(self, path: Path) -> None:
        """Show a file's sound; it appears while it is decoded."""
        self._soon.stop()
        self.path, self._stale = path, False
        sound = Sound()

        def work(task: Task) -> None:
            from core.listen import decode

            for block in decode.stream(
                path, sample_rate=SAMPLE_RATE, seconds=BLOCK_SECONDS, cancelled=task.cancelled
            ):
                task.check()
                sound.append(block)

        self._replace(sound)
        self._run(f"Reading {path.name}", work, sound)

    def close(self) -> None:
        """Let go of the sound's file; after the jobs have ended."""
        self._soon.stop()
        self._growth.stop()
        if self.sound is not None:
            self.sound.close()

    # -- the song ------------------------------------------------------------------------------------

    def _song_changed(self, change: Change) -> None:
        if self.path is None and change.touches("notes", "tracks", "tempo", "meter"):
            self._stale = True
            if "all" in change.what:
                self._replace(None)
            if self._active:
                self._soon.start()
                self.state_changed.emit()

    def _mix_changed(self) -> None:
        if self.path is None:
            self._stale = True
            if self._active:
                self._soon.start()

    def _render(self) -> None:
        document = self._document
        song = audible(document.song, document.in_mix)
        self._soon.stop()
        self._cancel()
        self._stale = False
        if not len(song.notes):
            self._replace(None)
            return
        sound, soundfont = Sound(), self._soundfont() or None
        self._run(
            "Rendering the song for its spectrogram",
            lambda task: _render(task, song, soundfont, sound),
            sound,
        )

    def _run(self, text: str, work: Any, sound: Sound) -> None:
        self.error, self.progress = "", 0.0

        def done(_: object) -> None:
            self._job = None
            sound.finish()
            self._growth.stop()
            if sound is not self.sound:
                self._replace(sound)
            self.grown.emit()
            self.state_changed.emit()

        def failed(error: Exception) -> None:
            log.info("%s", text, exc_info=error)
            self._job = None
            self.error = str(error) or type(error).__name__
            self._growth.stop()
            if not sound.length:
                self._replace(None)
            else:
                sound.finish()
                self.broken_off.emit(f"{self.name} was not read to its end: {self.error}")
            self.grown.emit()
            self.state_changed.emit()

        def cancelled() -> None:
            self._job = None
            self._growth.stop()
            sound.finish()
            self.state_changed.emit()

        self._job = self._jobs.run(
            LANE, text, work, on_success=done, on_failure=failed, on_cancelled=cancelled, on_progress=self._tell,
            quiet=self.path is None,
        )  # fmt: skip
        if self.path is not None:
            self._growth.start()
        self.state_changed.emit()

    def _tell(self, share: float) -> None:
        self.progress = share
        self.state_changed.emit()

    def _cancel(self) -> None:
        if self._job is not None:
            self._jobs.cancel(self._job)

    def _replace(self, sound: Sound | None) -> None:
        if sound is None or self.path is not None:
            self._cancel()
        old, self.sound = self.sound, sound
        if old is not None and old is not sound:
            old.close()
        self.changed.emit()


def _render(task: Task, song: Song, soundfont: str | None, sound: Sound) -> None:
    from core.errors import TunesmithError
    from core.sound.render import render

    if song.seconds > MOST_SONG_SECONDS:
        raise TunesmithError("The song lasts over an hour; export it as sound and drop the file here instead")
    sound.append(
        render(
            song,
            soundfont=soundfont,
            sample_rate=SAMPLE_RATE,
            progress=task.progress,
            cancelled=task.cancelled,
        )
    )
