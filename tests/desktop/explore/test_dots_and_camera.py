"""Points are drawn where they lie, also after the picture was moved; and are found there again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QSizeF
from PySide6.QtGui import QColor

from desktop.explore.camera import Camera, inside, nearest, toward
from desktop.explore.colours import MOST_KINDS, UNKNOWN_KEY, Columns, colour_by
from desktop.explore.dots import Dots
from desktop.hint_line import HintLine
from desktop.jobs import Jobs

GROUND, RED, BLUE = QColor("#101010"), QColor("#ff0000"), QColor("#0000ff")


def pixels(dots: Dots) -> np.ndarray:
    image = dots.image
    return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.width()).copy()


def cloud(count: int = 400) -> Dots:
    rng = np.random.default_rng(0)
    dots = Dots()
    places = rng.normal(size=(count, 2)).astype(np.float32) * 0.3
    dots.show(places, rng.integers(0, 2, count).astype(np.uint8), [RED, BLUE], GROUND)
    return dots


def test_a_point_is_a_disc_of_its_colour_where_it_lies() -> None:
    dots = Dots()
    dots.show(np.array([[0.5, 0.25]], np.float32), np.zeros(1, np.uint8), [RED], GROUND)
    dots.draw(100, 80, 100, 0, 0, 4)
    found = pixels(dots)
    rows, columns = np.nonzero(found != GROUND.rgb())
    assert (rows.mean(), columns.mean()) == pytest.approx((25, 50), abs=0.6)
    assert np.ptp(rows) == np.ptp(columns) == 8
    assert 3.5**2 * np.pi < len(rows) < 5**2 * np.pi
    assert (found == RED.rgb()).sum() > 40
    rim = found[(found != RED.rgb()) & (found != GROUND.rgb())]
    assert len(rim)  # it is smoothed towards the ground
    assert found[0, 0] == GROUND.rgb()


@pytest.mark.parametrize(
    "steps", [[(7, 0)], [(0, -9)], [(13, 5), (-40, 11), (3, -60)], [(200, 0)], [(-1, -1)] * 20]
)
def test_a_moved_picture_is_the_one_that_would_be_drawn_there(steps: list[tuple[int, int]]) -> None:
    moved, fresh = cloud(), cloud()
    moved.draw(160, 120, 150, -80, -60, 3)
    for dx, dy in steps:
        moved.move(dx, dy)
    dx, dy = np.sum(steps, axis=0)
    fresh.draw(160, 120, 150, -80 - dx, -60 - dy, 3)
    assert (pixels(moved) == pixels(fresh)).mean() > 0.999
    assert (pixels(moved) != GROUND.rgb()).any() or abs(dx) > 160


def test_a_rim_never_covers_a_core() -> None:
    dots = Dots()
    dots.show(np.array([[0, 0], [0.05, 0]], np.float32), np.array([0, 1], np.uint8), [RED, BLUE], GROUND)
    dots.draw(60, 60, 100, -30, -30, 4)
    found = pixels(dots)
    assert found[30, 30] == RED.rgb()
    assert found[30, 35] == BLUE.rgb()


def test_zooming_keeps_what_is_under_the_pointer() -> None:
    camera = Camera()
    camera.size = QSizeF(400, 300)
    places = np.array([[-0.5, -0.4], [0.5, 0.4]], np.float32)
    camera.fit(places)
    for place in places:
        seen = camera.pixel(QPointF(*place.tolist()))
        assert 0 < seen.x() < 400
        assert 0 < seen.y() < 300
    pointer = QPointF(123, 45)
    before = camera.at(pointer)
    camera.zoom(2.5, pointer)
    assert camera.at(pointer).x() == pytest.approx(before.x())
    assert camera.at(pointer).y() == pytest.approx(before.y())
    camera.pan(10, -4)
    assert camera.pixel(before).x() == pytest.approx(133)
    assert not camera.fitted


def test_points_are_found_by_place_direction_and_outline() -> None:
    places = np.array([[0, 0], [1, 0.1], [0.2, 1], [-1, 0], [3, 0]], np.float32)
    assert nearest(places, QPointF(0.9, 0), 0.5) == 1
    assert nearest(places, QPointF(9, 9), 0.5) == -1
    assert nearest(places, QPointF(0.9, 0), 5, np.array([1, 0, 1, 1, 1], bool)) == 0
    assert [toward(places, 0, way) for way in ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))] == [
        1,
        2,
        3,
        -1,
    ]
    square = [QPointF(-0.5, -0.5), QPointF(2, -0.5), QPointF(2, 2), QPointF(-0.5, 2)]
    assert inside(places, square).tolist() == [0, 1, 2]
    bow = [QPointF(-2, -1), QPointF(2, 1), QPointF(2, -1), QPointF(-2, 1)]  # crosses itself at point 0
    assert set(inside(places, bow).tolist()) <= {0, 1, 3}
    assert inside(np.empty((0, 2), np.float32), square).tolist() == []


def test_rare_kinds_share_a_colour_and_are_told_apart_from_the_unknown(qapp: Any) -> None:
    pieces = [{"genre": f"g{n}"} for n in range(40) for _ in range(40 - n)] + [{}]
    count = len(pieces)
    found = colour_by("genre", Columns.of(pieces), np.ones(count, np.float32), np.zeros(count, np.int16))
    assert len(found.legend) == MOST_KINDS + 1
    assert found.legend[0].text == "G0"
    assert len({line.colour.name() for line in found.legend}) == len(found.legend)
    assert found.legend[-1].text == "Others"
    assert sum(line.count for line in found.legend) == count
    tempi = Columns.of([{"tempo_bpm": 60}, {"tempo_bpm": 180}, {}])
    ramp = colour_by("tempo_bpm", tempi, np.ones(3, np.float32), np.zeros(3, np.int16))
    assert ramp.kinds[0] < ramp.kinds[1] < ramp.kinds[2]


def test_keys_of_one_sound_are_one_colour_by_the_name_that_most_have(qapp: Any) -> None:
    keys = ["Db major", "C# major", "C# major", "A minor", "", "H# dorian"]
    found = colour_by(
        "key", Columns.of([{"key": key} for key in keys]), np.ones(6, np.float32), np.zeros(6, np.int16)
    )
    assert [(line.text, line.count) for line in found.legend] == [
        ("C# major", 3),
        ("A minor", 1),
        ("Not known", 2),
    ]
    assert found.kinds[0] == found.kinds[1] == found.kinds[2] != found.kinds[3]
    assert found.kinds[4] == found.kinds[5] == UNKNOWN_KEY


def test_groups_are_told_largest_first(qapp: Any) -> None:
    groups = np.array([3, 1, 1, 3, 3, 0], np.int16)
    found = colour_by("group", Columns.of([{}] * 6), np.ones(6, np.float32), groups)
    assert [(line.text, line.count) for line in found.legend] == [
        ("Group 4", 3),
        ("Group 2", 2),
        ("Group 1", 1),
    ]
    assert found.kinds.tolist() == [0, 1, 1, 0, 0, 2]


def test_the_hint_line_follows_a_job_soon_but_never_at_once(qtbot: Any) -> None:
    """A picture may start a job while it is painted; a bar that changed there would paint the window within."""
    jobs = Jobs()
    line = HintLine(jobs)
    qtbot.addWidget(line)
    line.show()
    job = jobs.run("files", "Working", lambda task: [task.check() for _ in iter(task.cancelled, True)])
    assert not line._bar.isVisible()
    qtbot.waitUntil(line._bar.isVisible)
    jobs.cancel(job)
    qtbot.waitUntil(lambda: not line._bar.isVisible())
    jobs.close()
