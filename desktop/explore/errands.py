"""What the map asks of the rest of the window: files to choose, files to write, pieces to open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QFileDialog

from core.song.notes import Song
from desktop.explore.explorer import Chart
from desktop.explore.exports import write_picture, write_table
from desktop.explore.hearing import Hearing

if TYPE_CHECKING:
    from desktop.explore.colours import Legend
    from desktop.explore.map_view import MapView
    from desktop.main_window import Studio

PICTURE_WIDTH = 2400


class Errands:
    """Runs errands of one window."""

    def __init__(self, studio: Studio, hearing: Hearing) -> None:
        self._studio, self._hearing = studio, hearing

    def ask_files(self, take: Callable[[list[Path]], object]) -> None:
        """Choose MIDI and sound files."""
        from core.listen.formats import SUFFIXES

        kinds = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        dialog = QFileDialog(
            self._studio, "Add to the map", self._studio.settings.last_folder, f"Sound and MIDI ({kinds})"
        )
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda paths: take([Path(path) for path in paths]))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def ask_folder(self, title: str, take: Callable[[Path], object]) -> None:
        """Choose a folder."""
        dialog = QFileDialog(self._studio, title, self._studio.settings.last_folder)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda path: take(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def write_table(self, chart: Chart, points: list[int]) -> None:
        """Ask where, and write a CSV file of these points."""
        self._studio.files.ask_where(
            "Export the map's table", "Table (*.csv)", "map.csv",
            lambda path: self._write("Exporting a table", path, lambda: write_table(Path(path), chart, points)),
        )  # fmt: skip

    def write_picture(self, view: MapView, legend: list[Legend]) -> None:
        """Ask where, and write the map as it is seen."""
        picture = view.grab_picture(QPoint(PICTURE_WIDTH, 0))
        self._studio.files.ask_where(
            "Export the map's picture", "Picture (*.png)", "map.png",
            lambda path: self._write(
                "Exporting a picture", path, lambda: write_picture(Path(path), picture, legend)
            ),
        )  # fmt: skip

    def open(self, about: Mapping[str, Any]) -> None:
        """Open what is told of by an index: a song in the roll, a recording's spectrogram."""

        def work(_: Any) -> Any:
            from core.explore.library import opened

            return opened(about)

        def done(found: Song | Path) -> None:
            self._hearing.stop()
            if isinstance(found, Song):
                self._studio.files.open_song(found, str(about.get("title")))
            else:
                self._studio.show_sound(found)

        self._studio.jobs.run(
            "previews", "Opening a piece", work, on_success=done, quiet=True,
            on_failure=lambda error: self._tell(error, "warn"),
        )  # fmt: skip

    def _write(self, label: str, path: str, work: Callable[[], object]) -> None:
        studio = self._studio
        studio.jobs.run(
            "files", label, lambda _: work(), on_success=lambda _: studio.say(f"Wrote {path}"),
            on_failure=lambda error: self._tell(error, "bad"),
        )  # fmt: skip

    def _tell(self, error: Exception, tone: str) -> None:
        self._studio.notices.show_notice(str(error), tone)
