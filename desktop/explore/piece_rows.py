"""A list of points: a dot in the colour it has on the map, a title, a line of facts and how alike it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop import icons, theme

ROW = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 38
PADDING = 8
BAR = QSize(44, 3)
KEYS = {Qt.Key.Key_Space: "hear", Qt.Key.Key_Return: "open", Qt.Key.Key_Enter: "open"}

AnyIndex = QModelIndex | QPersistentModelIndex
About = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A line: ``point`` on the map (-1 for what is not on it), and how alike it is (None where nothing is asked)."""

    key: str
    point: int
    title: str
    facts: str
    likeness: float | None = None
    colour: QColor | None = None


def facts_of(about: About) -> str:
    """What is known of a piece, in a line: "Schumann · art song · D minor · 96 bpm"."""
    tempo = about.get("tempo_bpm")
    told = (
        about.get("composer"),
        about.get("genre"),
        about.get("key"),
        f"{float(tempo):.0f} bpm" if tempo else "",
    )
    return " · ".join(str(each) for each in told if each)


class RowModel(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []

    def show(self, rows: Sequence[Row]) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's own default)
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        roles = Qt.ItemDataRole
        if role == ROW:
            return row
        if role == roles.DisplayRole:
            return row.title
        if role == roles.AccessibleTextRole:
            alike = f", {row.likeness:.0%} alike" if row.likeness is not None else ""
            return f"{row.title}, {row.facts}{alike}"
        if role == roles.ToolTipRole:
            return f"{row.title}\n{row.facts}" if row.facts else row.title
        return None


class RowDelegate(QStyledItemDelegate):
    heard = ""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return QSize(120, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        row: Row = index.data(ROW)
        area: QRect = option.rect  # type: ignore[attr-defined]  # the stubs leave out QStyleOption's fields
        state = option.state  # type: ignore[attr-defined]  # the same
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        under = bool(state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen or under:
            focused = chosen and bool(state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(theme.colour("accent") if focused else Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("raised" if chosen else "hover"))
            painter.drawRoundedRect(QRectF(area).adjusted(1.5, 1.5, -1.5, -1.5), 5, 5)
        middle = QPointF(area.left() + PADDING + 7, area.center().y() + 0.5)
        if row.key == self.heard and row.key:
            icons.paint(
                painter, "speaker", QRectF(middle.x() - 7, middle.y() - 7, 14, 14), theme.colour("playhead")
            )
        elif under:
            icons.paint(
                painter, "play", QRectF(middle.x() - 7, middle.y() - 7, 14, 14), theme.colour("text_dim")
            )
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(row.colour or theme.colour("text_faint"))
            painter.drawEllipse(middle, 4, 4)
        text = area.adjusted(PADDING + 22, 4, -PADDING, -4)
        if row.likeness is not None:
            self._paint_likeness(painter, text, row.likeness)
            text = text.adjusted(0, 0, -BAR.width() - 10, 0)
        align = Qt.AlignmentFlag
        painter.setFont(theme.font())
        painter.setPen(theme.colour("text"))
        title = painter.fontMetrics().elidedText(row.title, Qt.TextElideMode.ElideRight, text.width())
        painter.drawText(text, align.AlignLeft | (align.AlignTop if row.facts else align.AlignVCenter), title)
        painter.setFont(theme.font(theme.SMALL_SIZE))
        painter.setPen(theme.colour("text_dim"))
        facts = painter.fontMetrics().elidedText(row.facts, Qt.TextElideMode.ElideRight, text.width())
        painter.drawText(text, align.AlignBottom | align.AlignLeft, facts)
        painter.restore()

    def _paint_likeness(self, painter: QPainter, text: QRect, likeness: float) -> None:
        area = QRectF(text.right() - BAR.width(), text.top(), BAR.width(), text.height())
        painter.setFont(theme.font(theme.SMALL_SIZE))
        painter.setPen(theme.colour("text"))
        top = area.adjusted(0, 0, 0, -8)
        painter.drawText(top, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{likeness:.0%}")
        bar = QRectF(area.left(), area.bottom() - 6, area.width(), BAR.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("line"))
        painter.drawRoundedRect(bar, 1.5, 1.5)
        painter.setBrush(theme.colour("accent"))
        bar.setWidth(max(0.0, min(1.0, likeness)) * bar.width())
        painter.drawRoundedRect(bar, 1.5, 1.5)


class PieceRows(QListView):
    """Click or Space hears a row, Return or a double-click opens it."""

    wanted = Signal(str, object)
    """"hear", "open", "choose" or "menu", and the `Row`."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, uniformItemSizes=True, mouseTracking=True)
        self.model_ = RowModel(self)
        self.setModel(self.model_)
        self.delegate = RowDelegate(self)
        self.setItemDelegate(self.delegate)
        self.setAccessibleName(name)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.verticalScrollBar().setSingleStep(ROW_HEIGHT // 2)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these, the first of them in sight."""
        self.model_.show(rows)
        self.scrollToTop()

    def show_heard(self, key: str) -> None:
        """Mark the row that sounds."""
        self.delegate.heard = key
        self.viewport().update()

    def current(self) -> Row | None:
        """The row that is chosen."""
        index = self.currentIndex()
        return index.data(ROW) if index.isValid() else None

    def event(self, event: QEvent) -> bool:
        # These keys mean something else in the rest of the window.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in KEYS
            and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.current()
        if row is not None and event.key() in KEYS:
            self.wanted.emit(KEYS[Qt.Key(event.key())], row)
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        self._tell(event, "hear")

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._tell(event, "open")

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        row = self.current()
        if row is not None:
            self.wanted.emit("menu", row)

    def _tell(self, event: QMouseEvent, deed: str) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            self.wanted.emit(deed, index.data(ROW))
