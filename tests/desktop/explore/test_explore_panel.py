"""The Explore panel as a person uses it: pointing, hearing, choosing, walking from one piece to another."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.errors import TunesmithError
from core.explore import registry
from core.song.midi_file import write_midi
from core.store.library import Library
from desktop.explore import exports
from desktop.explore.explorer import Chart
from desktop.explore.frame import OVERVIEW, PATH, PIECE, REGION
from desktop.explore.pages import OverviewPage
from desktop.explore.panel import ExplorePanel
from tests.core.explore.pretend import PretendSpace, tune
from tests.desktop.explore.conftest import COUNT, GENRES
from tests.desktop.hands import Hands


def chart_of(panel: ExplorePanel) -> Chart:
    chart = panel.explorer.chart
    assert chart is not None
    return chart


def point_named(panel: ExplorePanel, title: str) -> int:
    return next(n for n, piece in enumerate(chart_of(panel).pieces) if piece["title"] == title)


def move_to(panel: ExplorePanel, point: int) -> None:
    """Move the mouse onto a point."""
    place = panel.map.place_of(point)
    QApplication.sendEvent(
        panel.map,
        QMouseEvent(
            QEvent.Type.MouseMove, place, panel.map.mapToGlobal(place), Qt.MouseButton.NoButton,
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        ),
    )  # fmt: skip


def click(
    panel: ExplorePanel, point: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    QTest.mouseClick(panel.map, Qt.MouseButton.LeftButton, modifier, panel.map.place_of(point).toPoint())


def drag(panel: ExplorePanel, *places: QPointF, modifier: Qt.KeyboardModifier) -> None:
    """Draw with the left button."""
    kinds = [
        QEvent.Type.MouseButtonPress,
        *([QEvent.Type.MouseMove] * (len(places) - 2)),
        QEvent.Type.MouseButtonRelease,
    ]
    for kind, place in zip(kinds, places, strict=True):
        held = (
            Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
        )
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
        event = QMouseEvent(kind, place, panel.map.mapToGlobal(place), button, held, modifier)
        QApplication.sendEvent(panel.map, event)


# -- the map -----------------------------------------------------------------------------------------


def test_the_collection_is_on_the_map_and_its_kinds_lie_together(panel: ExplorePanel) -> None:
    chart = chart_of(panel)
    assert len(chart) == COUNT
    assert panel.stack.currentIndex() == 0
    assert panel.pages.currentIndex() == OVERVIEW
    legend = {line.text: line.count for line in panel._colouring.legend}  # type: ignore[union-attr]  # there is a map
    assert legend == {"Jazz": 12, "Waltz": 12, "Pop": 12}
    genre = np.array([GENRES.index(piece["genre"]) for piece in chart.pieces])
    gaps = ((chart.places[:, None] - chart.places) ** 2).sum(2) + np.eye(COUNT)
    assert (genre[gaps.argmin(1)] == genre).mean() > 0.9


def test_a_second_start_shows_the_same_map_and_reads_nothing_anew(
    panel: ExplorePanel, space: PretendSpace, make_studio: Any
) -> None:
    places, before = chart_of(panel).places.copy(), len(space.encoded)
    again = make_studio()
    again.studio.explore.restore(panel.state_to_keep())
    again.studio.show_panel("explore")
    explorer = again.studio.explore.explorer
    again.until(lambda: explorer.state == "ready" and not explorer.busy)
    assert np.array_equal(chart_of(again.studio.explore).places, places)
    assert len(space.encoded) == before


def test_without_an_embedding_it_says_so(
    hands: Hands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(registry, "available", lambda: ())
    panel = hands.studio.explore
    hands.studio.show_panel("explore")
    hands.until(lambda: panel.explorer.state == "none")
    assert panel.empty_title.text() == "No embedding yet"
    assert not panel.empty_folder.isVisible()
    assert "there is no map yet" in hands.studio.actions_.by_id["explore_table"].toolTip()


def test_what_goes_wrong_is_said_with_a_way_to_try_again(
    hands: Hands, space: PretendSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> Any:
        raise TunesmithError("the weights of 'score' are damaged; install them again")

    loaded = registry.loaded
    monkeypatch.setattr(registry, "loaded", broken)
    monkeypatch.setattr("core.explore.library.index_of", broken)
    panel = hands.studio.explore
    hands.studio.show_panel("explore")
    hands.until(lambda: panel.explorer.state == "error")
    assert panel.empty_text.text().startswith("The weights of 'score' are damaged")
    assert panel.empty_again.isVisible()
    monkeypatch.undo()
    assert registry.loaded is not loaded or registry.loaded is loaded


def test_another_projection_keeps_the_choice_and_moves_the_points(hands: Hands, panel: ExplorePanel) -> None:
    panel.map.choose(7)
    key, before = chart_of(panel).key(7), chart_of(panel).places.copy()
    panel.explorer.use_projection("umap")
    hands.until(lambda: chart_of(panel).projection == "umap" and not panel.explorer.busy)
    assert chart_of(panel).key(panel.map.current) == key
    assert panel.map.is_moving  # under way
    hands.until(lambda: not panel.map.is_moving)
    assert not np.allclose(chart_of(panel).places, before)
    hands.act("explore_motion")
    panel.explorer.use_projection("pca")
    hands.until(lambda: chart_of(panel).projection == "pca" and not panel.explorer.busy)
    assert not panel.map.is_moving
    assert np.allclose(chart_of(panel).places, before)


@pytest.mark.parametrize("by", ["composer", "key", "group", "source", "tempo_bpm", "trust"])
def test_it_can_be_coloured_by_all_that_is_offered(panel: ExplorePanel, by: str) -> None:
    panel.colour._take(by)
    colouring = panel._colouring
    assert colouring is not None
    assert len(colouring.kinds) == COUNT
    assert int(colouring.kinds.max()) < len(colouring.colours)
    assert colouring.legend
    if by == "key":
        assert {line.text for line in colouring.legend} == {"C major", "E major", "Ab major"}


# -- hearing -----------------------------------------------------------------------------------------


def test_the_most_central_piece_is_ready_before_the_pointer_comes(hands: Hands, panel: ExplorePanel) -> None:
    places = chart_of(panel).places
    middle = int(((places - np.median(places, 0)) ** 2).sum(1).argmin())
    hands.until(lambda: panel.hearing.is_ready(chart_of(panel).key(middle)))
    assert not panel.hearing.heard
    assert not hands.player.playing


def test_resting_on_a_piece_sounds_it_and_leaving_ends_it(hands: Hands, panel: ExplorePanel) -> None:
    point = point_named(panel, "Waltz 1")
    move_to(panel, point)
    hands.until(lambda: panel.hearing.heard == chart_of(panel).key(point))
    heard = hands.player.last("load")[1]
    assert heard.title == "Waltz 1"
    assert hands.player.playing
    assert panel.map.heard == point
    QApplication.sendEvent(panel.map, QEvent(QEvent.Type.Leave))
    assert panel.hearing.heard == ""
    assert hands.player.last("load")[1] is hands.song


def test_what_lies_near_the_pointer_is_ready_before_it_is_reached(hands: Hands, panel: ExplorePanel) -> None:
    point = point_named(panel, "Waltz 1")
    move_to(panel, point)
    gap = ((chart_of(panel).places - chart_of(panel).places[point]) ** 2).sum(1)
    near = int(np.argsort(gap)[1])
    hands.until(lambda: panel.hearing.is_ready(chart_of(panel).key(near)))
    before = len(hands.player.told)
    panel.ear.press(near)
    assert panel.hearing.heard == chart_of(panel).key(near)  # with no wait between
    assert "load" in [told[0] for told in hands.player.told[before:]]


def test_a_passing_pointer_does_not_stop_the_song(hands: Hands, panel: ExplorePanel) -> None:
    hands.studio.playback.toggle()
    with hands.qtbot.waitSignal(panel.map.rested):
        move_to(panel, 3)
    hands.until(lambda: panel.hearing.is_ready(chart_of(panel).key(3)))
    assert panel.hearing.heard == ""
    assert hands.player.playing


# -- choosing ----------------------------------------------------------------------------------------


def test_a_click_chooses_a_piece_and_lists_its_true_neighbours(hands: Hands, panel: ExplorePanel) -> None:
    point = point_named(panel, "Jazz 0")
    click(panel, point)
    assert panel.map.current == point
    assert panel.pages.currentIndex() == PIECE
    assert panel.piece.title.accessibleName() == "Jazz 0"
    vectors = np.asarray(chart_of(panel).index.vectors)[chart_of(panel).rows]
    cosine = vectors @ vectors[point]
    cosine[point] = -2
    rows = panel.piece.rows.model_.rows
    assert [row.likeness for row in rows] == pytest.approx(np.sort(cosine)[::-1][: len(rows)], abs=1e-6)
    assert "of its neighbours lie beside it here" in panel.piece.trust.text()
    assert panel.map.near == [row.point for row in rows]


def test_arrow_keys_walk_over_the_map_and_are_read_aloud(hands: Hands, panel: ExplorePanel) -> None:
    panel.map.setFocus()
    panel.map.choose(point_named(panel, "Pop 2"))
    start = panel.map.current
    moved = []
    for key, axis, sign in (
        (Qt.Key.Key_Right, 0, 1),
        (Qt.Key.Key_Left, 0, -1),
        (Qt.Key.Key_Up, 1, -1),
        (Qt.Key.Key_Down, 1, 1),
    ):
        panel.map.choose(start)
        hands.press(key)
        if panel.map.current != start:
            gap = chart_of(panel).places[panel.map.current] - chart_of(panel).places[start]
            moved.append(gap[axis] * sign > 0.49 * np.linalg.norm(gap))
            title = chart_of(panel).pieces[panel.map.current]["title"]
            assert title in panel.map.accessibleDescription()
    assert len(moved) >= 2
    assert all(moved)


def test_a_lasso_takes_what_it_surrounds_and_isolates_it(hands: Hands, panel: ExplorePanel) -> None:
    places = [panel.map.place_of(n) for n in range(COUNT)]
    left = min(p.x() for p in places) - 8
    top, bottom = min(p.y() for p in places) - 8, max(p.y() for p in places) + 8
    middle = sorted(p.x() for p in places)[COUNT // 2] + 0.01
    corners = [
        QPointF(left, top),
        QPointF(middle, top),
        QPointF(middle, bottom),
        QPointF(left, bottom),
        QPointF(left, top),
    ]
    drag(panel, *corners, modifier=Qt.KeyboardModifier.ShiftModifier)
    expected = [n for n, p in enumerate(places) if p.x() < middle]
    assert panel.map.mark.tolist() == expected
    assert panel.pages.currentIndex() == REGION
    assert panel.region.title.text() == f"{len(expected)} pieces chosen"
    hands.press(Qt.Key.Key_I)
    assert panel.map.isolated is not None
    assert panel.map.isolated.tolist() == expected
    shown = {panel.map.point_at(QPointF(x, y), 20) for x in range(0, 300, 10) for y in range(0, 300, 10)} - {
        -1
    }
    assert shown <= set(expected)
    hands.press(Qt.Key.Key_Escape)
    hands.press(Qt.Key.Key_Escape)
    assert panel.map.isolated is None
    assert not len(panel.map.mark)


def test_searching_lets_the_others_stand_back(hands: Hands, panel: ExplorePanel) -> None:
    hands.act("explore_find")
    QTest.keyClicks(panel.search, "waltz 1")
    hands.until(lambda: panel.map._found is not None)
    titles = {chart_of(panel).pieces[n]["title"] for n in np.flatnonzero(panel.map._found)}
    assert titles == {"Waltz 1", "Waltz 10", "Waltz 13", "Waltz 16", "Waltz 19"}
    hands.press(Qt.Key.Key_Return)
    assert len(panel.map.mark) == 5
    assert panel.map.hasFocus()


def test_a_colour_of_the_legend_chooses_its_pieces(panel: ExplorePanel) -> None:
    page = panel.pages.widget(OVERVIEW)
    assert isinstance(page, OverviewPage)
    page.kind_chosen.emit("Waltz")
    assert {chart_of(panel).pieces[n]["genre"] for n in panel.map.mark} == {"waltz"}
    assert len(panel.map.mark) == 12


def test_compose_takes_what_a_region_has_in_common(hands: Hands, panel: ExplorePanel) -> None:
    jazz = [n for n, piece in enumerate(chart_of(panel).pieces) if piece["genre"] == "jazz"]
    panel.map.set_mark(np.array(jazz))
    assert "style jazz" in panel.region.common.text()
    hands.act("explore_compose")
    request = hands.studio.compose_panel.request()
    assert (request.style, request.key, request.tempo) == ("jazz", "C major", 80.0)
    assert request.density is not None
    assert hands.studio.panel_is_shown("compose")


# -- files -------------------------------------------------------------------------------------------


def test_a_dropped_file_falls_among_its_kind(hands: Hands, panel: ExplorePanel, tmp_path: Path) -> None:
    path = tmp_path / "new.mid"
    write_midi(tune(4, seed=500, pace=2), path)
    before = chart_of(panel).places.copy()
    hands.studio._dropped("map", [path])
    hands.until(lambda: panel.map.current >= 0 and not panel.explorer.busy)
    chart = chart_of(panel)
    assert len(chart) == COUNT + 1
    assert chart.pieces[panel.map.current]["path"] == str(path)
    assert np.array_equal(chart.places[[chart.points[row] for row in range(COUNT)]], before)  # nothing moved
    first = panel.piece.rows.model_.rows[0]
    assert chart.pieces[first.point]["genre"] == "waltz"
    gap = ((chart.places - chart.places[panel.map.current]) ** 2).sum(1)
    assert chart.pieces[int(np.argsort(gap)[1])]["genre"] == "waltz"


def test_a_folder_with_a_broken_file_is_taken_in_and_says_which(
    hands: Hands, panel: ExplorePanel, tmp_path: Path
) -> None:
    folder = tmp_path / "songs"
    folder.mkdir()
    for number in range(5):
        write_midi(tune(number, seed=number + 50), folder / f"{number}.mid")
    (folder / "broken.mid").write_bytes(b"MThd\0\0")
    panel.add_files([folder])
    hands.until(lambda: len(panel.map.mark) == 5 and not panel.explorer.busy)
    assert len(chart_of(panel)) == COUNT + 5
    said = [label.text() for label in hands.studio.notices.findChildren(type(panel.doing))]
    assert any("broken" in text for text in said)


def test_a_piece_of_the_library_is_there_and_goes_with_the_trash(hands: Hands, panel: ExplorePanel) -> None:
    with Library() as kept:
        number = kept.add(tune(9, seed=77), title="Mine")
    panel.explorer.refresh()
    hands.until(lambda: len(chart_of(panel)) == COUNT + 1 and not panel.explorer.busy)
    point = point_named(panel, "Mine")
    panel.open_point(point)
    hands.until(lambda: hands.document.name.startswith("Mine") or len(hands.song.notes) == 64)
    assert np.array_equal(hands.song.notes["pitch"], tune(9, seed=77).notes["pitch"])
    with Library() as kept:
        kept.delete(number)
    panel.explorer.refresh()
    hands.until(lambda: len(chart_of(panel)) == COUNT and not panel.explorer.busy)


def test_the_table_and_the_picture_are_written(panel: ExplorePanel, tmp_path: Path) -> None:
    chart = chart_of(panel)
    exports.write_table(tmp_path / "map.csv", chart, range(COUNT))
    with (tmp_path / "map.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["title"] for row in rows] == [piece["title"] for piece in chart.pieces]
    assert float(rows[3]["x"]) == pytest.approx(chart.places[3, 0], abs=1e-5)
    assert rows[0]["licence"] == "CC0 1.0"
    assert panel._colouring is not None
    exports.write_picture(
        tmp_path / "map.png", panel.map.grab_picture(QPoint(1200, 0)), panel._colouring.legend
    )
    picture = QImage(str(tmp_path / "map.png"))
    assert picture.width() == 1200
    colours = {
        picture.pixelColor(x, y).name() for x in range(0, 1200, 3) for y in range(0, picture.height(), 3)
    }
    assert {line.colour.name() for line in panel._colouring.legend} <= colours


# -- paths -------------------------------------------------------------------------------------------


@pytest.fixture
def path(hands: Hands, panel: ExplorePanel) -> list[Any]:
    begin, end = point_named(panel, "Jazz 0"), point_named(panel, "Waltz 1")
    panel.map.set_mark(np.arange(5))  # which the path takes the place of
    panel.map.choose(begin)
    hands.act("explore_path")
    click(panel, end)
    hands.until(lambda: len(panel.way.stops) == 8 and not panel.way.busy)
    return panel.way.stops


def test_a_path_has_eight_stops_between_its_ends(panel: ExplorePanel, path: list[Any]) -> None:
    chart = chart_of(panel)
    assert panel.pages.currentIndex() == PATH
    assert panel.way.title == "Jazz 0 → Waltz 1"
    assert len(panel.path.rows.model_.rows) == 8
    begin, end = point_named(panel, "Jazz 0"), point_named(panel, "Waltz 1")
    assert path[0].place == pytest.approx(tuple(chart.places[begin].tolist()))
    assert path[-1].place == pytest.approx(tuple(chart.places[end].tolist()))
    assert len(panel.map.stops) == 8


def test_scrubbing_goes_on_with_the_next_stop_where_the_last_one_stands(
    hands: Hands, panel: ExplorePanel, path: list[Any]
) -> None:
    strip = panel.path.strip
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.area(2).center())
    assert hands.player.last("load")[1] is path[2].song
    half = path[2].song.end_tick // 2
    hands.player.tick = half
    strip.setFocus()
    hands.press(Qt.Key.Key_Right)
    assert hands.player.last("load")[1] is path[3].song
    assert hands.player.tick == round(half / path[2].song.end_tick * path[3].song.end_tick)
    assert hands.player.playing
    assert panel.map.stop == 3
    hands.act("explore_previous")
    assert strip.current == 2


def test_a_stop_is_sent_to_the_roll(hands: Hands, panel: ExplorePanel, path: list[Any]) -> None:
    panel.walk.go_to(4)
    panel.path.roll.click()
    hands.until(lambda: np.array_equal(hands.song.notes, path[4].song.notes))


def test_a_path_through_pieces_uses_each_once(hands: Hands, panel: ExplorePanel, path: list[Any]) -> None:
    panel.way.use_kind("pieces")
    hands.until(lambda: len(panel.way.stops) == 8 and panel.way.stops[1].point >= 0)
    points = [stop.point for stop in panel.way.stops]
    assert len(set(points)) == 8
    assert not panel.path.save.isEnabled()
    panel.walk.go_to(3)
    hands.until(lambda: panel.hearing.heard == panel.way.stops[3].key)


# -- the map in place of the roll --------------------------------------------------------------------


def test_the_map_takes_the_rolls_place_and_goes_back(hands: Hands, panel: ExplorePanel) -> None:
    small = panel.map.size()
    hands.act("explore_large")
    QApplication.processEvents()
    assert not hands.studio.roll.isVisible()
    assert panel.map.width() > 1.5 * small.width()
    hands.studio.place_spectrogram("below")
    assert hands.studio.roll.isVisible()
    assert panel.map.window() is hands.studio
    assert panel.isAncestorOf(panel.map)
