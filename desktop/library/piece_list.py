"""The list of pieces: a picture, two lines and stars a row, drawn without a widget for any of them.

Keys while it has the focus: Space hears a piece, Return opens it, 0-5 rate it, Del puts it in the trash, Ins
inserts it at the play-head, F2 goes to its title.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from core.store.library import BEST_RATING, Piece
from desktop import icons, theme
from desktop.library.piece_model import PIECE, PieceModel, facts_of
from desktop.library.thumbnail import RADIUS, picture_of

ROW_HEIGHT = 50
PICTURE = QSize(68, 38)
PADDING = 6
STAR = 13
"""Pixels from one star to the next."""
BUTTON = 18

ACTIONS = {
    Qt.Key.Key_Space: "hear",
    Qt.Key.Key_Return: "open",
    Qt.Key.Key_Enter: "open",
    Qt.Key.Key_Delete: "delete",
    Qt.Key.Key_Backspace: "delete",
    Qt.Key.Key_Insert: "insert",
    Qt.Key.Key_F2: "rename",
}
RATINGS = {Qt.Key.Key_0.value + number: number for number in range(BEST_RATING + 1)}


class PieceDelegate(QStyledItemDelegate):
    """Draws a row, and knows where its picture and its stars are."""

    heard: int | None = None
    """The number of the piece that sounds."""
    heard_to = 0.0

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(160, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        piece: Piece = index.data(PIECE)
        rect: QRect = option.rect  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        under = bool(state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen or under:
            focused = bool(state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(
                theme.colour("accent" if focused else "line_strong") if chosen else Qt.PenStyle.NoPen
            )
            painter.setBrush(theme.colour("raised" if chosen else "hover"))
            painter.drawRoundedRect(QRectF(rect).adjusted(1.5, 1.5, -1.5, -1.5), 5, 5)
        self._paint_picture(painter, picture_rect(rect), piece, index, under)
        text = rect.adjusted(PADDING + PICTURE.width() + 8, 7, -PADDING - 2, -7)
        align = Qt.AlignmentFlag
        stars = stars_rect(rect)
        if piece.rating or chosen or under:
            for number in range(BEST_RATING):
                full = number < piece.rating
                if full or chosen or under:
                    icons.paint(
                        painter, "star-full" if full else "star",
                        QRectF(stars.left() + number * STAR, stars.top(), STAR - 1, STAR - 1),
                        theme.colour("warn" if full else "text_faint"),
                    )  # fmt: skip
            room = text.width() - stars.width() - 6
        else:
            room = text.width()
        painter.setFont(theme.font())
        painter.setPen(theme.colour("text"))
        title = painter.fontMetrics().elidedText(piece.title, Qt.TextElideMode.ElideRight, room)
        painter.drawText(text, align.AlignTop | align.AlignLeft, title)
        painter.setFont(theme.font(theme.SMALL_SIZE))
        metrics = painter.fontMetrics()
        facts, tags = facts_of(piece), " ".join(f"#{tag}" for tag in piece.tags)
        painter.setPen(theme.colour("text_dim"))
        painter.drawText(
            text, align.AlignBottom | align.AlignLeft,
            metrics.elidedText(facts, Qt.TextElideMode.ElideRight, text.width()),
        )  # fmt: skip
        left = text.left() + metrics.horizontalAdvance(facts) + 8
        if tags and text.right() - left > 24:
            painter.setPen(theme.colour("accent_hover"))
            shown = metrics.elidedText(tags, Qt.TextElideMode.ElideRight, text.right() - left)
            painter.drawText(
                text.adjusted(left - text.left(), 0, 0, 0), align.AlignBottom | align.AlignLeft, shown
            )
        painter.restore()

    def _paint_picture(
        self,
        painter: QPainter,
        place: QRect,
        piece: Piece,
        index: QModelIndex | QPersistentModelIndex,
        under: bool,
    ) -> None:
        model = index.model()
        assert isinstance(model, PieceModel)
        device = painter.device()
        ratio = device.devicePixelRatioF() if device else 1.0
        picture = model.picture(piece.id, lambda outline: picture_of(outline, PICTURE, ratio))
        if picture is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("sunken"))
            painter.drawRoundedRect(place, RADIUS, RADIUS)
        else:
            painter.drawPixmap(place.topLeft(), picture)
        sounds = piece.id == self.heard
        if sounds:
            x = place.left() + self.heard_to * place.width()
            painter.fillRect(QRectF(x - 1, place.top() + 1, 2, place.height() - 2), theme.colour("playhead"))
        if sounds or under:
            button = QRectF(0, 0, BUTTON, BUTTON)
            button.moveCenter(QRectF(place).center())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("window", 0.82))
            painter.drawEllipse(button.adjusted(-2, -2, 2, 2))
            name = "stop" if sounds else "play"
            icons.paint(painter, name, button.adjusted(3, 3, -3, -3), theme.colour("text"))


class PieceList(QListView):
    """The view; what is to be done with a piece is told by signals."""

    wanted = Signal(str, int)
    """One of `ACTIONS`' words, "drag" or "menu", and the piece's number."""
    rated = Signal(int, int)
    """The piece's number and its stars."""
    pressed_on = Signal(int)
    """The mouse went down on a piece, which may become a drag."""

    def __init__(self, model: PieceModel, parent: QWidget | None = None) -> None:
        super().__init__(parent, uniformItemSizes=True, mouseTracking=True)
        self.setModel(model)
        self.delegate = PieceDelegate(self)
        self.setItemDelegate(self.delegate)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.verticalScrollBar().setSingleStep(ROW_HEIGHT // 2)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setDragEnabled(True)
        self.setDragDropMode(QListView.DragDropMode.DragOnly)
        self.setAccessibleName("Pieces")
        self._press: Callable[[], None] | None = None

    def current(self) -> Piece | None:
        """The piece that is chosen."""
        index = self.currentIndex()
        return index.data(PIECE) if index.isValid() else None

    def choose(self, row: int) -> None:
        """Choose a row and bring it into sight."""
        index = self.model().index(row, 0)
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def show_heard(self, number: int | None, share: float = 0.0) -> None:
        """Mark the piece that sounds, and how far it has come."""
        self.delegate.heard, self.delegate.heard_to = number, share
        self.viewport().update()

    def event(self, event: QEvent) -> bool:
        # These keys mean something else in the rest of the window.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_ours(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        piece = self.current()
        if piece is None or not _is_ours(event):
            super().keyPressEvent(event)
        elif event.key() in RATINGS:
            self.rated.emit(piece.id, RATINGS[event.key()])
        else:
            self.wanted.emit(ACTIONS[Qt.Key(event.key())], piece.id)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        index = self.indexAt(at)
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            piece: Piece = index.data(PIECE)
            row = self.visualRect(index)
            star = star_at(row, at)
            if picture_rect(row).contains(at):
                self._press = lambda: self.wanted.emit("hear", piece.id)
            elif star:
                self._press = lambda: self.rated.emit(piece.id, 0 if star == piece.rating else star)
            self.pressed_on.emit(piece.id)
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._press is not None:
            press, self._press = self._press, None
            press()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        index = self.indexAt(at)
        if index.isValid():
            row = self.visualRect(index)
            if not picture_rect(row).contains(at) and not star_at(row, at):
                self.wanted.emit("open", index.data(PIECE).id)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        piece = self.current()
        if piece is not None:
            self.wanted.emit("menu", piece.id)

    def startDrag(self, actions: Qt.DropAction) -> None:
        self._press = None
        piece = self.current()
        if piece is not None:
            self.wanted.emit("drag", piece.id)


def picture_rect(row: QRect) -> QRect:
    """Where a row's picture is."""
    top = row.top() + (row.height() - PICTURE.height()) // 2
    return QRect(QPoint(row.left() + PADDING, top), PICTURE)


def stars_rect(row: QRect) -> QRect:
    """Where a row's stars are."""
    width = BEST_RATING * STAR
    return QRect(row.right() - PADDING - 1 - width, row.top() + 9, width, STAR)


def star_at(row: QRect, at: QPoint) -> int:
    """The star, 1-5, at a place in a row; 0 where there is none."""
    stars = stars_rect(row).adjusted(0, -4, 0, 4)
    return (at.x() - stars.left()) // STAR + 1 if stars.contains(at) else 0


def _is_ours(event: QKeyEvent) -> bool:
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    return held == Qt.KeyboardModifier.NoModifier and (event.key() in RATINGS or event.key() in ACTIONS)
