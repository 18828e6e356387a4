"""The shipped genre classifier on sounds whose verdict needs no argument."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.listen import registry
from core.listen.genre import FLAGSHIP
from core.listen.report import NOT_SURE
from core.listen.trained import load


def heard(mel_db: np.ndarray) -> Any:
    seconds = mel_db.shape[1] * 512 / 22050
    return SimpleNamespace(
        mel_db=mel_db.astype(np.float16), duration_s=seconds, silent=False, sample_rate=22050, hop_length=512
    )


def test_the_flagship_is_small_and_knows_ten_genres() -> None:
    flagship = load(FLAGSHIP)
    assert len(flagship.labels) == 10
    assert sum(value.numel() for value in flagship.network.parameters()) < 500_000
    assert 0.3 < flagship.sure_from < 0.9


@pytest.mark.parametrize(
    "classifier", [entry.name for entry in registry.installed() if entry.tells == "genre"]
)
def test_every_installed_classifier_gives_chances_of_its_labels(classifier: str) -> None:
    sound = heard(np.random.default_rng(0).normal(0, 10, (128, 900)))
    said = registry.classify(sound, classifier)
    assert {label for label, _ in said.chances} == set(load(classifier).labels)
    assert sum(chance for _, chance in said.chances) == pytest.approx(1)
    assert registry.timeline(sound, classifier)[-1].end_s == pytest.approx(sound.duration_s)


def test_a_verdict_does_not_depend_on_how_loud_the_file_is() -> None:
    mel = np.random.default_rng(1).normal(0, 8, (128, 900)) - np.linspace(0, 30, 128)[:, None]
    one, other = registry.classify(heard(mel)), registry.classify(heard(mel - 12))
    assert one.chances[0][0] == other.chances[0][0]
    assert one.chances[0][1] == pytest.approx(other.chances[0][1], abs=0.02)


def test_silence_is_not_sure() -> None:
    assert registry.classify(heard(np.full((128, 600), -100.0))).label == NOT_SURE
