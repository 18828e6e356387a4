"""The commands around learning: what they pass on, what they refuse, personal styles, curves."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import cli
from core.compose import flagship, personal
from core.learn import recipes


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = cli.main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out or "{}")


def test_a_recipe_gets_what_was_asked_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    got: dict[str, Any] = {}

    def recipe(*, data: Path | None, workers: Any = None, patience: int = 0, **more: Any) -> dict[str, Any]:
        got.update(data=data, workers=workers, patience=patience, more=sorted(more))
        return {"loss": 1.5}

    monkeypatch.setitem(recipes.RECIPES, "trial", recipe)
    code, said = answer(
        capsys, "learn", "trial", "--data", "midi", "--workers", "tcp://host:8786", "--patience", "4"
    )
    assert code == 0
    assert said == {"recipe": "trial", "loss": 1.5}
    assert got == {
        "data": Path("midi"),
        "workers": "tcp://host:8786",
        "patience": 4,
        "more": ["cancelled", "progress"],
    }


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("flagship", "--workers", "many"), "--workers many is neither"),
        (("personal", "--patience", "3"), "the recipe personal knows no --patience"),
        (("flagship", "--name", "x"), "the recipe flagship knows no --name"),
        (("personal",), "--name"),
        (("personal", "--name", "../x"), "cannot name a personal style"),
        (("flagship",), "--data"),
        (("none",), "there is no recipe 'none'"),
    ],
)
def test_bad_wishes_get_one_line(
    words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = answer(capsys, "learn", *words)
    assert code == 2
    assert complaint in said["error"]
    assert "\n" not in said["error"]


def test_the_other_processes_of_a_torchrun_say_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(recipes.RECIPES, "trial", lambda **_: {})
    assert cli.main(["learn", "trial", "--json"]) == 0
    assert capsys.readouterr().out == ""


def test_personal_styles_are_listed_and_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "personal", "list") == (0, {"styles": []})
    state, wish = np.zeros((2, 512), np.float32), np.zeros(64, np.float32)
    card = {
        "network": "flagship",
        "pieces": 3,
        "notes": 700,
        "figures": {"open_nats": 3.0, "tuned_nats": 2.9},
    }
    personal.save("old", state, state, wish, card | {"network_sha256": "00"})
    personal.save("new", state, state, wish, card | {"network_sha256": flagship.model_file().card["sha256"]})
    code, said = answer(capsys, "personal", "list")
    assert code == 0
    assert [(style["name"], style["usable"]) for style in said["styles"]] == [("new", True), ("old", False)]
    assert answer(capsys, "personal", "delete", "old") == (0, {"deleted": "old"})
    assert [style["name"] for style in answer(capsys, "personal", "list")[1]["styles"]] == ["new"]
    code, said = answer(capsys, "personal", "delete", "old")
    assert code == 2
    assert "there are new" in said["error"]


def test_curves_are_drawn_from_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    log, out = tmp_path / "log.jsonl", tmp_path / "curve.png"
    log.write_text('{"minutes": 1, "nats": 3.0}\n{"minutes": 2, "valid_nats": 2.5}\n')
    code, said = answer(capsys, "curves", str(log), "--out", str(out))
    assert code == 0
    assert said == {"curves": str(out)}
    assert out.read_bytes().startswith(b"\x89PNG")
    assert answer(capsys, "curves", str(log), "--out", str(tmp_path / "no" / "curve.png"))[0] == 2
