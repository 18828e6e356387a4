"""Every model that ships says what it is, what it learnt from and what it reaches."""

import json
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[3] / "assets" / "models"
CARDS = sorted(MODELS.glob("*.json"))

SAYS = ("room", "architecture", "parameters", "trained_on", "licence", "split", "seed", "command", "figures")


@pytest.mark.parametrize("card", CARDS, ids=lambda path: path.stem)
def test_a_card_is_complete(card: Path) -> None:
    told = json.loads(card.read_text(encoding="utf-8"))
    assert [field for field in SAYS if told.get(field) in (None, "", {})] == []
    assert told["name"] == card.stem
    assert card.with_suffix(".safetensors").stat().st_size == told["bytes"]


def test_the_weights_stay_small() -> None:
    assert sum(path.stat().st_size for path in MODELS.glob("*.safetensors")) < 40_000_000
