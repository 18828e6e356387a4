"""Composers told by notes and by sound: what is looked at, the networks, and the verdict."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.listen import composer_audio, composer_scores
from core.listen.composer_audio import COLUMNS, FRAMES, TARGETS, Trained, clips, columns, described
from core.listen.composer_features import COUNT, GROUPS, features
from core.listen.composer_networks import BASELINES, ROWS, Convolutional, Ears, ManyToOne
from core.listen.composer_scores import OTHERS, Composers
from core.listen.report import NOT_SURE
from core.listen.style_features import COUNT as GENERAL
from core.song.edits import transpose
from core.song.notes import Song, Track, make_notes
from core.store.model_file import find_models


@pytest.fixture
def song() -> Song:
    """Sixteen bars in C major: a scale over chords of the first, fourth and fifth degree."""
    bars = np.arange(16)
    tune = make_notes(np.arange(128) * 240, 240, np.tile([60, 62, 64, 65, 67, 69, 71, 72], 16), 90)
    roots = np.array([48, 53, 55, 48])[bars % 4]
    chords = np.concatenate([make_notes(bars * 1920, 1920, roots + above, 70, 1) for above in (0, 4, 7)])
    return Song(np.concatenate([tune, chords]), (Track("tune", 73), Track("chords", 48)))


@pytest.mark.parametrize(("name", "labels"), [(composer_scores.NAME, 74), (composer_audio.NAME, 5)])
def test_the_shipped_weights_are_small_and_belong_to_this_program(name: str, labels: int) -> None:
    files = {model.name: model for model in find_models("listen")}
    card = files[name].card
    assert card["bytes"] < 1 << 20
    assert len(card["labels"]) == labels
    model = {composer_scores.NAME: composer_scores, composer_audio.NAME: composer_audio}[name].load()
    assert len(model.labels) == labels
    assert 0 < model.threshold < 1


# ---- notes ---------------------------------------------------------------------------------------


def test_a_row_of_features_has_what_the_groups_say(song: Song) -> None:
    rows = features(song)
    assert rows.shape == (1, COUNT)
    assert GENERAL < COUNT
    stops = [part.stop for part in GROUPS.values()]
    assert [part.start for part in GROUPS.values()] == [0, *stops[:-1]]
    assert stops[-1] == COUNT


def test_harmony_names_the_degrees_and_major_triads_that_sound(song: Song) -> None:
    harmony = features(song)[0, GROUPS["harmony"]]
    bass_and_third = harmony[48:96]  # after the kinds of chords
    major = bass_and_third.reshape(12, 4)[:, 2] + bass_and_third.reshape(12, 4)[:, 3]
    assert major[0] == pytest.approx(0.5)
    assert major[5] == pytest.approx(0.25)
    assert major[7] == pytest.approx(0.25)


def test_only_key_register_and_spacing_change_when_a_piece_is_transposed(song: Song) -> None:
    moved = transpose(song, np.arange(len(song.notes)), 2)
    for name in ("lines", "harmony", "rhythms", "meter"):
        np.testing.assert_allclose(
            features(song)[0, GROUPS[name]], features(moved)[0, GROUPS[name]], atol=1e-6, err_msg=name
        )
    assert np.abs(features(song)[0, GROUPS["key"]] - features(moved)[0, GROUPS["key"]]).max() > 0.5


def test_drums_alone_have_no_composer(song: Song) -> None:
    beat = Song(make_notes(np.arange(64) * 480, 240, 38, 90), (Track("drums", is_drum=True),))
    assert features(beat).shape == (0, COUNT)
    assert composer_scores.classify(beat).label == NOT_SURE


def told_by_first_feature(threshold: float, bias: float = 0.0) -> Composers:
    """A network whose second label is likelier the more there is of one feature that pieces have."""
    weights = np.zeros((COUNT, 3), np.float32)
    weights[GROUPS["meter"].start + 2, 1] = 5.0  # 4 beats to the bar
    zero, one = np.zeros(COUNT, np.float32), np.ones(COUNT, np.float32)
    return Composers(
        ("Ahle", "Bach", OTHERS), zero, one, ((weights, np.array([0, 0, bias], np.float32)),), 1.0, threshold
    )


def test_the_verdict_is_the_likeliest_composer(song: Song, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composer_scores, "load", lambda model: told_by_first_feature(0.5))
    verdict = composer_scores.classify(song)
    assert verdict.label == "Bach"
    assert verdict.chances[0][0] == "Bach"
    assert sum(chance for _, chance in verdict.chances) == pytest.approx(1)


@pytest.mark.parametrize(("threshold", "bias"), [(0.999, 0.0), (0.5, 20.0)])
def test_a_low_chance_or_anyone_else_is_not_sure(
    song: Song, monkeypatch: pytest.MonkeyPatch, threshold: float, bias: float
) -> None:
    monkeypatch.setattr(composer_scores, "load", lambda model: told_by_first_feature(threshold, bias))
    assert composer_scores.classify(song).label == NOT_SURE


def test_temperature_leaves_the_order_and_lowers_the_claim(song: Song) -> None:
    network = told_by_first_feature(0.0)
    sharp, soft = network.piece(features(song)), replace(network, temperature=3.0).piece(features(song))
    assert sharp.argmax() == soft.argmax() == 1
    assert soft.max() < sharp.max()


# ---- sound ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "flat"), [("chroma", 10 * 12 * 27), ("mfcc", 10 * 12 * 27), ("mel", 10 * 4 * 6)]
)
def test_the_convolutions_of_table_2_end_in_pictures_of_the_right_size(kind: str, flat: int) -> None:
    network = Convolutional(kind, 5)
    assert network.dense[0].in_features == flat
    assert [layer.out_features for layer in network.dense if hasattr(layer, "out_features")] == [120, 84, 5]


def test_the_nine_baselines_take_their_representation_and_have_the_papers_sizes() -> None:
    assert len({row.name for row in BASELINES}) == 9
    for row in BASELINES:
        assert row.make(5).eval()(torch.zeros(2, ROWS[row.kind], 431)).shape == (2, 5)
    # Four hidden layers of 1024, 512, 256 and 64, each with its batch normalisation
    inputs = (12 * 431, 1024, 512, 256, 64)
    layers = sum(a * b + b + 2 * b for a, b in zip(inputs, inputs[1:])) + 64 * 5 + 5
    assert sum(part.numel() for part in BASELINES[0].make(5).parameters()) == layers
    assert {(row.network, row.rate, row.decay) for row in BASELINES} == {
        ("feed forward", 1e-4, 1e-4), ("CNN", 1e-3, 1e-4), ("LSTM", 1e-3, 0.0),
    }  # fmt: skip


def test_an_lstm_hears_eleven_chunks_of_36_frames_on_their_own() -> None:
    network = ManyToOne(12, 5).eval()
    x = torch.randn(1, 12, 431)
    y = x.clone()
    y[:, :, 36:72] = 0
    changed = (network.chunks(x) != network.chunks(y)).any(2)[0]
    assert changed.tolist() == [False, True] + [False] * 9


def test_columns_are_relative_to_the_loudest_place_and_80_db_deep() -> None:
    mel = np.full((128, FRAMES), -100.0, np.float16)
    mel[5, 40:44] = 20.0
    mel[6, 40:44] = -20.0
    seen = columns(mel)
    assert seen.shape == (128, COLUMNS)
    assert seen[5, 10] == 1
    assert seen[6, 10] == 0.5
    assert seen[7].max() == 0
    np.testing.assert_array_equal(seen, columns(mel - np.float16(6)))


def test_a_file_is_heard_in_clips_and_silent_ones_are_left_out() -> None:
    mel = np.zeros((128, 3 * FRAMES), np.float16)
    assert len(clips(mel)) == 5
    mel[:, : FRAMES + 4] = -100
    assert len(clips(mel)) == 4
    assert len(clips(mel[:, :100])) == 0
    assert len(clips(mel[:, -200:])) == 1
    assert len(clips(np.zeros((128, 100 * FRAMES), np.float16))) == composer_audio.MOST_CLIPS


def heard(mel: np.ndarray, silent: bool = False) -> Any:
    return SimpleNamespace(mel_db=mel, silent=silent)


def told_of(notes: list[tuple[int, int]], pairs: int = 53) -> np.ndarray:
    """What sounds where (pitch class, bass) changes every ten pairs of columns."""
    edges = dict(zip(TARGETS, np.cumsum([0, *TARGETS.values()])))
    told = np.zeros((1, sum(TARGETS.values()), pairs), np.float32)
    for pair in range(pairs):
        pitch_class, bass = notes[pair // 10 % len(notes)]
        for step in (0, 4, 7):
            told[0, edges["pitch classes"] + (pitch_class + step) % 12, pair] = 1
        told[0, edges["bass"] + bass, pair] = 1
        told[0, edges["top"] + pitch_class, pair] = 1
    return told


def test_statistics_of_what_sounds_do_not_change_when_it_is_transposed() -> None:
    first = described(told_of([(0, 0), (5, 5), (7, 7)]))
    np.testing.assert_allclose(described(told_of([(2, 2), (7, 7), (9, 9)])), first, atol=1e-6)
    other = described(told_of([(0, 0), (9, 9), (7, 7)]))
    assert np.abs(other - first).max() > 0.1
    assert np.isfinite(described(np.zeros((2, sum(TARGETS.values()), 53), np.float32))).all()


def trained_on_nothing(threshold: float) -> Trained:
    torch.manual_seed(1)
    ears = Ears(sum(TARGETS.values()), widths=(4, 4), width=4).eval()
    size = described(told_of([(0, 0)])).shape[1]
    weights = np.random.default_rng(1).normal(size=(size, 3)).astype(np.float32)
    zero, one = np.zeros(size, np.float32), np.ones(size, np.float32)
    return Trained(
        ears, ("Ahle", "Bach", "Cage"), zero, one, weights, np.zeros(3, np.float32), 1.0, threshold, 1e3
    )


def test_the_verdict_of_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    network = trained_on_nothing(0.0)
    monkeypatch.setattr(composer_audio, "load", lambda model: network)
    mel = np.random.default_rng(1).normal(0, 10, (128, 900)).astype(np.float16)
    verdict = composer_audio.classify(heard(mel))
    assert verdict.label == verdict.chances[0][0]
    assert sorted(label for label, _ in verdict.chances) == sorted(network.labels)
    assert sum(chance for _, chance in verdict.chances) == pytest.approx(1)
    monkeypatch.setattr(composer_audio, "load", lambda model: replace(network, threshold=1.1))
    assert composer_audio.classify(heard(mel)).label == NOT_SURE
    monkeypatch.setattr(composer_audio, "load", lambda model: replace(network, strangest=0.0))
    assert composer_audio.classify(heard(mel)).label == NOT_SURE
    assert composer_audio.classify(heard(mel, silent=True)).chances == ()
    assert composer_audio.classify(heard(mel[:, :50])).label == NOT_SURE
