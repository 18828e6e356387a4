"""A recording in 1,648 numbers: each by hand where that can be done."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.listen.summary import COEFFICIENTS, Summary, cosines


def test_timbre_is_what_numpy_says() -> None:
    mel = np.random.default_rng(0).random((2, 128, 112)).astype(np.float32)
    found = Summary()(torch.from_numpy(mel)).numpy()
    assert found.shape == (2, Summary().size)
    np.testing.assert_allclose(found[:, :128], mel.mean(2), rtol=1e-5)
    np.testing.assert_allclose(found[:, 128:256], mel.std(2, ddof=1), rtol=1e-4)
    np.testing.assert_allclose(found[:, 256:384], np.sort(mel, 2)[:, :, 100], rtol=1e-6)
    np.testing.assert_allclose(found[:, 384:512], np.abs(np.diff(mel, axis=2)).mean(2), rtol=1e-5)


def test_cosines_are_the_orthonormal_transform() -> None:
    dct = pytest.importorskip("scipy.fft").dct
    mel = np.random.default_rng(1).random(128).astype(np.float32)
    np.testing.assert_allclose(
        cosines(128, COEFFICIENTS).numpy() @ mel, dct(mel, norm="ortho")[:COEFFICIENTS], atol=1e-5
    )


def test_correlations_are_correlations() -> None:
    mel = np.random.default_rng(2).random((1, 128, 200)).astype(np.float32)
    found = Summary()(torch.from_numpy(mel)).numpy()[0]
    expected = np.corrcoef(cosines(128, COEFFICIENTS).numpy() @ mel[0])[np.triu_indices(COEFFICIENTS, 1)]
    start = 6 * 128 + 3 * COEFFICIENTS
    np.testing.assert_allclose(found[start : start + len(expected)], expected, atol=1e-3)


def test_a_faster_pulse_stands_in_a_faster_rate() -> None:
    def pulse(period: int) -> int:
        mel = torch.zeros(1, 128, 224)
        mel[:, :, ::period] = 1
        return int(Summary()(mel)[0, -16:].argmax())

    assert pulse(16) < pulse(8) < pulse(4)


def test_silence_has_a_summary() -> None:
    assert torch.isfinite(Summary()(torch.zeros(1, 128, 56))).all()
