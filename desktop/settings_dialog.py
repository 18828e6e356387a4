"""Settings: colours, size, soundfont and output. Every change is in force at once, but for the size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtWidgets import QDialog, QFileDialog, QGridLayout, QVBoxLayout

from core.errors import TunesmithError
from desktop import theme
from desktop.controls.basics import label, push_button, row
from desktop.controls.choice import Choice
from desktop.controls.search_list import Entry
from desktop.controls.switch import Switch

if TYPE_CHECKING:
    from desktop.main_window import Studio

SCALES = (0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5)
OTHER = "\0other"


class SettingsDialog(QDialog):
    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.setWindowTitle("Settings")
        self.setModal(False)
        self._studio = studio
        self._settings = settings = studio.settings
        self.theme = Choice(
            [Entry(name, name.capitalize()) for name in theme.PALETTES], settings.theme, name="Colours"
        )
        self.theme.changed.connect(self._take_theme)
        self.scale = Choice(
            [Entry(scale, f"{100 * scale:.0f} %") for scale in SCALES], settings.scale, name="Size"
        )
        self.scale.changed.connect(self._take_scale)
        self.device = Choice(
            device_entries(settings.audio_device), settings.audio_device, name="Output", popup_width=320
        )
        self.device.changed.connect(self._take_device)
        self.soundfont = Choice(self._soundfonts, settings.soundfont, name="Soundfont", popup_width=320)
        self.soundfont.changed.connect(self._take_soundfont)
        self.reopen = Switch("Open the last song at the start")
        self.reopen.setChecked(settings.reopen_last)
        self.reopen.toggled.connect(self._take_reopen)
        self.keep = Switch("Keep every piece in the library")
        self.keep.setToolTip("What is composed and used, starred, or opened from a file")
        self.keep.setChecked(settings.keep_pieces)
        self.keep.toggled.connect(self._take_keep)
        self.note = label("", "small", wrap=True)
        self.note.setMinimumHeight(32)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        for line, (name, widget) in enumerate(
            (
                ("Colours", self.theme),
                ("Size", self.scale),
                ("Output", self.device),
                ("Soundfont", self.soundfont),
            )
        ):
            grid.addWidget(label(name, "dim"), line, 0)
            grid.addWidget(widget, line, 1)
        grid.addWidget(self.reopen, 4, 1)
        grid.addWidget(self.keep, 5, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(label("Settings", "headline"))
        layout.addLayout(grid)
        layout.addWidget(self.note)
        layout.addStretch(1)
        layout.addLayout(row(None, push_button("Close", self.close)))
        self.resize(460, 350)
        studio.jobs.run(
            "files", "Looking for outputs", lambda _: studio.playback.devices(),
            on_success=self._show_devices, quiet=True,
        )  # fmt: skip

    def _show_devices(self, names: list[str]) -> None:
        if shiboken6.isValid(self):
            self.device.set_entries(device_entries(self._settings.audio_device, names))

    def _soundfonts(self) -> list[Entry]:
        from core.sound.soundfont import find_soundfonts

        fonts = {str(path): path.stem for path in find_soundfonts()}
        if self._settings.soundfont:
            fonts.setdefault(self._settings.soundfont, Path(self._settings.soundfont).stem)
        listed = [Entry(path, name, Path(path).suffix[1:].upper()) for path, name in fonts.items()]
        return [Entry("", "Best one found"), *listed, Entry(OTHER, "Another file…")]

    def _take_theme(self, name: str) -> None:
        self._studio.set_theme(name)

    def _take_scale(self, scale: float) -> None:
        self._settings.scale = scale
        self.note.setText("The new size comes with the next start.")
        self._studio.settings_changed()

    def _take_device(self, name: str) -> None:
        self._settings.audio_device = name
        self._studio.playback.set_device(name)
        self._studio.settings_changed()

    def _take_soundfont(self, path: str) -> None:
        if path == OTHER:
            self.soundfont.set_value(self._settings.soundfont)
            dialog = QFileDialog(self, "Choose a soundfont", "", "Soundfonts (*.sf2 *.sf3)")
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            dialog.fileSelected.connect(self._use_soundfont)
            dialog.finished.connect(dialog.deleteLater)
            dialog.open()
        else:
            self._use_soundfont(path)

    def _use_soundfont(self, path: str) -> None:
        from core.sound.soundfont import check_soundfont

        try:
            if path:
                check_soundfont(path)
        except TunesmithError as error:
            self.note.setText(str(error))
            return
        self._settings.soundfont = path
        self.soundfont.set_value(path)
        self._studio.playback.set_soundfont(path)
        self.note.setText("")
        self._studio.settings_changed()

    def _take_reopen(self, on: bool) -> None:
        self._settings.reopen_last = on
        self._studio.settings_changed()

    def _take_keep(self, on: bool) -> None:
        self._settings.keep_pieces = on
        self._studio.settings_changed()


def device_entries(chosen: str, names: list[str] | None = None) -> list[Entry]:
    """The system's output, those that are there, and the chosen one even where it is gone."""
    names = list(names or ())
    if chosen and chosen not in names:
        names.append(chosen)
    return [Entry("", "System's output"), *(Entry(name, name) for name in names)]
