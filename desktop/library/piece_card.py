"""What can be done with the chosen piece: its title, stars and tags, and the buttons."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from core.store.library import Piece
from desktop.controls.basics import icon_button, label, push_button, row
from desktop.library.stars import Stars

NO_RECIPE = "It came from a file, so there is no recipe to compose it again by"


class PieceCard(QWidget):
    wanted = Signal(str, int)
    """A word of `desktop.library.pieces_page.Deeds`, and the piece's number."""
    rated = Signal(int, int)
    renamed = Signal(int, str)
    tagged = Signal(int, object, object)
    """The piece's number, tags to add and tags to remove."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.piece: Piece | None = None
        self.title = QLineEdit(accessibleName="Title of the piece", placeholderText="Title")
        self.title.setProperty("role", "bare")
        self.title.editingFinished.connect(self._rename)
        self.stars = Stars()
        self.stars.rated.connect(lambda rating: self.piece and self.rated.emit(self.piece.id, rating))
        self.facts = label("", "small")
        self.facts.setContentsMargins(5, 0, 0, 0)  # under the title's text
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.tags = QLineEdit(
            accessibleName="Tags of the piece",
            placeholderText="Tags, between commas",
            clearButtonEnabled=False,
        )
        self.tags.editingFinished.connect(self._tag)
        for field in (self.title, self.tags):
            field.installEventFilter(self)
        self.open = push_button(
            "Open", lambda: self._want("open"), role="primary", tip="Open as the song (Return)"
        )
        self.insert = push_button(
            "Insert", lambda: self._want("insert"), tip="Insert at the bar of the play-head (Ins)"
        )
        self.again = push_button("Again", lambda: self._want("again"))
        self.restore = push_button("Restore", lambda: self._want("restore"), role="primary")
        self.remove = push_button("Remove for good", lambda: self._want("remove"))
        self.claim = icon_button("seal", "Claim it in the register…", lambda: self._want("claim"))
        self.export = icon_button("export", "Export as MIDI or sound…", lambda: self._want("export"))
        self.delete_ = icon_button("trash", "Put in the trash (Del)", lambda: self._want("delete"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 8)
        layout.setSpacing(4)
        layout.addLayout(row(self.title, self.stars))
        layout.addWidget(self.facts)
        layout.addWidget(self.tags)
        layout.addSpacing(2)
        layout.addLayout(
            row(
                self.open, self.insert, self.again, self.restore, self.remove, None,
                self.claim, self.export, self.delete_,
            )
        )  # fmt: skip

    def show_piece(self, piece: Piece | None) -> None:
        """Show a piece, or go."""
        same = piece is not None and self.piece is not None and piece.id == self.piece.id
        self.piece = piece
        self.setVisible(piece is not None)
        if piece is None:
            return
        for field, text in ((self.title, piece.title), (self.tags, ", ".join(piece.tags))):
            if not (same and field.hasFocus()):
                field.setText(text)
                field.setCursorPosition(0)
        self.stars.show_rating(piece.rating)
        minutes, seconds = divmod(round(piece.seconds), 60)
        parts = [f"{piece.notes:,} notes", f"{minutes}:{seconds:02}", f"{piece.tempo:.0f} bpm"]
        if piece.seed is not None:
            parts.append(f"seed {piece.seed}")
        self.facts.setText(" · ".join(parts))
        self.again.setEnabled(bool(piece.recipe))
        self.again.setToolTip("Compose it again with the same recipe" if piece.recipe else NO_RECIPE)
        for here in (self.open, self.insert, self.again, self.claim, self.delete_):
            here.setVisible(not piece.deleted)
        for there in (self.restore, self.remove):
            there.setVisible(piece.deleted)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Esc puts the text back.
        pressed = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key()
        if pressed == Qt.Key.Key_Escape and self.piece is not None:
            self.title.setText(self.piece.title)
            self.tags.setText(", ".join(self.piece.tags))
            return True
        return super().eventFilter(watched, event)

    def _want(self, what: str) -> None:
        if self.piece is not None:
            self.wanted.emit(what, self.piece.id)

    def _rename(self) -> None:
        title = self.title.text().strip()
        if self.piece is None or title == self.piece.title:
            return
        if title:
            self.renamed.emit(self.piece.id, title)
        else:
            self.title.setText(self.piece.title)

    def _tag(self) -> None:
        if self.piece is None:
            return
        tags = {" ".join(tag.split()).lower() for tag in self.tags.text().split(",")} - {""}
        before = set(self.piece.tags)
        if tags != before:
            self.tagged.emit(self.piece.id, sorted(tags - before), sorted(before - tags))
