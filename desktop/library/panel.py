"""The Library panel: three pages, and how they are joined to the rest of the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget, QTabBar, QVBoxLayout, QWidget

from core.compose.request import Request
from core.song.notes import Song
from desktop.compose.session import Past, Variant
from desktop.controls.basics import rule
from desktop.controls.panel import Panel
from desktop.library.blind_page import BlindPage, Generator
from desktop.library.claims_page import ClaimsPage
from desktop.library.keeper import Keeper
from desktop.library.pieces_page import PiecesPage
from desktop.tracks.changes import inserted

if TYPE_CHECKING:
    from desktop.main_window import Studio

PAGES = ("Pieces", "Register", "Blind test")


class LibraryPanel(Panel):
    """The panel of one window; after `Studio` made everything that it is joined to."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._studio = studio
        self._starred: set[int] = set()
        self._is_seen = False
        self.keeper = Keeper(studio.jobs, studio.settings, self)
        settings = studio.settings
        self.pieces = PiecesPage(self.keeper, studio.playback, lambda: settings.keep_pieces)
        self.claims = ClaimsPage(
            studio.jobs, studio.playback,
            open_song=lambda: (studio.document.song, studio.document.name),
            author=lambda: settings.author,
            keep_author=self._keep_author,
            ask_where=studio.files.ask_where,
            ask_which=studio.files.ask_which,
        )  # fmt: skip
        self.blind = BlindPage(
            studio.jobs, self.keeper, studio.playback,
            generators=lambda: [
                Generator(one.name, one.title) for one in studio.generators if not one.why_not
            ],
            request=studio.compose_panel.request,
            soundfont=lambda: settings.soundfont,
        )  # fmt: skip
        self.tabs = QTabBar(drawBase=False, expanding=False)
        self.tabs.setAccessibleName("Pages of the library")
        self.pages = QStackedWidget()
        for name, page in zip(PAGES, (self.pieces, self.claims, self.blind), strict=True):
            self.tabs.addTab(name)
            self.pages.addWidget(page)
        self.tabs.currentChanged.connect(self._turn_to)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tabs)
        layout.addWidget(rule())
        layout.addWidget(self.pages, 1)
        self._join()

    def start_search(self) -> None:
        """Go to the search field."""
        self.tabs.setCurrentIndex(0)
        self.pieces.start_search()

    def keep_song(self) -> None:
        """Put the open song into the library, whatever the setting says."""
        song, name = self._studio.document.song, self._studio.document.name
        self.keeper.change(
            lambda library: library.add(song, title=name),
            lambda _: self._studio.say(f"“{name}” is in the library"),
        )

    def claim_song(self) -> None:
        """Begin to claim the open song."""
        self.tabs.setCurrentIndex(1)
        self.claims.claim_open_song()

    def close_library(self) -> None:
        """Write what is left and let go of the files; after the jobs have ended."""
        self.keeper.close()

    def show_seen(self, seen: bool) -> None:
        """The panel came into sight, or went; nothing is read before it is first seen."""
        self._is_seen = seen
        if seen:
            self._page().come()

    def _turn_to(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        if self._is_seen:
            self._page().come()

    def _page(self) -> PiecesPage | ClaimsPage | BlindPage:
        return (self.pieces, self.claims, self.blind)[self.pages.currentIndex()]

    # -- joining -------------------------------------------------------------------------------------

    def _join(self) -> None:
        studio, say = self._studio, self._studio.notices.show_notice
        studio.session.taken.connect(self._remember)
        studio.session.updated.connect(self._remember_starred)
        studio.files.read.connect(self._remember_file)
        self.pieces.open_wanted.connect(studio.files.open_song)
        self.pieces.insert_wanted.connect(self._insert)
        self.pieces.again_wanted.connect(self._compose_again)
        self.pieces.claim_wanted.connect(self._claim)
        self.pieces.export_wanted.connect(studio.files.ask_export_piece)
        self.pieces.asked.connect(self._ask)
        for page in (self.pieces, self.claims, self.blind):
            page.said.connect(lambda text, tone: say(text, tone))
        self.keeper.failed.connect(lambda text: say(text[:1].upper() + text[1:], "bad"))

    def _remember(self, variant: Variant) -> None:
        song = variant.sketch
        if song is not None:
            self.keeper.remember(song, variant.request)

    def _remember_starred(self, variant: Variant) -> None:
        if variant.starred and variant.is_over and variant.number not in self._starred:
            self._starred.add(variant.number)
            self._remember(variant)

    def _remember_file(self, path: Path, song: Song) -> None:
        self.keeper.remember_file(song, path.stem)

    def _insert(self, song: Song, title: str) -> None:
        document = self._studio.document
        bars = document.song.bars
        at = bars.start(bars.bar_at(document.playhead))
        document.apply(f"Insert “{title}”", inserted(document.song, song, at))

    def _compose_again(self, request: Request) -> None:
        self._studio.show_panel("compose")
        self._studio.compose_panel.replay(Past(request, 1))

    def _claim(self, song: Song, title: str, recipe: dict[str, object]) -> None:
        self.tabs.setCurrentIndex(1)
        self.claims.begin(song, title, recipe)

    def _keep_author(self, name: str) -> None:
        if name != self._studio.settings.author:
            self._studio.settings.author = name
            self._studio.settings_changed()

    def _ask(self, question: str, then: Callable[[], object]) -> None:
        self._studio.notices.show_notice(question, "warn", [("Remove", then), ("Keep", lambda: None)])
