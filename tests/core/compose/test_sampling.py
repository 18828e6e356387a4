"""Draws follow the logits, the temperature and the nucleus."""

import numpy as np

from core.compose.sampling import NEVER, choose


def draws(logits: list[float], count: int = 4000, **how: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (
        np.bincount([choose(np.array(logits), rng, **how) for _ in range(count)], minlength=len(logits))
        / count
    )


def test_draws_follow_the_softmax() -> None:
    logits = np.log([0.1, 0.2, 0.7])
    assert np.allclose(draws(list(logits)), [0.1, 0.2, 0.7], atol=0.03)


def test_what_must_not_be_is_never_drawn() -> None:
    assert draws([NEVER, 0.0, NEVER]).tolist() == [0, 1, 0]


def test_the_nucleus_leaves_out_the_unlikely_tail() -> None:
    shares = draws(list(np.log([0.5, 0.3, 0.15, 0.05])), top_p=0.9)
    assert shares[3] == 0
    assert np.allclose(shares[:3], np.array([0.5, 0.3, 0.15]) / 0.95, atol=0.03)


def test_a_low_temperature_takes_the_likeliest() -> None:
    assert draws([0.0, 0.5, 1.0], temperature=0.02)[2] == 1.0
