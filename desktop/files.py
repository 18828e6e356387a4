"""Opening, saving, importing and exporting, always off the GUI thread; and the crash journal.

Every method that a menu calls has one beside it that takes a path, so that dragging, recent files, tests
and the command line use the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFileDialog, QMessageBox

from core.errors import TunesmithError
from core.listen.formats import SUFFIXES
from core.song.notes import Song
from desktop.document import Change
from desktop.drop_overlay import kind_of
from desktop.jobs import Job, Task
from desktop.tracks.changes import with_tracks_of

if TYPE_CHECKING:
    from core.store.journal import Journal, Recovered
    from desktop.main_window import Studio

log = logging.getLogger(__name__)

PROJECT = ".tunesmith"
MIDI = (".mid", ".midi", ".kar")
SONG_FILTER = "Songs (*.tunesmith *.mid *.midi *.kar);;All files (*)"
SOUNDS = " ".join(f"*{suffix}" for suffix in SUFFIXES if suffix not in MIDI)
OPEN_FILTER = f"Songs and recordings (*.tunesmith *.mid *.midi *.kar {SOUNDS});;{SONG_FILTER}"
AUDIO_FILTER = "WAV, 24 bits (*.wav);;FLAC (*.flac);;Ogg Vorbis (*.ogg)"


class Files(QObject):
    """The files of one window."""

    opened = Signal(object)
    """Carries the path that was opened or saved, or None for a new song."""
    read = Signal(object, object)
    """Carries the path of a file that was opened or added, and the song in it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._studio = studio
        self._journal: Journal | None = None
        studio.document.changed.connect(self._write_journal)

    # -- new and open --------------------------------------------------------------------------------

    def new(self) -> None:
        """An empty song, after asking about unsaved work."""
        self.after_saving(lambda: self._show(Song(), None, {}))

    def ask_open(self) -> None:
        self.ask_which("Open", OPEN_FILTER, self.open)

    def open(self, path: str | Path) -> None:
        """Open a project or MIDI file, after asking about unsaved work; a recording is listened to instead."""
        if kind_of(Path(path)) == "sound":
            self._studio.listen.listen(Path(path))
        else:
            self.after_saving(lambda: self.open_now(Path(path)))

    def open_now(self, path: Path) -> Job:
        """Open without asking."""
        return self._studio.jobs.run(
            "files",
            f"Opening {path.name}",
            lambda task: read_song(path),
            on_success=lambda result: self._show(result[0], path, result[1]),
            on_failure=lambda error: self._failed(f"{path.name} was not opened", error),
        )

    def ask_add(self) -> None:
        self.ask_which("Add as tracks", SONG_FILTER, self.add)

    def add(self, path: str | Path) -> Job:
        """Add the tracks of a file to the song; one undo step."""
        path = Path(path)
        return self._studio.jobs.run(
            "files",
            f"Reading {path.name}",
            lambda task: read_song(path),
            on_success=lambda result: self._add(path, result[0]),
            on_failure=lambda error: self._failed(f"{path.name} was not added", error),
        )

    def _add(self, path: Path, song: Song) -> None:
        document = self._studio.document
        document.apply(f"Add {path.name}", with_tracks_of(document.song, song))
        self.read.emit(path, song)

    def _show(self, song: Song, path: Path | None, extra: dict[str, Any]) -> None:
        studio = self._studio
        studio.session.choose(None)
        studio.playback.stop()
        studio.document.open(song, path)
        for name, act in (("muted", studio.document.set_muted), ("soloed", studio.document.set_soloed)):
            for track in extra.get(name, ()):
                if isinstance(track, int) and 0 <= track < len(song.tracks):
                    act(track, True)
        locked = [i for i in extra.get("locked", ()) if isinstance(i, int) and 0 <= i < len(song.notes)]
        studio.document.set_locked(np.array(locked, np.intp), True)
        if path is not None:
            self._remember(path)
            self.read.emit(path, song)
        self.opened.emit(path)

    # -- save ----------------------------------------------------------------------------------------

    def save(self, then: Callable[[], object] | None = None) -> None:
        """Save to the project's own file, or ask for one."""
        path = self._studio.document.path
        if path is not None and path.suffix.lower() == PROJECT:
            self.save_to(path, then)
        else:
            self.ask_save(then)

    def ask_save(self, then: Callable[[], object] | None = None) -> None:
        name = self._studio.document.name + PROJECT
        self.ask_where(
            "Save as", "Tunesmith projects (*.tunesmith)", name, lambda path: self.save_to(Path(path), then)
        )

    def save_to(self, path: Path, then: Callable[[], object] | None = None) -> Job:
        """Save the project to ``path``, whole or not at all."""
        if path.suffix.lower() != PROJECT:
            path = path.with_name(path.name + PROJECT)
        document = self._studio.document
        song = document.song
        extra = {
            "muted": sorted(document.muted),
            "soloed": sorted(document.soloed),
            "locked": document.locked.tolist(),
        }

        def work(task: Task) -> None:
            from core.store.project_file import save_project

            save_project(path, song, extra)

        def saved(_: None) -> None:
            document.mark_saved(path, song)
            if self._journal is not None:
                self._journal.append("Saved", song, {"saved": True, "path": str(path)})
            self._remember(path)
            self._studio.say(f"Saved {path.name}")
            self.opened.emit(path)
            if then:
                then()

        return self._studio.jobs.run(
            "files", f"Saving {path.name}", work,
            on_success=saved, on_failure=lambda error: self._failed(f"{path.name} was not saved", error),
        )  # fmt: skip

    def after_saving(self, then: Callable[[], object]) -> None:
        """Do ``then``, but ask first what to do with work that is not saved."""
        document = self._studio.document
        if not document.modified or not self._studio.asks_before_closing:
            then()
            return
        button = QMessageBox.StandardButton
        question = QMessageBox(
            QMessageBox.Icon.NoIcon, "Tunesmith", f"Save the changes to “{document.name}”?",
            button.Save | button.Discard | button.Cancel, self._studio,
        )  # fmt: skip
        question.setInformativeText("Without saving, they are lost.")
        question.setDefaultButton(button.Save)
        for shown in question.buttons():
            shown.setIcon(QIcon())

        def answered(result: int) -> None:
            if result == button.Save:
                self.save(then)
            elif result == button.Discard:
                then()

        question.finished.connect(answered)
        question.open()

    # -- export --------------------------------------------------------------------------------------

    def ask_export_midi(self) -> None:
        name = self._studio.document.name + ".mid"
        self.ask_where("Export MIDI", "MIDI (*.mid)", name, self.export_midi)

    def ask_export_piece(self, song: Song, title: str) -> None:
        """Ask where to write a song that is not the open one, as MIDI or as sound."""
        self.ask_where(
            "Export", f"MIDI (*.mid);;{AUDIO_FILTER}", title + ".mid",
            lambda path: (self.export_midi if path.lower().endswith(MIDI) else self.export_audio)(path, song),
        )  # fmt: skip

    def export_midi(self, path: str | Path, song: Song | None = None) -> Job:
        """Write a song, by default the open one, as a MIDI file."""
        path, song = Path(path), self._studio.document.song if song is None else song

        def work(task: Task) -> None:
            from core.song.midi_file import write_midi

            write_midi(song, path)

        return self._studio.jobs.run(
            "files", f"Writing {path.name}", work,
            on_success=lambda _: self._studio.say(f"Exported {path.name}"),
            on_failure=lambda error: self._failed(f"{path.name} was not written", error),
        )  # fmt: skip

    def ask_export_audio(self) -> None:
        name = self._studio.document.name + ".wav"
        self.ask_where("Export sound", AUDIO_FILTER, name, self.export_audio)

    def export_audio(self, path: str | Path, song: Song | None = None) -> Job:
        """Render a song, by default what sounds of the open one, to WAV, FLAC or Ogg; can be cancelled."""
        path = Path(path)
        document = self._studio.document
        song = audible(document.song, document.in_mix) if song is None else song
        soundfont = self._studio.settings.soundfont or None

        def work(task: Task) -> Any:
            from core.sound.render import render_to_file

            return render_to_file(
                song, path, soundfont=soundfont, progress=task.progress, cancelled=task.cancelled
            )

        def done(report: Any) -> None:
            self._studio.say(
                f"Exported {path.name}: {report.seconds_of_music:.0f} s, peak {report.peak_dbfs:.1f} dB, "
                f"{report.integrated_lufs:.1f} LUFS"
            )

        return self._studio.jobs.run(
            "files", f"Exporting {path.name}", work, on_success=done,
            on_failure=lambda error: self._failed(f"{path.name} was not exported", error),
            on_cancelled=lambda: self._studio.say(f"Export of {path.name} cancelled; nothing was written"),
        )  # fmt: skip

    # -- journal and recovery ------------------------------------------------------------------------

    def start_journal(self) -> None:
        """Begin the crash journal, and offer what an earlier crash left."""
        try:
            from core.store.journal import Journal

            self._journal = Journal()
        except (ImportError, OSError, TunesmithError) as error:
            log.warning("no crash journal: %s", error)
            self._studio.notices.show_notice(f"Work is not kept safe from crashes: {error}", "warn")
            return
        self._studio.jobs.run(
            "files", "Looking for lost work", lambda _: lost_work(), on_success=self._offer, quiet=True
        )

    def close(self) -> None:
        """End the journal: the window closes properly, so nothing needs recovery."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _write_journal(self, change: Change) -> None:
        document = self._studio.document
        if self._journal is not None and document.modified:
            label = document.history.labels[document.history.position - 1] if document.can_undo else "Open"
            self._journal.append(label, change.song, {"path": str(document.path or "")})

    def _offer(self, found: list[tuple[Path, Recovered]]) -> None:
        for path, lost in found:
            name = Path(lost.extra.get("path") or "").stem or lost.song.title or "an unsaved song"
            edits = "1 edit" if lost.edits == 1 else f"{lost.edits} edits"
            self._studio.notices.show_notice(
                f"Tunesmith did not end properly. “{name}” can be recovered: {edits}, "
                f"the last was “{lost.label}”.",
                "warn",
                [
                    ("Recover", lambda path=path, lost=lost: self._recover(path, lost)),
                    ("Delete it", lambda path=path: path.unlink(missing_ok=True)),
                ],
            )

    def _recover(self, path: Path, lost: Recovered) -> None:
        def show() -> None:
            original = Path(lost.extra["path"]) if lost.extra.get("path") else None
            self._studio.document.open(lost.song, original, saved=False)
            if self._journal is not None:
                self._journal.append("Recovered", lost.song, {"path": str(original or "")})
                self._journal.flush(2.0)
            path.unlink(missing_ok=True)
            self.opened.emit(original)

        self.after_saving(show)

    # -- shared --------------------------------------------------------------------------------------

    def ask_which(self, title: str, kinds: str, take: Callable[[str], object]) -> None:
        """Ask which file to read; ``take`` gets its path."""
        self._ask(QFileDialog.AcceptMode.AcceptOpen, title, kinds, "", take)

    def ask_where(self, title: str, kinds: str, name: str, take: Callable[[str], object]) -> None:
        """Ask where to write, offering ``name``; ``take`` gets the path."""
        self._ask(QFileDialog.AcceptMode.AcceptSave, title, kinds, name, take)

    def open_song(self, song: Song, title: str) -> None:
        """Turn to a song that is in no file of its own, after asking about unsaved work."""
        self.after_saving(lambda: self._show(replace(song, title=title), None, {}))

    def _ask(
        self, mode: QFileDialog.AcceptMode, title: str, kinds: str, name: str, take: Callable[[str], object]
    ) -> None:
        dialog = QFileDialog(
            self._studio, title, self._studio.settings.last_folder or str(Path.home()), kinds
        )
        dialog.setAcceptMode(mode)
        if mode == QFileDialog.AcceptMode.AcceptOpen:
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        else:
            dialog.selectFile(name)
            dialog.filterSelected.connect(
                lambda kind: dialog.setDefaultSuffix(kind.split("*.")[-1].split(")")[0])
            )
            dialog.setDefaultSuffix(Path(name).suffix[1:])
        dialog.fileSelected.connect(take)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _remember(self, path: Path) -> None:
        self._studio.settings.remember_file(path)
        self._studio.settings_changed()

    def _failed(self, what: str, error: Exception) -> None:
        log.info("%s", what, exc_info=error)
        self._studio.notices.show_notice(f"{what}: {error}", "bad")


def read_song(path: Path) -> tuple[Song, dict[str, Any]]:
    """The song in a project or MIDI file, and what a project keeps beside it."""
    if path.suffix.lower() == PROJECT:
        from core.store.project_file import load_project

        return load_project(path)
    if path.suffix.lower() in MIDI:
        from core.song.midi_file import read_midi

        return read_midi(path), {}
    raise TunesmithError(f"{path.name} is no song that Tunesmith knows; open a .tunesmith or .mid file")


def audible(song: Song, in_mix: Callable[[int], bool]) -> Song:
    """``song`` without the notes of tracks that are muted, or not soloed where others are."""
    silent = [index for index in range(len(song.tracks)) if not in_mix(index)]
    return song.with_notes(song.notes[~np.isin(song.notes["track"], silent)]) if silent else song


def lost_work() -> list[tuple[Path, Recovered]]:
    """Journals of sittings that did not end properly and hold edits that were not saved."""
    from core.store.journal import read_journal, unfinished_journals

    found = []
    for path in unfinished_journals():
        try:
            lost = read_journal(path)
        except TunesmithError:
            continue
        if lost is None or lost.extra.get("saved"):
            path.unlink(missing_ok=True)
        else:
            found.append((path, lost))
    return found[:3]
