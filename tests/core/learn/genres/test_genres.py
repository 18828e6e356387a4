"""Genres on made-up data: splits, augmentation, training by steps, recipes from folder to verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import torch

from core.errors import Cancelled, TunesmithError
from core.learn.genres import seminar, tutorial
from core.learn.genres.augment import Strength, augment, bins_to_hertz, hertz_to_bins, strangers
from core.learn.genres.data import folds, load_tracks
from core.learn.genres.flagship import figures_of, learn_genre
from core.learn.genres.runs import Run, fitted, judged, one_hot
from core.learn.genres.training import Plan
from core.learn.genres.wide import fit_wide, summaries
from core.listen.summary import Summary
from core.listen.trained import trained
from core.store.model_file import load_model

QUICK = Plan(
    epochs=6, columns=56, batch=16, rate=3e-3, average=0.5, strength=Strength(mixup=0.2), bfloat16=False
)
STILL = Strength(stretch=0, semitones=0, gain=0, tilt=0, masks=0, cut=0, mixup=0)


def test_the_folder_is_read_with_its_split(folder: Path) -> None:
    tracks = load_tracks(folder)
    assert tracks.genres == ("bass", "bells", "noise")
    assert [len(tracks.part(name)) for name in ("train", "valid", "test")] == [21, 9, 9]
    assert len(tracks.part("train", "valid")) == 30
    assert tracks.twins[0] == tracks.twins[1] == 0
    assert tracks.keys[:3].tolist() == [0, 21, -1]


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TunesmithError, match="logmel_u8.npz"):
        load_tracks(tmp_path)
    with pytest.raises(TunesmithError, match="--data"):
        load_tracks(None)


def test_folds_hold_every_track_once_and_copies_together(folder: Path) -> None:
    tracks = load_tracks(folder)
    parts = folds(tracks, 5)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(tracks.names)))
    assert any({0, 1} <= set(part.tolist()) for part in parts)
    counts = np.array([np.bincount(tracks.labels[part], minlength=3) for part in parts])
    assert counts.min() >= 2
    assert counts.max() <= 4


def test_mel_bins_lie_where_librosa_puts_them() -> None:
    librosa = pytest.importorskip("librosa")
    places = torch.arange(128, dtype=torch.float32)
    hertz = librosa.mel_frequencies(n_mels=130, fmin=0, fmax=11025)[1:-1]
    np.testing.assert_allclose(bins_to_hertz(places, 128).numpy(), hertz, rtol=1e-5)
    np.testing.assert_allclose(hertz_to_bins(bins_to_hertz(places, 128), 128).numpy(), places, atol=1e-3)


def test_without_strength_a_crop_is_what_was_there() -> None:
    batch = torch.randint(0, 256, (4, 128, 90), dtype=torch.uint8)
    crops = augment(batch, 60, STILL, torch.Generator().manual_seed(0))
    for track, crop in zip(batch, crops):
        found = [
            bool(torch.equal((crop * 255).round().byte(), track[:, start : start + 60]))
            for start in range(31)
        ]
        assert any(found)


def test_pitch_moves_by_semitones_and_never_into_what_was_not_heard() -> None:
    batch = torch.zeros(64, 128, 80, dtype=torch.uint8)
    batch[:, 60] = 200
    moved = augment(batch, 56, replace(STILL, semitones=2), torch.Generator().manual_seed(1))
    hertz = bins_to_hertz(torch.arange(128, dtype=torch.float32), 128)
    peaks = hertz[moved.amax(2).argmax(1)]
    semitones = 12 * torch.log2(peaks / hertz[60])
    assert semitones.abs().max() < 2.6  # a bin there is 0.6 semitones wide
    assert semitones.max() > 1
    assert semitones.min() < -1


def test_gain_leaves_what_was_too_quiet_to_know() -> None:
    batch = torch.randint(0, 2, (8, 128, 80), dtype=torch.uint8) * 100
    changed = augment(batch, 56, replace(STILL, gain=6, tilt=8), torch.Generator().manual_seed(1))
    assert changed.min() == 0
    assert changed.max() <= 1
    assert ((changed == 0).float().mean((1, 2)) > 0.4).all()


def test_strangers_are_of_every_kind_and_in_range() -> None:
    crops = torch.rand(40, 128, 56)
    made = strangers(crops, torch.Generator().manual_seed(0))
    assert made.shape == crops.shape
    assert made.min() >= 0
    assert made.max() <= 1
    assert any(float(each.max()) == 0 for each in made)  # nothing at all
    assert any(
        float(each.std(1).max()) == 0 and float(each.max()) > 0 for each in made
    )  # one moment for ever


def test_a_network_learns_and_is_kept(folder: Path, tmp_path: Path) -> None:
    tracks = load_tracks(folder)
    learns, test = tracks.part("train"), tracks.part("test")
    told: list[float] = []
    first = fitted(tmp_path, "a", "conv1d", tracks, learns, QUICK, seed=1, watched=test, progress=told.append)
    assert told[-1] == 1
    assert [row["epoch"] for row in first.log] == [1, 2, 3, 4, 5, 6]
    assert "valid_loss" in first.log[-1]
    scored = judged(first, "conv1d", tracks, test)
    assert (scored.argmax(1) == tracks.labels[test]).mean() >= 0.8
    told.clear()
    again = fitted(tmp_path, "a", "conv1d", tracks, learns, QUICK, seed=1, watched=test, progress=told.append)
    assert not told  # nothing was trained
    np.testing.assert_array_equal(judged(again, "conv1d", tracks, test), scored)
    other = fitted(tmp_path, "a", "conv1d", tracks, learns, replace(QUICK, epochs=1), seed=1)
    assert len(other.log) == 1  # another plan is another network


def test_the_wide_ear_learns_from_versions_of_the_tracks(folder: Path) -> None:
    tracks = load_tracks(folder)
    learns, test = tracks.part("train"), tracks.part("test")
    copies = summaries(tracks, 3)
    assert copies.shape == (3, 42, Summary().size)
    ear = fit_wide(copies, learns, one_hot(tracks, learns), epochs=20)
    scored = judged(Run(ear, []), "genre-wide", tracks, test)
    assert (scored.argmax(1) == tracks.labels[test]).mean() >= 0.8


def test_training_stops_when_told(folder: Path, tmp_path: Path) -> None:
    tracks = load_tracks(folder)
    with pytest.raises(Cancelled):
        fitted(tmp_path, "b", "conv1d", tracks, tracks.part("train"), QUICK, seed=0, cancelled=lambda: True)
    assert not list(tmp_path.iterdir())


def test_figures_of_a_perfect_and_of_a_useless_classifier() -> None:
    labels = np.arange(30) % 3
    perfect = figures_of(np.eye(3, dtype=np.float32)[labels] * 20, labels, ("a", "b", "c"))
    assert perfect["accuracy"] == perfect["macro_f1"] == perfect["accuracy_at_coverage"]["80%"] == 1
    assert perfect["calibration_error"] < 0.01
    assert perfect["recall"] == {"a": 1, "b": 1, "c": 1}
    useless = figures_of(np.tile([[5.0, 0, 0]], (30, 1)).astype(np.float32), labels, ("a", "b", "c"))
    assert useless["accuracy"] == pytest.approx(1 / 3)
    assert useless["calibration_error"] > 0.6
    assert useless["confusion"] == [[10, 0, 0]] * 3


def test_the_flagships_recipe_leaves_a_model_that_hears(folder: Path, tmp_path: Path) -> None:
    plan = replace(QUICK, epochs=2, strangers=2)
    found = learn_genre(data=folder, out=tmp_path, plan=plan, wide_epochs=4, seeds=2, fold_count=2)
    assert set(found["filtered_test"]) == {"genre", "genre-deep", "genre-relative", "genre-wide"}
    assert len(found["filtered_test"]["genre"]["accuracy"]["seeds"]) == 2
    assert found["ten_folds_by_track_optimistic"]["genre"]["tracks"] == 42
    tensors, card = load_model(found["model"])
    assert card["room"] == "listen"
    assert card["figures"]["shipped_test"]["tracks"] == 9
    assert {value.dtype for value in tensors.values()} <= {np.dtype("float16"), np.dtype("int64")}
    ready = trained("genre", tensors, card)
    tracks = load_tracks(folder)
    chances = ready.chances(ready.scores(tracks.pictures[tracks.part("test")]))
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-6)


def test_the_seminars_recipe_draws_its_curves(folder: Path, tmp_path: Path) -> None:
    plan = replace(seminar.PLAN, epochs=2, bfloat16=False)
    found = seminar.learn_seminar(data=folder, out=tmp_path, plan=plan)
    assert Path(found["curves"]).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert Path(found["confusion"]).stat().st_size > 5000
    told = seminar.markdown(found)
    assert "65%" in told
    assert told.count("\n") == 6


def test_the_zoo_is_one_table(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tutorial, "TRAINED", ("dnn", "conv1d", "bi-lstm"))
    plan = replace(QUICK, epochs=1)
    source = replace(tutorial.SOURCE_PLAN, epochs=1, bfloat16=False, columns=56)
    found = tutorial.learn_zoo(data=folder, out=tmp_path, plan=plan, source_plan=source, seeds=1)
    assert set(found["networks"]) == {"dnn", "conv1d", "bi-lstm", "random-weights", "transfer"}
    told = tutorial.markdown(found)
    assert told.count("\n") == 2 + 3 + 5 - 1
    # A convnet with the machine folded in says what the machine says.
    assert found["networks"]["random-weights"]["machines"][0]["valid_accuracy"] >= 0.6
    ready = trained("random-weights", *load_model(tmp_path / "random-weights"))
    assert ready.scores(np.zeros((1, 128, 112), np.uint8)).shape == (1, 3)
