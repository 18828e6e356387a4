"""Tuning a personal style: the network stays, the loss on other pieces of that style falls."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.compose import flagship as composer
from core.compose import personal
from core.compose.encoding import piece_from_song
from core.compose.network import Network, Shape
from core.compose.styles import COMPOSERS, STYLES
from core.errors import Cancelled, TunesmithError
from core.learn.data import Example
from core.learn.flagship import measure_loss
from core.learn.personal import OPEN, Tuning, learn_personal, parted, personalised, tune
from core.learn.recipes import RECIPES
from core.song.harmony import Key
from core.song.midi_file import write_midi
from core.song.notes import Song, Track, make_notes

CPU = torch.device("cpu")


def waltz(number: int) -> Song:
    """A high flute in even notes, each time another tune of the same kind."""
    rng = np.random.default_rng(number)
    pitches = np.array([84, 86, 88, 91, 93])[rng.integers(0, 5, 96)]
    return Song(make_notes(np.arange(96) * 240, 240, pitches, 90), (Track("tune", 73),))


def example(number: int) -> Example:
    piece = piece_from_song(waltz(number), Key(0, "major"))
    assert piece is not None
    return Example(piece, *OPEN, "own", str(number), "train")


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return Network(Shape(24, 1, len(STYLES), len(COMPOSERS), 0.0)).eval()


PLAN = Tuning(minutes=10.0, most_steps=30, streams=2, steps=48, learning_rate=0.1, check_steps=10)


def test_tuning_lowers_the_loss_of_other_pieces_and_leaves_the_network_alone(network: Network) -> None:
    torch.set_num_threads(1)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    shares: list[float] = []
    tuned = tune(network, [example(number) for number in range(4)], PLAN, progress=shares.append)
    assert tuned.h.shape == tuned.c.shape == (1, 24)
    assert tuned.wish.shape == (64,)
    assert all((network.state_dict()[name] == tensor).all() for name, tensor in before.items())
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert tuned.figures["tuned_nats"] < tuned.figures["open_nats"]

    others = [example(number) for number in range(10, 13)]
    own = personalised(network, *(torch.from_numpy(part) for part in (tuned.h, tuned.c, tuned.wish)))
    assert measure_loss(own, others, CPU)["nats"] < measure_loss(network, others, CPU)["nats"] - 0.1


def test_a_style_of_zeros_changes_nothing(network: Network) -> None:
    zeros = torch.zeros(1, 24)
    own = personalised(network, zeros, zeros, torch.zeros(64))
    assert measure_loss(own, [example(0)], CPU) == measure_loss(network, [example(0)], CPU)


def test_the_last_fifth_of_every_piece_is_held_out() -> None:
    pieces = [example(number) for number in range(3)]
    bars = [len(e.piece.bar_steps) for e in pieces]
    learnt, held_out = parted(pieces)
    assert [len(e.piece.bar_steps) for e in held_out] == [count // 5 for count in bars]
    assert [len(a.piece.bar_steps) + len(b.piece.bar_steps) for a, b in zip(learnt, held_out)] == bars
    notes = sum(len(e.piece.events) for e in pieces)
    assert sum(len(e.piece.events) for e in learnt + held_out) == notes


def test_tuning_can_be_cancelled(network: Network) -> None:
    with pytest.raises(Cancelled):
        tune(network, [example(0)], PLAN, cancelled=lambda: True)


def test_files_become_a_style_with_a_name_and_its_card(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    loaded = composer.Loaded(network, {"sha256": "ab" * 32})
    monkeypatch.setattr(composer, "load", lambda: loaded)
    monkeypatch.setattr(
        "core.learn.personal.Tuning", lambda *_, **__: replace(PLAN, most_steps=4, check_steps=2)
    )
    data = tmp_path / "midi"
    data.mkdir()
    for number in range(3):
        write_midi(waltz(number), data / f"{number}.mid")
    (data / "broken.mid").write_bytes(b"MThd")
    figures = RECIPES["personal"](data=data, name="my waltzes")
    style = personal.load("my waltzes", network_sha256="ab" * 32)
    assert figures["pieces"] == style.card["pieces"] == 3
    assert style.card["notes"] == 3 * 96
    assert style.card["trained_on"] == ["0.mid", "1.mid", "2.mid"]
    assert style.card["figures"]["open_nats"] == figures["open_nats"]
    assert style.h.shape == (1, 24)


def test_what_is_missing_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(TunesmithError, match="--name"):
        learn_personal(data=tmp_path)
    with pytest.raises(TunesmithError, match="cannot name"):
        learn_personal(data=tmp_path, name="../x")
    with pytest.raises(TunesmithError, match="--data"):
        learn_personal(data=None, name="x")
