"""The pieces: finding, hearing, rating, tagging, opening, composing again, throwing away and bringing back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMenu, QStackedLayout, QVBoxLayout, QWidget

from core.compose.recipe import request_of
from core.compose.request import Request
from core.errors import TunesmithError
from core.song.notes import Song
from core.store.library import Library, Piece, Search
from desktop import icons
from desktop.controls.basics import icon_button, label, push_button, row, rule
from desktop.controls.choice import Choice
from desktop.controls.search_list import Entry
from desktop.jobs import Task
from desktop.library.keeper import Keeper
from desktop.library.piece_card import PieceCard
from desktop.library.piece_list import PieceList
from desktop.library.piece_model import PieceModel
from desktop.library.thumbnail import Outline, outline_of
from desktop.playback import Playback
from desktop.roll.drag_out import drag_file, whole_file_of

SEARCH_AFTER_MS = 120
HEAR_AFTER_MS = 150
"""How long the choice must rest before another piece sounds."""

SHOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "all": ("Every piece", {}),
    "composed": ("Composed here", {"kind": "composed"}),
    "imported": ("From files", {"kind": "imported"}),
    "good": ("3 stars and more", {"rating": 3}),
    "trash": ("Trash", {"deleted": True}),
}
"""What the list can show: a text, and what it asks of `Search`."""

SORTED = {
    "newest": "When", "title": "Title", "style": "Style", "key": "Key", "bars": "Bars", "length": "Length",
    "tempo": "Tempo", "rating": "Rating", "tags": "Tags",
}  # fmt: skip

KEPT_BY_ITSELF = (
    "Nothing here yet.\n\nWhat you compose and use, star, or open from a file is kept here by itself, "
    "with the recipe that made it."
)
KEPT_NOT = "Nothing here yet.\n\nKeeping pieces is turned off; File, Settings turns it on."
MENU = (
    ("Hear", "hear", False), ("Open", "open", False), ("Insert at the play-head", "insert", False),
    ("Compose again", "again", False), ("-Rename", "rename", False), ("Claim…", "claim", False),
    ("Export…", "export", False), ("-Put in the trash", "delete", False), ("Restore", "restore", True),
    ("Remove for good…", "remove", True),
)  # fmt: skip
"""The context menu: text, deed, and whether it is for pieces in the trash."""


class PiecesPage(QWidget):
    """The first page of the panel."""

    open_wanted = Signal(object, str)
    """A song to open, and what it is called."""
    insert_wanted = Signal(object, str)
    again_wanted = Signal(object)
    """A `Request`."""
    claim_wanted = Signal(object, str, object)
    """A song, its title and its recipe."""
    export_wanted = Signal(object, str)
    asked = Signal(str, object)
    """A question to the user, and what to do if the answer is yes."""
    said = Signal(str, str)

    def __init__(
        self, keeper: Keeper, playback: Playback, keeps: Callable[[], bool], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._keeper, self._playback, self._keeps = keeper, playback, keeps
        self._searches = 0
        self._is_stale = True
        self._heard: Song | None = None
        self._to_hear: int | None = None
        self._drag: tuple[int, Path | None] | None = None
        self._drag_waits = False
        self._deleted: Piece | None = None
        self._deeds: dict[str, Callable[[int], object]] = {
            "hear": self.hear, "open": self._open, "insert": self._insert, "again": self._again,
            "claim": self._claim, "export": self._export, "delete": self.delete, "restore": self.restore,
            "remove": self._ask_remove, "rename": self._rename, "menu": self._menu, "drag": self._start_drag,
        }  # fmt: skip
        self._make()
        self._lay_out()
        self._soon = QTimer(self, interval=SEARCH_AFTER_MS, singleShot=True)
        self._soon.timeout.connect(self.refresh)
        self._rest = QTimer(self, interval=HEAR_AFTER_MS, singleShot=True)
        self._rest.timeout.connect(self._hear_current)
        keeper.changed.connect(self._changed)
        playback.hearing_changed.connect(self._show_hearing)
        playback.heard_to.connect(self._show_heard_to)

    # -- building ------------------------------------------------------------------------------------

    def _make(self) -> None:
        self.search = QLineEdit(placeholderText="Search title, style, key, tag…")
        self.search.setAccessibleName("Search the library")
        self._clear_action = self.search.addAction(
            icons.icon("close", "text_dim"), QLineEdit.ActionPosition.TrailingPosition
        )
        self._clear_action.setToolTip("Clear the search (Esc)")
        self._clear_action.triggered.connect(self.search.clear)
        self._clear_action.setVisible(False)
        self.search.textChanged.connect(lambda text: self._clear_action.setVisible(bool(text)))
        self.search.textChanged.connect(lambda _: self._soon.start())
        self.search.installEventFilter(self)
        self.shown = Choice(
            [Entry(name, text) for name, (text, _) in SHOWN.items()],
            "all",
            name="What is shown",
            label="Show",
        )
        self.order = Choice(
            [Entry(name, text) for name, text in SORTED.items()], "newest", name="Sorted by", label="By"
        )
        for choice in (self.shown, self.order):
            choice.changed.connect(lambda _: self.refresh())
        self.backwards = icon_button("sort", "In the other direction", self.refresh, checkable=True)
        self.add = icon_button("plus", "Add MIDI or project files…", self.ask_add)
        self.model = PieceModel(self._fetch_outlines, self)
        self.list = PieceList(self.model)
        self.list.wanted.connect(self.do)
        self.list.rated.connect(self.rate)
        self.list.pressed_on.connect(self._get_ready_to_drag)
        self.list.selectionModel().currentChanged.connect(lambda *_: self._show_current())
        self.card = PieceCard()
        self.card.wanted.connect(self.do)
        self.card.rated.connect(self.rate)
        self.card.renamed.connect(self._take_title)
        self.card.tagged.connect(self._take_tags)
        self.card.show_piece(None)
        self.count = label("", "small")
        self._trashed = label("", "small")
        self._undo = push_button("Undo", self._undo_delete)
        self.undo_bar = QWidget()
        self.undo_bar.setLayout(
            row(self._trashed, None, self._undo, icon_button("close", "Close", self._forget_deleted))
        )
        self.undo_bar.hide()
        self.empty = label("", "small", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty_button = push_button("", lambda: self._empty_deed())
        self._empty_deed: Callable[[], object] = self.ask_add

    def _lay_out(self) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(10, 6, 10, 6)
        head.setSpacing(4)
        head.addLayout(row(self.search, self.add))
        head.addLayout(row(self.shown, self.order, self.backwards))
        nothing = QWidget()
        middle = QVBoxLayout(nothing)
        middle.setContentsMargins(24, 12, 24, 12)
        middle.setSpacing(12)
        middle.addStretch(2)
        middle.addWidget(self.empty)
        middle.addLayout(row(None, self.empty_button, None))
        middle.addStretch(3)
        self._stack = QStackedLayout()
        self._stack.setContentsMargins(4, 0, 4, 0)
        self._stack.addWidget(self.list)
        self._stack.addWidget(nothing)
        foot = QVBoxLayout()
        foot.setContentsMargins(10, 2, 10, 4)
        foot.addWidget(self.count)
        foot.addWidget(self.undo_bar)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addLayout(self._stack, 1)
        layout.addLayout(foot)
        layout.addWidget(rule())
        layout.addWidget(self.card)

    # -- finding -------------------------------------------------------------------------------------

    def wish(self) -> Search:
        """What the fields ask for."""
        return Search(
            text=self.search.text(),
            order=self.order.value,
            backwards=self.backwards.isChecked(),
            **SHOWN[self.shown.value][1],
        )

    def refresh(self) -> None:
        """Ask the library for what the fields say."""
        self._soon.stop()
        self._is_stale = False
        self._searches += 1
        number, search = self._searches, self.wish()

        def work(library: Library, task: Task) -> tuple[list[Piece], int]:
            return library.find(search), library.count(deleted=search.deleted)

        def found(answer: tuple[list[Piece], int]) -> None:
            if number == self._searches:
                self._show(*answer)

        self._keeper.ask(work, found, on_failure=self._show_failure)

    def start_search(self) -> None:
        """Put the keyboard into the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def come(self) -> None:
        """The page comes into sight."""
        if self._is_stale:
            self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.model.forget_pictures()
            self._clear_action.setIcon(icons.icon("close", "text_dim"))
        super().changeEvent(event)

    def _changed(self) -> None:
        if not self.visibleRegion().isEmpty():
            self._soon.start()
        else:
            self._is_stale = True

    def _show(self, pieces: list[Piece], count: int) -> None:
        current = self.list.current()
        row_before = self.list.currentIndex().row()
        place = self.list.verticalScrollBar().value()
        self.model.show(pieces)
        if pieces:
            row = self.model.row_of(current.id) if current else -1
            if row < 0:  # it left the list: the choice stays where it was
                row = min(max(row_before, 0), len(pieces) - 1)
            self.list.setCurrentIndex(self.model.index(row))
            self.list.verticalScrollBar().setValue(place)
        shown = f"{len(pieces):,} of {count:,} pieces" if len(pieces) != count else f"{count:,} pieces"
        self.count.setText("1 piece" if len(pieces) == count == 1 else shown)
        self.count.setVisible(bool(count))
        self._stack.setCurrentIndex(0 if pieces else 1)
        if not pieces:
            self._show_empty(count)
        self._show_current()

    def _show_empty(self, count: int) -> None:
        if count:
            texts = ("No piece is like that.", "Show every piece", self._clear)
        elif self.shown.value == "trash":
            texts = ("The trash is empty.", "Show every piece", self._clear)
        else:
            texts = (KEPT_BY_ITSELF if self._keeps() else KEPT_NOT, "Add MIDI files…", self.ask_add)
        self._show_instead(*texts)

    def _show_failure(self, text: str) -> None:
        self.model.show([])
        self._show_current()
        self._stack.setCurrentIndex(1)
        self._show_instead(text[:1].upper() + text[1:] + ".", "Try again", self.refresh)

    def _show_instead(self, text: str, button: str, deed: Callable[[], object]) -> None:
        self.empty.setText(text)
        self.empty_button.setText(button)
        self._empty_deed = deed

    def _clear(self) -> None:
        self.search.clear()
        self.shown.set_value("all")
        self.refresh()

    def _show_current(self) -> None:
        self.card.show_piece(self.list.current())
        if self._heard is not None:
            self._rest.start()

    def _fetch_outlines(self, numbers: list[int], take: Callable[[dict[int, Outline]], None]) -> None:
        def work(library: Library, task: Task) -> dict[int, Outline]:
            found = {}
            for number in numbers:
                task.check()
                try:
                    found[number] = outline_of(library.song(number))
                except TunesmithError:  # removed, or damaged: it is drawn as empty
                    found[number] = outline_of(Song())
            return found

        self._keeper.ask(work, take)

    # -- doing ---------------------------------------------------------------------------------------

    def do(self, deed: str, number: int) -> None:
        """Do one of the deeds with a piece."""
        piece = self._piece(number)
        if piece is not None and piece.deleted and deed in ("open", "insert", "delete"):
            deed = "restore" if deed == "open" else deed
            if deed != "restore":
                return
        self._deeds[deed](number)

    def hear(self, number: int) -> None:
        """Let a piece sound from its start, or end it where it sounds."""
        if self._heard is not None and self.list.delegate.heard == number:
            self._playback.hear_no_more()
            return
        self._to_hear = number

        def sound(song: Song) -> None:
            if self._to_hear == number:
                self._heard = song
                self.list.show_heard(number)
                self._playback.hear(song)

        self._with_song(number, sound)

    def rate(self, number: int, rating: int) -> None:
        """Give a piece its stars."""
        self._change(number, lambda library: library.rate(number, rating))

    def delete(self, number: int) -> None:
        """Put a piece in the trash; a line offers to undo it."""
        piece = self._piece(number)

        def done(_: object) -> None:
            self._deleted = piece
            self._trashed.setText(
                f"“{_short(piece.title)}” is in the trash." if piece else "It is in the trash."
            )
            self.undo_bar.show()

        self._keeper.change(lambda library: library.delete(number), done)

    def restore(self, number: int) -> None:
        """Take a piece out of the trash."""
        self._forget_deleted()
        self._keeper.change(lambda library: library.restore(number))

    def ask_add(self) -> None:
        """Ask for files to add."""
        dialog = QFileDialog(self, "Add to the library", "", "Songs (*.tunesmith *.mid *.midi *.kar)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self.add_files)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def add_files(self, paths: list[str]) -> None:
        """Put files into the library; one that cannot be read does not stop the rest."""

        def work(library: Library, task: Task) -> tuple[int, list[str]]:
            from core.store.song_file import read_song

            bad: list[str] = []
            for at, path in enumerate(map(Path, paths)):
                task.check()
                try:
                    song = read_song(path)
                    library.add(song, title=song.title or path.stem)
                except TunesmithError as error:
                    bad.append(f"{path.name}: {error}")
                task.progress((at + 1) / len(paths))
            return len(paths) - len(bad), bad

        def done(answer: tuple[int, list[str]]) -> None:
            added, bad = answer
            self._keeper.changed.emit()
            if bad:
                more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
                self.said.emit(f"Not added: {bad[0]}{more}", "warn")
            if added:
                self.said.emit(f"Added {added} {'piece' if added == 1 else 'pieces'} to the library", "info")

        self._keeper.ask(work, done, label="Adding to the library", quiet=False)

    def _open(self, number: int) -> None:
        self._with_song(number, lambda song: self.open_wanted.emit(song, self._title(number)))

    def _insert(self, number: int) -> None:
        self._with_song(number, lambda song: self.insert_wanted.emit(song, self._title(number)))

    def _export(self, number: int) -> None:
        self._with_song(number, lambda song: self.export_wanted.emit(song, self._title(number)))

    def _claim(self, number: int) -> None:
        piece = self._piece(number)
        if piece is not None:
            self._with_song(number, lambda song: self.claim_wanted.emit(song, piece.title, piece.recipe))

    def _again(self, number: int) -> None:
        self._keeper.ask(lambda library, task: request_again(library, number), self.again_wanted.emit)

    def _rename(self, number: int) -> None:
        self.card.title.setFocus()
        self.card.title.selectAll()

    def _take_title(self, number: int, title: str) -> None:
        self._change(number, lambda library: library.rename(number, title))

    def _take_tags(self, number: int, add: list[str], remove: list[str]) -> None:
        self._change(number, lambda library: library.tag(number, add, remove))

    def _ask_remove(self, number: int) -> None:
        self.asked.emit(
            f"Remove “{_short(self._title(number))}” for good? Its notes cannot be brought back.",
            lambda: self._keeper.change(lambda library: library.delete(number, for_good=True)),
        )

    def _undo_delete(self) -> None:
        if self._deleted is not None:
            self.restore(self._deleted.id)
            self.list.setFocus()

    def _forget_deleted(self) -> None:
        self._deleted = None
        self.undo_bar.hide()

    def _menu(self, number: int) -> None:
        piece = self._piece(number)
        if piece is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, deed, in_trash in MENU:
            if piece.deleted != in_trash and deed not in ("hear", "export"):
                continue
            if text.startswith("-"):
                menu.addSeparator()
            action = menu.addAction(text.removeprefix("-"))
            action.setEnabled(deed != "again" or bool(piece.recipe))
            action.triggered.connect(lambda _=False, deed=deed: self.do(deed, number))
        place = self.list.visualRect(self.list.currentIndex())
        menu.popup(self.list.viewport().mapToGlobal(place.bottomLeft() + QPoint(24, 0)))

    def _get_ready_to_drag(self, number: int) -> None:
        """Write the piece's file while the mouse is still down, so that it is there when the drag starts."""
        self._drag, self._drag_waits = (number, None), False
        title = self._title(number)

        def work(library: Library, task: Task) -> Path:
            return whole_file_of(replace(library.song(number), title=title), title)

        def ready(path: Path) -> None:
            if self._drag is not None and self._drag[0] == number:
                self._drag = (number, path)
                held = QGuiApplication.mouseButtons() & Qt.MouseButton.LeftButton
                if self._drag_waits and held:
                    self._start_drag(number)

        self._keeper.ask(work, ready)

    def _start_drag(self, number: int) -> None:
        if self._drag is None or self._drag[0] != number:
            return
        path = self._drag[1]
        if path is None:
            self._drag_waits = True
        else:
            self._drag = None
            drag_file(self.list, path)

    # -- shared --------------------------------------------------------------------------------------

    def _with_song(self, number: int, then: Callable[[Song], object]) -> None:
        self._keeper.ask(lambda library, task: library.song(number), then)

    def _change(self, number: int, work: Callable[[Library], object]) -> None:
        """Alter a piece, and show at once what it is now; the list is sorted anew soon after."""

        def both(library: Library) -> Piece:
            work(library)
            return library.piece(number)

        def done(piece: Piece) -> None:
            self.model.put(piece)
            if self.card.piece is not None and self.card.piece.id == number:
                self.card.show_piece(piece)

        self._keeper.change(both, done)

    def _piece(self, number: int) -> Piece | None:
        row = self.model.row_of(number)
        return self.model.pieces[row] if row >= 0 else None

    def _title(self, number: int) -> str:
        piece = self._piece(number)
        return piece.title if piece is not None else ""

    def _hear_current(self) -> None:
        piece = self.list.current()
        if self._heard is not None and piece is not None and piece.id != self.list.delegate.heard:
            self.hear(piece.id)

    def _show_hearing(self) -> None:
        if self._heard is not None and self._playback.hearing is not self._heard:
            self._heard = self._to_hear = None
            self.list.show_heard(None)

    def _show_heard_to(self, share: float) -> None:
        if self._heard is not None:
            self.list.show_heard(self.list.delegate.heard, share)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        # Down leads from the search field into the list, Esc empties it.
        if watched is self.search and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = event.key()
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.list.setFocus()
                return True
            if key == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
        return super().eventFilter(watched, event)


def request_again(library: Library, number: int) -> Request:
    """The request that made a piece, with the song it continued or changed.

    Raises
    ------
    TunesmithError
        where that song is not in the library
    """
    recipe = library.piece(number).recipe
    before = recipe.get("continues")
    if not before:
        return request_of(recipe)
    found = library.find(Search(content_id=before, limit=1))
    if not found:
        raise TunesmithError(
            "the song that this piece was made from is not in the library; add its file first"
        )
    return request_of(recipe, library.song(found[0].id))


def _short(title: str, most: int = 28) -> str:
    return title if len(title) <= most else title[: most - 1].rstrip() + "…"
