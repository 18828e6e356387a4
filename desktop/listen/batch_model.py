"""The table of many files: a row a file, which comes when the file is done; it can be sorted by every column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)

from core.listen.report import Report, Verdict
from desktop import theme
from desktop.spectrogram.clock import duration

AnyIndex = QModelIndex | QPersistentModelIndex
SORT = Qt.ItemDataRole.UserRole
FOUND = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept of one file: enough for a row; the whole is heard again when it is opened."""

    path: Path
    name: str
    """Its path below the folder that was dropped."""
    line: tuple[str, ...] = ()
    """As the command line's table has it; see `core.listen.batch.COLUMNS`."""
    genre: str = ""
    genre_chance: float = 0.0
    composer: str = ""
    tempo: float | None = None
    key: str = ""
    seconds: float = 0.0
    error: str = ""


def found(path: Path, name: str, line: tuple[str, ...], report: Report | None, error: str = "") -> Found:
    """The row of a file, of which there is a report or an error."""
    if report is None:
        return Found(path, name, line, error=error)
    genre, chance = _said(report.genre)
    return Found(
        path,
        name,
        line,
        genre,
        chance,
        _said(report.composer)[0],
        report.tempo_bpm,
        report.key,
        report.duration_s,
    )


def _said(verdict: Verdict | None) -> tuple[str, float]:
    if verdict is None:
        return "", 0.0
    return verdict.label, verdict.chances[0][1] if verdict.chances else 0.0


@dataclass(frozen=True, slots=True)
class Column:
    """``text`` is shown, ``value`` sorts; ``right`` for numbers."""

    title: str
    text: Callable[[Found], str]
    value: Callable[[Found], Any]
    right: bool = False


def _per_cent(chance: float) -> str:
    return f"{100 * chance:.0f} %" if chance else ""


COLUMNS = (
    Column("File", lambda row: row.name, lambda row: row.name.casefold()),
    Column("Genre", lambda row: row.error or row.genre, lambda row: (bool(row.error), row.genre)),
    Column("Sure", lambda row: _per_cent(row.genre_chance), lambda row: row.genre_chance, right=True),
    Column("Composer", lambda row: row.composer, lambda row: row.composer),
    Column("Tempo", lambda row: f"{row.tempo:.0f}" if row.tempo else "", lambda row: row.tempo or 0.0, right=True),
    Column("Key", lambda row: row.key, lambda row: row.key),
    Column("Length", lambda row: duration(row.seconds) if row.seconds else "", lambda row: row.seconds, right=True),
)  # fmt: skip


class BatchModel(QAbstractTableModel):
    """The rows in the order in which they came."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Found] = []

    def add(self, rows: Sequence[Found]) -> None:
        if rows:
            first = len(self.rows)
            self.beginInsertRows(QModelIndex(), first, first + len(rows) - 1)
            self.rows.extend(rows)
            self.endInsertRows()

    def clear(self) -> None:
        self.beginResetModel()
        self.rows = []
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(COLUMNS[section])
        return None

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        roles = Qt.ItemDataRole
        if role == roles.DisplayRole:
            return column.text(row)
        if role == SORT:
            return column.value(row)
        if role == FOUND:
            return row
        if role == roles.TextAlignmentRole:
            return _alignment(column)
        if role == roles.ToolTipRole:
            return f"{row.path}\n{row.error}".strip()
        if role == roles.AccessibleTextRole:
            return f"{column.title}: {column.text(row)}" if index.column() else column.text(row)
        if role == roles.ForegroundRole and row.error and column.title == "Genre":
            return theme.colour("warn")
        return None


class Sorted(QSortFilterProxyModel):
    """The rows by any column."""

    def __init__(self, model: BatchModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSourceModel(model)
        self.setSortRole(SORT)

    def lessThan(self, left: AnyIndex, right: AnyIndex) -> bool:
        return bool(left.data(SORT) < right.data(SORT))


def _alignment(column: Column) -> int:
    align = Qt.AlignmentFlag
    return int(align.AlignVCenter | (align.AlignRight if column.right else align.AlignLeft))
