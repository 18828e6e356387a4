"""From a recording to a verdict: pictures, crops, time line, doubt, saliency; with a classifier made for the test."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.errors import TunesmithError
from core.listen import genre, registry, saliency
from core.listen import trained as trained_file
from core.listen.report import NOT_SURE
from core.listen.spectra import one_thread
from core.listen.trained import FRONT_END, KIND, Trained, load, trained
from core.listen.zoo import NETWORKS
from core.store.model_file import save_model

RATE = 22050 / 512
LABELS = ("low", "high")


def heard(mel_db: np.ndarray, **fields: Any) -> Any:
    """What the classifiers read of a `core.listen.heard.Heard`."""
    facts = {
        "mel_db": mel_db.astype(np.float16),
        "duration_s": mel_db.shape[1] / RATE,
        "silent": False,
        "sample_rate": 22050,
        "hop_length": 512,
    }
    return SimpleNamespace(**facts | fields)


def loud_in(bins: slice, seconds: float) -> np.ndarray:
    """A steady sound in some bins [shape=(128, frames)]."""
    mel = np.full((128, int(seconds * RATE)), -40.0)
    mel[bins] = 20
    return mel


LOW, HIGH = slice(10, 40), slice(80, 110)


@pytest.fixture
def low_or_high(monkeypatch: pytest.MonkeyPatch) -> Trained:
    """A classifier that tells whether the low or the high bins are the louder ones."""
    import torch
    from torch import nn

    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(30.0))

        def forward(self, mel: Any) -> Any:
            return self.scale * torch.stack([mel[:, :64].mean((1, 2)), mel[:, 64:].mean((1, 2))], 1)

    ready = Trained("halves", Halves(), LABELS, 0, 1.0, 0.9)
    monkeypatch.setattr(trained_file, "load", lambda name: ready)
    monkeypatch.setattr(saliency, "load", lambda name: ready)
    return ready


def test_a_clip_of_thirty_seconds_has_the_columns_that_were_learnt_from() -> None:
    frames = genre.column_frames(1293)
    published = np.clip(((np.arange(55, 389) + 1.0 - 54) / 334.8 * 1293).astype(int), 0, 1292)
    np.testing.assert_array_equal(frames, published)


@pytest.mark.parametrize("frames", [1, 5, 40, 1292, 1400, 50_000])
def test_columns_are_frames_in_order(frames: int) -> None:
    chosen = genre.column_frames(frames)
    assert (np.diff(chosen) >= 0).all()
    assert chosen[0] >= 0
    assert chosen[-1] < frames
    assert len(chosen) == pytest.approx(frames / genre.FRAMES_A_COLUMN, abs=1.5)


def test_a_picture_is_relative_to_the_loudest_and_ends_forty_decibels_below() -> None:
    mel = np.full((128, 1293), -50.0)
    mel[3, :] = 30
    mel[4, :] = 10
    mel[5, :] = -11
    shown = genre.picture(mel)
    assert shown.shape == (128, 334)
    assert shown[3:7, 0].tolist() == [255, 128, 0, 0]


def test_pictures_of_quieter_copies_are_the_same() -> None:
    mel = np.random.default_rng(0).normal(0, 10, (128, 600))
    np.testing.assert_array_equal(genre.picture(mel), genre.picture(mel - 24))


@pytest.mark.parametrize("frames", [10, 1293, 1330, 1400, 4000])
def test_the_loudest_around_is_what_a_search_finds(frames: int) -> None:
    mel = np.random.default_rng(1).normal(0, 10, (4, frames)).astype(np.float32)
    found = genre.loudest_around(mel)
    peaks, length = mel.max(0), genre.FRAMES_OF_CLIP
    for place in range(0, frames, 97):
        first = min(max(0, place - length // 2), max(0, frames - length))
        expected = peaks.max() if frames <= length + 40 else peaks[first : first + length].max()
        assert found[place] == expected


def test_crops_overlap_by_half_and_reach_the_end() -> None:
    shown = np.tile(np.arange(334, dtype=np.uint16) // 2, (128, 1)).astype(np.uint8)
    starts, crops = genre.crops_of(shown, 112, 56)
    assert starts.tolist() == [0, 56, 112, 168, 222]
    np.testing.assert_array_equal(crops[-1], shown[:, 222:])
    starts, crops = genre.crops_of(shown[:, :9], 56, 28)
    assert starts.tolist() == [0]
    assert crops.shape == (1, 128, 56)
    assert set(crops[0, 0].tolist()) == set(shown[0, :9].tolist())


def test_a_verdict_names_the_likeliest_and_its_chances_fall(low_or_high: Trained) -> None:
    said = genre.classify(heard(loud_in(HIGH, 20)))
    assert said.label == "high"
    assert said.model == "halves"
    assert [label for label, _ in said.chances] == ["high", "low"]
    assert sum(chance for _, chance in said.chances) == pytest.approx(1)
    assert said.chances[0][1] > 0.9


def test_a_recording_is_listened_to_once_and_another_one_anew(
    low_or_high: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    scores = Trained.scores
    monkeypatch.setattr(Trained, "scores", lambda self, crops: (calls.append(1), scores(self, crops))[1])
    first, second = heard(loud_in(HIGH, 20)), heard(loud_in(LOW, 20))
    assert genre.classify(first).label == "high"
    assert genre.timeline(first)[0].label == "high"
    assert len(calls) == 1
    assert genre.classify(second).label == "low"
    assert len(calls) == 2


def test_what_is_neither_is_not_sure(low_or_high: Trained) -> None:
    both = loud_in(LOW, 12)
    both[HIGH] = 20
    said = genre.classify(heard(both))
    assert said.label == NOT_SURE
    assert said.chances[0][1] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("fields", [{"silent": True}, {}])
def test_silence_is_not_sure(low_or_high: Trained, fields: dict[str, Any]) -> None:
    quiet = loud_in(LOW, 8) if fields else np.full((128, 300), -100.0)
    said = genre.classify(heard(quiet, **fields))
    assert said.label == NOT_SURE
    assert said.chances == ()


@pytest.mark.parametrize("seconds", [0.03, 0.5, 3, 29, 31, 95])
def test_any_length_is_heard_and_its_time_line_has_no_gaps(low_or_high: Trained, seconds: float) -> None:
    sound = heard(loud_in(LOW, seconds))
    assert genre.classify(sound).label == "low"
    spans = genre.timeline(sound)
    assert [span.label for span in spans] == ["low"]
    assert spans[0].start_s == 0
    assert spans[-1].end_s == pytest.approx(sound.duration_s)


def test_the_time_line_finds_where_the_music_changes(low_or_high: Trained) -> None:
    parts = [loud_in(LOW, 60), loud_in(HIGH, 40), np.full((128, int(30 * RATE)), -100.0), loud_in(LOW, 50)]
    spans = genre.timeline(heard(np.concatenate(parts, 1)))
    sure = [span for span in spans if span.label != NOT_SURE]
    assert [span.label for span in sure] == ["low", "high", "low"]
    assert sure[0].end_s == pytest.approx(60, abs=8)
    assert sure[1].end_s == pytest.approx(100, abs=8)
    assert sure[2].start_s == pytest.approx(130, abs=8)
    assert all(before.end_s == after.start_s for before, after in zip(spans, spans[1:]))
    assert all(0 <= span.confidence <= 1 for span in spans)


def test_what_speaks_for_a_label_is_where_it_sounds(low_or_high: Trained) -> None:
    both = loud_in(LOW, 20)
    both[HIGH, : both.shape[1] // 2] = 20
    sound = heard(both)
    shown = registry.saliency(sound, "genre", "high", 2.0, 8.0)
    assert shown.shape == (128, int(8 * RATE) - int(2 * RATE))
    assert shown.dtype == np.float32
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert shown[HIGH].mean() > 20 * shown[LOW].mean()
    later = registry.saliency(sound, "genre", "low", 12.0, 18.0)
    assert later[LOW].mean() > 0.5
    with pytest.raises(TunesmithError, match="does not know 'polka'"):
        registry.saliency(sound, "genre", "polka")


@pytest.mark.parametrize("kind", list(NETWORKS))
def test_every_network_of_the_zoo_hears_what_it_says_it_hears(kind: str) -> None:
    import torch

    entry = NETWORKS[kind]
    network = entry.build(7).eval()
    for columns in [entry.columns] if entry.columns else [56, 112, 334]:
        with torch.no_grad(), one_thread():
            scores = network(torch.rand(2, 128, columns))
        assert scores.shape == (2, 7)
    assert sum(value.numel() for value in network.parameters()) < 500_000


def test_the_seminars_network_is_four_blocks_and_three_dense_layers() -> None:
    from torch import nn

    kinds = [type(module) for module in NETWORKS["genre-cnn"].build(10).modules()]
    assert kinds.count(nn.Conv2d) == kinds.count(nn.BatchNorm2d) == kinds.count(nn.MaxPool2d) == 4
    assert kinds.count(nn.Linear) == 3
    assert [m.p for m in NETWORKS["genre-cnn"].build(10).modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5]


def test_a_model_is_taken_only_where_its_card_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = NETWORKS["conv1d"].build(2)
    tensors = {key: value.detach().numpy() for key, value in network.state_dict().items()}
    card = {
        "room": "listen", "kind": KIND, "network": "conv1d", "labels": list(LABELS),
        "temperature": 2.0, "sure_from": 0.6, "front_end": FRONT_END,
    }  # fmt: skip
    ready = trained("conv1d", tensors, card)
    assert ready.chances(np.array([[2.0, 0.0]]))[0, 0] == pytest.approx(1 / (1 + np.exp(-1)))
    with pytest.raises(TunesmithError, match="hears otherwise"):
        trained("conv1d", tensors, card | {"front_end": FRONT_END | {"sample_rate": 16000}})
    with pytest.raises(TunesmithError, match="another network"):
        trained("conv1d", tensors, card | {"network": "dnn"})
    with pytest.raises(TunesmithError, match="no classifier of recordings"):
        trained("conv1d", tensors, card | {"kind": "something else"})

    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path))
    (tmp_path / "data" / "models").mkdir(parents=True)
    save_model(tmp_path / "data" / "models" / "conv1d", tensors, card)
    load.cache_clear()
    try:
        assert load("conv1d").labels == LABELS
    finally:
        load.cache_clear()


def test_an_unknown_classifier_is_one_line() -> None:
    with pytest.raises(TunesmithError, match="there is no classifier 'ears'"):
        registry.classify(heard(loud_in(LOW, 5)), "ears")
    assert registry.find().name == "genre"
