"""A search field over a list: the command palette, the instrument chooser and every drop-down are made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop import theme
from desktop.controls.fuzzy import ranked

ROW_HEIGHT = 26
HEADING_HEIGHT = 24
LARGEST_HEIGHT = 380
ENTRY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: ``detail`` stands dim at its right; ``why_not`` says why it cannot be chosen now."""

    value: Any
    text: str
    detail: str = ""
    group: str = ""
    why_not: str = ""
    words: str = ""
    """More words to find it by."""
    is_heading: bool = False


class _Model(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> Any:
        if not index.isValid():
            return None
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return entry.why_not or None
        return entry if role == ENTRY else None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        if index.isValid() and self.entries[index.row()].is_heading:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def show(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Any) -> QSize:
        entry: Entry = index.data(ENTRY)
        return QSize(120, HEADING_HEIGHT if entry.is_heading else ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        entry: Entry = index.data(ENTRY)
        rect = option.rect.adjusted(8, 0, -8, 0)  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        painter.save()
        if entry.is_heading:
            painter.setFont(theme.font(theme.SMALL_SIZE, bold=True))
            painter.setPen(theme.colour("text_faint"))
            painter.drawText(rect.adjusted(0, 4, 0, 0), Qt.AlignmentFlag.AlignVCenter, entry.text)
            painter.restore()
            return
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent" if chosen else "hover"))
            painter.drawRoundedRect(option.rect.adjusted(1, 1, -1, -1), 4, 4)  # type: ignore[attr-defined]
        plain = "on_accent" if chosen else "text_faint" if entry.why_not else "text"
        detail = entry.why_not or entry.detail
        painter.setFont(theme.font(theme.SMALL_SIZE))
        room = painter.fontMetrics().horizontalAdvance(detail) + 12 if detail else 0
        room = min(room, rect.width() * 2 // 3)
        painter.setPen(theme.colour("on_accent" if chosen else "text_faint"))
        painter.drawText(
            QRect(rect.right() - room, rect.top(), room, rect.height()),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
            painter.fontMetrics().elidedText(detail, Qt.TextElideMode.ElideRight, room),
        )
        painter.setFont(theme.font())
        painter.setPen(theme.colour(plain))
        text = painter.fontMetrics().elidedText(entry.text, Qt.TextElideMode.ElideRight, rect.width() - room)
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()


class SearchList(QFrame):
    """Type to narrow, arrows to move, Enter to take, Esc to leave."""

    chosen = Signal(object)
    """Carries the entry's value."""
    left = Signal()
    narrowed = Signal()
    """Other entries are shown, so `wanted_height` may have changed."""

    def __init__(self, placeholder: str = "Search", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("popup")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._entries: list[Entry] = []
        self.field = QLineEdit(placeholderText=placeholder, clearButtonEnabled=False)
        self.field.setAccessibleName(placeholder)
        self.view = QListView(uniformItemSizes=False, mouseTracking=True)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._model = _Model(self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(_Delegate(self))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(4)
        layout.addWidget(self.field)
        layout.addWidget(self.view)
        self.field.textChanged.connect(self._filter)
        self.field.installEventFilter(self)
        self.view.clicked.connect(self._take)

    def offer(self, entries: Iterable[Entry], current: Any = None) -> None:
        """Show these entries, with ``current`` selected."""
        self._entries = list(entries)
        self.field.setVisible(len(self._entries) > 8)
        self.field.clear()
        self._filter("")
        rows = [row for row, entry in enumerate(self._model.entries) if entry.value == current]
        if rows and not self._model.entries[rows[0]].is_heading:
            self.view.setCurrentIndex(self._model.index(rows[0]))
            self.view.scrollTo(self._model.index(rows[0]), QListView.ScrollHint.PositionAtCenter)

    def wanted_height(self) -> int:
        """Pixels that show every entry, up to `LARGEST_HEIGHT`."""
        rows = sum(HEADING_HEIGHT if entry.is_heading else ROW_HEIGHT for entry in self._model.entries)
        head = 32 if self.field.isVisibleTo(self) else 0
        return min(LARGEST_HEIGHT, rows + head + 20)

    @property
    def shown(self) -> list[Entry]:
        """The entries that answer what was typed, without headings."""
        return [entry for entry in self._model.entries if not entry.is_heading]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and event.type() == QEvent.Type.KeyPress:
            return self._key(event)  # type: ignore[arg-type]
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._key(event):
            super().keyPressEvent(event)

    def _key(self, event: QKeyEvent) -> bool:
        key = event.key()
        steps = {
            Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8,
        }  # fmt: skip
        if key in steps:
            self._step(steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(self.view.currentIndex())
        elif key == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            return False
        return True

    def _step(self, by: int) -> None:
        rows = [row for row, entry in enumerate(self._model.entries) if not entry.is_heading]
        if not rows:
            return
        current = self.view.currentIndex().row()
        at = rows.index(current) if current in rows else 0
        row = rows[max(0, min(at + by, len(rows) - 1))]
        self.view.setCurrentIndex(self._model.index(row))

    def _take(self, index: QModelIndex) -> None:
        if index.isValid():
            entry: Entry = index.data(ENTRY)
            if not entry.is_heading and not entry.why_not:
                self.chosen.emit(entry.value)

    def _filter(self, text: str) -> None:
        found = ranked(
            text, ((f"{entry.text} {entry.group} {entry.words}", entry) for entry in self._entries)
        )
        self._model.show(found if text.strip() else with_headings(found))
        self._step(0)
        self.narrowed.emit()


def with_headings(entries: Sequence[Entry]) -> list[Entry]:
    """The entries with a heading before each new group."""
    result: list[Entry] = []
    group = ""
    for entry in entries:
        if entry.group and entry.group != group:
            group = entry.group
            result.append(Entry(None, group, is_heading=True))
        result.append(entry)
    return result


def drop_down(
    anchor: QWidget,
    entries: Iterable[Entry],
    take: Callable[[Any], None],
    *,
    current: Any = None,
    placeholder: str = "Search",
    width: int = 0,
) -> SearchList:
    """Open a search list under ``anchor``; ``take(value)`` is called with what the user chooses."""
    popup = SearchList(placeholder, anchor)
    popup.setWindowFlags(Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
    popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    popup.setProperty("role", "window")
    popup.offer(entries, current)
    popup.chosen.connect(lambda value: (popup.close(), take(value)))
    popup.left.connect(popup.close)
    popup.resize(max(width, anchor.width(), 120), popup.wanted_height())
    place = anchor.mapToGlobal(QPoint(0, anchor.height() + 2))
    screen = anchor.screen().availableGeometry()
    above = place.y() + popup.height() > screen.bottom()
    place.setX(max(screen.left(), min(place.x(), screen.right() - popup.width())))

    def fit() -> None:
        height = popup.wanted_height()
        top = anchor.mapToGlobal(QPoint(0, 0)).y() - height - 2 if above else place.y()
        popup.setGeometry(place.x(), max(screen.top(), top), popup.width(), height)

    fit()
    popup.show()
    popup.narrowed.connect(fit)
    (popup.field if popup.field.isVisible() else popup).setFocus()
    return popup
