"""The widgets of the Explore panel, and where they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QLabel,
    QLineEdit,
    QProgressBar,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.explore.maps import PROJECTIONS
from desktop import icons, theme
from desktop.controls.basics import icon_button, label, push_button, row, rule
from desktop.controls.choice import Choice
from desktop.controls.panel import Panel
from desktop.controls.search_list import Entry
from desktop.explore.colours import COLOUR_BY
from desktop.explore.map_view import TOOLS, MapView
from desktop.explore.pages import OverviewPage, PathPage, PiecePage, RegionPage
from desktop.explore.way import Way

PICTURE = 40
QWIDGETSIZE_MAX = (1 << 24) - 1
TOOL_BUTTONS = (("point", "select", "Choose and move"), ("lasso", "lasso", "Lasso"), ("path", "way", "Path"))
OVERVIEW, PIECE, REGION, PATH = range(4)

EMPTY = {
    "none": (
        "No embedding yet",
        "A map needs the weights of an embedding, and none is installed. Install Tunesmith again, or train one: "
        "tunesmith learn score-embedding",
    ),
    "empty": ("Nothing on the map yet", "Drop a folder of MIDI or sound files here, or choose one."),
    "busy": ("Drawing the map", ""),
    "error": ("No map", ""),
}  # fmt: skip


@dataclass(frozen=True)
class Deeds:
    """What the frame's buttons do."""

    add: Callable[[], object]
    folder: Callable[[], object]
    more: Callable[[], object]
    larger: Callable[[], object]
    stop: Callable[[], object]
    again: Callable[[], object]


class ExploreFrame(Panel):
    """What is seen of the panel: choices, tools, map and pages, or why there is no map."""

    def __init__(self, way: Way, projection: str, deeds: Deeds, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._make(way, projection, deeds)
        self._lay_out()

    def _make(self, way: Way, projection: str, deeds: Deeds) -> None:
        self.space = Choice([], "", name="Embedding", popup_width=400)
        self.projection = Choice(
            [Entry(each.name, each.title, words=each.description) for each in PROJECTIONS.values()],
            projection, name="Projection", label="As",
        )  # fmt: skip
        self.colour = Choice(
            [Entry(name, text) for name, text in COLOUR_BY.items()], "genre", name="Colour by", label="Colour"
        )
        self.search = QLineEdit(placeholderText="Search…")
        self.search.setAccessibleName("Search the map")
        self.map: MapView = MapView()
        self.map_holder = QWidget()
        self.tools = {
            name: icon_button(icon, f"{title}. {TOOLS[name]}", lambda n=name: self.map.use_tool(n), checkable=True)
            for name, icon, title in TOOL_BUTTONS
        }  # fmt: skip
        self.tools["point"].setChecked(True)
        self.fit = icon_button("fit", "Show all pieces (F)", self.map.fit)
        self.listening = icon_button("ear", "Hear the piece under the pointer", checkable=True)
        self.listening.setChecked(True)
        self.add = icon_button("plus", "Add files to the map…", deeds.add)
        self.more = icon_button("export", "Export, and more", deeds.more)
        self.larger = icon_button("below", "Map in place of the roll", deeds.larger, checkable=True)
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        self.bar.setAccessibleName("Progress")
        self.doing = label("", "small")
        self.stop = icon_button("close", "Stop", deeds.stop)
        self.busy_line = QWidget()
        self.overview = OverviewPage()
        self.piece = PiecePage()
        self.region = RegionPage()
        self.path = PathPage(way)
        self.pages = QStackedWidget()
        for page in (self.overview, self.piece, self.region, self.path):
            self.pages.addWidget(page)
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty_title = label("", "headline")
        self.empty_text = label("", "small", wrap=True)
        for each in (self.empty_title, self.empty_text):
            each.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty_bar = QProgressBar(maximum=1000, textVisible=False)
        self.empty_stop = push_button("Cancel", deeds.stop)
        self.empty_folder = push_button("Choose a folder…", deeds.folder, role="primary")
        self.empty_again = push_button("Try again", deeds.again)

    def _lay_out(self) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(10, 8, 10, 6)
        head.setSpacing(4)
        head.addLayout(row(self.space, self.projection))
        head.addLayout(row(self.colour, self.search))
        bar = row(
            *self.tools.values(), 8, self.fit, self.listening, None, self.add, self.more, self.larger, gap=2
        )
        bar.setContentsMargins(8, 0, 8, 2)
        holder = QVBoxLayout(self.map_holder)
        holder.setContentsMargins(0, 0, 0, 0)
        holder.addWidget(self.map)
        line = QVBoxLayout(self.busy_line)
        line.setContentsMargins(10, 4, 10, 4)
        line.setSpacing(4)
        line.addLayout(row(self.doing, None, self.stop))
        line.addWidget(self.bar)
        self.top = QWidget()
        column = QVBoxLayout(self.top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(bar)
        column.addWidget(self.map_holder, 1)
        column.addWidget(self.busy_line)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setHandleWidth(4)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.top)
        self.split.addWidget(self.pages)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        nothing = QWidget()
        middle = QVBoxLayout(nothing)
        middle.setContentsMargins(24, 16, 24, 16)
        middle.setSpacing(8)
        middle.addStretch(2)
        for widget in (
            self.picture, self.empty_title, self.empty_text, self.empty_bar, self.empty_stop, self.empty_folder,
            self.empty_again,
        ):  # fmt: skip
            middle.addWidget(widget)
        middle.addStretch(3)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.split)
        self.stack.addWidget(nothing)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(rule())
        layout.addWidget(self.stack, 1)

    def place_map(self, holder: QWidget | None) -> None:
        """Put the map elsewhere, or with None back into the panel."""
        target = holder.layout() if holder is not None else self.map_holder.layout()
        assert target is not None
        target.addWidget(self.map)
        self.map_holder.setVisible(holder is None)
        self.larger.setChecked(holder is not None)
        self._fit_top()

    def show_busy(self, busy: bool) -> None:
        """Show what is being done, or put its line away."""
        self.busy_line.setVisible(busy)
        self._fit_top()

    def _fit_top(self) -> None:
        """Without the map its part of the panel is as high as the controls."""
        has_map = not self.map_holder.isHidden()
        self.top.setMaximumHeight(QWIDGETSIZE_MAX if has_map else self.top.sizeHint().height())

    def show_empty(self, state: str, doing: str, error: str) -> None:
        title, text = EMPTY[state]
        if state == "busy":
            title, text = doing, "This is done once; the next time the map is there at once."
        if state == "error":
            text = error[:1].upper() + error[1:]
        self.picture.setPixmap(
            icons.pixmap("map", theme.colour("text_faint"), PICTURE, self.devicePixelRatioF())
        )
        self.empty_title.setText(title)
        self.empty_text.setText(text)
        self.empty_bar.setVisible(state == "busy")
        self.empty_stop.setVisible(state == "busy")
        self.empty_folder.setVisible(state == "empty")
        self.empty_again.setVisible(state == "error")

    def show_progress(self, share: float) -> None:
        for bar in (self.bar, self.empty_bar):
            bar.setMaximum(1000 if share else 0)
            bar.setValue(round(1000 * share))

    def show_tool(self, name: str) -> None:
        for each, button in self.tools.items():
            button.setChecked(each == name)
