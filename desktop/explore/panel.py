"""The Explore panel: a map and what is known of it, and how they are joined to the rest of the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QMenu,
    QWidget,
)

from core.explore.maps import PROJECTIONS
from desktop import icons
from desktop.controls.search_list import Entry
from desktop.explore.by_ear import ByEar
from desktop.explore.colours import COLOUR_BY, Colouring, colour_by
from desktop.explore.errands import Errands
from desktop.explore.explorer import Chart, Explorer, Space
from desktop.explore.frame import OVERVIEW, PATH, PIECE, REGION, Deeds, ExploreFrame
from desktop.explore.hearing import Hearing
from desktop.explore.piece_rows import Row, facts_of
from desktop.explore.search import matching
from desktop.explore.walk import Walk
from desktop.explore.way import Way

if TYPE_CHECKING:
    from desktop.main_window import Studio

NEAREST = 12
MOST_ROWS = 500
AROUND = 16
"""Pieces of which "compose like this" of a single one takes what they have in common."""
SEARCH_AFTER_MS = 120


class ExplorePanel(ExploreFrame):
    """The panel of one window; after `Studio` made everything that it is joined to."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        self._studio = studio
        self._chart: Chart | None = None
        self._colouring: Colouring | None = None
        self._to_show = ""
        """The key of a piece that is to be chosen once there is a map with it."""
        self.explorer: Explorer = Explorer(studio.jobs)
        self.hearing: Hearing = Hearing(studio.jobs, studio.playback)
        self.way: Way = Way(studio.jobs)
        super().__init__(
            self.way, self.explorer.projection,
            Deeds(
                add=lambda: self.ask_files(), folder=lambda: self.ask_folder(), more=lambda: self._show_more(),
                larger=lambda: studio.place_map(not studio.map_is_large), stop=self.explorer.cancel,
                again=self.explorer.refresh,
            ),
            parent,
        )  # fmt: skip
        for each in (self.explorer, self.hearing, self.way):
            each.setParent(self)
        self.errands: Errands = Errands(studio, self.hearing)
        self.ear: ByEar = ByEar(self.hearing, lambda: self._chart, self.listening.isChecked, self)
        self.walk: Walk = Walk(self.way, self.path, self.map, self.ear, self)
        self.search.installEventFilter(self)
        self._soon = QTimer(self, interval=SEARCH_AFTER_MS, singleShot=True)
        self._soon.timeout.connect(self._search_now)
        self._join()
        self.refresh()

    # -- joining -------------------------------------------------------------------------------------

    def _join(self) -> None:
        studio, say = self._studio, self._studio.notices.show_notice
        self.explorer.changed.connect(self.refresh)
        self.explorer.changed.connect(lambda: studio.refresh_actions())
        self.explorer.progressed.connect(self.show_progress)
        self.explorer.arrived.connect(self._arrived)
        self.explorer.said.connect(lambda text, tone: say(text, tone))
        self.space.changed.connect(self.explorer.use_space)
        self.projection.changed.connect(self.explorer.use_projection)
        self.colour.changed.connect(lambda _: self._colour_anew())
        self.search.textChanged.connect(lambda _: self._soon.start())
        view = self.map
        view.hovered.connect(self.ear.hover)
        view.rested.connect(self.ear.rest)
        view.chosen.connect(self._chosen)
        view.marked.connect(lambda _: self._show_page())
        view.path_wanted.connect(self.find_path)
        view.path_begun.connect(self._path_begun)
        view.wanted.connect(self._do)
        view.hint_changed.connect(lambda text: studio.hints.show_hint(text))
        view.tool_changed.connect(self.show_tool)
        self.hearing.changed.connect(self._show_heard)
        self.hearing.failed.connect(lambda text: say(text, "warn"))
        self.way.changed.connect(self._show_page)
        self.walk.song_wanted.connect(studio.files.open_song)
        self.walk.point_wanted.connect(self.open_point)
        self.walk.folder_wanted.connect(
            lambda then: self.errands.ask_folder("Save the path's files in", then)
        )
        self.way.failed.connect(lambda text: say(text, "bad"))
        self.way.saved.connect(lambda text: say(text))
        self.overview.kind_chosen.connect(self._mark_kind)
        self.piece.wanted.connect(lambda deed: self._do(deed, self.map.current))
        self.region.wanted.connect(self._do_with_region)
        for rows in (self.piece.rows, self.region.rows):
            rows.wanted.connect(self._do_with_row)

    # -- what the window asks for --------------------------------------------------------------------

    def show_seen(self, seen: bool) -> None:
        """The panel came into sight, or went; nothing is read before it is first seen."""
        if seen:
            self.explorer.come()
        else:
            self.hearing.stop()

    def start_search(self) -> None:
        """Put the keyboard into the search field."""
        self._studio.show_panel("explore")
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def add_files(self, places: Sequence[Path]) -> None:
        """Put files, or all in a folder, on the map."""
        self._studio.show_panel("explore")
        self.explorer.add(places)

    def ask_files(self) -> None:
        """Choose files to add."""
        self.errands.ask_files(self.add_files)

    def ask_folder(self) -> None:
        """Choose a folder to add."""
        self.errands.ask_folder("Add a folder to the map", lambda path: self.add_files([path]))

    def find_path(self, begin: int, end: int) -> None:
        """Find what lies between two points."""
        if self._chart is not None:
            self.map.set_mark(np.empty(0, np.int64), quiet=True)
            self.way.find(self._chart, begin, end)
            self.pages.setCurrentIndex(PATH)

    def set_animated(self, on: bool) -> None:
        """Whether points move when the map changes."""
        self.map.animated = on

    def show_piece(self, key: str) -> None:
        """Bring a piece into sight by its key, as soon as there is a map with it."""
        self._studio.show_panel("explore")
        point = self._chart.point_of(key) if self._chart is not None else None
        if point is not None:
            self.map.choose(point)
        elif key:
            self._to_show = key

    def open_piece(self, about: Any) -> None:
        """Open what is told of by an index: a song in the roll, a recording's spectrogram."""
        self.errands.open(about)

    def compose_like(self, points: Sequence[int]) -> None:
        """Let Compose have what these pieces have in common."""
        conditions = self.conditions(points)
        compose = self._studio.compose_panel
        compose.take_conditions(conditions)
        self._studio.show_panel("compose")
        told = ", ".join(f"{name} {_shown(value)}" for name, value in conditions.items())
        self._studio.say(
            f"Compose has {told}" if told else "These pieces have nothing in common that Compose can use"
        )

    def conditions(self, points: Sequence[int]) -> dict[str, Any]:
        """What these pieces have in common, by the names of Compose's conditions."""
        from core.explore.region import conditions

        generator = self._studio.compose_panel.current
        if self._chart is None or generator is None:
            return {}
        pieces = self._chart.pieces
        found = conditions([pieces[point] for point in points], pieces, generator.styles, generator.composers)
        return {name: value for name, value in found.items() if name in generator.conditions}

    def why_not_compose(self) -> str:
        """Why Compose cannot have anything from here, or ""."""
        if self.explorer.state != "ready":
            return "there is no map yet"
        return "" if len(self.map.mark) or self.map.current >= 0 else "choose pieces on the map first"

    def compose_like_chosen(self) -> None:
        """The same of what is marked, or of the current piece and those around it."""
        self.compose_like(self._region())

    def export_table(self, points: Sequence[int] | None = None) -> None:
        """Ask where, and write a CSV file of these points; of those shown by default."""
        if self._chart is not None:
            self.errands.write_table(
                self._chart, list(points) if points is not None else self._shown_points()
            )

    def export_picture(self) -> None:
        """Ask where, and write the map as it is seen."""
        self.errands.write_picture(self.map, self._colouring.legend if self._colouring is not None else [])

    def why_not(self) -> str:
        """Why nothing can be done with the map, or ""."""
        return "" if self.explorer.state == "ready" else "there is no map yet"

    def why_not_piece(self) -> str:
        """Why nothing can be done with the current piece, or ""."""
        return self.why_not() or ("" if self.map.current >= 0 else "choose a piece on the map first")

    def close_sounds(self) -> None:
        """Let go of what was made ready to be heard; after the jobs have ended."""
        self.hearing.close()

    def state_to_keep(self) -> dict[str, Any]:
        """What is chosen in the panel, for the settings."""
        return {
            "space": self.explorer.space, "projection": self.explorer.projection, "colour": self.colour.value,
            "listening": self.listening.isChecked(), "animated": self.map.animated,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Choose what `state_to_keep` told, as far as it is still there."""
        self.explorer.space = str(state.get("space", ""))
        if state.get("projection") in PROJECTIONS:
            self.explorer.projection = state["projection"]
            self.projection.set_value(state["projection"])
        if state.get("colour") in COLOUR_BY:
            self.colour.set_value(state["colour"])
        self.listening.setChecked(bool(state.get("listening", True)))
        self.map.animated = bool(state.get("animated", True))

    # -- keeping it true -----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the explorer's state."""
        explorer = self.explorer
        state = explorer.state
        by_kind = sorted(explorer.spaces, key=lambda each: each.of)
        self.space.set_entries([_entry(each) for each in by_kind])
        self.space.set_value(explorer.space)
        self.stack.setCurrentIndex(0 if state == "ready" else 1)
        self.show_busy(explorer.busy)
        self.doing.setText(explorer.doing)
        if state != "ready":
            self.show_empty(state, explorer.doing, explorer.error)
        elif explorer.chart is not self._chart:
            self._take(explorer.chart)

    def _take(self, chart: Chart | None) -> None:
        """Show another map; pieces that were on the one before move to where they are now."""
        before, self._chart = self._chart, chart
        if chart is None:
            return
        if before is not None and self.way.stops and before.space.name != chart.space.name:
            self.way.forget()
        now = before.where_on(chart) if before is not None else np.empty(0, np.int64)
        current, marked = self.map.current, now[self.map.mark]
        self.map.show_points(chart.places, chart.names, before=_places_before(before, chart, now))
        self.map.choose(int(now[current]) if current >= 0 else -1, quiet=True)
        self.map.set_mark(marked[marked >= 0], quiet=True)
        self._recolour()
        self._search_now()
        self.walk.refresh()
        if self._to_show and (point := chart.point_of(self._to_show)) is not None:
            self._to_show = ""
            self.map.choose(point)
        self._show_page()
        if self.pages.currentIndex() == OVERVIEW:
            self.ear.warm()

    def _recolour(self) -> None:
        chart = self._chart
        if chart is None:
            return
        self._colouring = colour_by(self.colour.value, chart.columns, chart.trust, chart.groups)
        self.map.show_colours(self._colouring)
        kept = float(chart.trust.mean()) if len(chart) else 0.0
        about = f"{len(chart):,} pieces. " + (
            f"This map keeps {kept:.0%} of the neighbours; the rest lie elsewhere than they seem, so likeness is "
            "always measured in the embedding itself."
            if chart.whole
            else "More are coming, and the map is drawn anew when all are there."
        )
        self.overview.show_legend(self._colouring.legend, about)

    def _colour_anew(self) -> None:
        self._recolour()
        self._show_page()  # whose rows have the colours, too

    def _search_now(self) -> None:
        self._soon.stop()
        if self._chart is not None:
            text = self.search.text().strip()
            self.map.show_found(matching(text, self._chart.words) if text else None)

    def _show_page(self) -> None:
        """What stands under the map: the path while there is one, what is marked, what is chosen, or the legend."""
        chart = self._chart
        if chart is None:
            return
        if len(self.map.mark):
            self._show_region(chart)
        elif self.way.busy or self.way.stops:
            self.pages.setCurrentIndex(PATH)
        elif self.map.current >= 0:
            self._show_piece(chart, self.map.current)
        else:
            self.map.show_near([])
            self.pages.setCurrentIndex(OVERVIEW)

    def _show_piece(self, chart: Chart, point: int) -> None:
        about = chart.pieces[point]
        found = chart.nearest(chart.vector(point), NEAREST, but=point)
        facts = " · ".join(filter(None, (facts_of(about), _length(about), str(about.get("licence") or ""))))
        self.piece.show_piece(
            str(about.get("title")), facts, float(chart.trust[point]) if chart.whole else None,
            about.get("kind") != "audio",
            self.why_not_compose(),
        )  # fmt: skip
        self.piece.rows.show_rows([self._row(other, likeness) for other, likeness in found])
        self.map.show_near([other for other, _ in found])
        self.pages.setCurrentIndex(PIECE)
        self.ear.prepare([point, *(other for other, _ in found)])

    def _show_region(self, chart: Chart) -> None:
        points = self.map.mark.tolist()
        told = self.conditions(points)
        common = ", ".join(f"{name} {_shown(value)}" for name, value in told.items())
        self.region.show_region(
            len(points), f"In common: {common}" if common else "They have little in common.",
            self.map.isolated is not None, self.why_not_compose(),
        )  # fmt: skip
        self.region.rows.show_rows([self._row(point) for point in points[:MOST_ROWS]])
        self.map.show_near([])
        self.pages.setCurrentIndex(REGION)

    def _row(self, point: int, likeness: float | None = None) -> Row:
        assert self._chart is not None
        about = self._chart.pieces[point]
        colouring = self._colouring
        colour = colouring.colours[int(colouring.kinds[point])] if colouring is not None else None
        return Row(self._chart.key(point), point, str(about.get("title")), facts_of(about), likeness, colour)

    # -- doing ---------------------------------------------------------------------------------------

    def _chosen(self, point: int) -> None:
        if point >= 0 and self.way.stops and not len(self.map.mark):
            self.way.forget()
        self._show_page()
        self._studio.refresh_actions()

    def _do(self, deed: str, point: int) -> None:
        if deed == "menu":
            self._show_menu(point)
        elif deed == "isolate":
            self._isolate()
        elif point >= 0:
            {
                "hear": lambda: self.ear.press(point),
                "open": lambda: self.open_point(point),
                "path": lambda: self.map.begin_path(point),
                "compose": lambda: self.compose_like(self._around(point)),
                "mark": lambda: self.map.set_mark(np.setxor1d(self.map.mark, [point])),
            }[deed]()

    def open_point(self, point: int) -> None:
        """Open a piece: a song in the roll, a recording's spectrogram."""
        if self._chart is not None:
            self.open_piece(self._chart.pieces[point])

    def _do_with_row(self, deed: str, line: Row) -> None:
        if line.point < 0 or self._chart is None or line.point >= len(self._chart):
            return
        if deed == "hear":
            self.ear.press(line.point)
        elif deed == "open":
            self.open_point(line.point)
        else:
            self._show_menu(line.point)

    def _do_with_region(self, deed: str) -> None:
        points = self.map.mark.tolist()
        {
            "isolate": self._isolate,
            "compose": lambda: self.compose_like(points),
            "export": lambda: self.export_table(points),
            "none": lambda: self.map.set_mark(np.empty(0, np.int64)),
        }[deed]()

    def _isolate(self) -> None:
        if self.map.isolated is not None:
            self.map.isolate(None)
        elif len(self.map.mark):
            self.map.isolate(self.map.mark)
        self._show_page()

    def _mark_kind(self, text: str) -> None:
        """Choose all points of one colour."""
        colouring = self._colouring
        if colouring is None:
            return
        line = next((each for each in colouring.legend if each.text == text), None)
        if line is not None:
            kinds = [number for number, colour in enumerate(colouring.colours) if colour is line.colour]
            self.map.set_mark(np.flatnonzero(np.isin(colouring.kinds, kinds)))

    def _region(self) -> list[int]:
        return self.map.mark.tolist() if len(self.map.mark) else self._around(self.map.current)

    def _around(self, point: int) -> list[int]:
        """A point and those nearest to it in the embedding."""
        if self._chart is None or point < 0:
            return []
        near = self._chart.nearest(self._chart.vector(point), AROUND - 1, but=point)
        return [point, *(each for each, _ in near)]

    def _shown_points(self) -> list[int]:
        alone = self.map.isolated
        assert self._chart is not None
        return alone.tolist() if alone is not None else list(range(len(self._chart)))

    def _arrived(self, keys: Sequence[str]) -> None:
        """What was dropped is on the map: one piece is chosen, several are marked."""
        chart = self._chart
        if chart is None:
            return
        points = [found for key in dict.fromkeys(keys) if (found := chart.point_of(key)) is not None]
        if len(points) == 1:
            self.map.set_mark(np.empty(0, np.int64), quiet=True)
            self.map.choose(points[0])
            nearest = chart.nearest(chart.vector(points[0]), 1, but=points[0])
            title = chart.pieces[points[0]].get("title")
            if nearest:
                other, likeness = nearest[0]
                self._studio.say(
                    f"“{title}” lies nearest to “{chart.pieces[other].get('title')}” ({likeness:.0%})"
                )
        elif points:
            self.map.set_mark(np.array(points, np.int64))
            self._studio.say(f"{len(points):,} pieces are on the map")

    def _path_begun(self, point: int) -> None:
        if point >= 0 and self._chart is not None:
            title = self._chart.pieces[point].get("title")
            self._studio.hints.show_hint(f"Path from “{title}”: now click where it ends · Esc: leave it")

    # -- menus ---------------------------------------------------------------------------------------

    def _show_menu(self, point: int) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        entries: list[tuple[str, Callable[[], object], bool]] = []
        if point >= 0:
            entries = [
                ("Hear", lambda: self._do("hear", point), True),
                ("Open", lambda: self.open_point(point), True),
                ("Path from here", lambda: self.map.begin_path(point), True),
                ("Choose with others", lambda: self._do("mark", point), True),
                ("-Compose like this", lambda: self.compose_like(self._around(point)), True),
            ]
        marked = bool(len(self.map.mark))
        entries += [
            ("-Compose like those chosen", lambda: self.compose_like(self._region()), marked),
            ("Show all" if self.map.isolated is not None else "Isolate those chosen", self._isolate,
             marked or self.map.isolated is not None),
            ("-Show all pieces (F)", self.map.fit, True),
        ]  # fmt: skip
        for text, deed, possible in entries:
            if text.startswith("-") and not menu.isEmpty():
                menu.addSeparator()
            action = menu.addAction(text.removeprefix("-"))
            action.setEnabled(possible)
            action.triggered.connect(lambda _=False, deed=deed: deed())
        place = self.map.place_of(point).toPoint() if point >= 0 else self.map.rect().center()
        menu.popup(self.map.mapToGlobal(place + QPoint(12, 8)))

    def _show_more(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in (
            "explore_folder", "explore_picture", "explore_table", "explore_anew", "explore_motion",
        ):  # fmt: skip
            menu.addAction(self._studio.actions_.by_id[name])
        menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height())))

    def _show_heard(self) -> None:
        heard = self.hearing.heard
        point = self._chart.point_of(heard) if self._chart is not None and heard else None
        self.map.show_heard(-1 if point is None else point)
        for rows in (self.piece.rows, self.region.rows, self.path.rows):
            rows.show_heard(heard)
        icons.put(self.piece.hear, "stop" if heard and point == self.map.current else "play", "text_dim")

    # -- keys ----------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Return goes to the map with what was found, Esc empties the field.
        if watched is self.search and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down):
                self._search_now()
                self._choose_found()
                return True
            if event.key() == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
        return super().eventFilter(watched, event)

    def _choose_found(self) -> None:
        """Mark what was found, and go to the map."""
        text = self.search.text().strip()
        if self._chart is None or not text:
            return
        found = np.flatnonzero(matching(text, self._chart.words))
        self.map.setFocus()
        if len(found) == 1:
            self.map.choose(int(found[0]))
        else:
            self.map.set_mark(found)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.explorer.busy:
            self.explorer.cancel()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._colour_anew()
        super().changeEvent(event)


def _entry(space: Space) -> Entry:
    return Entry(
        space.name, space.title, space.source, "Scores" if space.of == "score" else "Sound", space.why_not,
        space.description,
    )  # fmt: skip


def _length(about: Any) -> str:
    seconds = round(float(about.get("seconds") or 0))
    return f"{seconds // 60}:{seconds % 60:02}" if seconds else ""


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _places_before(before: Chart | None, chart: Chart, now: NDArray[np.int64]) -> Any:
    """Where the points of a chart lay on another, whose points are ``now`` these; None where few are the same."""
    known = now >= 0
    if before is None or known.sum() < 0.5 * len(chart):
        return None
    places = chart.places.copy()
    places[now[known]] = before.places[known]
    return places
