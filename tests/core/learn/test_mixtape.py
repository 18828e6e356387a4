"""MixTape's training, its baselines and its tables, on music small enough to know by heart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.compose import mixtape as mixtape_generator
from core.compose.mixtape import Loaded
from core.compose.mixtape_network import MixTapeNetwork
from core.learn import mixtape, mixtape_report, mixtape_tables
from core.learn.mixtape import Plan, Tokens, batches, even_out, spread_thresholds, tokens_of
from core.learn.mixtape_facts import facts, repeated_share
from core.learn.mixtape_report import ngram_chances, questions, score
from core.store.model_file import find_models

SCALE = ("C4", "D4", "E4", "F4", "G4", "A4", "B4", "0+4+7")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """More would only wait for each other in networks so small."""
    torch.set_num_threads(1)


def scales(count: int) -> np.ndarray:
    """Up the scale, over and over."""
    return np.arange(count, dtype=np.int64) % len(SCALE)


def corpus() -> Tokens:
    return Tokens(SCALE, scales(3000), scales(500), scales(450), 0.0)


def test_the_rarest_elements_are_left_out() -> None:
    train = ["C4"] * 600 + ["D4"] * 399 + ["0+1"]
    tokens = tokens_of({"train": train, "valid": ["C4", "E4", "D4"], "test": ["0+1"]})
    assert tokens.vocabulary == ("C4", "D4")
    assert tokens.train.tolist() == [0] * 600 + [1] * 399
    assert tokens.valid.tolist() == [0, 1]
    assert tokens.left_out == 0.5


def test_every_place_of_a_window_is_asked_and_every_element_is_seen() -> None:
    tokens = np.arange(1500, dtype=np.int64)
    feed = batches(tokens, 4, seed=1)
    inputs, targets = next(feed)
    assert inputs.shape == targets.shape == (4, mixtape.WINDOW)
    assert torch.equal(targets, inputs + 1)
    seen = torch.cat([inputs.flatten(), *(next(feed)[0].flatten() for _ in range(12))])
    assert len(seen.unique()) > 1400


def test_at_the_start_neighbours_differ_and_every_layer_is_heard() -> None:
    network = MixTapeNetwork(250, hidden=64, dense=32)
    spread_thresholds(network, 1)
    weights = network.weights()
    slope, bias = weights["lstm.weight_ih_l0"][:64, 0], weights["lstm.bias_ih_l0"][:64]
    places = (-bias / slope).sort().values
    assert places[0] < 0.1
    assert places[-1] > 0.9
    assert slope.abs().max() > 100
    inputs = torch.arange(200).view(2, 100)
    even_out(network, inputs)
    hidden = torch.cat([network.lstm((inputs / 250).unsqueeze(-1))[0]])
    assert float(network.dense(hidden).std().detach()) == pytest.approx(1, abs=0.3)


def test_an_ngram_knows_a_scale_and_the_commonest_does_not() -> None:
    levels = ngram_chances(scales(800), scales(200), questions(scales(200)), len(SCALE))
    asked = scales(200)[questions(scales(200))]
    for chances in levels:
        assert chances.sum(1) == pytest.approx(1)
    assert score(levels[1], asked)["accuracy"] == 1
    assert score(levels[1], asked)["nats"] == pytest.approx(-np.log((100 + 4 / 8) / 104), abs=0.01)
    assert score(levels[0], asked)["nats"] == pytest.approx(np.log(8), abs=0.01)
    assert score(levels[2], asked)["nats"] < score(levels[1], asked)["nats"]


def test_training_learns_a_scale_and_can_be_resumed(tmp_path: Path) -> None:
    told: list[dict[str, float]] = []
    plan = Plan(steps=20, batch=4, learning_rate=1e-2, warm_up=1, checks=4, hidden=24)
    best = mixtape.train(corpus(), tmp_path, plan, report=told.append)
    assert {p.name for p in tmp_path.iterdir()} >= {f"stage-{stage}.safetensors" for stage in (80, 120, 180)}
    assert told[-1]["valid_nats"] < told[0]["train_nats"]
    measured = mixtape.measure(mixtape.load_weights(best), corpus().valid)
    assert measured["nats"] == pytest.approx(min(line["valid_nats"] for line in told), abs=0.02)

    longer = replace(plan, steps=24)
    more: list[dict[str, float]] = []
    mixtape.train(corpus(), tmp_path, longer, resume=True, report=more.append)
    assert told[-1]["step"] == 20
    assert more[-1]["step"] == 24
    assert more[-1]["minutes"] > told[-1]["minutes"]
    assert more[-1]["epoch"] == pytest.approx(told[-1]["epoch"] * 24 / 20, rel=0.02)


def test_a_run_becomes_a_model_that_composes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    plan = Plan(steps=6, batch=4, checks=2, hidden=16)
    monkeypatch.setattr(mixtape_report, "STAGE_PIECES", 1)
    mixtape_report._train(corpus(), run, plan, "cpu", False, lambda _: None, lambda: False)
    out = tmp_path / "models" / "mixtape-guitar"
    out.parent.mkdir()
    figures = mixtape_report.ship(run, corpus(), out, {"licence": "none"})
    assert figures["test"]["the one before"]["accuracy"] == 0
    assert figures["test"]["bigram"]["accuracy"] == 1
    assert set(figures["stages"]) == {"80", "120", "180", "real"}
    assert figures["stages"]["real"]["unique"] == len(SCALE)

    card = json.loads(out.with_suffix(".json").read_text())
    assert card["vocabulary"] == list(SCALE)
    assert card["tensors"]["seeds"]["shape"][1] == 500
    models = find_models("compose", folders=[out.parent])
    monkeypatch.setattr(mixtape_generator, "find_models", lambda room: models)
    mixtape_generator.load.cache_clear()
    loaded = mixtape_generator.load("guitar")
    mixtape_generator.load.cache_clear()
    assert loaded.vocabulary == SCALE
    seeds = loaded.seeds.astype(int)
    assert ((np.diff(seeds, axis=1) - 1) % len(SCALE) == 0).all()


def test_facts_of_music_that_is_known() -> None:
    found = facts(list(SCALE) * 4)
    assert found["unique"] == 8
    assert found["in_key_share"] == 1.0
    assert found["repeated"] == pytest.approx(1 - 8 / 25)
    assert repeated_share([f"C{i}" for i in range(9)] * 1) == 0.0
    assert repeated_share(["C4"] * 200) == pytest.approx(1 - 1 / 193)


def test_the_tables_stand_beside_the_published_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    loaded = Loaded(MixTapeNetwork(8, 16, 8).eval(), SCALE, scales(600)[None].astype(np.uint16))
    stage = {"epochs": 1.0, "valid_nats": 2.0, "unique": 8.0, "in_key_share": 1.0, "repeated": 0.5}

    class Model:
        card = {"figures": {"stages": {"80": stage, "real": {"unique": 40.0}}}}

        def __init__(self, name: str) -> None:
            self.name = name

    monkeypatch.setattr(mixtape_tables, "load", lambda name: loaded)
    monkeypatch.setattr(
        mixtape_tables, "find_models", lambda room: [Model("mixtape-guitar"), Model("mixtape-piano")]
    )
    shares: list[float] = []
    table = mixtape_tables.make(quick=True, progress=shares.append)
    assert shares[-1] == 1.0
    assert np.ceil(list(table.values["duration"].values())).tolist() == [26, 51, 76, 101, 126]
    assert np.ceil(list(table.values["offset"].values())).tolist() == [51, 61, 71, 81, 91]
    assert set(table.values["guitar"]["by_length"]) == {"100", "200"}
    assert 1 < table.values["piano"]["drawn"]["unique"] <= 8
    assert "| 100 | 35 |" in table.markdown
    assert "| 200 | 66.49 |" in table.markdown
    assert "| 80 | mostly unpleasant | 2.000 | 8 | 1.000 | 0.500 |" in table.markdown
    assert "| real | – | – | 40 |" in table.markdown
