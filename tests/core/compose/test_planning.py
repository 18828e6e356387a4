"""Plans draw from habits, keep drums last, and put two parts of one instrument apart."""

import numpy as np
import pytest

from core.compose.encoding import DENSITIES, DRUMS, POLYPHONIES
from core.compose.planning import USUAL_REGISTER, plan_parts
from core.errors import TunesmithError

HABITS = {
    "parts": {
        "pop": {"0": [[8, 2, 3, 9], [11, 1, 4, 9]], "33": [[5, 0, 3, 5]], "128": [[21, 1, 5, 7]]},
        "": {"73": [[13, 0, 2, 4]]},
    },
    "bands": {"pop": [["electric bass (finger)", "acoustic grand piano", "drums"]]},
}


def plan(*instruments: str, density: float | None = None, seed: int = 0) -> list[tuple[int, ...]]:
    return plan_parts(instruments, "pop", HABITS, density, np.random.default_rng(seed)).rows


def test_parts_stand_low_to_high_with_drums_last() -> None:
    rows = plan("drums", "flute", "electric bass (finger)")
    assert rows == [(33, 5, 0, 3), (73, 13, 0, 2), (DRUMS, 21, 1, 5)]


def test_two_hands_of_a_piano_lie_apart() -> None:
    for seed in range(10):
        assert [row[1] for row in plan("piano", "piano", seed=seed)] == [8, 11]


def test_an_instrument_that_nobody_knows_is_left_open() -> None:
    assert plan("bagpipe") == [(109, USUAL_REGISTER, POLYPHONIES, DENSITIES)]


def test_no_instruments_gives_the_styles_own_band() -> None:
    band = plan_parts((), "pop", HABITS, None, np.random.default_rng(0))
    assert [row[0] for row in band.rows] == [33, 0, DRUMS]
    assert band.names == ["electric bass (finger)", "acoustic grand piano", "drums"]
    assert band.tracks == [0, 1, 2]


def test_a_piano_alone_has_two_hands_and_one_track() -> None:
    habits = {**HABITS, "bands": {"pop": [["drums", "piano"], ["piano", "piano"], ["piano"]]}}
    alone = plan_parts(("piano",), "pop", habits, None, np.random.default_rng(1))
    assert [row[1] for row in alone.rows] == [8, 11]
    assert (alone.tracks, alone.names) == ([0, 0], ["piano"])
    assert len(plan_parts(("piano",), "", habits, None, np.random.default_rng(1)).rows) == 1


@pytest.mark.parametrize(("density", "classes"), [(0.0, 0), (0.5, 3), (1.0, 6)])
def test_density_moves_the_usual_class(density: float, classes: int) -> None:
    assert plan("electric bass (finger)", density=density)[0][3] == classes


def test_seventeen_parts_are_too_many() -> None:
    with pytest.raises(TunesmithError, match="at most 16"):
        plan(*["piano"] * 17)


def test_three_pianos_share_the_work_as_they_do_in_some_piece() -> None:
    pieces = ["0-9-2-5 0-12-0-2 0-12-1-1", "0-8-2-4 0-11-0-2 0-12-0-3"]
    habits = {**HABITS, "ensembles": {"pop": [*pieces, "0-3-4-6 33-5-0-3"]}}
    heard = set()
    for seed in range(20):
        rows = plan_parts(("piano",) * 3, "pop", habits, None, np.random.default_rng(seed)).rows
        heard.add(" ".join("-".join(map(str, row)) for row in rows))
    assert heard == set(pieces)
    denser = plan_parts(("piano",) * 3, "pop", habits, 1.0, np.random.default_rng(1)).rows
    assert [row[3] for row in denser] == [6, 5, 4]
