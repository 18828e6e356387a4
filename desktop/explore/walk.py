"""Walking along a path: what is shown, heard and done with its stops."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from desktop.explore.by_ear import ByEar
from desktop.explore.map_view import MapView
from desktop.explore.pages import PathPage
from desktop.explore.piece_rows import Row
from desktop.explore.way import Way


class Walk(QObject):
    """Joins a path with its page, the map and what sounds."""

    song_wanted = Signal(object, str)
    """A song to open, and what it is called."""
    point_wanted = Signal(int)
    """A piece of the map to open."""
    folder_wanted = Signal(object)
    """Asks for a folder; what is to be done with it."""

    def __init__(
        self, way: Way, page: PathPage, view: MapView, ear: ByEar, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._way, self._page, self._map, self._ear = way, page, view, ear
        way.changed.connect(self.refresh)
        page.wanted.connect(self._do)
        page.strip.chosen.connect(self.go_to)
        page.rows.wanted.connect(lambda deed, line: self._do_with_row(deed, line))

    def go_to(self, stop: int) -> None:
        """Choose a stop of the path; what sounds goes on there."""
        stops = self._way.stops
        if not 0 <= stop < len(stops):
            return
        self._page.choose(stop)
        self._map.show_path([each.place for each in stops], stop)
        self._ear.go_on_with(stops[stop].key, stops[stop].point)

    def step(self, by: int) -> None:
        """Go along the path."""
        self.go_to(min(len(self._way.stops) - 1, max(0, self._page.strip.current + by)))

    def refresh(self) -> None:
        """Show the path on the map, and have its stops ready to be heard."""
        stops = self._way.stops
        self._map.show_path([stop.place for stop in stops])
        for stop in stops:
            thing = stop.song if stop.song is not None else stop.sound
            if thing is not None:
                self._ear.keep(stop.key, thing)
        self._ear.prepare([stop.point for stop in stops if stop.point >= 0])

    def _do(self, deed: str) -> None:
        at = max(0, self._page.strip.current)
        hearing = self._ear.hearing
        if deed == "hear" and not (hearing.heard and hearing.heard == self._way.stops[at].key):
            self.go_to(at)
        elif deed == "roll":
            self._send_to_roll(at)
        elif deed == "save":
            self.folder_wanted.emit(self._way.save)
        else:
            hearing.stop()
            if deed == "none":
                self._way.forget()

    def _do_with_row(self, deed: str, line: Row) -> None:
        number = next((n for n, stop in enumerate(self._way.stops) if stop.key == line.key), -1)
        if deed == "hear":
            self.go_to(number)
        elif deed == "open":
            self._send_to_roll(number)

    def _send_to_roll(self, number: int) -> None:
        stop = self._way.stops[number]
        self._ear.hearing.stop()
        if stop.song is not None:
            self.song_wanted.emit(stop.song, f"{self._way.title}, {number + 1} of {len(self._way.stops)}")
        elif stop.point >= 0:
            self.point_wanted.emit(stop.point)
