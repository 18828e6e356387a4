"""The Listen panel: three pages, and how they are joined to the rest of the window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from core.listen.report import Span
from core.song.notes import Song
from desktop.controls.basics import rule
from desktop.controls.panel import Panel
from desktop.listen.batch_page import BatchPage
from desktop.listen.listener import Listener, Model, models
from desktop.listen.models_page import ModelsPage
from desktop.listen.nearest import Nearest
from desktop.listen.result_page import ResultPage
from desktop.listen.take_over import conditions

if TYPE_CHECKING:
    from desktop.main_window import Studio

PAGES = ("Result", "Models", "Folder")


class ListenPanel(Panel):
    """The panel of one window; after `Studio` made everything that it is joined to."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._studio = studio
        self._models_asked = False
        self._to_compose: tuple[str, ...] | None = None
        self._to_show = False
        self._song: Song | None = None
        """The song that was listened to, where it was no file."""
        self.listener: Listener = Listener(studio.jobs, self)
        self.nearest: Nearest = Nearest(studio.jobs, studio.explore.hearing)
        self.result = ResultPage(self.listener, self.nearest)
        self.models = ModelsPage(self.listener)
        self.batch = BatchPage(studio.jobs, lambda: self.listener.model, studio.files.ask_where)
        self.tabs = QTabBar(drawBase=False, expanding=False)
        self.tabs.setAccessibleName("Pages of listening")
        self.pages = QStackedWidget()
        for name, page in zip(PAGES, (self.result, self.models, self.batch), strict=True):
            self.tabs.addTab(name)
            self.pages.addWidget(page)
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tabs)
        layout.addWidget(rule())
        layout.addWidget(self.pages, 1)
        self._join()

    # -- what the window asks for --------------------------------------------------------------------

    def listen(self, path: Path) -> None:
        """Find out what a file is, and then show its sound."""
        self._come(0)
        self.listener.listen(path)
        self._to_show = True

    def listen_to_song(self) -> None:
        """Find out what the open song is."""
        self._come(0)
        document = self._studio.document
        self._song = document.song
        self.listener.listen_to_song(document.song, document.name)

    def listen_to_all(self, places: Sequence[Path]) -> None:
        """Listen to a folder, or to several files."""
        self._come(2)
        self.batch.listen_to(places)

    def use_as_seed(self, path: Path) -> None:
        """Listen to a file and let Compose have its tempo, key and chords."""
        self._come(0)
        self.listener.listen(path)
        self._to_compose = ()

    def use_in_compose(self, wanted: tuple[str, ...] = ()) -> None:
        """Let Compose have what was heard: of "tempo", "key" and "chords" those wanted, or all."""
        report = self.listener.report
        if report is None:
            return
        taken = conditions(report, *wanted)
        compose = self._studio.compose_panel
        compose.take_conditions(taken)
        self._studio.show_panel("compose")
        if taken:
            self._studio.say(f"Compose has the {_listed(list(taken))} of {self.listener.title}")
        else:
            self._studio.notices.show_notice(
                f"Nothing of {self.listener.title} can be used in Compose", "warn"
            )

    def why_not_use(self) -> str:
        """Why Compose cannot have what was heard, or ""."""
        report = self.listener.report
        if report is None:
            return "listen to a file first"
        return "" if conditions(report) else "no tempo, key or chords were found"

    def compare(self) -> None:
        """Ask every model about the file."""
        self.tabs.setCurrentIndex(1)
        self.models.compare()

    def ask_file(self) -> None:
        """Choose a file to listen to."""
        from core.listen.formats import SUFFIXES

        kinds = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        self._studio.files.ask_which(
            "Listen to", f"Sound and MIDI ({kinds});;All files (*)", lambda path: self.listen(Path(path))
        )

    def ask_folder(self) -> None:
        """Choose a folder to listen to."""
        dialog = QFileDialog(self._studio, "Listen to a folder", self._studio.settings.last_folder)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda path: self.listen_to_all([Path(path)]))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def show_seen(self, seen: bool) -> None:
        """The panel came into sight, or went; the registry is not asked before."""
        if seen and not self._models_asked:
            self._models_asked = True
            self._studio.jobs.run(
                "listening", "Looking for models", lambda _: models(), on_success=self._show_models, quiet=True,
                on_failure=lambda error: self._show_models([]),
            )  # fmt: skip

    # -- joining -------------------------------------------------------------------------------------

    def _join(self) -> None:
        studio, listener, result = self._studio, self.listener, self.result
        say = studio.notices.show_notice
        result.file_wanted.connect(self.ask_file)
        result.folder_wanted.connect(self.ask_folder)
        result.song_wanted.connect(self.listen_to_song)
        result.picture_wanted.connect(self.show_picture)
        result.use_wanted.connect(self.use_in_compose)
        result.compare_wanted.connect(self.compare)
        self.models.judge_wanted.connect(self._judge_by)
        self.batch.open_wanted.connect(self.listen)
        self.batch.folder_wanted.connect(self.ask_folder)
        self.batch.said.connect(lambda text, tone: say(text, tone))
        self.nearest.map_wanted.connect(studio.explore.show_piece)
        self.nearest.open_wanted.connect(studio.explore.open_piece)
        listener.changed.connect(self._changed)
        listener.failed.connect(lambda text: say(text, "bad"))
        listener.saliency_found.connect(studio.spectrogram.show_saliency)
        studio.spectrogram.saliency_wanted.connect(self._saliency)
        studio.spectrogram.source.changed.connect(self._show_on_picture)
        studio.spectrogram.span_clicked.connect(self._span_clicked)
        self._show_on_picture()

    def _come(self, page: int) -> None:
        self._studio.show_panel("listen")
        self.tabs.setCurrentIndex(page)
        self._to_compose = None
        self._to_show = False

    def _changed(self) -> None:
        if self.listener.state == "result":
            report = self.listener.report
            self.nearest.look_for(self.listener.path or self._song)
            if self._to_show and report is not None and report.kind == "audio":
                self.show_picture()
            self._to_show = False
            self._show_on_picture()
            if self._to_compose is not None:
                wanted, self._to_compose = self._to_compose, None
                self.use_in_compose(wanted)
        elif self.listener.state != "busy":
            self._to_compose, self._to_show = None, False
        self._studio.refresh_actions()

    def show_picture(self) -> None:
        """Show the spectrogram of what was listened to."""
        path = self.listener.path
        if path is None:
            return
        if self._studio.spectrogram.path != path:
            self._studio.spectrogram.show_file(path)
        if not self._studio.spectrogram_place:
            self._studio.place_spectrogram("below")
        self._show_on_picture()

    def _show_on_picture(self) -> None:
        """What was heard, above the spectrogram of the same sound."""
        spectrogram, report = self._studio.spectrogram, self.listener.report
        same = report is not None and spectrogram.path == self.listener.path
        spectrogram.show_report(report if same else None)
        why = self.listener.why_no_saliency() if same else "listen to this sound first"
        spectrogram.set_saliency_possible(why)
        if why:
            spectrogram.show_saliency(None)

    def _saliency(self, on: bool) -> None:
        spectrogram, report = self._studio.spectrogram, self.listener.report
        if not on or report is None or report.genre is None:
            spectrogram.show_saliency(None)
            return
        start, end = spectrogram.canvas.selection or (0.0, report.duration_s)
        label = report.genre.chances[0][0] if report.genre.chances else ""
        self.listener.find_saliency(start, end, label)

    def _span_clicked(self, title: str, span: Span) -> None:
        if title == "Genre" and self._studio.spectrogram.saliency.isChecked():
            self.listener.find_saliency(span.start_s, span.end_s, span.label)

    def _show_models(self, found: list[Model]) -> None:
        self.result.show_models(found)
        self.models.show_models(found)

    def _judge_by(self, name: str) -> None:
        self.result.model.set_value(name)
        self.tabs.setCurrentIndex(0)
        self.listener.use_model(name)

    # -- keys ----------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.listener.state == "busy":
            self.listener.cancel()
        else:
            super().keyPressEvent(event)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
