"""Personal styles: kept, found, listed and removed by name, and refused where they do not fit."""

from pathlib import Path

import numpy as np
import pytest

from core.compose import personal
from core.errors import TunesmithError

CARD = {"network": "flagship", "network_sha256": "ab" * 32, "pieces": 3, "notes": 500, "figures": {}}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path))
    return tmp_path


def keep(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    h, c, wish = (rng.normal(size=size).astype(np.float32) for size in ((2, 8), (2, 8), (64,)))
    personal.save(name, h, c, wish, CARD)
    return h, c, wish


def test_what_is_kept_comes_back(home: Path) -> None:
    h, c, wish = keep("Grandma's".replace("'", "") + " waltzes")
    style = personal.load("Grandmas waltzes", network_sha256="ab" * 32)
    assert (style.h == h).all()
    assert (style.c == c).all()
    assert (style.wish == wish).all()
    assert style.card["pieces"] == 3
    assert style.card["room"] == "personal"
    assert (home / "data" / "personal" / "Grandmas waltzes.safetensors").is_file()


def test_styles_are_listed_replaced_and_deleted_by_name() -> None:
    assert personal.saved() == []
    keep("b")
    keep("a")
    again = keep("b", seed=1)
    assert [style.name for style in personal.saved()] == ["a", "b"]
    assert (personal.load("b").h == again[0]).all()
    personal.delete("b")
    assert [style.name for style in personal.saved()] == ["a"]
    assert [path.name for path in sorted(personal.folder().iterdir())] == ["a.json", "a.safetensors"]
    with pytest.raises(TunesmithError, match="there is no personal style 'b'; there are a"):
        personal.delete("b")


def test_a_style_of_other_weights_is_refused_with_the_line_that_mends_it() -> None:
    keep("mine")
    assert personal.load("mine").name == "mine"
    with pytest.raises(TunesmithError, match="tuned for other weights .* tunesmith learn personal"):
        personal.load("mine", network_sha256="cd" * 32)


def test_a_damaged_style_is_refused(home: Path) -> None:
    keep("mine")
    path = home / "data" / "personal" / "mine.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(TunesmithError, match="incomplete"):
        personal.load("mine")
    personal.save(
        "mine", np.zeros((2, 8), np.float32), np.zeros((2, 9), np.float32), np.zeros(64, np.float32), CARD
    )
    with pytest.raises(TunesmithError, match="damaged"):
        personal.load("mine")
    nan = np.full(64, np.nan, np.float32)
    personal.save("mine", np.zeros((2, 8), np.float32), np.zeros((2, 8), np.float32), nan, CARD)
    with pytest.raises(TunesmithError, match="damaged"):
        personal.load("mine")


@pytest.mark.parametrize("name", ["mine", "Élan vital", "a", "80s-synth_2", "x" * 40])
def test_names_that_can_be_files(name: str) -> None:
    assert personal.check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "../up",
        "a/b",
        "a\\b",
        ".hidden",
        "a.json",
        "nul",
        "COM1",
        "x" * 41,
        "a\n",
        "a ",
        "-rf",
        "a:b",
    ],
)
def test_names_that_cannot(name: str) -> None:
    with pytest.raises(TunesmithError, match="cannot name a personal style"):
        personal.check_name(name)
