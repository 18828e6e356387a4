"""Training Short Tunes: the paper's sizes, its note loss, and a whole training on a handful of songs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.compose.short_tunes import FACTS, TRAINABLE, foretell, rows_of, weights_from
from core.errors import Cancelled, TunesmithError
from core.learn import short_tunes as training
from core.learn.note_loss import (
    REACH,
    SOUNDS_RIGHT,
    draw,
    note_loss,
    note_loss_of_tensor,
    polynomial,
    seams,
)
from core.learn.recipes import RECIPES
from core.song.midi_file import read_midi, write_midi
from core.song.notes import Song, Track, make_notes
from core.store.model_file import find_models


def write_songs(folder: Path, count: int = 40) -> None:
    """Broken chords at one loudness and one speed: easy to learn."""
    folder.mkdir()
    for number in range(count):
        pitches = np.roll([48, 60, 64, 67, 72, 67, 64, 60] * 8, number)
        notes = make_notes(np.arange(64) * 120, 110, pitches, 60 + 40 * (pitches < 50))
        write_midi(Song(notes, (Track("piano"),)), folder / f"song{number}.mid")


def test_the_parts_have_the_sizes_of_the_papers_table_2() -> None:
    network = training.ShortTunes()
    sizes = {name: getattr(network, name).numel() for name in TRAINABLE}
    assert sizes["kernel"] + sizes["recurrent"] + sizes["bias"] == 9984
    assert sizes["hidden"] + sizes["hidden_bias"] == 1176
    assert sizes["output"] + sizes["output_bias"] == 75
    assert sum(p.numel() for p in network.parameters()) == 11_235


def test_composing_and_training_have_the_same_network() -> None:
    torch.manual_seed(3)
    network, window = training.ShortTunes(), torch.randn(7, 3, 3)
    tensors = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    tensors |= dict.fromkeys(FACTS, np.ones(3))
    ours = foretell(weights_from(tensors), window.numpy())
    assert np.allclose(ours, network(window).detach().numpy(), atol=1e-5)


def test_the_note_loss_is_low_where_a_wrong_note_sounds_right_and_high_elsewhere() -> None:
    differences = np.arange(-REACH, REACH + 1)
    loss = note_loss(differences)
    right = np.isin(differences % 12, SOUNDS_RIGHT)
    assert {0, 4, 7, -5, -8, 12, -12, 24, -17} <= set(differences[right].tolist())
    assert loss[right].max() < 0.2
    assert loss[~right].min() > 0.9
    assert loss.min() >= 0
    assert note_loss([-100, 100]).min() > 1


def test_the_note_loss_rises_slightly_with_the_octave() -> None:
    octaves = note_loss([0, 12, 24, 36])
    assert (np.diff(octaves) > 0).all()
    assert octaves[-1] < 0.25
    assert (np.diff(note_loss([2, 14, 26])) > 0).all()


def test_every_place_that_sounds_right_is_a_valley() -> None:
    slope = polynomial().deriv()
    for place in (-17, -12, -8, -5, 0, 4, 7, 12, 16, 19):
        assert slope(place - 0.5) < 0 < slope(place + 0.5), place


def test_the_note_loss_can_be_learnt_through_everywhere() -> None:
    points = [-80.0, *(s + d for s in seams() for d in (-1e-3, 1e-3)), -5.2, 0.0, 0.3, 6.5, 90.0]
    differences = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    assert np.allclose(note_loss_of_tensor(differences).detach().numpy(), note_loss(points))
    assert torch.autograd.gradcheck(note_loss_of_tensor, (differences,))
    before, after = (torch.tensor([s + d], dtype=torch.float64, requires_grad=True) for s, d in
                     ((seams()[1], -1e-4), (seams()[1], 1e-4)))  # fmt: skip
    (one,), (other,) = (torch.autograd.grad(note_loss_of_tensor(t).sum(), t) for t in (before, after))
    assert one.item() == pytest.approx(other.item(), abs=0.01)


def test_a_fifth_of_the_others_is_added_to_the_note_loss() -> None:
    predicted = torch.tensor([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    three = training.losses(predicted, torch.zeros(2, 3), 10.0)
    assert three.tolist() == pytest.approx([float(note_loss(0)), 1.0, 4.0], abs=1e-5)
    assert float(training.combined(three)) == pytest.approx(float(note_loss(0)) + 0.2 * 5, abs=1e-5)


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_windows_never_reach_into_another_song(tmp_path: Path) -> None:
    write_songs(tmp_path / "midi", 12)
    corpus = training.read_corpus(tmp_path / "midi")
    places = np.concatenate([corpus.targets(split) for split in ("train", "valid", "test")])
    assert len(places) == len(corpus.rows) - 3 * 12
    song = np.searchsorted(corpus.bounds, places, "right")
    assert (song == np.searchsorted(corpus.bounds, places - 3, "right")).all()
    first = read_midi(tmp_path / "midi" / "song0.mid")
    assert np.allclose(corpus.rows[: corpus.bounds[1]], rows_of(first), atol=1e-6)
    windows = training.Windows(corpus, "cpu")
    _, rows = windows.at(torch.from_numpy(np.arange(3, len(corpus.rows))))
    assert abs(float(rows[:, 0].mean())) < 0.2


def test_learning_lowers_the_loss_and_leaves_a_model_that_composes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(training.Plan(), most_steps=800, batch=64, check_steps=50, check_rows=500)
    monkeypatch.setattr(training, "PLAN", small)
    data, out = tmp_path / "midi", tmp_path / "out"
    write_songs(data)
    figures = RECIPES["short-tunes"](data=data, minutes=10, out=out)
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert figures["valid"]["loss"] < 0.95 * log[0]["valid_loss"]
    assert set(figures["next_note_accuracy"]) == {
        "commonest", "repeat", "logistic", "logistic_one_hot", "network",
    }  # fmt: skip
    assert figures["next_note_accuracy"]["logistic_one_hot"] > 0.9
    assert figures["next_note_accuracy"]["repeat"] == 0.0
    (model,) = [m for m in find_models("compose", folders=[out]) if m.name == "short-tunes"]
    tensors, card = model.load()
    assert card["parameters"] == 11_235
    assert np.allclose(tensors["mean"][0], 62, atol=2)
    assert weights_from(tensors).kernel.shape == (3, 192)
    assert (out / "short-tunes-curve.png").exists()

    monkeypatch.setattr(training, "PLAN", replace(small, most_steps=900))
    RECIPES["short-tunes"](data=data, minutes=10, out=out, resume=True)
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    assert steps[-1] == 900


def test_learning_can_be_cancelled_and_says_what_it_needs(tmp_path: Path) -> None:
    write_songs(tmp_path / "midi", 12)
    with pytest.raises(Cancelled):
        RECIPES["short-tunes"](data=tmp_path / "midi", out=tmp_path / "out", cancelled=lambda: True)
    with pytest.raises(TunesmithError, match="--data"):
        RECIPES["short-tunes"](data=None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(TunesmithError, match="neither a manifest"):
        RECIPES["short-tunes"](data=tmp_path / "empty", out=tmp_path / "out")
