"""The recurrent autoencoder of bars learns, comes back after a break, and is measured rightly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.compose.encoding import piece_from_song
from core.explore.score import read_units, write_units
from core.explore.score_codec import NO_PROGRAM, SLOTS, UNIT_BARS, on_slots
from core.explore.score_network import ScoreNetwork, Shape
from core.learn.data import Example
from core.learn.embeddings_scores import figures, likeness, training
from core.learn.embeddings_scores.batches import drawn, shelf_of, units_of
from core.song.harmony import Key
from core.song.notes import Song, Track, make_notes

SMALL = Shape(
    latent=16,
    reader=48,
    cell=32,
    bar=48,
    unit=32,
    conductor=48,
    condition=48,
    writer=64,
    likeness=32,
    vector=8,
)
PLAN = training.Plan(
    steps=160, minutes=60, units=6, rate=4e-3, rise=10, beta=0.0, withheld=0.0, average=0.97, check_minutes=60
)

TUNES = ([0, 4, 7, 12], [12, 7, 4, 0], [0, 2, 4, 5], [9, 7, 5, 4], [0, 0, 7, 7], [4, 5, 4, 2])


def example(number: int, split: str = "train", bars: int = 8) -> Example:
    pitches = np.resize(60 + np.array(TUNES[number % len(TUNES)]), 4 * bars)
    tune = make_notes(np.arange(4 * bars) * 480, 480, pitches, 80, 0)
    bass = make_notes(np.arange(bars) * 1920, 1920, np.resize(pitches[::4] - 24, bars), 64, 1)
    song = Song(np.concatenate([tune, bass]), (Track("tune", 73, 0), Track("bass", 32, 1)))
    piece = piece_from_song(song, Key(0))
    assert piece is not None
    return Example(piece, 0, 0, "own", f"work {number}", split)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[ScoreNetwork, list[dict[str, float]], Path]:
    shelf = shelf_of([example(number) for number in range(4)])
    out = tmp_path_factory.mktemp("run")
    told: list[dict[str, float]] = []
    network = training.train(shelf, shelf, out, PLAN, SMALL, report=told.append)
    return network, told, out


def test_a_shelf_holds_every_note_in_its_cell() -> None:
    examples = [example(number) for number in range(3)]
    shelf = shelf_of(examples)
    assert len(shelf.bar_steps) == 24
    assert shelf.bounds[-1] == len(shelf.events) == 3 * (32 + 8)
    counts = np.diff(shelf.bounds).reshape(24, len(SLOTS))
    assert (counts == [1, 0, 0, 4, 0]).all()
    assert shelf.weight.sum() == pytest.approx(1)


def test_a_unit_never_reaches_into_the_next_piece() -> None:
    shelf = shelf_of([example(0, bars=4), example(1, bars=4)])
    first = np.concatenate([rows for rows, _ in zip(drawn(shelf, 50, 1), range(20))])
    assert set(first.tolist()) == {0, 1, 2, 4, 5, 6}


def test_the_network_is_given_what_was_written(learnt: tuple[ScoreNetwork, list, Path]) -> None:
    shelf = shelf_of([example(2)])
    cells, groups = units_of(shelf, np.array([0, 3]))
    assert cells.bars == 2 * UNIT_BARS
    assert cells.slot.tolist() == [0, 3] * 4
    assert sorted(int(count) for notes in groups for count in notes.count) == [1] * 4 + [4] * 4
    pitches = {int(pitch) for notes in groups for pitch in notes.pitch[notes.time < 96]}
    assert pitches == {60, 62, 64, 65, 36}


def test_it_learns_and_says_how_well(learnt: tuple[ScoreNetwork, list[dict[str, float]], Path]) -> None:
    _, told, out = learnt
    assert told[-1]["valid_pitch_accuracy"] > 0.95
    assert told[-1]["valid_onset_accuracy"] > 0.95
    assert (out / training.WEIGHTS).is_file()


def test_what_was_learnt_comes_back_note_for_note(learnt: tuple[ScoreNetwork, list, Path]) -> None:
    network = learnt[0]
    told = figures.reconstruction(network, [example(number, "test") for number in range(4)], pieces=4)
    assert told["ours"]["note"] > 0.95
    assert told["ours"]["onset"] > 0.95
    assert told["ours"]["duration"] > 0.9
    assert told["ours"]["part_95"][0] <= told["ours"]["part"] <= told["ours"]["part_95"][1]
    # These tunes repeat every bar, but their first two bars have nothing before them.
    assert told["the two bars before, again"]["part"] == pytest.approx(2 * 30 / (40 + 30))


def test_paths_are_measured(learnt: tuple[ScoreNetwork, list, Path]) -> None:
    told = figures.in_between(learnt[0], [example(number, "test") for number in range(4)], pairs=4)
    assert told["paths"] == 4
    assert told["in_key"]["real"] == 1.0
    assert all(1 / 7 - 1e-9 <= value <= 1 for values in told["largest_step"].values() for value in values)


def test_a_training_goes_on_from_where_it_was(tmp_path: Path) -> None:
    shelf = shelf_of([example(number) for number in range(2)])
    short = replace(PLAN, steps=3, units=2)
    training.train(shelf, shelf, tmp_path, short, SMALL)
    told: list[dict[str, float]] = []
    training.train(shelf, shelf, tmp_path, replace(short, steps=5), SMALL, resume=True, report=told.append)
    assert told[-1]["step"] == 5
    nothing_more: list[dict[str, float]] = []
    training.train(
        shelf, shelf, tmp_path, replace(short, steps=5), SMALL, resume=True, report=nothing_more.append
    )
    assert [row["step"] for row in nothing_more] == [5]


def test_kin_come_to_lie_close() -> None:
    """Two composers whose latent vectors differ in one direction of many, behind much that differs by piece."""
    dice = np.random.default_rng(2)
    works = likeness.Works(
        [],
        np.array(["a", "b"] * 30),
        np.array([f"work {number}" for number in range(60)]),
        np.array(["train"] * 60),
        np.array([-1 if number < 20 else 0 for number in range(60)]),
    )
    latents = []
    for number in range(60):
        piece = dice.normal(size=16)
        piece[3] = 1.5 if number % 2 else -1.5
        latents.append((piece + 0.3 * dice.normal(size=(12, 16))).astype(np.float32))
    torch.manual_seed(0)
    network = likeness.Likeness(SMALL)
    test = works.fold < 0
    likeness.train_likeness(network, latents, works, ~test, steps=80)
    summaries = np.stack([likeness.summed_up(rows) for rows in latents])
    with torch.no_grad():
        vectors = network(torch.from_numpy(summaries)).numpy()
    told = likeness.neighbour_figures(vectors, works, test)
    assert told["chance"] == pytest.approx(29 / 59)
    assert told["of_ten"] > 0.8
    assert told["nearest"]["accuracy"] > likeness.neighbour_figures(summaries, works, test)["of_ten"]
    # The way back finds the mean of the latent vectors where it is told by the vector: here its fourth number.
    with torch.no_grad():
        back = network.back(torch.from_numpy(vectors)).numpy()
    assert np.corrcoef(back[:, 3], summaries[:, 3])[0, 1] > 0.8


def test_latents_are_of_units_and_read_alike_alone_and_together(
    learnt: tuple[ScoreNetwork, list[dict[str, float]], Path],
) -> None:
    network = learnt[0]
    piece = example(1).piece
    reading, events = figures.reading_of(network, piece)
    assert reading.latents.shape == (4, 16)
    together = likeness.latents_of(network, [example(0), example(1), example(2, bars=5)], most_units=3)
    assert [len(rows) for rows in together] == [3, 3, 2]
    assert together[1] == pytest.approx(reading.latents[:3], abs=1e-5)
    assert np.array_equal(reading.latents, read_units(network, reading.frame, events))
    assert np.array_equal(write_units(network, reading), write_units(network, reading))
    assert (on_slots(piece)[1] != NO_PROGRAM).sum() == 2
