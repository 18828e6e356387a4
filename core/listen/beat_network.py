"""A small network that hears where beats and downbeats are; applied with numpy alone.

Conventions
-----------
* Inputs and outputs have `ONSET_RATE` frames a second.
* Layers are convolutions over time, `TAPS` wide; each looks twice as far as the one before, so that ten seconds on
  either side are heard. Weights are in the model file ``analysis`` (`core.listen.analysis_model`).

Sources
-------
Temporal convolutional networks for beats: Davies and Böck, "Temporal convolutional networks for musical audio beat
tracking", EUSIPCO 2019; ours has a fiftieth of its spectrogram to go by, and learns from rendered songs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.listen.analysis_frames import BINS_PER_SEMITONE, ONSET_BANDS, ONSET_RATE, PITCH_RATE, Frames
from core.listen.onsets import moving_mean

TAPS = 5
CHANNELS = 20
DILATIONS = (1, 2, 4, 8, 16, 32, 64, 128)
INPUTS = ONSET_BANDS + 2

_AT_ONCE = 60 * ONSET_RATE
_REACH = (TAPS // 2) * (1 + sum(DILATIONS))


def inputs_of(frames: Frames) -> NDArray[np.float32]:
    """What the network sees: onset bands, the level, and changes of harmony [shape=(frames, INPUTS)].

    Each is divided by its mean, so that loudness does not matter.
    """
    bands = frames.onset_bands
    usual = max(float(bands.mean()), 1e-4)
    level = np.log1p(100 * frames.level)
    return np.column_stack(
        [
            np.minimum(bands / (3 * usual), 4.0),
            level - moving_mean(level.astype(np.float64), 4 * ONSET_RATE),
            harmony_changes(frames),
        ]
    ).astype(np.float32)


def harmony_changes(frames: Frames) -> NDArray[np.float64]:
    """How much the pitch classes that sound after each moment differ from those before it, 0-1."""
    notes = frames.pitch_levels.reshape(len(frames.pitch_levels), -1, BINS_PER_SEMITONE).max(2)
    above = notes.astype(np.float32)
    above -= above.mean(1, keepdims=True)
    chroma = np.maximum(above, 0, out=above).reshape(len(notes), -1, 12).sum(1)
    sums = np.cumsum(np.pad(chroma, ((1, 0), (0, 0))), 0, dtype=np.float64)
    at = np.arange(len(notes))
    width = PITCH_RATE // 2
    before = sums[at] - sums[np.maximum(0, at - width)]
    after = sums[np.minimum(len(notes), at + width + 1)] - sums[at + 1]
    sizes = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    change = np.where(sizes > 0, 1 - (before * after).sum(1) / np.maximum(sizes, 1e-9), 0.0)
    return np.interp(np.arange(len(frames.level)) / ONSET_RATE, at / PITCH_RATE, change)


def activations(weights: Mapping[str, NDArray[Any]], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Chances of a beat and of a downbeat in each frame [shape=(frames, 2)].

    Long recordings go in pieces that overlap as far as the network looks: the result is the same.
    """
    parts = []
    for start in range(0, len(inputs), _AT_ONCE):
        left = max(0, start - _REACH)
        piece = inputs[left : start + _AT_ONCE + _REACH]
        parts.append(_forward(weights, piece)[start - left :][:_AT_ONCE])
    logits = np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def _forward(weights: Mapping[str, NDArray[Any]], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    hidden = _elu(_convolved(inputs, weights["beat.first.weight"], weights["beat.first.bias"], 1))
    for number, dilation in enumerate(DILATIONS):
        name = f"beat.layers.{number}"
        hidden = hidden + _elu(
            _convolved(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"], dilation)
        )
    last = weights["beat.last.weight"][:, :, 0].astype(np.float32)
    return hidden @ last.T + weights["beat.last.bias"].astype(np.float32)


def _convolved(
    rows: NDArray[np.float32], weight: NDArray[Any], bias: NDArray[Any], dilation: int
) -> NDArray[np.float32]:
    """A convolution over time with zeros around [weight: shape=(out, in, TAPS)]."""
    reach = TAPS // 2 * dilation
    padded = np.pad(rows, ((reach, reach), (0, 0)))
    kernel = weight.astype(np.float32)
    total = np.broadcast_to(bias.astype(np.float32), (len(rows), len(bias))).copy()
    for tap in range(TAPS):
        total += padded[tap * dilation : tap * dilation + len(rows)] @ kernel[:, :, tap].T
    return total


def _elu(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(values > 0, values, np.expm1(np.minimum(values, 0)))
