"""The pieces of a search as Qt's views read them; thumbnails come when a row is first seen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer
from PySide6.QtGui import QPixmap

from core.store.library import Piece
from desktop.library.thumbnail import Outline

PIECE = Qt.ItemDataRole.UserRole
THUMBNAILS_KEPT = 600
MOST_AT_ONCE = 48
"""Rows asked for and scrolled past before their turn are forgotten."""

AnyIndex = QModelIndex | QPersistentModelIndex
Fetch = Callable[[list[int], Callable[[dict[int, Outline]], None]], object]


class PieceModel(QAbstractListModel):
    """``fetch(numbers, take)`` reads the outlines of pieces and gives them to ``take``."""

    def __init__(self, fetch: Fetch, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._fetch = fetch
        self.pieces: list[Piece] = []
        self._rows: dict[int, int] = {}
        self._outlines: OrderedDict[int, Outline] = OrderedDict()
        self._pictures: dict[int, QPixmap] = {}
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._asked: set[int] = set()
        self._soon = QTimer(self, interval=0, singleShot=True)
        self._soon.timeout.connect(self._ask)

    def show(self, pieces: list[Piece]) -> None:
        """Show these pieces."""
        self.beginResetModel()
        self.pieces = pieces
        self._rows = {piece.id: row for row, piece in enumerate(pieces)}
        self.endResetModel()

    def put(self, piece: Piece) -> None:
        """Show what is now known of one of the pieces."""
        row = self.row_of(piece.id)
        if row >= 0:
            self.pieces[row] = piece
            self.dataChanged.emit(self.index(row), self.index(row))

    def row_of(self, number: int) -> int:
        """The row of a piece, -1 where it is not shown."""
        return self._rows.get(number, -1)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.pieces)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsDragEnabled | flag.ItemNeverHasChildren

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        if not index.isValid():
            return None
        piece = self.pieces[index.row()]
        roles = Qt.ItemDataRole
        if role == PIECE:
            return piece
        if role == roles.DisplayRole:
            return piece.title
        if role == roles.AccessibleTextRole:
            stars = f", {piece.rating} stars" if piece.rating else ""
            return f"{piece.title}, {facts_of(piece)}{stars}"
        if role == roles.ToolTipRole:
            return tip_of(piece)
        return None

    def outline(self, number: int) -> Outline | None:
        """A piece's outline; where it is not known yet it is asked for, and the row is drawn again later."""
        known = self._outlines.get(number)
        if known is None and number not in self._asked:
            self._wanted[number] = None
            self._wanted.move_to_end(number)
            while len(self._wanted) > MOST_AT_ONCE:
                self._wanted.popitem(last=False)
            self._soon.start()
        return known

    def picture(self, number: int, draw: Callable[[Outline], QPixmap]) -> QPixmap | None:
        """A piece's picture, drawn by ``draw`` and kept; None where its outline is not known yet."""
        outline = self.outline(number)
        if outline is None:
            return None
        if number not in self._pictures:
            self._pictures[number] = draw(outline)
        return self._pictures[number]

    def forget_pictures(self) -> None:
        """Draw them anew, in other colours or at another size."""
        self._pictures.clear()

    def _ask(self) -> None:
        numbers = list(self._wanted)
        self._wanted.clear()
        self._asked.update(numbers)
        if numbers:
            self._fetch(numbers, self._take)

    def _take(self, outlines: dict[int, Outline]) -> None:
        self._asked.difference_update(outlines)
        self._outlines.update(outlines)
        while len(self._outlines) > THUMBNAILS_KEPT:
            old, _ = self._outlines.popitem(last=False)
            self._pictures.pop(old, None)
        rows = [row for row in map(self.row_of, outlines) if row >= 0]
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))


def facts_of(piece: Piece, now: datetime | None = None) -> str:
    """A piece in a line: "jazz · D minor · 16 bars · 11:20"; one from a file has no style."""
    made = piece.style or piece.generator
    bars = "1 bar" if piece.bars == 1 else f"{piece.bars} bars"
    return " · ".join(filter(None, (made, piece.key, bars, when_of(piece.created, now))))


def when_of(created: str, now: datetime | None = None) -> str:
    """When a piece came, in the person's own time: "11:20" today, "Tue 09:05", "3 Nov 2026"."""
    then = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).astimezone()
    now = (now or datetime.now(UTC)).astimezone()
    days = (now.date() - then.date()).days
    if days == 0:
        return f"{then:%H:%M}"
    if 0 < days < 7:
        return f"{then:%a %H:%M}"
    return f"{then.day} {then:%b %Y}"


def tip_of(piece: Piece) -> str:
    """All that is known of a piece, in lines."""
    minutes, seconds = divmod(round(piece.seconds), 60)
    made = f"composed by {piece.generator}, seed {piece.seed}" if piece.generator else "imported"
    tags = " ".join(f"#{tag}" for tag in piece.tags)
    lines = (
        piece.title,
        f"{made}, {piece.created.replace('T', ' ').replace('Z', ' UTC')}",
        f"{piece.notes} notes, {minutes}:{seconds:02}, {piece.tempo:.0f} bpm",
        piece.content_id,
        tags,
    )
    return "\n".join(filter(None, lines))
