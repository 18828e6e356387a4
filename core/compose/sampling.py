"""Choosing one class from logits. Everything here is numpy, so that a seed means the same everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float64]

NEVER = -np.inf


def choose(logits: Logits, rng: np.random.Generator, *, temperature: float = 1.0, top_p: float = 1.0) -> int:
    """Draw a class by nucleus sampling.

    Parameters
    ----------
    logits : [shape=(n,)], `NEVER` for a class that must not be drawn; at least one must be finite
    temperature : above 0; below 1 sharpens, above 1 flattens
    top_p : the smallest set of likeliest classes that holds this share is drawn from
        (Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020, section 3.1)

    Returns
    -------
    int
    """
    scaled = np.asarray(logits, np.float64) / temperature
    weights = np.exp(scaled - scaled.max())
    order = np.argsort(-weights, kind="stable")
    reached = np.cumsum(weights[order])
    kept = int(np.searchsorted(reached, top_p * reached[-1])) + 1
    point = rng.random() * reached[min(kept, len(reached)) - 1]
    return int(order[int(np.searchsorted(reached, point, "right"))])


def log_probability(logits: Logits, chosen: int) -> float:
    """The natural logarithm of the probability that ``logits`` give to a class, at temperature 1."""
    highest = logits.max()
    return float(logits[chosen] - highest - np.log(np.exp(logits - highest).sum()))
