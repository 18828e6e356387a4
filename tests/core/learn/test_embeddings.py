"""The embeddings of sound as they learn: small data, facts about what comes out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.learn.composers.clips import (
    COMPOSERS,
    READY,
    STATE,
    Clip,
    Clips,
    open_array,
    read_clips,
    write_list,
)
from core.learn.embeddings import adversarial, flagship, paper, pictures, stable
from core.learn.embeddings.judging import neighbours, regression, standardised
from core.learn.embeddings.measures import CROP_STARTS, found_again, genres, track_clips
from core.learn.genres.data import Tracks


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Forty clips of five composers; a composer's sound is loud in bands of his own."""
    rows, draw = [], np.random.default_rng(0)
    for number in range(40):
        composer = COMPOSERS[number % 5]
        split = "train" if number < 30 else "test"
        rows.append(
            Clip(f"{number}.mid", composer, f"work {number // 5}", split, number % 3, 0.0, "font", 1.0, 0)
        )
    write_list(tmp_path, rows)
    mel = open_array(tmp_path, "mel", writing=True)
    for number in range(40):
        mel[number] = draw.integers(0, 60, (64, 431))
        mel[number, 5 * (number % 5) : 5 * (number % 5) + 5] += 150
    for kind in ("mfcc", "chroma"):
        array = open_array(tmp_path, kind, writing=True)
        array[:] = draw.random(array.shape)
    np.save(tmp_path / STATE, np.full(40, READY, np.uint8))
    return read_clips(tmp_path)


def blobs(count: int, labels: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    label = np.arange(count) % labels
    middles = np.random.default_rng(9).normal(size=(labels, 6)) * 5
    return middles[label] + draw.normal(size=(count, 6)), label


def test_both_judges_tell_apart_what_lies_apart() -> None:
    learnt, label = blobs(60)
    asked, true = blobs(30, seed=1)
    assert (regression(learnt, label, asked).argmax(1) == true).all()
    assert (neighbours(learnt, label, asked) == true).all()


def test_judges_do_not_mind_the_scale_of_a_number() -> None:
    learnt, label = blobs(60)
    asked, _ = blobs(30, seed=1)
    factor = np.array([1, 1000, 0.001, 1, 50, 1])
    assert np.array_equal(
        neighbours(learnt, label, asked), neighbours(learnt * factor, label, asked * factor)
    )
    first, _ = standardised(learnt, asked)
    np.testing.assert_allclose(first.std(0), 1)


def test_what_autoencoders_get_lies_between_minus_one_and_one(clips: Clips) -> None:
    for kind in paper.REPRESENTATIONS:
        learnt, asked = paper.scaled(clips.of("train"), clips.of("test"), kind)
        assert learnt.min() == -1
        assert learnt.max() == 1
        assert np.abs(asked).max() <= 1


@pytest.mark.parametrize("kind", paper.KINDS, ids=lambda kind: kind.name)
def test_autoencoders_learn_to_redraw(kind: paper.Kind) -> None:
    draw = np.random.default_rng(0)
    rows = np.tanh(draw.normal(size=(128, 2)) @ draw.normal(size=(2, 80))).astype(np.float32)
    log: list[dict[str, float]] = []
    network = paper.train(replace(kind, decay=0.0), rows, epochs=15, report=log.append)
    assert log[-1]["error"] < 0.7 * log[0]["error"]
    codes, error = paper.embedded(network, rows)
    assert codes.shape == (128, 40)
    assert error < 0.7 * np.square(rows).mean()


def test_the_contractive_one_is_flatter() -> None:
    import torch

    draw = np.random.default_rng(0)
    rows = draw.uniform(-1, 1, (128, 40)).astype(np.float32)

    def slope(strength: float) -> float:
        network = paper.train(paper.Kind("test", 10, 0.0, contraction=strength), rows)
        x = torch.from_numpy(rows[:8])
        rise = torch.autograd.functional.jacobian(lambda row: network.encode(row).sum(0), x)
        return float(rise.pow(2).sum())

    assert slope(1.0) < 0.5 * slope(1e-9)


def test_crops_lie_where_they_are_cut(clips: Clips) -> None:
    mel = clips.read("mel")
    start = np.arange(len(mel)) * 3
    crops = adversarial.crops_at(mel, start)
    assert crops.shape == (40, 1, 32, 32)
    np.testing.assert_allclose(crops[7, 0], mel[7, :32, 21:53] / 255, rtol=1e-6)
    assert adversarial.middle_crops(clips).shape == (40, 1, 32, 32)


def test_a_classifier_of_crops_learns(clips: Clips) -> None:
    crops = adversarial.middle_crops(clips)
    judge = adversarial.train_classifier(adversarial.feed_forward(), crops, clips.label, epochs=20)
    assert (adversarial.chances(judge, crops).argmax(1) == clips.label).mean() > 0.8


def test_the_published_game_is_played(clips: Clips) -> None:
    log: list[dict[str, float]] = []
    sides = adversarial.train(clips.read("mel")[:6], 8, epochs=1, report=log.append)
    assert [row["epoch"] for row in log] == [1]
    assert 0 <= log[0]["told"] <= 1
    assert adversarial.embedded(sides.encoder, adversarial.middle_crops(clips)).shape == (40, 8)


def test_crops_for_the_stabilised_game_come_from_the_clips() -> None:
    clip = np.tile(np.arange(107, dtype=np.uint8), (1, 64, 1))
    crops = stable.crops_from(clip)(20)
    assert crops.shape == (20, 1, 64, 32)
    steps = (crops * 255).round().diff(dim=3)
    assert bool((steps == 1).all()), "columns that follow each other"
    assert (crops[:, 0, 0, 0] * 255).round().unique().numel() > 5, "from all over the clip"


def test_the_stabilised_game_and_the_variational_one_learn_to_redraw(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    tilt = np.linspace(0, 1, 64)[None, :, None] * draw.uniform(0, 1, (30, 1, 1))
    clip = np.rint(255 * np.broadcast_to(tilt, (30, 64, 107))).astype(np.uint8)
    plan = stable.Plan(steps=40, batch=8, report_every=8, keep=0.5)
    for train in (stable.train_variational, stable.train_on_music):
        found = train(stable.crops_from(clip), 4, plan)
        assert found.log[-1]["error"] < 0.7 * found.log[0]["error"]
        assert not found.encoder.training
    assert pictures.draw_curves({"a": found.log}, tmp_path / "a.png", "Test").stat().st_size > 5000


def test_the_learnt_half_brings_crops_of_a_track_together() -> None:
    draw = np.random.default_rng(0)
    own = draw.normal(size=(40, 30))
    copies = (own[None] + 0.5 * draw.normal(size=(4, 40, 30))).astype(np.float32)
    genre = np.arange(20) % 2
    copies[:, 20:, :3] += 4 * genre[None, :, None]
    heard = draw.normal(size=(20, 385)).astype(np.float32)
    plan = flagship.Plan(heard=6, learnt=8, epochs=60, batch=32, hidden=32)
    halves = flagship.fit(heard, copies[:, :20], np.arange(20), copies[:, 20:], genre, plan)
    assert halves.dimensions == 14
    new = (own[None] + 0.5 * draw.normal(size=(2, 40, 30))).astype(np.float32)
    new[:, 20:, :3] += 4 * genre[None, :, None]
    vectors = [halves.vectors(np.concatenate([np.zeros((40, 385), np.float32), rows], 1)) for rows in new]
    assert found_again(*vectors) > 0.5, "chance is one in forty"
    assert (neighbours(vectors[0][20:], genre, vectors[1][20:], 3) == genre).mean() > 0.8


def test_genres_are_measured_on_tracks_that_were_not_learnt_from() -> None:
    draw = np.random.default_rng(0)
    label = np.arange(60) % 2
    tracks = Tracks(
        tuple(f"t{number}" for number in range(60)),
        draw.integers(0, 255, (60, 128, 334)).astype(np.uint8),
        label,
        ("a", "b"),
        ("train",) * 20 + ("valid",) * 20 + ("test",) * 20,
        np.arange(60),
        np.full(60, -1),
        np.full(60, np.nan),
    )
    assert track_clips(tracks).shape == (180, 128, 107)
    assert track_clips(tracks).min() >= 0.5
    own = draw.normal(size=(60, 1, 8)) + 6 * label[:, None, None]
    codes = (own + 0.1 * draw.normal(size=(60, len(CROP_STARTS), 8))).reshape(180, 8)
    found = genres(codes, tracks)
    for part in ("valid", "test"):
        assert found[part]["tracks"] == 20
        assert found[part]["neighbours"]["accuracy"] == 1
        assert found[part]["found_again"] > 0.9
