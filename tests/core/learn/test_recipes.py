"""A whole training on a handful of small songs: packed, learnt, resumed, shipped, composed from, evaluated."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.compose import flagship as composer
from core.compose.registry import compose_song
from core.compose.request import Request
from core.errors import TunesmithError
from core.learn import composer as recipe
from core.learn import flagship as training
from core.learn import recipes
from core.learn.data import load_pack
from core.learn.evaluate import evaluate
from core.song.midi_file import write_midi
from core.song.notes import Song, Track, make_notes
from core.store.model_file import find_models


def write_songs(folder: Path, count: int = 40) -> None:
    """Scales up and down in C, each starting elsewhere: easy to learn."""
    folder.mkdir()
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    for number in range(count):
        pitches = np.roll(scale * 4, number)
        bass = make_notes(np.arange(8) * 960, 900, 36 + 12 * (np.arange(8) % 2), 70, 1)
        notes = np.concatenate([make_notes(np.arange(32) * 240, 220, pitches, 90), bass])
        write_midi(Song(notes, (Track("tune", 73), Track("bass", 32))), folder / f"song{number}.mid")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = training.Plan

    def small_plan(minutes: float) -> training.Plan:
        steps = round(1000 * minutes)  # a busy machine must not learn less
        return plan(
            minutes,
            steps,
            hidden=32,
            layers=1,
            streams=4,
            steps=48,
            warm_up=5,
            check_minutes=60,
            check_pieces=2,
        )

    monkeypatch.setattr(recipe, "Plan", small_plan)


@pytest.mark.usefixtures("small")
def test_learning_lowers_the_loss_and_its_model_composes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out, home = tmp_path / "midi", tmp_path / "out", tmp_path / "home"
    write_songs(data)
    monkeypatch.setenv("TUNESMITH_HOME", str(home))
    figures = recipes.RECIPES["flagship"](data=data, minutes=0.12, out=out, workers=1)
    examples = load_pack(out / "pack.npz")
    assert {e.split for e in examples} == {"train", "valid", "test"}
    fresh = training.measure_loss(
        training.Network(training.Shape(32, 1, 29, 19)),
        [e for e in examples if e.split == "valid"],
        torch.device("cpu"),
    )
    assert figures["valid_nats"] < 0.8 * fresh["nats"]

    again = recipes.RECIPES["flagship"](data=data, minutes=0.16, out=out, resume=True)
    assert again["minutes"] > figures["minutes"]
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)

    (model,) = [m for m in find_models("compose", folders=[out]) if m.name == "flagship"]
    measured = evaluate(model, data)
    assert measured["nll"] == pytest.approx(again["valid_nats"], rel=0.5)
    monkeypatch.setattr(composer, "find_models", lambda _: [model])
    composer.load.cache_clear()
    try:
        song = compose_song(Request(style="", bars=4, instruments=("flute",), seed=1))
    finally:
        composer.load.cache_clear()
    assert song.end_tick == 4 * 1920


def test_learning_without_data_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(TunesmithError, match="--data"):
        recipes.RECIPES["flagship"](data=None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(TunesmithError, match="neither a manifest"):
        recipes.RECIPES["flagship"](data=tmp_path / "empty", out=tmp_path / "out")
