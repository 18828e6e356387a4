"""Training as such: seeded, resumable, ended early, with the best weights kept, and only with the data begun with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.compose.encoding import piece_from_song
from core.errors import TunesmithError
from core.learn import composer, flagship
from core.learn.data import Example
from core.song.harmony import Key
from core.song.midi_file import write_midi
from core.song.notes import Song, Track, make_notes

PLAN = flagship.Plan(
    most_steps=6,
    hidden=16,
    layers=1,
    infill=8,
    streams=2,
    steps=24,
    warm_up=1,
    check_minutes=60,
    check_pieces=2,
)


def tune(number: int) -> Song:
    pitches = np.roll([60, 62, 64, 65, 67, 69, 71, 72] * 4, number)
    return Song(make_notes(np.arange(32) * 240, 220, pitches, 90), (Track("tune", 73),))


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    found = []
    for number in range(6):
        piece = piece_from_song(tune(number), Key(0, "major"))
        assert piece is not None
        found.append(Example(piece, 0, 0, "own", str(number), "valid" if number > 3 else "train"))
    return found


def weights(path: Path) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in load_file(path).items()}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    examples: list[Example], tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    runs = [
        weights(flagship.train(examples, tmp_path / str(place), replace(PLAN, seed=seed)))
        for place, seed in enumerate((1, 1, 2))
    ]
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_a_resumed_training_goes_on_where_it_was(examples: list[Example], tmp_path: Path) -> None:
    told: list[dict[str, float]] = []
    first = flagship.train(examples, tmp_path, PLAN, report=told.append)
    before = weights(first)
    # Nothing is left to do: the same weights come back.
    flagship.train(examples, tmp_path, PLAN, resume=True, report=told.append)
    assert same(before, weights(first))
    flagship.train(examples, tmp_path, replace(PLAN, most_steps=9), resume=True, report=told.append)
    assert [line["step"] for line in told][:3] == [6, 6, 9]
    assert told[0]["notes"] == told[1]["notes"] < told[2]["notes"]
    assert told[0]["minutes"] == told[1]["minutes"] < told[2]["minutes"]
    with pytest.raises(TunesmithError, match="another shape"):
        flagship.train(examples, tmp_path, replace(PLAN, hidden=24), resume=True)


def test_training_ends_early_and_keeps_the_best_weights(
    examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([5.0, 3.0, 4.0, 4.5, 4.2, 3.0])
    monkeypatch.setattr(flagship, "measure_loss", lambda *_: {"nats": next(losses)})
    plan = replace(PLAN, most_steps=1000, patience=3, check_minutes=0.0, infill=0)
    told: list[dict[str, float]] = []
    kept: list[dict[str, np.ndarray]] = []

    def report(figures: dict[str, float]) -> None:
        told.append(figures)
        if (tmp_path / "weights.safetensors").exists():
            kept.append(weights(tmp_path / "weights.safetensors"))

    flagship.train(examples, tmp_path, plan, report=report)
    # Checked after every step: 5, 3 (best), 4, 4.5, 4.2 (three in a row that are worse), then the best again.
    assert told[-1]["step"] == 5
    assert told[-1]["valid_nats"] == 3.0
    final = weights(tmp_path / "weights.safetensors")
    assert same(final, kept[1])
    assert not same(final, kept[0])


def test_cancelling_leaves_a_checkpoint_that_can_be_resumed(examples: list[Example], tmp_path: Path) -> None:
    asked = iter([False, False, True])
    told: list[dict[str, float]] = []
    flagship.train(examples, tmp_path, PLAN, cancelled=lambda: next(asked), report=told.append)
    assert told[-1]["step"] == 2
    flagship.train(examples, tmp_path, PLAN, resume=True, report=told.append)
    assert told[-1]["step"] == 6


def test_data_are_packed_once_and_must_stay_what_they_were(tmp_path: Path) -> None:
    data, out = tmp_path / "midi", tmp_path / "out"
    data.mkdir()
    out.mkdir()
    for number in range(5):
        write_midi(tune(number), data / f"{number}.mid")
    (data / "copy.mid").write_bytes((data / "4.mid").read_bytes())
    known = composer.prepared(data, out, resume=False, workers=1)
    assert known["files"] == 6
    assert known == composer.prepared(data, out, resume=True, workers=1)

    (data / "3.mid").rename(data / "away")
    with pytest.raises(TunesmithError, match=r"1 files .* have changed .*3\.mid"):
        composer.prepared(data, out, resume=True, workers=1)
    (data / "away").rename(data / "3.mid")
    (out / composer.PACK).write_bytes((out / composer.PACK).read_bytes() + b"!")
    with pytest.raises(TunesmithError, match="not what this training began with"):
        composer.prepared(data, out, resume=True, workers=1)
    assert composer.prepared(data, out, resume=False, workers=1) == known
