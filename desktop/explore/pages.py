"""What stands under the map: what the colours mean, one piece with its nearest, several pieces, or a path."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from desktop.controls.basics import icon_button, label, push_button, row
from desktop.controls.choice import Choice
from desktop.controls.search_list import Entry
from desktop.explore.colours import Legend
from desktop.explore.legend import LegendView
from desktop.explore.piece_rows import PieceRows, Row
from desktop.explore.strip import Strip
from desktop.explore.way import KINDS, Way


class Elided(QLabel):
    """A line that is cut at its end where it is too long; its tool tip has the whole."""

    def __init__(self, role: str = "") -> None:
        super().__init__()
        self._whole = ""
        if role:
            self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_text(self, text: str) -> None:
        self._whole = text
        self.setToolTip(text)
        self.setAccessibleName(text)
        self._cut()

    def resizeEvent(self, event: object) -> None:
        self._cut()

    def _cut(self) -> None:
        width = max(20, self.width())
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, width))


class _Page(QWidget):
    """A column with the panel's margins."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(10, 6, 10, 4)
        self.column.setSpacing(4)


class OverviewPage(_Page):
    """Nothing is chosen: what the colours mean, and how the map is used."""

    kind_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.legend = LegendView()
        self.legend.chosen.connect(self.kind_chosen)
        self.count = label("", "small", wrap=True)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.legend)
        column.addWidget(self.count)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        self.column.addWidget(scroll, 1)

    def show_legend(self, lines: Sequence[Legend], about: str) -> None:
        self.legend.show_lines(lines)
        self.count.setText(about)


class PiecePage(_Page):
    """One piece, and those most like it."""

    wanted = Signal(str)
    """ "hear", "open", "path" or "compose"."""

    def __init__(self) -> None:
        super().__init__()
        self.title = Elided("title")
        self.facts = Elided("small")
        self.trust = label("", "small", wrap=True)
        self.hear = icon_button("play", "Hear it (Space)", lambda: self.wanted.emit("hear"))
        self.path = icon_button("way", "Path from here (P)", lambda: self.wanted.emit("path"))
        self.open = push_button("Open", lambda: self.wanted.emit("open"), tip="Open it (Return)")
        self.compose = push_button(
            "Compose like this", lambda: self.wanted.emit("compose"), role="primary",
            tip="Compose takes style, key, tempo and density of this piece and those around it",
        )  # fmt: skip
        self.rows = PieceRows("Nearest pieces")
        head = QVBoxLayout()
        head.setSpacing(0)
        head.addWidget(self.title)
        head.addWidget(self.facts)
        self.column.addLayout(row(head, self.hear, self.path))
        self.column.addWidget(self.trust)
        self.column.addLayout(row(self.open, self.compose, None))
        self.column.addWidget(label("Nearest pieces", "small"))
        self.column.addWidget(self.rows, 1)

    def show_piece(
        self, title: str, facts: str, trust: float | None, is_song: bool, why_not_compose: str
    ) -> None:
        self.title.show_text(title)
        self.facts.show_text(facts)
        self.trust.setText(
            "The map is not whole yet"
            if trust is None
            else f"{trust:.0%} of its neighbours lie beside it here"
        )
        self.open.setText("Open in the roll" if is_song else "See its sound")
        self.compose.setEnabled(not why_not_compose)
        if why_not_compose:
            self.compose.setToolTip(f"Compose like this: {why_not_compose}")


class RegionPage(_Page):
    """Several pieces, and what they have in common."""

    wanted = Signal(str)
    """ "isolate", "compose", "export" or "none"."""

    def __init__(self) -> None:
        super().__init__()
        self.title = label("", "title")
        self.common = label("", "small", wrap=True)
        self.isolate = push_button("Isolate", lambda: self.wanted.emit("isolate"), tip="Show these alone (I)")
        self.export = push_button(
            "Export…", lambda: self.wanted.emit("export"), tip="A table of them, as a CSV file"
        )
        self.compose = push_button(
            "Compose like this", lambda: self.wanted.emit("compose"), role="primary",
            tip="Compose takes style, key, tempo and density that these have in common",
        )  # fmt: skip
        self.close_ = icon_button("close", "Choose none (Esc)", lambda: self.wanted.emit("none"))
        self.rows = PieceRows("Chosen pieces")
        self.column.addLayout(row(self.title, None, self.close_))
        self.column.addWidget(self.common)
        self.column.addLayout(row(self.compose, None, self.isolate, self.export))
        self.column.addWidget(self.rows, 1)

    def show_region(self, count: int, common: str, isolated: bool, why_not_compose: str) -> None:
        self.title.setText(f"{count:,} {'piece' if count == 1 else 'pieces'} chosen")
        self.common.setText(common)
        self.isolate.setText("Show all" if isolated else "Isolate")
        self.compose.setEnabled(not why_not_compose)
        if why_not_compose:
            self.compose.setToolTip(f"Compose like this: {why_not_compose}")


class PathPage(_Page):
    """A path: its stops as pictures to scrub over, and as a list."""

    wanted = Signal(str)
    """ "hear", "roll", "save" or "none"."""

    def __init__(self, way: Way) -> None:
        super().__init__()
        self._way = way
        self.title = Elided("title")
        self.kind = Choice(
            [Entry(name, text) for name, text in KINDS.items()], way.kind, name="Kind of path", label="Path"
        )
        self.kind.changed.connect(way.use_kind)
        self.hear = icon_button("play", "Hear the stop that is chosen", lambda: self.wanted.emit("hear"))
        self.close_ = icon_button("close", "Let go of the path", lambda: self.wanted.emit("none"))
        self.strip = Strip()
        self.rows = PieceRows("Stops of the path")
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        self.bar.setAccessibleName("Progress")
        self.roll = push_button(
            "Send to roll", lambda: self.wanted.emit("roll"), role="primary", tip="Open the stop as a song"
        )
        self.save = push_button(
            "Save all…", lambda: self.wanted.emit("save"), tip="The files that the command line's path writes"
        )
        self.column.addLayout(row(self.title, self.close_))
        self.column.addLayout(row(self.kind, self.hear))
        self.column.addWidget(self.strip)
        self.column.addWidget(self.bar)
        self.column.addWidget(self.rows, 1)
        self.column.addLayout(row(self.roll, self.save, None))
        way.changed.connect(self.refresh)
        way.progressed.connect(lambda share: self.bar.setValue(round(1000 * share)))

    def refresh(self) -> None:
        """Show the path."""
        way = self._way
        self.title.show_text(way.title)
        self.kind.set_entries([Entry(name, text) for name, text in way.kinds().items()])
        self.kind.set_value(way.kind if way.kind in way.kinds() else next(iter(way.kinds())))
        self.bar.setVisible(way.busy)
        self.bar.setValue(0)
        self.strip.show_stops(way.stops)
        rows = [
            Row(stop.key, stop.point, f"{n + 1}  {stop.title}", stop.facts)
            for n, stop in enumerate(way.stops)
        ]
        self.rows.show_rows(rows)
        self.choose(-1)

    def choose(self, stop: int) -> None:
        """Show which stop is chosen."""
        self.strip.choose(stop, quiet=True)
        if stop >= 0:
            self.rows.setCurrentIndex(self.rows.model_.index(stop))
        why = self._way.why_not_save()
        self.save.setEnabled(not why)
        self.save.setToolTip(
            why[:1].upper() + why[1:] if why else "The files that the command line's path writes"
        )
        has_notes = 0 <= stop < len(self._way.stops) and (
            self._way.stops[stop].song is not None or self._way.stops[stop].point >= 0
        )
        self.roll.setEnabled(has_notes)
        self.roll.setToolTip("Open the stop as a song" if has_notes else "Choose a stop that has notes first")
        self.hear.setEnabled(bool(self._way.stops))
