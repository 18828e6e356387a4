"""What a model's card says of its training, as pictures; a card that says something else gives none."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint

from desktop import theme
from desktop.listen.card_pictures import (
    HEAD,
    NAMES,
    ConfusionPicture,
    CurvePicture,
    figures_of,
    lines_of,
    matrix_of,
)

CARD: dict[str, Any] = {
    "labels": ["blues", "jazz"],
    "parameters": 132170,
    "figures": {
        "shipped": {
            "accuracy": 0.4103, "accuracy_95": [0.355, 0.465], "tracks": 290, "calibration_error": 0.0412,
            "confusion": [[9, 1], [4, 6]],
        },
        "log": [{"epoch": 1, "loss": 2.0, "right": 0.2}, {"epoch": 2, "loss": 1.0, "right": 0.5}],
    },
}  # fmt: skip


def test_figures_are_told_in_a_line() -> None:
    said = "Right 41 % (36–46 %) of 290 tracks, chances off by 4.1 %, 132,170 parameters"
    assert figures_of(CARD) == said
    assert figures_of({}) == ""


@pytest.mark.parametrize("place", [("filtered", "track"), ("filtered",), ("test",), ()])
def test_the_headline_is_found_where_cards_have_it(place: tuple[str, ...]) -> None:
    figures: dict[str, Any] = CARD["figures"]["shipped"]
    for name in reversed(place):
        figures = {name: figures}
    card = {**CARD, "figures": figures}
    assert matrix_of(card) == matrix_of(CARD)
    assert figures_of(card) == figures_of(CARD)


def test_the_log_becomes_a_line_for_each_number() -> None:
    lines = lines_of(CARD)
    assert [line.name for line in lines] == ["loss", "right"]
    assert lines[0].points == ((1, 2.0), (2, 1.0))
    assert lines_of({"log": CARD["figures"]["log"]}) == lines


@pytest.mark.parametrize(
    "card",
    [{}, {"labels": ["a"], "figures": {}}, {"labels": ["a", "b"], "figures": {"confusion": [[1]]}},
     {"labels": ["a", "b"], "figures": {"shipped": 3}}, {"labels": "ab", "figures": {"confusion": [[1, 2], [3, 4]]}},
     {"log": [1, 2]}, {"log": [{"epoch": 1}]}],
)  # fmt: skip
def test_a_card_without_them_has_no_pictures(card: dict[str, Any]) -> None:
    assert matrix_of(card) is None
    assert lines_of(card) == []


def test_the_matrix_is_darkest_where_most_are_and_read_aloud(qtbot: Any) -> None:
    matrix = matrix_of(CARD)
    assert matrix is not None
    picture = ConfusionPicture(matrix)
    qtbot.addWidget(picture)
    picture.resize(260, 200)
    assert picture.accessibleDescription() == "blues 9 of 10 right, jazz 6 of 10 right"
    image = picture.grab().toImage()
    cell = picture._cell()
    corner = [
        [
            image.pixelColor(QPoint(round(NAMES + said * cell + 2), round(HEAD + truth * cell + 2)))
            for said in (0, 1)
        ]
        for truth in (0, 1)
    ]
    accent, empty = theme.colour("accent"), theme.colour("sunken")

    def towards(colour: Any) -> float:
        return (colour.blue() - empty.blue()) / (accent.blue() - empty.blue())

    assert towards(corner[0][0]) == pytest.approx(0.9, abs=0.05)
    assert towards(corner[1][1]) == pytest.approx(0.6, abs=0.05)
    assert corner[0][1] != corner[1][0]


def test_the_curve_falls_from_left_to_right(qtbot: Any) -> None:
    picture = CurvePicture(lines_of(CARD))
    qtbot.addWidget(picture)
    picture.resize(260, 132)
    assert picture.accessibleDescription() == "loss from 2 to 1, right from 0.2 to 0.5"
    image = picture.grab().toImage()
    accent = theme.colour("accent").blue()
    # The line of the loss is the only thing in the accent's blue above the legend.
    height = {
        x: [y for y in range(95) if abs(image.pixelColor(x, y).blue() - accent) < 40] for x in (20, 240)
    }  # fmt: skip
    assert min(height[20]) < 30 < 70 < max(height[240])
